"""WhatsApp Cloud API as its caller sees it (Graph v23.0; error codes as Meta lists them)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from channels.whatsapp import WhatsApp
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
    is_url,
    json_object,
)

TELLS: frozenset[What] = frozenset({"sent", "delivered", "read", "failed", "reply"})

STATUSES_PER_CALL = 50
TEXT_MAX = 4096
CAPTION_MAX = 1024
BUTTONS_MAX = 3
BUTTON_TITLE_MAX = 20
REFERENCE_MAX = 512
MEDIA = ("image", "video", "audio", "document", "sticker")

REFUSALS: dict[str, tuple[int, int, str]] = {
    "throttled": (429, 130429, "Rate limit hit"),
    "unavailable": (503, 2, "Service temporarily unavailable"),
    "invalid": (400, 131026, "Message undeliverable"),
    "opted_out": (400, 131050, "User has stopped receiving marketing messages"),
    "unauthorised": (401, 190, "Invalid OAuth access token"),
}

_PATH = re.compile(r"/v\d+\.\d+/([^/]+)(/messages)?")
_NUMBER = re.compile(r"\+?[0-9]{7,15}")
_USER_ID = re.compile(r"[A-Z]{2}(\.ENT)?\.[A-Za-z0-9]{1,128}")
_PARAMETER_FORBIDDEN = re.compile(r"[\n\t]| {5,}")


def account(channel: WhatsApp, hook_url: str) -> Account:
    return Account(
        kind=channel.kind,
        account=channel.phone_number_id,
        token=channel.access_token,
        secret=channel.app_secret,
        hook_url=hook_url,
    )


def credentials(asked: Asked) -> tuple[str, str] | None:
    match = _PATH.fullmatch(asked.path)
    if match is None:
        return None
    scheme, _, token = asked.headers.get("authorization", "").partition(" ")
    return match[1], token if scheme.lower() == "bearer" else ""


def is_send(asked: Asked) -> bool:
    return asked.method == "POST" and asked.path.endswith("/messages")


def about(asked: Asked, account: Account) -> Answer:
    if asked.method != "GET" or asked.path.endswith("/messages"):
        return _error(400, 100, "Unsupported request")
    return Answer.json(
        200,
        {
            "id": account.account,
            "verified_name": "Sandbox",
            "display_phone_number": _display_number(account),
            "quality_rating": "GREEN",
        },
    )


def message(asked: Asked, account: Account) -> Message:
    document = json_object(asked.body)
    if document is None:
        raise Refused(_error(400, 100, "Invalid parameter", "The body is not a JSON object"))
    if document.get("messaging_product") != "whatsapp":
        raise _missing("messaging_product")
    address = _address(document)
    reference = document.pop("biz_opaque_callback_data", "")
    if not isinstance(reference, str) or len(reference) > REFERENCE_MAX:
        raise _invalid("biz_opaque_callback_data is at most 512 characters long")
    kind = document.get("type", "text")
    text, buttons = _content(kind, document.get(kind))
    return Message(
        address=address,
        digest=digest(document),
        text=text,
        reference=reference,
        buttons=buttons,
        template=kind == "template",
    )


def _address(document: dict[str, Any]) -> str:
    """A number in `to`, or the user id of somebody who hides theirs in `recipient`."""
    to, user_id = document.get("to"), document.get("recipient")
    if isinstance(to, str) and _NUMBER.fullmatch(to):
        return to.removeprefix("+")
    if to is None and isinstance(user_id, str) and _USER_ID.fullmatch(user_id):
        return user_id
    raise Refused(_error(400, 131009, "Parameter value is not valid", "to"))


def _content(kind: Any, part: Any) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Text and buttons of the part of a message that its type names. Raises Refused."""
    if not isinstance(part, dict):
        raise _missing(str(kind))
    if kind == "text":
        return _text(part.get("body"), "text.body", TEXT_MAX), ()
    if kind in MEDIA:
        if not is_url(part.get("link")) and not part.get("id"):
            raise _invalid(f"{kind}.link is not a valid URL")
        return _text(part.get("caption", ""), f"{kind}.caption", CAPTION_MAX, empty=True), ()
    if kind == "interactive":
        return _interactive(part)
    if kind == "template":
        return _template(part)
    raise _invalid(f"type {kind} is not supported")


