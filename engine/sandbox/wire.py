"""What every provider's wire format in the sandbox is made of. No I/O."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import parse_qsl

import orjson

from engine.sandbox.population import What

Outcome = Literal[
    "accepted",
    "throttled",
    "unavailable",
    "invalid",
    "opted_out",
    "rejected",
    "unauthorised",
    "cut",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account at one sandboxed provider."""

    kind: str
    account: str
    """Phone number id, SHA-256 of a bot token, or account SID."""
    token: str = field(repr=False)
    """What the sender's requests must show."""
    secret: str = field(repr=False)
    """What our webhook calls are signed with."""
    hook_url: str
    sender: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One HTTP request as it came."""

    at: float
    method: str
    path: str
    query: str
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case."""
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, status: int, document: object, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(status=status, body=orjson.dumps(document), headers=named)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one send call asks for."""

    address: str
    digest: str
    text: str = ""
    reference: str = ""
    callback_url: str = ""
    buttons: tuple[tuple[str, str], ...] = ()
    """(id or payload, title) of each quick reply."""
    template: bool = False
    units: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One thing to tell an account about one of its messages."""

    what: What
    at: float
    """Seconds since 1970."""
    number: int
    """Ours, never used twice: the id of the reply or update."""
    provider_id: str
    message: Message
    text: str = ""
    button: int | None = None
    quotes: bool = False
    lasting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One signed webhook call."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    news: int = 1
    """How many pieces of news it carries."""


class Refused(Exception):
    """The request breaks a rule of the provider; nothing was processed."""

    def __init__(self, answer: Answer, *, outcome: Outcome = "rejected") -> None:
        self.answer = answer
        self.outcome: Outcome = outcome
        super().__init__(outcome)


class Wire(Protocol):
    """What a provider's module offers. All of it is pure."""

    TELLS: frozenset[What]
    """The kinds of news this provider sends."""

    def account(self, channel: Any, hook_url: str) -> Account:
        """The sandbox account that a channel of ours is meant for."""

    def credentials(self, asked: Asked) -> tuple[str, str] | None:
        """(account, token) that a request shows; None when the path is none of this provider's."""

    def is_send(self, asked: Asked) -> bool:
        """Whether the request asks for a message to be sent."""

    def about(self, asked: Asked, account: Account) -> Answer:
        """The answer to anything else than a send."""

    def message(self, asked: Asked, account: Account) -> Message:
        """What is to be sent. Raises Refused for what the provider would not take."""

    def provider_id(self, number: int, address: str) -> str:
        """As a channel of ours reads it from the answer."""

    def accepted(self, message: Message, account: Account, provider_id: str) -> Answer: ...

    def refused(self, outcome: Outcome, retry_after: int) -> Answer:
        """The answer to a message that was not processed."""

    def leaves(self, news: News) -> bool:
        """Whether the provider itself lets nothing through to the person after this."""

    def calls(self, account: Account, news: Sequence[News]) -> Iterable[Call]: ...


def digest(document: object) -> str:
    """SHA-256 of a parsed body, whatever the order of its names."""
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()


def form(text: bytes | str) -> dict[str, list[str]]:
    """Names and values of a form or query string; empty values kept."""
    plain = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    fields: dict[str, list[str]] = {}
    for name, value in parse_qsl(plain, keep_blank_values=True):
        fields.setdefault(name, []).append(value)
    return fields


def json_object(body: bytes) -> dict[str, Any] | None:
    """The JSON object in a body; None when it is none."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None


def is_url(text: object) -> bool:
    return isinstance(text, str) and text.startswith(("http://", "https://")) and " " not in text
