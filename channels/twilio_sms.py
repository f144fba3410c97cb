"""SMS by Twilio: the Messages resource of its 2010-04-01 API.

Requests as in Twilio's OpenAPI document (twilio/twilio-oai); error codes as in its error
dictionary; signatures as in its page on webhook security.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit, urlunsplit

from channels import sms_parts, wire
from channels.base import (
    N_,
    BadSignature,
    Channel,
    Content,
    Event,
    Hook,
    Limits,
    OptOut,
    Outgoing,
    Receipt,
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

CODES = Codes(
    throttled={
        14107: ("person", 30.0),  # too many messages between two numbers within 30 s
        20429: ("account", None),
        21611: ("channel", 60.0),  # the sender's queue is full
        63017: ("channel", None),
        63018: ("channel", None),
    },
    temporary=frozenset({20500, 20503}),
    opted_out=frozenset({21610}),
    invalid=frozenset({21211, 21214, 21217, 21614, 30005, 30006}),
    rejected=frozenset({21408, 21602, 21608, 21612, 21617}),
    misconfigured=frozenset(
        {20003, 20404, 30002, 21212, 21603, 21606, 21609, 21620, 21623, 21656, 21659}
        | {21701, 21703, 21705}
    ),
)

_STATES: dict[str, State] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "undelivered": "failed",
    "failed": "failed",
    "canceled": "failed",
}

_FAILURES = {
    "30001": N_("Queue overflow."),
    "30002": N_("Account suspended."),
    "30003": N_("Unreachable handset."),
    "30004": N_("Message blocked."),
    "30005": N_("Unknown handset."),
    "30006": N_("Landline or unreachable carrier."),
    "30007": N_("Filtered by the carrier."),
    "30008": N_("Unknown error."),
    "30017": N_("Carrier network congestion."),
    "30034": N_("The sender is not registered with the carrier."),
    "30410": N_("The provider timed out."),
}
"""Callbacks give a code and no words."""

_FIELDS_MAX = 500


@dataclass(frozen=True, kw_only=True)
class TwilioSms(Channel):
    kind: ClassVar[str] = "twilio_sms"
    label: ClassVar[str] = N_("SMS (Twilio)")
    address: ClassVar = "phone"
    limits: ClassVar[Limits] = Limits(
        kinds=("text", "image", "video", "audio", "document"),
        text_max=1600,
        caption_max=1600,
        rate=10,
    )
    has_receipts: ClassVar[bool] = True
    base_url_default: ClassVar[str] = "https://api.twilio.com"

    account_sid: str = setting(N_("Account SID"), help=N_("Starts with AC."))
    auth_token: str = setting(N_("Auth token"), secret=True)
    sender: str = setting(
        N_("Sender"), help=N_("A number (+1…), a sender name, or a messaging service (MG…).")
    )

    def prepare(self, content: Content) -> Callable[[Outgoing], Request]:
        check(self, content)
        url, headers = f"{self._url}/Messages.json", self._headers
        start, end = self._constants()

        def fill(outgoing: Outgoing) -> Request:
            texts = outgoing.texts
            check_person(self, content, texts)
            body = [start, wire.quoted(outgoing.address)]
            if text := texts.get("text", ""):
                body += ["&Body=", wire.quoted(text)]
            if content.kind != "text":
                body += ["&MediaUrl=", wire.quoted(texts["media_url"])]
            if end:
                # quoted twice: a value of the callback's query, which is a value of this form
                body += [end, wire.quoted(wire.quoted(outgoing.reference))]
            return Request(method="POST", url=url, headers=headers, body="".join(body).encode())

        return fill

    def read(self, response: Response) -> str:
        answer = wire.answer(response.body)
        taken = wire.word(answer.get("sid"))
        if taken and 200 <= response.status < 300:
            if _STATES.get(wire.word(answer.get("status"))) != "failed":
                return taken
            code, words = wire.number(answer.get("error_code")), answer.get("error_message")
            failed = Response(status=400, headers=response.headers, body=response.body)
            raise CODES.error(code or 0, self.clean(wire.word(words)), failed)
        if (refused := wire.number(answer.get("code"))) is not None:
            raise CODES.error(refused, self.clean(wire.word(answer.get("message"))), response)
        raise unreadable(response)

    def events(self, hook: Hook) -> list[Event]:
        form = self._signed(hook)
        state = form.get("MessageStatus", "")
        if state and state not in ("receiving", "received"):
            return _receipts(form, hook)
        return _inbound(form, hook)

    def answer(self, hook: Hook) -> tuple[str, str]:
        return "<Response/>", "text/xml"

    def account(self) -> Request:
        return Request(method="GET", url=f"{self._url}.json", headers=self._headers, body=b"")

    def units(self, texts: Mapping[str, str]) -> int:
        if texts.get("media_url"):
            return 1
        return max(1, sms_parts.count(texts.get("text", "")).parts)

    @property
    def _url(self) -> str:
        return f"{self.root}/2010-04-01/Accounts/{quote(self.account_sid, safe='')}"

    @property
    def _headers(self) -> Mapping[str, str]:
        login = base64.b64encode(f"{self.account_sid}:{self.auth_token}".encode()).decode()
        return {
            "authorization": f"Basic {login}",
            "content-type": "application/x-www-form-urlencoded",
        }

    def _constants(self) -> tuple[str, str]:
        """The form up to the address, and from the callback up to the reference."""
        name = "MessagingServiceSid" if self.sender.startswith("MG") else "From"
        start = f"{name}={wire.quoted(self.sender)}&To="
        if not self.callback_url:
            return start, ""
        joint = "&" if "?" in self.callback_url else "?"
        return start, "&StatusCallback=" + wire.quoted(f"{self.callback_url}{joint}ref=")

    def _signed(self, hook: Hook) -> dict[str, str]:
        """The form of a call that carries Twilio's signature of its URL and every field."""
        try:
            fields = parse_qsl(
                hook.body.decode("utf-8", "replace"),
                keep_blank_values=True,
                max_num_fields=_FIELDS_MAX,
            )
            urls = _spellings(hook.url)
        except ValueError as error:
            raise BadSignature("hook.unreadable", N_("The call could not be read.")) from error
        data = "".join(name + value for name, value in sorted(set(fields)))
        given = hook.headers.get("x-twilio-signature", "")
        good = [wire.same(given, _signature(self.auth_token, url + data)) for url in urls]
        if not self.auth_token or not any(good):
            raise BadSignature("hook.signature", N_("The signature is not Twilio's."))
        return {name: wire.word(value) for name, value in reversed(fields)}