def _interactive(part: dict[str, Any]) -> tuple[str, tuple[tuple[str, str], ...]]:
    body = part.get("body")
    text = _text(body.get("text") if isinstance(body, dict) else None, "body.text", CAPTION_MAX)
    action = part.get("action")
    listed = action.get("buttons") if isinstance(action, dict) else None
    if part.get("type") != "button" or not isinstance(listed, list):
        raise _invalid("interactive.action.buttons is required")
    if not 1 <= len(listed) <= BUTTONS_MAX:
        raise _invalid("interactive.action.buttons has 1 to 3 items")
    buttons = []
    for button in listed:
        reply = button.get("reply") if isinstance(button, dict) else None
        if not isinstance(reply, dict) or not reply.get("id"):
            raise _missing("reply.id")
        title = _text(reply.get("title"), "reply.title", BUTTON_TITLE_MAX)
        buttons.append((str(reply["id"]), title))
    if len(dict(buttons)) < len(buttons) or len({title for _, title in buttons}) < len(buttons):
        raise _invalid("Buttons need different ids and titles")
    return text, tuple(buttons)


def _template(part: dict[str, Any]) -> tuple[str, tuple[tuple[str, str], ...]]:
    language = part.get("language")
    if not isinstance(part.get("name"), str) or not part["name"]:
        raise _missing("template.name")
    if not isinstance(language, dict) or not language.get("code"):
        raise _missing("template.language.code")
    try:
        parameters = [
            parameter
            for component in part.get("components", [])
            for parameter in component.get("parameters", [])
        ]
        payloads = [str(item["payload"]) for item in parameters if item["type"] == "payload"]
        texts = [item.get("text") for item in parameters if item["type"] == "text"]
    except (AttributeError, KeyError, TypeError):
        raise _invalid("template.components is not written as expected") from None
    for text in texts:
        if _PARAMETER_FORBIDDEN.search(_text(text, "parameter.text", CAPTION_MAX)):
            details = "A parameter has no newline, tab or more than 4 spaces in a row"
            raise Refused(_error(400, 132012, "Parameter format does not match", details))
    return part["name"], tuple((payload, payload) for payload in payloads)


def _text(value: Any, name: str, most: int, *, empty: bool = False) -> str:
    if not isinstance(value, str) or not (value or empty):
        raise _missing(name)
    if len(value) > most:
        raise _invalid(f"{name} is at most {most} characters long")
    return value


def provider_id(number: int, address: str) -> str:
    raw = b"\x1d\x0csandbox" + number.to_bytes(10, "big")
    return "wamid." + base64.b64encode(raw).decode()


def accepted(message: Message, account: Account, provider_id: str) -> Answer:
    return Answer.json(
        200,
        {
            "messaging_product": "whatsapp",
            "contacts": [{"input": message.address, **_person(message)}],
            "messages": [{"id": provider_id, "message_status": "accepted"}],
        },
    )


def refused(outcome: Outcome, retry_after: int) -> Answer:
    status, code, title = REFUSALS[outcome]
    if outcome == "throttled":
        return _error(status, code, title, "Too many messages sent", Retry_After=str(retry_after))
    return _error(status, code, title)


def _error(status: int, code: int, title: str, details: str = "", **headers: str) -> Answer:
    error: dict[str, Any] = {
        "message": f"(#{code}) {title}",
        "type": "OAuthException",
        "code": code,
        "fbtrace_id": "Asandbox",
    }
    if details:
        error["error_data"] = {"messaging_product": "whatsapp", "details": details}
    if code == 2:
        error["is_transient"] = True
    return Answer.json(status, {"error": error}, **headers)


