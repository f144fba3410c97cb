"""What can go wrong on a channel: the class is the action the dispatcher takes."""

from __future__ import annotations

from typing import Literal

Scope = Literal["person", "channel", "account"]


def N_(text: str) -> str:
    """Mark a text for the translation catalogues; it is translated where it is shown."""
    return text


class ChannelError(Exception):
    """`code` is the provider's own; `text` a sentence or the provider's words, never a secret.

    A sentence of ours is a `template` with `details`, so that it can be shown in any language.
    """

    def __init__(self, code: str, text: str = "", **details: object) -> None:
        self.code = code
        self.template = text
        self.details = details
        self.text = text.format(**details) if details else text
        super().__init__(f"{code}: {self.text}" if text else code)


class Throttled(ChannelError):
    """Too fast, not processed: the scope pauses, the message goes back, none counts as failed."""

    def __init__(
        self,
        code: str,
        text: str = "",
        *,
        retry_after: float | None = None,
        scope: Scope = "channel",
        **details: object,
    ) -> None:
        super().__init__(code, text, **details)
        self.retry_after = retry_after
        """Seconds, where the provider says."""
        self.scope: Scope = scope


class Unreachable(ChannelError):
    """The provider says it did not process the message and may later: try again, slower."""


class Rejected(ChannelError):
    """This message to this person fails for good."""

    def __init__(
        self, code: str, text: str = "", *, invalid: bool = False, **details: object
    ) -> None:
        super().__init__(code, text, **details)
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
