from __future__ import annotations

import base64
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from channels.base import BadSignature, Content, Event, Hook, Outgoing
from channels.twilio_sms import TwilioSms

CHANNEL = TwilioSms(
    account_sid="AC1",
    auth_token="12345",
    sender="+14155552345",
    callback_url="https://pregon.example/hooks/7",
)
CALL = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+14158675309"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
]
SMS = [
    ("Body", "Sí, más & = ñ 👍"),
    ("From", "+34600111222"),
    ("MessageSid", "SM1"),
    ("To", "+14155552345"),
]
MEDIA = [
    ("From", "+34600111222"),
    ("MessageSid", "SM1"),
    ("MediaUrl", "https://b"),
    ("MediaUrl", "https://a"),
    ("MediaUrl", "https://b"),
]
PLAIN, PORT = (
    "https://mycompany.com/myapp.php?foo=1&bar=2",
    "https://mycompany.com:443/myapp.php?foo=1&bar=2",
)
# Recorded from twilio 9.13.0's RequestValidator.
SIGNED = [
    (PLAIN, CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    (PLAIN, CALL, "kvajT1Ptam85bY51eRf/AJRuM3w="),
    (PORT, CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    (PORT, CALL, "kvajT1Ptam85bY51eRf/AJRuM3w="),
    ("http://127.0.0.1:8080/hooks/7?ref=1.2", CALL, "OZk8NotXzDfC4iYjrvQQYsmwA4s="),
    ("https://pregon.example/hooks/7", SMS, "92/662RC5+KJX1egzEbfA3SnreI="),
    ("https://pregon.example/hooks/7", MEDIA, "6N1sYNTcS9l6oTGM4JpTHMlCQNQ="),
]


def events(url: str, form: list[tuple[str, str]], signature: str) -> list[Event]:
    headers = {"x-twilio-signature": signature}
    body = urlencode(form).encode()
    return CHANNEL.events(Hook(method="POST", url=url, headers=headers, body=body))


@pytest.mark.parametrize(("url", "form", "signature"), SIGNED)
def test_knows_a_signature_of_twilios(
    url: str, form: list[tuple[str, str]], signature: str
) -> None:
    events(url, form, signature)
    for other in (url + "x", url.replace("http", "ftp"), url.replace(".", "-")):
        with pytest.raises(BadSignature):
            events(other, form, signature)
    with pytest.raises(BadSignature):
        events(url, [*form, ("More", "1")], signature)


def form_of(channel: TwilioSms, *, reference: str = "12.3456") -> dict[str, list[str]]:
    fill = channel.prepare(Content(text="Hi"))
    outgoing = Outgoing(address="+34600111222", reference=reference, texts={"text": "Hi"})
    return parse_qs(fill(outgoing).body.decode())


def test_sends_through_a_messaging_service_when_the_sender_is_one() -> None:
    channel = TwilioSms(
        account_sid="AC1", auth_token="x", sender="MG9752274e9e519418a7406176694466fa"
    )
    form = form_of(channel)
    assert form["MessagingServiceSid"] == [channel.sender]
    assert "From" not in form


def test_asks_for_no_receipts_where_no_callback_is_known() -> None:
    assert "StatusCallback" not in form_of(
        TwilioSms(account_sid="AC1", auth_token="x", sender="Shop")
    )


def test_the_reference_comes_back_whole_in_the_callback() -> None:
    [url] = form_of(CHANNEL, reference="a b&c=ñ?#")["StatusCallback"]
    assert url.startswith("https://pregon.example/hooks/7?ref=")
    assert parse_qs(urlsplit(url).query) == {"ref": ["a b&c=ñ?#"]}


def test_counts_sms_parts_and_a_picture_as_one() -> None:
    assert CHANNEL.units({"text": "a" * 161}) == 2
    assert CHANNEL.units({"text": "á" * 71}) == 2
    assert CHANNEL.units({"text": "a" * 161, "media_url": "https://shop.example/a.jpg"}) == 1


def test_answers_with_an_empty_document_so_that_nothing_is_sent_back() -> None:
    asked = Hook(method="POST", url="https://a.example", headers={}, body=b"")
    assert CHANNEL.answer(asked) == ("<Response/>", "text/xml")


def test_the_account_check_logs_in() -> None:
    request = CHANNEL.account()
    assert request.url == "https://api.twilio.com/2010-04-01/Accounts/AC1.json"
    login = request.headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(login) == b"AC1:12345"
