"""Telegram Bot API as its caller sees it (Bot API 10; descriptions as Telegram words them)."""

from __future__ import annotations

import hashlib
import html
import re
import time
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from channels.telegram import Telegram
from engine.sandbox.population import What
from engine.sandbox.wire import (
    Account,
    Answer,
    Asked,
    Call,
    Message,
    News,
    Outcome,
    Refused,
    digest,
    form,
    is_url,
    json_object,
)

TELLS: frozenset[What] = frozenset({"reply", "left"})

TEXT_MAX = 4096
CAPTION_MAX = 1024
CALLBACK_DATA_MAX = 64
METHODS = {
    "sendMessage": "text",
    "sendPhoto": "photo",
    "sendVideo": "video",
    "sendAudio": "audio",
    "sendDocument": "document",
}
"""Method → its required parameter."""

REFUSALS: dict[str, tuple[int, str]] = {
    "unavailable": (500, "Internal Server Error"),
    "invalid": (400, "Bad Request: chat not found"),
    "opted_out": (403, "Forbidden: bot was blocked by the user"),
    "unauthorised": (401, "Unauthorized"),
}

_PATH = re.compile(r"/bot([^/]+)/(\w+)")
_CHAT = re.compile(r"-?[0-9]{1,20}|@\w+")
_TAGS = re.compile(
    r"</?(b|strong|i|em|u|ins|s|strike|del|code|pre|blockquote|tg-spoiler|a|span|tg-emoji)"
    r"( [^<>]*)?>",
    re.IGNORECASE,
)
_BARE = re.compile(r"[<>]|&(?!(lt|gt|amp|quot|#\d+|#x[0-9a-fA-F]+);)")


def account(channel: Telegram, hook_url: str) -> Account:
    return Account(
        kind=channel.kind,
        account=_hash(channel.token),
        token=channel.token,
        secret=channel.webhook_secret,
        hook_url=hook_url,
    )


def credentials(asked: Asked) -> tuple[str, str] | None:
    match = _PATH.fullmatch(asked.path)
    return (_hash(match[1]), match[1]) if match else None


def is_send(asked: Asked) -> bool:
    return _method(asked) in METHODS


def about(asked: Asked, account: Account) -> Answer:
    if _method(asked) == "getMe":
        return Answer.json(200, {"ok": True, "result": _bot(account)})
    return _error(404, "Not Found: method not found")


def message(asked: Asked, account: Account) -> Message:
    given = _parameters(asked)
    chat = str(given.get("chat_id") or "")
    if not chat:
        raise _bad("chat_id is empty")
    if not _CHAT.fullmatch(chat):
        raise Refused(refused("invalid", 0), outcome="invalid")
    needed = METHODS[_method(asked)]
    if needed == "text":
        text = _text(given, "text", TEXT_MAX, "message is too long")
        if not text.strip():
            raise _bad("message text is empty")
    else:
        if not is_url(given.get(needed)):
            raise _bad("wrong file identifier/HTTP URL specified")
        text = _text(given, "caption", CAPTION_MAX, "message caption is too long")
    return Message(
        address=chat,
        digest=digest([needed, given]),
        text=text,
        buttons=_buttons(given.get("reply_markup")),
    )


def _parameters(asked: Asked) -> dict[str, Any]:
    """Parameters from query, form or JSON, as Telegram takes any of them."""
    if asked.headers.get("content-type", "").startswith("application/json"):
        document = json_object(asked.body)
        if document is None:
            raise _bad("can't parse JSON object")
    else:
        document = {name: values[0] for name, values in form(asked.body).items()}
    return {name: values[0] for name, values in form(asked.query).items()} | document


def _text(given: dict[str, Any], name: str, most: int, too_long: str) -> str:
    """The text as people see it, without markup. Raises Refused."""
    text = given.get(name, "")
    if not isinstance(text, str):
        raise _bad(f"{name} must be a string")
    mode = str(given.get("parse_mode", "")).lower()
    if mode not in ("", "html", "markdown", "markdownv2"):
        raise _bad("unsupported parse_mode")
    if mode == "html":
        text = _TAGS.sub("", text)
        if stray := _BARE.search(text):
            raise _bad(f"can't parse entities: stray character at byte offset {stray.start()}")
        text = html.unescape(text)
    if len(text) > most:
        raise _bad(too_long)
    return text


