"""WhatsApp Cloud API, v23.0.

Requests and webhooks as in Meta's OpenAPI document (facebook/openapi); error codes as in its error
reference; user ids in place of numbers as in its page on business-scoped user IDs.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, get_args
from urllib.parse import parse_qs, quote, urlsplit

from channels import wire
from channels.base import (
    N_,
    BadContent,
    BadSignature,
    Channel,
    Content,
    Event,
    Hook,
    Limits,
    OptOut,
    Outgoing,
    Receipt,
    Rejected,
    Reply,
    Request,
    Response,
    State,
    check,
    check_person,
    first,
    setting,
)
from channels.codes import Codes, unreadable
from channels.wire import Hole

VERSION = "v23.0"

CODES = Codes(
    throttled={
        4: ("account", None),
        80007: ("account", None),
        130429: ("channel", None),
        131048: ("channel", 3600.0),  # spam limit: the number is held for hours
        131056: ("person", 6.0),  # pair limit
        131057: ("channel", 60.0),  # the number is being upgraded
        133016: ("channel", None),
    },
    temporary=frozenset({1, 2, 131000, 131016, 131052, 131053}),
    opted_out=frozenset({131050}),
    invalid=frozenset({131026}),
    # 130497: may not write to this person's country
    rejected=frozenset({130472, 130497, 131009, 131021, 131030, 131047, 131049, 131062, 132005}),
    misconfigured=frozenset(
        {0, 3, 10, *range(200, 300), 100, 104, 190, 368, 803}
        | {131005, 131008, 131031, 131042, 131045, 131051, 133010}
        | {132000, 132001, 132007, 132012, 132015, 132016, 132068, 132069}
    ),
)

_STATES: dict[str, State] = {state: state for state in get_args(State)}
_NOT_WRITTEN = frozenset({"system", "request_welcome"})
"""Inbound kinds no person wrote."""

_BLANKS = re.compile(r"[\r\n\t]+| {4,}")


@dataclass(frozen=True, kw_only=True)
class WhatsApp(Channel):
    kind: ClassVar[str] = "whatsapp"
    label: ClassVar[str] = N_("WhatsApp")
    address: ClassVar = "phone"
    limits: ClassVar[Limits] = Limits(
        kinds=("text", "image", "video", "audio", "document", "template"),
        text_max=4096,
        caption_max=1024,
        buttons_max=3,
        button_text_max=20,
        text_max_with_buttons=1024,
        without_caption=("audio",),
        without_buttons=("audio",),
        rate=80,
        person_seconds=6,
        window_hours=24,
    )
    has_receipts: ClassVar[bool] = True
    base_url_default: ClassVar[str] = "https://graph.facebook.com"

    phone_number_id: str = setting(
        N_("Phone number ID"), help=N_("From the app's WhatsApp page, “API Setup”.")
    )
    access_token: str = setting(
        N_("Access token"), secret=True, help=N_("A permanent token of a system user.")
    )
    app_secret: str = setting(
        N_("App secret"), secret=True, help=N_("From the app's “Basic” settings.")
    )
    verify_token: str = setting(
        N_("Verify token"), secret=True, help=N_("The word typed beside the webhook's address.")
    )

    def prepare(self, content: Content) -> Callable[[Outgoing], Request]:
        check(self, content)
        url, headers = f"{self._url}/messages", self._headers
        forms = {
            (to, captioned): wire.filler(_document(content, to=to, captioned=captioned))
            for to in ("to", "recipient")
            for captioned in (True, False)
        }

        def fill(outgoing: Outgoing) -> Request:
            if content.kind == "template":
                texts = _parameters(content, outgoing.texts)
            else:
                check_person(self, content, outgoing.texts)
                texts = dict(outgoing.texts)
            number = outgoing.address.removeprefix("+")
            texts["address"], texts["reference"] = number, outgoing.reference
            to = "to" if number.isdigit() else "recipient"
            body = forms[to, bool(texts.get("text", "").strip())](texts)
            return Request(method="POST", url=url, headers=headers, body=body)

        return fill

    def read(self, response: Response) -> str:
        answer = wire.answer(response.body)
        error = wire.table(answer.get("error"))
        if (code := wire.number(error.get("code"))) is not None:
            raise CODES.error(code, self.clean(_words(error)), response)
        for message in wire.tables(answer.get("messages"))[:1]:
            if (taken := wire.word(message.get("id"))) and 200 <= response.status < 300:
                return taken
        raise unreadable(response)

    def events(self, hook: Hook) -> list[Event]:
        if hook.method == "GET":
            return []
        digest = hmac.new(self.app_secret.encode(), hook.body, hashlib.sha256).hexdigest()
        signature = hook.headers.get("x-hub-signature-256", "")
        if not self.app_secret or not wire.same(signature, f"sha256={digest}"):
            raise BadSignature("hook.signature", N_("The signature is not Meta's."))
        try:
            document = wire.document(hook.body)
        except ValueError as error:
            raise BadContent("hook.unreadable", N_("The call could not be read.")) from error
        return [
            event
            for entry in wire.tables(document.get("entry"))
            for change in wire.tables(entry.get("changes"))
            for event in self._change(wire.table(change.get("value")), hook)
        ]

    def answer(self, hook: Hook) -> tuple[str, str]:
        if hook.method != "GET":
            return "", "text/plain"
        asked = parse_qs(urlsplit(hook.url).query, max_num_fields=50)
        given = {name.removeprefix("hub."): values[0] for name, values in asked.items()}
        right = wire.same(given.get("verify_token", ""), self.verify_token)
        if given.get("mode") != "subscribe" or not right:
            raise BadSignature("hook.verify_token", N_("The verify token is wrong."))
        return given.get("challenge", ""), "text/plain"

    def account(self) -> Request:
        url = f"{self._url}?fields=id,display_phone_number,verified_name,quality_rating"
        return Request(method="GET", url=url, headers=self._headers, body=b"")

    @property
    def _url(self) -> str:
        return f"{self.root}/{VERSION}/{quote(self.phone_number_id, safe='')}"

    @property
    def _headers(self) -> Mapping[str, str]:
        return {
            "authorization": f"Bearer {self.access_token}",
            "content-type": "application/json",
        }

    def _change(self, value: Mapping[str, Any], hook: Hook) -> list[Event]:
        """Events of one change, unless it is about another number of the same app."""
        number = wire.word(wire.table(value.get("metadata")).get("phone_number_id"))
        if number and number != self.phone_number_id:
            return []
        people = wire.tables(value.get("contacts"))
        found: list[Event | None] = []
        found += [_receipt(status, hook) for status in wire.tables(value.get("statuses"))]
        found += [_reply(message, people, hook) for message in wire.tables(value.get("messages"))]
        preferences = wire.tables(value.get("user_preferences"))
        found += [_preference(preference, hook) for preference in preferences]
        return [event for event in found if event is not None]


# What goes out


def _document(content: Content, *, to: str, captioned: bool) -> dict[str, Any]:
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        to: Hole("address"),
        "biz_opaque_callback_data": Hole("reference"),
        **_message(content, captioned=captioned),
    }


def _message(content: Content, *, captioned: bool) -> dict[str, Any]:
    if content.kind == "template":
        return {"type": "template", "template": _template(content)}
    if content.buttons:
        return {"type": "interactive", "interactive": _interactive(content)}
    if content.kind == "text":
        return {"type": "text", "text": {"body": Hole("text"), "preview_url": True}}
    medium = _medium(content)
    if content.text and captioned:
        medium["caption"] = Hole("text")
    return {"type": content.kind, content.kind: medium}


def _medium(content: Content) -> dict[str, Any]:
    named = {"filename": content.filename} if content.kind == "document" else {}
    return {"link": Hole("media_url"), **{key: name for key, name in named.items() if name}}


def _interactive(content: Content) -> dict[str, Any]:
    header = {"type": content.kind, content.kind: _medium(content)}
    buttons = [
        {"type": "reply", "reply": {"id": str(place), "title": button}}
        for place, button in enumerate(content.buttons)
    ]
    return {
        "type": "button",
        **({} if content.kind == "text" else {"header": header}),
        "body": {"text": Hole("text")},
        "action": {"buttons": buttons},
    }


def _template(content: Content) -> dict[str, Any]:
    holes = [
        {"type": "text", "text": Hole(f"parameters.{place}")}
        for place in range(len(content.parameters))
    ]
    components = [{"type": "body", "parameters": holes}] if holes else []
    return {
        "name": content.template,
        "language": {"code": content.language},
        **({"components": components} if components else {}),
    }


def _parameters(content: Content, texts: Mapping[str, str]) -> dict[str, str]:
    """Parameters as Meta takes them: no line breaks, tabs or runs of spaces. Raises Rejected."""
    filled = {}
    for place in range(len(content.parameters)):
        name = f"parameters.{place}"
        text = _BLANKS.sub(" ", texts.get(name, "")).strip()
        if not text:
            words = N_("Parameter {place} of the template is empty.")
            raise Rejected("content.empty", words, place=place + 1)
        if len(text) > WhatsApp.limits.caption_max:
            words = N_("The text has {length} characters; at most {longest} fit.")
            longest = WhatsApp.limits.caption_max
            raise Rejected("content.too_long", words, length=len(text), longest=longest)
        filled[name] = text
    return filled


# What comes back


def _words(error: Mapping[str, Any]) -> str:
    """What Meta says of an error, its details last."""
    message = first([wire.word(error.get("message")), wire.word(error.get("title"))])
    details = wire.word(wire.table(error.get("error_data")).get("details"))
    return f"{message}: {details}" if details and details not in message else message


def _receipt(status: Mapping[str, Any], hook: Hook) -> Receipt | None:
    state, taken = _STATES.get(wire.word(status.get("status"))), wire.word(status.get("id"))
    if state is None or not taken:
        return None
    errors = wire.tables(status.get("errors"))
    error = errors[0] if errors and state == "failed" else {}
    code = wire.number(error.get("code"))
    return Receipt(
        state=state,
        at=wire.moment(status.get("timestamp"), hook.at),
        provider_id=taken,
        reference=wire.word(status.get("biz_opaque_callback_data")),
        code="" if code is None else str(code),
        text=_words(error)[:300],
        opted_out=code in CODES.opted_out,
        invalid=code in CODES.invalid,
    )


def _reply(message: Mapping[str, Any], people: list[dict[str, Any]], hook: Hook) -> Reply | None:
    kind, taken = wire.word(message.get("type")), wire.word(message.get("id"))
    number, user = wire.word(message.get("from")), wire.word(message.get("from_user_id"))
    text, context = _said(message, kind)
    address = _phone(number) or user
    removed = kind == "reaction" and not text
    if not taken or not address or kind in _NOT_WRITTEN or removed:
        return None
    return Reply(
        address=address,
        provider_id=taken,
        at=wire.moment(message.get("timestamp"), hook.at),
        text=text,
        context_id=context,
        name=_name(people, number, user),
        phone=_phone(number),
    )


def _said(message: Mapping[str, Any], kind: str) -> tuple[str, str]:
    """(text, provider id of the message it answers) of an inbound message of any kind."""
    body = wire.table(message.get(kind))
    chosen = wire.table(body.get(wire.word(body.get("type"))))
    text = first(
        wire.word(value)
        for value in (
            body.get("body"),
            body.get("text"),
            body.get("caption"),
            body.get("emoji"),
            chosen.get("title"),
            chosen.get("body"),
        )
    )
    context = wire.word(wire.table(message.get("context")).get("id"))
    return text, context or wire.word(body.get("message_id"))


def _name(people: list[dict[str, Any]], number: str, user: str) -> str:
    """The profile name among `contacts` of who wrote."""
    for person in people:
        known = {wire.word(person.get("wa_id")), wire.word(person.get("user_id"))} - {""}
        if known & {number, user}:
            return wire.word(wire.table(person.get("profile")).get("name"))
    return ""


def _preference(preference: Mapping[str, Any], hook: Hook) -> OptOut | None:
    value = wire.word(preference.get("value"))
    number, user = wire.word(preference.get("wa_id")), wire.word(preference.get("user_id"))
    address = _phone(number) or user
    if preference.get("category") != "marketing_messages" or not address:
        return None
    if value not in ("stop", "resume"):
        return None
    at = wire.moment(preference.get("timestamp"), hook.at)
    reason = wire.word(preference.get("detail"))
    return OptOut(address=address, at=at, reason=reason, back=value == "resume")


def _phone(number: str) -> str:
    """E.164 of a number as Meta writes it, which is without the plus."""
    return f"+{number}" if number.isascii() and number.isdigit() else ""
