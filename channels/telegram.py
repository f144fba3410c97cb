"""Telegram Bot API, 10.

Methods and updates as in core.telegram.org/bots/api. A message's id counts within its chat only,
so ours is `chat:message`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from channels import codes, wire
from channels.base import (
    N_,
    BadContent,
    BadSignature,
    Channel,
    ChannelError,
    Content,
    Event,
    Hook,
    Limits,
    Misconfigured,
    OptedOut,
    OptOut,
    Outgoing,
    Rejected,
    Reply,
    Request,
    Response,
    Throttled,
    check,
    check_person,
    first,
    setting,
)
from channels.wire import Hole

_METHODS = {
    "text": ("sendMessage", "text"),
    "image": ("sendPhoto", "photo"),
    "video": ("sendVideo", "video"),
    "audio": ("sendAudio", "audio"),
    "document": ("sendDocument", "document"),
}
"""Kind → method, and its field for what is sent."""

_OPTED_OUT = ("bot was blocked", "bot was kicked")
_INVALID = ("user is deactivated", "chat not found", "user not found", "group chat was upgraded")
_PERSONAL = ("message is too long", "caption is too long", "text is empty")
_CONTENT = (
    "can't parse",
    "wrong file identifier",
    "wrong remote file",
    "failed to get http url content",
    "wrong type of the web page content",
    "webpage_",
    "button_",
)
"""Beginnings and parts of descriptions: the only thing that tells one 400 or 403 from another."""

_DATA_MAX = 64
"""Bytes of callback_data."""


@dataclass(frozen=True, kw_only=True)
class Telegram(Channel):
    kind: ClassVar[str] = "telegram"
    label: ClassVar[str] = N_("Telegram")
    address: ClassVar = "id"
    limits: ClassVar[Limits] = Limits(
        kinds=("text", "image", "video", "audio", "document"),
        text_max=4096,
        caption_max=1024,
        buttons_max=10,
        button_text_max=40,
        rate=30,
        person_seconds=1,
    )
    has_receipts: ClassVar[bool] = False
    base_url_default: ClassVar[str] = "https://api.telegram.org"

    token: str = setting(N_("Bot token"), secret=True, help=N_("From @BotFather."))
    webhook_secret: str = setting(
        N_("Webhook secret"), secret=True, help=N_("The secret_token given to setWebhook.")
    )

    def prepare(self, content: Content) -> Callable[[Outgoing], Request]:
        check(self, content)
        method, _ = _METHODS[content.kind]
        url, headers = f"{self._url}/{method}", {"content-type": "application/json"}
        body = wire.filler(_document(content))

        def fill(outgoing: Outgoing) -> Request:
            check_person(self, content, outgoing.texts)
            texts = {"text": "", **outgoing.texts, "address": outgoing.address}
            return Request(method="POST", url=url, headers=headers, body=body(texts))

        return fill

    def read(self, response: Response) -> str:
        answer = wire.answer(response.body)
        if answer.get("ok") is True and 200 <= response.status < 300:
            if taken := _message_id(wire.table(answer.get("result"))):
                return taken
        elif answer.get("ok") is False:
            raise self._error(answer, response)
        raise codes.unreadable(response)

    def events(self, hook: Hook) -> list[Event]:
        token = hook.headers.get("x-telegram-bot-api-secret-token", "")
        if not wire.same(token, self.webhook_secret):
            raise BadSignature("hook.signature", N_("The secret token is not the webhook's."))
        try:
            update = wire.document(hook.body)
        except ValueError as error:
            raise BadContent("hook.unreadable", N_("The call could not be read.")) from error
        found = (
            _reply(wire.table(update.get("message")), hook),
            _pressed(wire.table(update.get("callback_query")), hook),
            _membership(wire.table(update.get("my_chat_member")), hook),
        )
        return [event for event in found if event is not None]

    def answer(self, hook: Hook) -> tuple[str, str]:
        """A pressed button waits for an answer, which may be the body of ours to the webhook."""
        try:
            query = wire.table(wire.document(hook.body).get("callback_query"))
        except ValueError:
            query = {}
        if not (pressed := wire.word(query.get("id"))):
            return "", "text/plain"
        call = {"method": "answerCallbackQuery", "callback_query_id": pressed}
        return json.dumps(call), "application/json"

    def account(self) -> Request:
        return Request(method="GET", url=f"{self._url}/getMe", headers={}, body=b"")

    @property
    def _url(self) -> str:
        return f"{self.root}/bot{quote(self.token, safe=':')}"

    def _error(self, answer: Mapping[str, Any], response: Response) -> ChannelError:
        status = wire.number(answer.get("error_code")) or response.status
        code, text = str(status), self.clean(wire.word(answer.get("description")))
        if status == 429:
            parameters = wire.table(answer.get("parameters"))
            told = wire.number(parameters.get("retry_after"))
            seconds = codes.retry_after(response.headers) if told is None else float(max(told, 0))
            return Throttled(code, text, retry_after=seconds)
        if status in (400, 403):
            return _refusal(code, text)
        if status == 413:
            return Misconfigured(code, text)
        same = Response(status=status, headers=response.headers, body=b"")
        return codes.unlisted(same, code, text)


# What goes out


def _document(content: Content) -> dict[str, Any]:
    """No parse_mode: what a contact's name holds is never read as formatting."""
    _, field = _METHODS[content.kind]
    document: dict[str, Any] = {"chat_id": Hole("address")}
    if content.kind == "text":
        document[field] = Hole("text")
    else:
        document[field] = Hole("media_url")
        if content.text:
            document["caption"] = Hole("text")
    if content.buttons:
        rows = [[_button(place, button)] for place, button in enumerate(content.buttons)]
        document["reply_markup"] = {"inline_keyboard": rows}
    return document


