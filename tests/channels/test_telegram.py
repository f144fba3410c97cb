from __future__ import annotations

import json

from channels.base import Content, Hook, Outgoing
from channels.telegram import Telegram

CHANNEL = Telegram(token="123456:AAbb-cc", webhook_secret="secret")


def hook(body: bytes) -> Hook:
    return Hook(method="POST", url="https://a.example/h", headers={}, body=body)


def buttons(*texts: str) -> list[dict[str, str]]:
    fill = CHANNEL.prepare(Content(text="¿Vienes?", buttons=texts))
    request = fill(Outgoing(address="1", reference="1", texts={"text": "¿Vienes?"}))
    rows = json.loads(request.body)["reply_markup"]["inline_keyboard"]
    return [button for row in rows for button in row]


def test_what_a_button_sends_back_fits_and_tells_buttons_apart() -> None:
    sent = buttons("🎉" * 39 + "a", "🎉" * 39 + "b")
    data = [button["callback_data"] for button in sent]
    assert all(1 <= len(text.encode()) <= 64 for text in data)
    assert len(set(data)) == 2
    assert [button["text"][-1] for button in sent] == ["a", "b"]


def test_answers_a_pressed_button_so_that_it_stops_waiting() -> None:
    body, media_type = CHANNEL.answer(hook(b'{"update_id":1,"callback_query":{"id":"4382"}}'))
    assert json.loads(body) == {"method": "answerCallbackQuery", "callback_query_id": "4382"}
    assert media_type == "application/json"


def test_answers_everything_else_with_nothing() -> None:
    for body in (b'{"update_id":1,"message":{}}', b"", b"[]", b"<html>"):
        assert CHANNEL.answer(hook(body)) == ("", "text/plain")


def test_formatting_a_contact_holds_is_never_interpreted() -> None:
    fill = CHANNEL.prepare(Content(text="Hola {{ first_name }}"))
    request = fill(Outgoing(address="1", reference="1", texts={"text": "Hola <b>*_Ana_*</b>"}))
    assert json.loads(request.body) == {"chat_id": "1", "text": "Hola <b>*_Ana_*</b>"}


def test_the_token_is_in_the_path_and_cannot_leave_it() -> None:
    assert CHANNEL.account().url == "https://api.telegram.org/bot123456:AAbb-cc/getMe"
    strange = Telegram(token="1/../x?y", webhook_secret="secret")
    assert strange.account().url == "https://api.telegram.org/bot1%2F..%2Fx%3Fy/getMe"