def _signature(token: str, data: str) -> str:
    digest = hmac.new(token.encode(), data.encode("utf-8", "replace"), hashlib.sha1)
    return base64.b64encode(digest.digest()).decode()


def _spellings(url: str) -> Iterable[str]:
    """The URL with and without its default port: Twilio signs either."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    if not host or not port or "@" in parts.netloc:
        return (url,)
    named = f"[{host}]" if ":" in host else host
    return {url, *(urlunsplit(parts._replace(netloc=net)) for net in (named, f"{named}:{port}"))}


def _receipts(form: Mapping[str, str], hook: Hook) -> list[Event]:
    state = _STATES.get(form["MessageStatus"])
    taken = first([form.get("MessageSid", ""), form.get("SmsSid", "")])
    reference = wire.word(parse_qs(urlsplit(hook.url).query).get("ref", [""])[0])
    if state is None or not (taken or reference):
        return []
    code = form.get("ErrorCode", "") if state == "failed" else ""
    number = wire.number(code)
    return [
        Receipt(
            state=state,
            at=hook.at,
            provider_id=taken,
            reference=reference,
            code=code,
            text=first([form.get("ErrorMessage", "")[:300], _FAILURES.get(code, "")]),
            opted_out=number in CODES.opted_out,
            invalid=number in CODES.invalid,
        )
    ]


def _inbound(form: Mapping[str, str], hook: Hook) -> list[Event]:
    sender = form.get("From", "")
    taken = first([form.get("MessageSid", ""), form.get("SmsSid", "")])
    if not sender or not taken:
        return []
    found: list[Event] = [
        Reply(
            address=sender,
            provider_id=taken,
            at=hook.at,
            text=form.get("Body", ""),
            context_id=form.get("OriginalRepliedMessageSid", ""),
            phone=sender if sender.startswith("+") else "",
        )
    ]
    word = form.get("OptOutType", "").upper()
    if word in ("STOP", "START"):
        found.append(OptOut(address=sender, at=hook.at, reason=word, back=word == "START"))
    return found
