from __future__ import annotations

import dataclasses
from typing import Any
from urllib.parse import urlencode

import pytest

from channels.base import BadSignature, Content, Hook, Outgoing, Rejected
from channels.whatsapp import WhatsApp

CHANNEL = WhatsApp(
    phone_number_id="106540352242922",
    access_token="token",
    app_secret="app-secret",
    verify_token="letmein",
)


def hook(**values: Any) -> Hook:
    return Hook(
        **{"method": "POST", "url": "https://a.example/h", "headers": {}, "body": b""} | values
    )


def test_knows_a_signature_of_metas() -> None:
    # Recorded from pywa 4.5.0's webhook_updates_validator and openssl.
    digest = "d3e4f9da0ce6c71ab3dba55929b8eeeee2455349e534924ead19f98d143e904f"
    body = b'{"object":"whatsapp_business_account","entry":[]}'
    headers = {"x-hub-signature-256": f"sha256={digest}"}
    assert CHANNEL.events(hook(headers=headers, body=body)) == []
    with pytest.raises(BadSignature):
        CHANNEL.events(hook(headers=headers, body=body.replace(b":[]", b": []")))


def handshake(**query: str) -> Hook:
    asked = urlencode({f"hub.{name}": value for name, value in query.items()})
    return hook(method="GET", url=f"https://a.example/h?{asked}")


def test_echoes_the_challenge_of_a_handshake() -> None:
    asked = handshake(mode="subscribe", verify_token="letmein", challenge="1158201444")
    assert CHANNEL.answer(asked) == ("1158201444", "text/plain")
    assert CHANNEL.events(asked) == []


@pytest.mark.parametrize(
    "query",
    [
        {"mode": "subscribe", "challenge": "1"},
        {"mode": "subscribe", "verify_token": "", "challenge": "1"},
        {"mode": "subscribe", "verify_token": "letmeout", "challenge": "1"},
        {"mode": "unsubscribe", "verify_token": "letmein", "challenge": "1"},
    ],
)
def test_refuses_a_handshake_with_another_token(query: dict[str, str]) -> None:
    with pytest.raises(BadSignature) as caught:
        CHANNEL.answer(handshake(**query))
    assert "letme" not in str(caught.value)


def test_refuses_every_handshake_without_a_token_of_its_own() -> None:
    channel = dataclasses.replace(CHANNEL, verify_token="")
    with pytest.raises(BadSignature):
        channel.answer(handshake(mode="subscribe", verify_token="", challenge="1"))


def test_answers_a_post_with_nothing() -> None:
    assert CHANNEL.answer(hook()) == ("", "text/plain")


def test_a_template_parameter_empty_or_too_long_is_rejected_for_that_person() -> None:
    content = Content(kind="template", template="offer", language="es", parameters=("{{ name }}",))
    fill = CHANNEL.prepare(content)
    for text, code in ((" \n ", "content.empty"), ("x" * 1025, "content.too_long")):
        with pytest.raises(Rejected) as caught:
            fill(Outgoing(address="+34600111222", reference="1", texts={"parameters.0": text}))
        assert caught.value.code == code


def test_asks_for_the_number_when_the_account_is_checked() -> None:
    request = CHANNEL.account()
    assert request.url.startswith("https://graph.facebook.com/v23.0/106540352242922?fields=")
    assert request.headers["authorization"] == "Bearer token"
