"""The contract every channel keeps: build a request, read the answer, read what comes back. No I/O.

A channel is a frozen dataclass whose fields are the account's settings. It cannot wait, retry or
log; its errors say what the dispatcher must do, one class an action.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ClassVar, Literal, TypeVar
from urllib.parse import urlsplit

from channels.content import Content as Content
from channels.content import Kind as Kind
from channels.content import Limits as Limits
from channels.errors import N_ as N_
from channels.errors import BadContent as BadContent
from channels.errors import BadSignature as BadSignature
from channels.errors import ChannelError as ChannelError
from channels.errors import Misconfigured as Misconfigured
from channels.errors import OptedOut as OptedOut
from channels.errors import Rejected as Rejected
from channels.errors import Scope as Scope
from channels.errors import Throttled as Throttled
from channels.errors import Unclear as Unclear
from channels.errors import Unreachable as Unreachable

State = Literal["sent", "delivered", "read", "failed"]
"""What a delivery receipt can say, in rising rank; failed is final unless delivered already."""


# What goes out


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message to one person: rendered texts by slot name."""

    address: str
    reference: str
    """Our own id of the message, echoed in receipts where the provider can."""
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Its url and headers may hold credentials: neither is ever logged."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


# What comes back


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """One webhook call as it came."""

    method: str
    url: str
    """The full public URL, query included, as the provider called it."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    at: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    """When it came: the time of events whose provider gives none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a message. At least one of provider_id and reference is set."""

    state: State
    at: dt.datetime
    provider_id: str = ""
    reference: str = ""
    code: str = ""
    text: str = ""
    opted_out: bool = False
    """The failure means the person does not want messages on this channel."""
    invalid: bool = False
    """The failure means the address does not work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An inbound message."""

    address: str
    provider_id: str
    at: dt.datetime
    text: str = ""
    context_id: str = ""
    """Provider id of the message it answers, where the provider says."""
    name: str = ""
    phone: str = ""
    """E.164 where the provider gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOut:
    """The provider says the person left: blocked the bot, stopped marketing, texted STOP."""

    address: str
    at: dt.datetime
    reason: str
    back: bool = False
    """True when the person came back instead."""


Event = Receipt | Reply | OptOut


# The channel


def setting(
    label: str,
    *,
    help: str = "",
    secret: bool = False,
    default: Any = MISSING,
) -> Any:
    """A field of a channel: what the form asks for. Secret ones are encrypted and never shown."""
    about = {"label": label, "help": help, "secret": secret}
    if default is MISSING:
        return field(repr=not secret, metadata=about)
    return field(repr=not secret, metadata=about, default=default)


C = TypeVar("C", bound="Channel")


@dataclass(frozen=True, kw_only=True)
class Channel(ABC):
    """One account at one provider."""

    kind: ClassVar[str]
    label: ClassVar[str]
    address: ClassVar[Literal["phone", "id"]]
    """phone: reaches everybody with a number. id: only those who wrote first."""
    limits: ClassVar[Limits]
    has_receipts: ClassVar[bool]
    retry_safe: ClassVar[bool] = False
    """A repeated request is recognised by the provider (an idempotency key)."""
    base_url_default: ClassVar[str]

    base_url: str = ""
    """Where to send instead of the provider: the sandbox, a mock server. http only on loopback."""
    callback_url: str = ""
    """Our webhook's public URL, for providers that are told it per message."""

    def __post_init__(self) -> None:
        """Raises BadContent for a setting that cannot go into a request, or an unsafe base URL."""
        for item in fields(self):
            value = getattr(self, item.name)
            if not (value.isascii() and value.isprintable()):
                text = N_("“{name}” may hold only plain letters, digits and signs.")
                raise BadContent("channel.bad_setting", text, name=item.name)
        if self.base_url and not _is_safe(self.base_url):
            text = N_("The base URL must start with https://, or http:// on this machine only.")
            raise BadContent("channel.base_url", text)

    @property
    def root(self) -> str:
        """Base URL in use, without a trailing slash."""
        return (self.base_url or self.base_url_default).rstrip("/")

    @classmethod
    def from_settings(cls: type[C], values: Mapping[str, str]) -> C:
        """Raises BadContent naming the first setting that is missing or not known."""
        names = {item.name: item for item in fields(cls)}
        for name in values:
            if name not in names:
                text = N_("{label} has no setting “{name}”.")
                raise BadContent("channel.unknown_setting", text, label=cls.label, name=name)
        for name, item in names.items():
            required = item.default is MISSING and item.default_factory is MISSING
            if required and not str(values.get(name, "")).strip():
                text = N_("{label} needs “{name}”.")
                raise BadContent("channel.missing_setting", text, label=cls.label, name=name)
        return cls(**{name: str(value).strip() for name, value in values.items()})

    @classmethod
    def secret_names(cls) -> frozenset[str]:
        return frozenset(item.name for item in fields(cls) if item.metadata.get("secret"))

    def clean(self, text: str) -> str:
        """A provider's words fit to be kept: at most 300 characters, our secrets struck out."""
        for name in self.secret_names():
            secret = getattr(self, name)
            if len(secret) > 3:
                text = text.replace(secret, "…")
        return text[:300]

    @abstractmethod
    def prepare(self, content: Content) -> Callable[[Outgoing], Request]:
        """Check once a broadcast, fill once a message. Raises BadContent.

        The filler raises Rejected for a person whose rendered texts break a rule.
        """

    @abstractmethod
    def read(self, response: Response) -> str:
        """The provider's id of an accepted message, else one of the errors above."""

    @abstractmethod
    def events(self, hook: Hook) -> list[Event]:
        """What one webhook call says, its signature checked over the raw bytes.

        Unknown fields and kinds of event are passed over. Raises BadSignature for a forged call,
        and BadContent for one that is signed but unreadable.
        """

    def answer(self, hook: Hook) -> tuple[str, str]:
        """(body, media type) of our 200: a verification handshake's echo, or what is expected.

        Raises BadSignature when a handshake's token is wrong.
        """
        return "", "text/plain"

    @abstractmethod
    def account(self) -> Request:
        """A harmless request that a right token answers with 2xx: `channel check`."""

    def units(self, texts: Mapping[str, str]) -> int:
        """What the provider counts for this message: SMS parts, else 1."""
        return 1