def _missing(name: str) -> Refused:
    return Refused(_error(400, 131008, "Required parameter is missing", name))


def _invalid(details: str) -> Refused:
    return Refused(_error(400, 100, "Invalid parameter", details))


def leaves(news: News) -> bool:
    return False


def calls(account: Account, news: Sequence[News]) -> Iterable[Call]:
    """Many statuses in one call, as Meta does; replies in calls of their own."""
    statuses = [_status(item) for item in news if item.what != "reply"]
    for start in range(0, len(statuses), STATUSES_PER_CALL):
        batch = statuses[start : start + STATUSES_PER_CALL]
        yield _call(account, {"statuses": batch}, len(batch))
    for item in news:
        if item.what == "reply":
            yield _call(account, _reply(account, item), 1)


def _status(item: News) -> dict[str, Any]:
    status: dict[str, Any] = {
        "id": item.provider_id,
        "status": item.what,
        "timestamp": str(int(item.at)),
        f"recipient_{'user_' if _hides_number(item.message) else ''}id": item.message.address,
    }
    if item.message.reference:
        status["biz_opaque_callback_data"] = item.message.reference
    if item.what == "failed":
        status["errors"] = [_failure(lasting=item.lasting)]
    else:
        status["pricing"] = {"billable": True, "pricing_model": "PMP", "category": "marketing"}
    return status


def _failure(*, lasting: bool) -> dict[str, Any]:
    code, title = (
        (131026, "Message undeliverable")
        if lasting
        else (131049, "This message was not delivered to maintain healthy ecosystem engagement.")
    )
    return {"code": code, "title": title, "message": title, "error_data": {"details": title}}


def _reply(account: Account, item: News) -> dict[str, Any]:
    person = item.message.address
    reply: dict[str, Any] = {
        "from_user_id" if _hides_number(item.message) else "from": person,
        "id": provider_id(item.number, item.message.address),
        "timestamp": str(int(item.at)),
    }
    if item.quotes:
        reply["context"] = {"from": _display_number(account), "id": item.provider_id}
    if item.button is None:
        reply |= {"type": "text", "text": {"body": item.text}}
    elif item.message.template:
        payload, title = item.message.buttons[item.button]
        reply |= {"type": "button", "button": {"payload": payload, "text": title}}
    else:
        key, title = item.message.buttons[item.button]
        pressed = {"type": "button_reply", "button_reply": {"id": key, "title": title}}
        reply |= {"type": "interactive", "interactive": pressed}
    contact = {"profile": {"name": f"Sandbox {person[-4:]}"}, **_person(item.message)}
    return {"contacts": [contact], "messages": [reply]}


def _call(account: Account, value: dict[str, Any], news: int) -> Call:
    metadata = {
        "display_phone_number": _display_number(account),
        "phone_number_id": account.account,
    }
    value = {"messaging_product": "whatsapp", "metadata": metadata, **value}
    document = {
        "object": "whatsapp_business_account",
        "entry": [{"id": "0", "changes": [{"field": "messages", "value": value}]}],
    }
    body = json.dumps(document).encode()  # escapes what is not ASCII, as Meta does
    signature = hmac.new(account.secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-Hub-Signature-256": f"sha256={signature}",
        "User-Agent": "facebookexternalua",
    }
    return Call(url=account.hook_url, headers=headers, body=body, news=news)


def _hides_number(message: Message) -> bool:
    return not message.address.isdecimal()


def _person(message: Message) -> dict[str, str]:
    return {"user_id" if _hides_number(message) else "wa_id": message.address}


def _display_number(account: Account) -> str:
    """A number from the range kept for fiction, the same for an account each time."""
    return f"1555010{int(hashlib.sha256(account.account.encode()).hexdigest(), 16) % 10_000:04d}"
