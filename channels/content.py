"""A message as composed, and a provider's rules for it as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from channels.errors import N_, BadContent

Kind = Literal["text", "image", "video", "audio", "document", "template"]
"""What a message is. Stored as written: never rename."""


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
            text = N_("A message has no “{field}”.")
            raise BadContent("content.unknown_field", text, field=unknown[0])
        values: dict[str, Any] = {}
        for name, value in document.items():
            listed = name in ("buttons", "parameters")
            good = (
                isinstance(value, Sequence) and not isinstance(value, str)
                if listed
                else isinstance(value, str)
            )
            if not good:
                text = N_("“{field}” is not written as expected.")
                raise BadContent("content.wrong_type", text, field=name)
            values[name] = tuple(str(item) for item in value) if listed else value
        return cls(**values)


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
    text_max_with_buttons: int | None = None
    """Where a text with buttons must be shorter."""
    without_caption: tuple[Kind, ...] = ()
    """Media that carry no text."""
    without_buttons: tuple[Kind, ...] = ()

    def longest(self, content: Content) -> int:
        """Characters the text of this content may have."""
        if content.kind in self.without_caption:
            return 0
        longest = self.text_max if content.kind == "text" else self.caption_max
        if content.buttons and self.text_max_with_buttons is not None:
            return min(longest, self.text_max_with_buttons)
        return longest