def check(channel: type[Channel] | Channel, content: Content) -> None:
    """The channel's rules for a message as composed. Raises BadContent with one sentence.

    Lengths count what is written outside `{{ variables }}`; each person's rendered text is
    measured again by the filler.
    """
    limits, label = channel.limits, channel.label
    if content.kind not in limits.kinds:
        text = N_("{label} cannot carry a message of kind {kind}.")
        raise BadContent("content.kind", text, label=label, kind=content.kind)
    if content.kind == "template":
        _check_template(content)
        return
    if not content.text.strip() and (content.kind == "text" or content.buttons):
        raise BadContent("content.empty", N_("The message has no text."))
    if content.kind != "text" and not content.media_url.startswith(("https://", "{{")):
        raise BadContent("content.media_url", N_("The media address must start with https://."))
    length, longest = len(_VARIABLE.sub("", content.text)), limits.longest(content)
    if content.text and not longest:
        text = N_("{label} cannot carry text with a message of kind {kind}.")
        raise BadContent("content.caption", text, label=label, kind=content.kind)
    if length > longest:
        text = N_("{label} takes at most {longest} characters; this has {length}.")
        raise BadContent("content.too_long", text, label=label, longest=longest, length=length)
    if content.buttons and content.kind in limits.without_buttons:
        text = N_("{label} cannot carry buttons with a message of kind {kind}.")
        raise BadContent("content.buttons", text, label=label, kind=content.kind)
    _check_buttons(limits, label, content.buttons)


def check_person(channel: Channel, content: Content, texts: Mapping[str, str]) -> None:
    """The same rules for one person's rendered texts. Raises Rejected."""
    text, longest = texts.get("text", ""), channel.limits.longest(content)
    if len(text) > longest:
        words = N_("The text has {length} characters; at most {longest} fit.")
        raise Rejected("content.too_long", words, length=len(text), longest=longest)
    if not text.strip() and (content.kind == "text" or content.buttons):
        raise Rejected("content.empty", N_("The message has no text."))
    if content.kind != "text" and not _MEDIA_URL.fullmatch(texts.get("media_url", "")):
        raise Rejected("content.media_url", N_("The media address must start with https://."))


def first(values: Iterable[str]) -> str:
    """The first text that is not empty, else an empty one."""
    return next((value for value in values if value), "")


_VARIABLE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_MEDIA_URL = re.compile(r"https://[^\s/?#]+\S*")


def _check_template(content: Content) -> None:
    if not content.template or not content.language:
        text = N_("A template message needs a template and language.")
        raise BadContent("content.template", text)
    for place, parameter in enumerate(content.parameters, 1):
        if not parameter.strip():
            text = N_("Parameter {place} of the template is empty.")
            raise BadContent("content.parameter", text, place=place)


def _check_buttons(limits: Limits, label: str, buttons: tuple[str, ...]) -> None:
    if len(buttons) > limits.buttons_max:
        text = N_("{label} takes at most {most} buttons.")
        raise BadContent("content.buttons", text, label=label, most=limits.buttons_max)
    for button in buttons:
        if not button.strip() or len(button) > limits.button_text_max:
            text = N_("A button's text has 1 to {longest} characters.")
            raise BadContent("content.button_text", text, longest=limits.button_text_max)
        if "{{" in button:
            text = N_("A button's text cannot hold variables.")
            raise BadContent("content.button_variable", text)
    if len(set(buttons)) < len(buttons):
        raise BadContent("content.button_twice", N_("Two buttons have the same text."))


def _is_safe(url: str) -> bool:
    """https anywhere, http on loopback; nothing that two parsers could read differently."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if re.search(r"[\s\\@?#]", url) or not host:
        return False
    if parts.scheme == "https" or (parts.scheme == "http" and host == "localhost"):
        return True
    try:
        return parts.scheme == "http" and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
