"""What a provider's answer that is no acceptance means: one action a code, else the status says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from channels.base import (
    N_,
    ChannelError,
    Misconfigured,
    OptedOut,
    Rejected,
    Response,
    Scope,
    Throttled,
    Unclear,
    Unreachable,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """A provider's error codes by action."""

    throttled: Mapping[int, tuple[Scope, float | None]]
    """Who must pause, and for how many seconds where the provider's pages say."""
    temporary: frozenset[int]
    """Not processed, may work later."""
    opted_out: frozenset[int]
    invalid: frozenset[int]
    """The address does not work."""
    rejected: frozenset[int]
    misconfigured: frozenset[int]
    _actions: Mapping[int, type[ChannelError]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raises ValueError for a code with two actions."""
        listed: dict[int, type[ChannelError]] = {}
        for action, codes in (
            (Throttled, self.throttled),
            (Unreachable, self.temporary),
            (OptedOut, self.opted_out),
            (Rejected, self.invalid | self.rejected),
            (Misconfigured, self.misconfigured),
        ):
            if twice := sorted(listed.keys() & set(codes)):
                raise ValueError(f"Code {twice[0]} has two actions.")
            listed |= dict.fromkeys(codes, action)
        object.__setattr__(self, "_actions", listed)

    def error(self, code: int, text: str, response: Response) -> ChannelError:
        """The action for this code; for one that is not listed, what the status says."""
        action = self._actions.get(code)
        if action is Throttled:
            scope, seconds = self.throttled[code]
            told = retry_after(response.headers)
            wait = seconds if told is None else told
            return Throttled(str(code), text, retry_after=wait, scope=scope)
        if action is Rejected:
            return Rejected(str(code), text, invalid=code in self.invalid)
        return unlisted(response, str(code), text) if action is None else action(str(code), text)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After header; None when it is absent or a date."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def unlisted(response: Response, code: str, text: str) -> ChannelError:
    """A provider's own error whose code no table lists: the status decides."""
    status = response.status
    if status == 429:
        return Throttled(code, text, retry_after=retry_after(response.headers))
    if status in (401, 403, 404):
        return Misconfigured(code, text)
    if status >= 500:
        return Unreachable(code, text)
    return Rejected(code, text) if 400 <= status < 500 else Unclear(code, text)


def unreadable(response: Response) -> ChannelError:
    """An answer with neither an id nor an error: a proxy's page, half a document.

    Only a status that says the provider never looked at the message lets it be sent again.
    """
    status = response.status
    code = f"http.{status}"
    if status == 429:
        text = N_("Too many requests.")
        return Throttled(code, text, retry_after=retry_after(response.headers))
    if 300 <= status < 400 or status in (401, 403, 404, 405, 407):
        text = N_("The address does not answer like the provider (HTTP {status}).")
        return Misconfigured(code, text, status=status)
    return Unclear(code, N_("The answer could not be read (HTTP {status})."), status=status)
