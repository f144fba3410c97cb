"""How the sandbox's people and network behave. Every draw is a hash of seed, address and content,
so the same run always meets the same fate."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Literal

from engine.errors import Invalid

Standing = Literal["fine", "invalid", "blocked"]
"""What an address is to its provider, whatever is sent to it."""

Weather = Literal["fine", "throttled", "unavailable", "cut", "cut_accepted"]
"""What happens to one request: answered, refused unprocessed, or its connection cut."""

What = Literal["sent", "delivered", "read", "failed", "reply", "left"]

REPLIES = (
    "¡Sí, gracias!",
    "Me interesa 👍",
    "¿Tienen envío a Medellín?",
    "¿Hasta cuándo dura?",
    "Gracias, ya lo compré",
    "No por ahora",
    "Quiero hablar con una persona",
    "ok",
)
STOPS = ("STOP", "BAJA", "Stop", "baja")

Seconds = tuple[float, float]
"""From, to: drawn evenly between the two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that comes back after a message was accepted."""

    what: What
    after: float
    """Seconds from acceptance until we are told."""
    text: str = ""
    button: int | None = None
    """Index of the button pressed instead of a text."""
    quotes: bool = False
    """The reply names the message it answers."""
    lasting: bool = False
    """The failure means that the address does not work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What comes back from one accepted message, in the order we are told."""

    steps: tuple[Step, ...]
    early: bool
    """The first receipt is on its way before the request is answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Shares (0 to 1) and delays (seconds). Raises Invalid for a share outside 0 to 1."""

    seed: int = 1
    # by address
    invalid: float = 0.02
    blocked: float = 0.01
    # by request
    throttled: float = 0.004
    unavailable: float = 0.003
    slow: float = 0.0
    dropped: float = 0.0
    """Connections cut without an answer; in half of them the message was accepted."""
    retry_after: int = 1
    """Seconds a throttled sender is told to wait."""
    enforce_rates: bool = False
    """Refuse what exceeds the provider's own rate (Limits.rate) in any second."""
    # by accepted message
    delivered: float = 0.88
    failed: float = 0.04
    """The rest is accepted and never heard of again."""
    read: float = 0.60
    """Of those delivered."""
    replies: float = 0.07
    """Of those delivered."""
    stops: float = 0.10
    """Of the replies."""
    leaves: float = 0.002
    """Of those delivered: block the sender, where the provider tells."""
    # how receipts travel
    twice: float = 0.05
    disordered: float = 0.05
    early: float = 0.01
    late: float = 0.02
    # delays
    receipt_seconds: Seconds = (0.2, 2.0)
    read_seconds: Seconds = (0.5, 6.0)
    reply_seconds: Seconds = (1.0, 10.0)
    late_seconds: Seconds = (5.0, 15.0)
    slow_seconds: Seconds = (1.0, 5.0)

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if item.type == "float" and not 0 <= value <= 1:
                raise Invalid(
                    "population.share", "The share “{name}” must be from 0 to 1.", name=item.name
                )

    @classmethod
    def calm(cls, *, seed: int = 1) -> Population:
        """Nothing goes wrong: every message is accepted at once, delivered, told once, in order."""
        return cls(
            seed=seed,
            invalid=0,
            blocked=0,
            throttled=0,
            unavailable=0,
            delivered=1,
            failed=0,
            stops=0,
            leaves=0,
            twice=0,
            disordered=0,
            early=0,
            late=0,
        )

    def standing(self, kind: str, address: str) -> Standing:
        draw = self._draws(1, "person", kind, address)[0]
        if draw < self.invalid:
            return "invalid"
        return "blocked" if draw < self.invalid + self.blocked else "fine"

    def weather(
        self, kind: str, address: str, digest: str, *, attempt: int
    ) -> tuple[Weather, float]:
        """What happens to this attempt, and how many seconds its answer takes."""
        fate, half, slow, length = self._draws(4, "try", kind, address, digest, str(attempt))
        wait = _between(self.slow_seconds, length) if slow < self.slow else 0.0
        if fate < self.throttled:
            return "throttled", wait
        fate -= self.throttled
        if fate < self.unavailable:
            return "unavailable", wait
        if fate < self.unavailable + self.dropped:
            return ("cut_accepted" if half < 0.5 else "cut"), wait
        return "fine", wait

    def course(
        self, kind: str, address: str, digest: str, *, tells: Collection[str], buttons: int = 0
    ) -> Course:
        """What comes back from an accepted message; only the kinds of news the provider tells."""
        draw = self._draws(15, "message", kind, address, digest)
        steps = [step for step in self._fate(draw, buttons) if step.what in tells]
        answers = [step for step in steps if step.what in ("reply", "left")]
        receipts = [step for step in steps if step not in answers]
        early = bool(receipts) and draw[13] < self.early
        if early:
            head = receipts[0].after
            receipts = [_moved(step, step.after - head) for step in receipts]
        if len(receipts) > 1 and draw[10] < self.disordered:
            moments = [step.after for step in receipts]
            receipts = [
                _moved(step, after) for step, after in zip(receipts, reversed(moments), strict=True)
            ]
        if receipts and draw[11] < self.twice:
            again = receipts[int(draw[12] * len(receipts))]
            receipts.append(_moved(again, again.after + _between(self.receipt_seconds, draw[2])))
        return Course(steps=tuple(sorted(receipts + answers, key=_after)), early=early)

    def _fate(self, draw: list[float], buttons: int) -> list[Step]:
        """What becomes of a message, in its true order."""
        moment = _between(self.receipt_seconds, draw[0])
        if draw[1] < self.late:
            moment += _between(self.late_seconds, draw[2])
        steps = [Step(what="sent", after=moment)]
        moment += _between(self.receipt_seconds, draw[3])
        if self.delivered <= draw[4] < self.delivered + self.failed:
            steps.append(Step(what="failed", after=moment, lasting=draw[5] < 0.3))
        if draw[4] >= self.delivered:
            return steps
        steps.append(Step(what="delivered", after=moment))
        if draw[5] < self.read:
            steps.append(Step(what="read", after=moment + _between(self.read_seconds, draw[6])))
        moment += _between(self.reply_seconds, draw[7])
        if draw[8] < self.replies:
            steps.append(self._reply(draw[8] / self.replies, draw[9], moment, buttons))
        if draw[14] < self.leaves:
            steps.append(Step(what="left", after=moment))
        return steps

    def _reply(self, which: float, manner: float, after: float, buttons: int) -> Step:
        """A button where there are some, half of the time; else a text that may quote."""
        if which < self.stops:
            return Step(what="reply", after=after, text=STOPS[int(manner * len(STOPS))])
        if buttons and manner < 0.5:
            button = int(manner * 2 * buttons)
            return Step(what="reply", after=after, button=button, quotes=True)
        text = REPLIES[int(manner * 1000) % len(REPLIES)]
        return Step(what="reply", after=after, text=text, quotes=int(manner * 10_000) % 2 == 0)

    def _draws(self, count: int, *key: str) -> list[float]:
        """Up to 16 even numbers in [0, 1) that depend on the seed and the key alone."""
        whole = "\0".join((str(self.seed), *key)).encode()
        digest = hashlib.blake2b(whole, digest_size=4 * count).digest()
        return [number * 2**-32 for number in struct.unpack(f">{count}I", digest)]


def _between(seconds: Seconds, draw: float) -> float:
    least, most = seconds
    return least + (most - least) * draw


def _moved(step: Step, after: float) -> Step:
    return Step(
        what=step.what,
        after=after,
        text=step.text,
        button=step.button,
        quotes=step.quotes,
        lasting=step.lasting,
    )


def _after(step: Step) -> float:
    return step.after
