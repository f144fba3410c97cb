"""The contract every channel keeps: build a request, read the answer, read what comes back. No I/O.

A channel is a frozen dataclass whose fields are the account's settings. It cannot wait, retry or
log; its errors say what the dispatcher must do, one class an action.
"""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, ClassVar, Literal, TypeVar

Kind = Literal["text", "image", "video", "audio", "document", "template"]
"""What a message is. Stored as written: never rename."""

State = Literal["sent", "delivered", "read", "failed"]
"""What a delivery receipt can say, in rising rank; failed is final unless delivered already."""


def N_(text: str) -> str:
    """Mark a text for the translation catalogues; it is translated where it is shown."""
    return text


# What goes out


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """One message as composed. Text slots may hold `{{ variables }}`; see `slots`."""

    kind: Kind = "text"
    text: str = ""
    """Body, or caption of a medium."""
    media_url: str = ""
    filename: str = ""
    buttons: tuple[str, ...] = ()
    """Quick replies, as the person sees them."""
    template: str = ""
    """Name of an approved template (WhatsApp)."""
    language: str = ""
    parameters: tuple[str, ...] = ()
    """The template's body parameters in order."""

    def slots(self) -> dict[str, str]:
        """Slot name → source text, for every text that may hold variables and is not empty."""
        named = {"text": self.text, "media_url": self.media_url}
        named |= {f"parameters.{place}": text for place, text in enumerate(self.parameters)}
        return {name: text for name, text in named.items() if text}

    def to_json(self) -> dict[str, Any]:
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
            if value
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Content:
        """Raises BadContent for a name that is not a field, or a value of the wrong type."""
        known = {item.name for item in fields(cls)}
        if unknown := sorted(set(document) - known):
            raise BadContent("content.unknown_field", f"A message has no “{unknown[0]}”.")
        values: dict[str, Any] = {}
        for name, value in document.items():
            listed = name in ("buttons", "parameters")
            good = (
                isinstance(value, Sequence) and not isinstance(value, str)
                if listed
                else isinstance(value, str)
            )
            if not good:
                raise BadContent("content.wrong_type", f"“{name}” is not written as expected.")
            values[name] = tuple(str(item) for item in value) if listed else value
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message to one person: rendered texts by slot name."""

    address: str
    reference: str
    """Our own id of the message, echoed in receipts where the provider can."""
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    """May hold credentials: never logged."""
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


# What can go wrong: the class is the action


class ChannelError(Exception):
    """`code` is the provider's own; `text` a sentence or the provider's words, never a secret."""

    def __init__(self, code: str, text: str = "") -> None:
        self.code = code
        self.text = text
        super().__init__(f"{code}: {text}" if text else code)


class Throttled(ChannelError):
    """Not processed, too fast: the scope pauses, the message goes back, nothing counts as failed."""

    def __init__(
        self,
        code: str,
        text: str = "",
        *,
        retry_after: float | None = None,
        scope: Literal["person", "channel", "account"] = "channel",
    ) -> None:
        super().__init__(code, text)
        self.retry_after = retry_after
        """Seconds, where the provider says."""
        self.scope = scope


class Unreachable(ChannelError):
    """The provider says it did not process the message and may later: try again, slower."""


class Rejected(ChannelError):
    """This message to this person fails for good."""

    def __init__(self, code: str, text: str = "", *, invalid: bool = False) -> None:
        super().__init__(code, text)
        self.invalid = invalid
        """The address itself does not work."""


class OptedOut(ChannelError):
    """The person does not want messages on this channel."""


class Unclear(ChannelError):
    """Sent, but the answer does not say whether it was taken: never sent again on its own."""


class Misconfigured(ChannelError):
    """The account, token, template or content is wrong for everybody: the broadcast pauses."""


class BadContent(ChannelError):
    """The content breaks this channel's rules; found before anything is sent."""


class BadSignature(ChannelError):
    """A webhook call that the provider did not sign: 401, and nothing is stored."""


# The channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """A provider's rules as data, read by the composer, the lint and the sender alike."""

    kinds: tuple[Kind, ...]
    text_max: int
    caption_max: int
    buttons_max: int = 0
    button_text_max: int = 0
    rate: float
    """Units per second of a new account: the channel's default ceiling."""
    person_seconds: float = 0.0
    """Seconds between two messages to one person."""
    window_hours: int | None = None
    """Free-form messages only this long after the person's last message; None means always."""


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
                raise BadContent("channel.unknown_setting", f"{cls.label} has no setting “{name}”.")
        for name, item in names.items():
            required = item.default is MISSING and item.default_factory is MISSING
            if required and not str(values.get(name, "")).strip():
                raise BadContent("channel.missing_setting", f"{cls.label} needs “{name}”.")
        return cls(**{name: str(value).strip() for name, value in values.items()})

    @classmethod
    def secret_names(cls) -> frozenset[str]:
        return frozenset(item.name for item in fields(cls) if item.metadata.get("secret"))

    @abstractmethod
    def prepare(self, content: Content) -> Callable[[Outgoing], Request]:
        """Check once a broadcast, fill once a message. Raises BadContent."""

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
    """The rules every channel shares, from its limits. Raises BadContent with one sentence."""
    limits, label = channel.limits, channel.label
    if content.kind not in limits.kinds:
        raise BadContent("content.kind", f"{label} cannot carry a message of kind {content.kind}.")
    if content.kind == "template":
        if not content.template or not content.language:
            raise BadContent(
                "content.template", "A template message needs a template and language."
            )
        return
    if content.kind == "text" and not content.text.strip():
        raise BadContent("content.empty", "The message has no text.")
    if content.kind != "text" and not content.media_url.startswith(("https://", "{{")):
        raise BadContent("content.media_url", "The media address must start with https://.")
    longest = limits.text_max if content.kind == "text" else limits.caption_max
    if len(content.text) > longest:
        raise BadContent(
            "content.too_long",
            f"{label} takes at most {longest} characters; this has {len(content.text)}.",
        )
    if len(content.buttons) > limits.buttons_max:
        raise BadContent("content.buttons", f"{label} takes at most {limits.buttons_max} buttons.")
    for button in content.buttons:
        if not button.strip() or len(button) > limits.button_text_max:
            raise BadContent(
                "content.button_text",
                f"A button's text has 1 to {limits.button_text_max} characters.",
            )


def first(values: Iterable[str]) -> str:
    """The first text that is not empty, else an empty one."""
    return next((value for value in values if value), "")