def _button(place: int, text: str) -> dict[str, str]:
    data = f"{place}:{text}".encode()[:_DATA_MAX].decode("utf-8", "ignore")
    return {"text": text, "callback_data": data}


# What comes back


def _refusal(code: str, text: str) -> ChannelError:
    """A 400 or 403, told apart by its description."""
    words = text.lower()
    if any(part in words for part in _OPTED_OUT):
        return OptedOut(code, text)
    if any(part in words for part in _INVALID):
        return Rejected(code, text, invalid=True)
    if any(part in words for part in _CONTENT) and not any(part in words for part in _PERSONAL):
        return Misconfigured(code, text)
    return Rejected(code, text)


def _message_id(message: Mapping[str, Any]) -> str:
    chat = wire.word(wire.table(message.get("chat")).get("id"))
    number = wire.word(message.get("message_id"))
    return f"{chat}:{number}" if chat and number else ""


def _private(chat: Mapping[str, Any]) -> str:
    """The chat's id, empty when it is a group: a broadcast goes to people."""
    return wire.word(chat.get("id")) if chat.get("type") == "private" else ""


def _reply(message: Mapping[str, Any], hook: Hook) -> Reply | None:
    chat, sender = _private(wire.table(message.get("chat"))), wire.table(message.get("from"))
    taken = _message_id(message)
    if not chat or not taken or sender.get("is_bot") is True:
        return None
    return Reply(
        address=chat,
        provider_id=taken,
        at=wire.moment(message.get("date"), hook.at),
        text=first([wire.word(message.get("text")), wire.word(message.get("caption"))]),
        context_id=_message_id(wire.table(message.get("reply_to_message"))),
        name=_name(sender),
        phone=_own_phone(wire.table(message.get("contact")), sender),
    )


def _pressed(query: Mapping[str, Any], hook: Hook) -> Reply | None:
    """A button of ours, pressed. The text is the button's; an old message comes without them."""
    taken, data = wire.word(query.get("id")), wire.word(query.get("data"))
    sender, message = wire.table(query.get("from")), wire.table(query.get("message"))
    chat = wire.table(message.get("chat"))
    address = _private(chat) if chat else wire.word(sender.get("id"))
    if not taken or not address:
        return None
    return Reply(
        address=address,
        provider_id=f"callback:{taken}",
        at=hook.at,
        text=_label(message, data) or data.partition(":")[2] or data,
        context_id=_message_id(message),
        name=_name(sender),
    )


def _label(message: Mapping[str, Any], data: str) -> str:
    """The text of the message's button that carries this data."""
    rows = wire.table(message.get("reply_markup")).get("inline_keyboard")
    buttons = [
        button for row in (rows if isinstance(rows, list) else []) for button in wire.tables(row)
    ]
    return first(
        wire.word(button.get("text"))
        for button in buttons
        if wire.word(button.get("callback_data")) == data
    )


def _membership(change: Mapping[str, Any], hook: Hook) -> OptOut | None:
    """In a private chat this update means exactly: the person blocked the bot, or unblocked it."""
    address = _private(wire.table(change.get("chat")))
    status = wire.word(wire.table(change.get("new_chat_member")).get("status"))
    if not address or status not in ("kicked", "member"):
        return None
    back = status == "member"
    at = wire.moment(change.get("date"), hook.at)
    reason = N_("Unblocked the bot.") if back else N_("Blocked the bot.")
    return OptOut(address=address, at=at, reason=reason, back=back)


def _name(sender: Mapping[str, Any]) -> str:
    names = (wire.word(sender.get("first_name")), wire.word(sender.get("last_name")))
    return " ".join(name for name in names if name)


def _own_phone(contact: Mapping[str, Any], sender: Mapping[str, Any]) -> str:
    """E.164 of a shared contact card, if it is the sender's own."""
    number = wire.word(contact.get("phone_number")).removeprefix("+")
    own = contact.get("user_id") is not None and contact.get("user_id") == sender.get("id")
    return f"+{number}" if own and number.isascii() and number.isdigit() else ""