def _buttons(markup: Any) -> tuple[tuple[str, str], ...]:
    """Inline buttons as (callback_data, text), a keyboard's as ("", text)."""
    if isinstance(markup, str):
        markup = json_object(markup.encode())
    if not isinstance(markup, dict):
        return ()
    rows = markup.get("inline_keyboard") or markup.get("keyboard") or []
    try:
        buttons = [button for row in rows for button in row]
        listed = [
            (str(button.get("callback_data", "")), str(button["text"]))
            if isinstance(button, dict)
            else ("", str(button))
            for button in buttons
        ]
    except (KeyError, TypeError):
        raise _bad("can't parse keyboard button") from None
    for data, text in listed:
        if not text or len(data.encode()) > CALLBACK_DATA_MAX:
            raise _bad("BUTTON_DATA_INVALID")
    return tuple(listed)


def provider_id(number: int, address: str) -> str:
    """Message ids count per chat."""
    return f"{address}:{number}"


def accepted(message: Message, account: Account, provider_id: str) -> Answer:
    return Answer.json(200, {"ok": True, "result": _sent(message, account, provider_id)})


def refused(outcome: Outcome, retry_after: int) -> Answer:
    if outcome != "throttled":
        return _error(*REFUSALS[outcome])
    document = {
        "ok": False,
        "error_code": 429,
        "description": f"Too Many Requests: retry after {retry_after}",
        "parameters": {"retry_after": retry_after},
    }
    return Answer.json(429, document, Retry_After=str(retry_after))


def _error(status: int, description: str) -> Answer:
    document = {"ok": False, "error_code": status, "description": description}
    return Answer.json(status, document)


def _bad(what: str) -> Refused:
    return Refused(_error(400, f"Bad Request: {what}"))


def leaves(news: News) -> bool:
    return news.what == "left"


def calls(account: Account, news: Sequence[News]) -> Iterable[Call]:
    for item in news:
        document = {"update_id": item.number, **_update(account, item)}
        headers = {
            "Content-Type": "application/json",
            "X-Telegram-Bot-Api-Secret-Token": account.secret,
        }
        yield Call(url=account.hook_url, headers=headers, body=orjson.dumps(document))


def _update(account: Account, item: News) -> dict[str, Any]:
    chat, person = _chat(item.message.address), _person(item.message.address)
    if item.what == "left":
        bot = _bot(account)
        return {
            "my_chat_member": {
                "chat": chat,
                "from": person,
                "date": int(item.at),
                "old_chat_member": {"user": bot, "status": "member"},
                "new_chat_member": {"user": bot, "status": "kicked", "until_date": 0},
            }
        }
    sent = _sent(item.message, account, item.provider_id)
    text = item.text
    if item.button is not None:
        data, text = item.message.buttons[item.button]
        if data:
            pressed = {"id": str(item.number), "from": person, "message": sent, "data": data}
            return {"callback_query": {**pressed, "chat_instance": item.message.address}}
    written = {"message_id": item.number, "from": person, "chat": chat, "date": int(item.at)}
    if item.quotes:
        written["reply_to_message"] = sent
    return {"message": {**written, "text": text}}


def _sent(message: Message, account: Account, provider_id: str) -> dict[str, Any]:
    sent = {
        "message_id": int(provider_id.rpartition(":")[2]),
        "from": _bot(account),
        "chat": _chat(message.address),
        "date": int(time.time()),
        "text": message.text,
    }
    if message.buttons and message.buttons[0][0]:
        rows = [[{"text": text, "callback_data": data}] for data, text in message.buttons]
        sent["reply_markup"] = {"inline_keyboard": rows}
    return sent


def _bot(account: Account) -> dict[str, Any]:
    number, _, _ = account.token.partition(":")
    bot_id = int(number) if number.isdecimal() else int(account.account[:8], 16)
    return {"id": bot_id, "is_bot": True, "first_name": "Sandbox", "username": "sandbox_bot"}


def _chat(address: str) -> dict[str, Any]:
    return {"id": _id(address), "first_name": "Sandbox", "type": "private"}


def _person(address: str) -> dict[str, Any]:
    return {
        "id": _id(address),
        "is_bot": False,
        "first_name": "Sandbox",
        "language_code": "es",
    }


def _id(address: str) -> int | str:
    return address if address.startswith("@") else int(address)


def _method(asked: Asked) -> str:
    match = _PATH.fullmatch(asked.path)
    return match[2] if match else ""


def _hash(token: str) -> str:
    """What stands for a token where a secret must not."""
    return hashlib.sha256(token.encode()).hexdigest()[:32]
