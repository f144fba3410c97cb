"""What came of a broadcast, counted from the ledger and from who was left out, and nothing else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.audience import REASONS
from engine.language import N_
from engine.overview import Line, overview

STATES = {
    "planned": N_("Planned"),
    "claimed": N_("On its way"),
    "accepted": N_("Accepted"),
    "delivered": N_("Delivered"),
    "read": N_("Read"),
    "failed": N_("Failed"),
    "unknown": N_("Unknown"),
    "cancelled": N_("Cancelled"),
}
"""What a message can be, as stored in message.state: never rename a key."""

FUNNEL = {
    "messages": N_("Messages"),
    "accepted": N_("Accepted"),
    "delivered": N_("Delivered"),
    "read": N_("Read"),
    "replied": N_("Replied"),
}
"""The steps of the funnel: how many messages came at least that far."""

SECONDS = {"second": 1, "minute": 60, "hour": 3600}
"""The length of a broadcast's rate unit."""

__all__ = [
    "FUNNEL",
    "STATES",
    "Line",
    "Report",
    "largest_window",
    "overview",
    "report",
    "throughput",
]

ROW = db.Message


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelCount:
    """One channel's messages."""

    id: int
    name: str
    states: Mapping[str, int]

    @property
    def messages(self) -> int:
        return sum(self.states.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Messages that ended for the same reason."""

    reason_class: str
    """A message's reason_class: permanent, retryable, opted_out, unclear, previous_part, …"""
    code: str
    text: str
    count: int

    def to_json(self) -> dict[str, Any]:
        return {
            "class": self.reason_class,
            "code": self.code,
            "text": self.text,
            "count": self.count,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """The rate a person chose."""

    count: int
    per: str
    """second | minute | hour"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The most messages that left within any stretch of that length."""

    seconds: float
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """matched = recipients + left out; messages = the sum of states."""

    id: int
    name: str
    state: str
    recipients: int
    """People in the ledger."""
    left_out: Mapping[str, int]
    """By reason, every one of audience.REASONS in order."""
    states: Mapping[str, int]
    """Messages by state, every one of STATES in order."""
    funnel: Mapping[str, int]
    """Every one of FUNNEL in order."""
    channels: tuple[ChannelCount, ...]
    failures: tuple[Failure, ...]
    """Most frequent first; failed and unknown messages."""
    rate: Rate | None
    largest_window: Window | None
    """For the rate's unit, a second without one; None before anything left."""
    first_sent_at: dt.datetime | None
    last_sent_at: dt.datetime | None

    @property
    def messages(self) -> int:
        return sum(self.states.values())

    @property
    def matched(self) -> int:
        return self.recipients + sum(self.left_out.values())

    @property
    def seconds(self) -> float | None:
        """From the first message that left to the last."""
        if self.first_sent_at is None or self.last_sent_at is None:
            return None
        return (self.last_sent_at - self.first_sent_at).total_seconds()

    def to_json(self) -> dict[str, Any]:
        """JSON values only; moments as ISO 8601 in UTC."""
        return {
            "id": self.id,
            "name": self.name,
            "state": self.state,
            "matched": self.matched,
            "recipients": self.recipients,
            "left_out": dict(self.left_out),
            "messages": self.messages,
            "states": dict(self.states),
            "funnel": dict(self.funnel),
            "channels": [
                {"id": one.id, "name": one.name, "messages": one.messages, **one.states}
                for one in self.channels
            ],
            "failures": [failure.to_json() for failure in self.failures],
            "rate": self.rate and asdict(self.rate),
            "largest_window": self.largest_window and asdict(self.largest_window),
            "first_sent_at": self.first_sent_at and self.first_sent_at.isoformat(),
            "last_sent_at": self.last_sent_at and self.last_sent_at.isoformat(),
            "seconds": self.seconds,
        }


def report(session: Session, broadcast_id: int) -> Report:
    """Counted now, in this session's transaction. Raises NotFound."""
    row = db.get(session, db.Broadcast, broadcast_id)
    first, last = _sent(session, broadcast_id)
    rate = None
    if row.rate_count is not None and row.rate_per is not None:
        rate = Rate(count=row.rate_count, per=row.rate_per)
    window = None
    if first is not None:
        seconds = float(SECONDS[rate.per if rate else "second"])
        count = largest_window(session, broadcast_id, seconds)
        window = Window(seconds=seconds, count=count)
    return Report(
        id=row.id,
        name=row.name,
        state=row.state,
        recipients=_recipients(session, broadcast_id),
        left_out=_left_out(session, broadcast_id),
        states=_states(session, broadcast_id),
        funnel=_funnel(session, broadcast_id),
        channels=_channels(session, broadcast_id),
        failures=_failures(session, broadcast_id),
        rate=rate,
        largest_window=window,
        first_sent_at=first,
        last_sent_at=last,
    )


def _of(broadcast_id: int) -> sa.ColumnElement[bool]:
    return ROW.broadcast_id == broadcast_id


def _recipients(session: Session, id: int) -> int:
    people = sa.select(sa.func.count(ROW.contact_id.distinct())).where(_of(id))
    return session.scalar(people) or 0


def _left_out(session: Session, id: int) -> dict[str, int]:
    row = db.LeftOut
    query = (
        sa.select(row.reason, sa.func.count()).where(row.broadcast_id == id).group_by(row.reason)
    )
    return _every(REASONS, session.execute(query))


def _states(session: Session, id: int) -> dict[str, int]:
    query = sa.select(ROW.state, sa.func.count()).where(_of(id)).group_by(ROW.state)
    return _every(STATES, session.execute(query))


def _every(keys: Iterable[str], counted: Iterable[Any]) -> dict[str, int]:
    """All keys in order, zeros included; a key that is not among them comes last, not lost."""
    counts: dict[str, int] = dict.fromkeys(keys, 0)
    counts.update((key, count) for key, count in counted)
    return counts


def _funnel(session: Session, id: int) -> dict[str, int]:
    """A later step implies the earlier ones, also when a provider skipped telling them."""
    came = [
        sa.or_(*(column.is_not(None) for column in columns))
        for columns in (
            (ROW.accepted_at, ROW.delivered_at, ROW.read_at, ROW.replied_at),
            (ROW.delivered_at, ROW.read_at, ROW.replied_at),
            (ROW.read_at, ROW.replied_at),
            (ROW.replied_at,),
        )
    ]
    counts = [sa.func.count(), *(sa.func.count(sa.case((step, 1))) for step in came)]
    found = session.execute(sa.select(*counts).where(_of(id))).one()
    return dict(zip(FUNNEL, found, strict=True))


def _channels(session: Session, id: int) -> tuple[ChannelCount, ...]:
    names = (db.Channel.id, db.Channel.name)
    counted = session.execute(
        sa.select(*names, ROW.state, sa.func.count())
        .join(db.Channel, db.Channel.id == ROW.channel_id)
        .where(_of(id))
        .group_by(*names, ROW.state)
        .order_by(db.Channel.id)
    )
    return tuple(
        ChannelCount(id=channel, name=name, states=_every(STATES, (row[2:] for row in rows)))
        for (channel, name), rows in groupby(counted, key=lambda row: (row[0], row[1]))
    )


def _failures(session: Session, id: int) -> tuple[Failure, ...]:
    """Grouped by class and code; the text is one of those the provider gave."""
    count = sa.func.count()
    query = (
        sa.select(ROW.reason_class, ROW.reason_code, sa.func.max(ROW.reason_text), count)
        .where(_of(id), ROW.state.in_(("failed", "unknown")))
        .group_by(ROW.reason_class, ROW.reason_code)
        .order_by(count.desc(), ROW.reason_class, ROW.reason_code)
    )
    return tuple(
        Failure(reason_class=row[0], code=row[1], text=row[2], count=row[3])
        for row in session.execute(query)
    )


# When it left


def _sent(session: Session, id: int) -> tuple[dt.datetime | None, dt.datetime | None]:
    query = sa.select(sa.func.min(ROW.sent_at), sa.func.max(ROW.sent_at)).where(_of(id))
    first, last = session.execute(query).one()
    return first, last


def _sent_micros(session: Session, id: int) -> pl.Series:
    """Every moment a message left, in µs, in order."""
    sent = sa.type_coerce(ROW.sent_at, sa.BigInteger)
    query = sa.select(sent).where(_of(id), ROW.sent_at.is_not(None)).order_by(ROW.sent_at)
    rows = session.connection().execute(query).scalars().all()
    return pl.Series("at", rows, pl.Int64)


def largest_window(session: Session, broadcast_id: int, seconds: float) -> int:
    """The most messages that left in any half-open window [t, t + seconds), exactly."""
    at = _sent_micros(session, broadcast_id)
    ends = at.search_sorted(at + round(seconds * 1_000_000), side="left")
    starts = pl.int_range(0, at.len(), eager=True)
    return int((ends.cast(pl.Int64) - starts).max() or 0)  # type: ignore[arg-type]


def throughput(session: Session, broadcast_id: int, *, buckets: int = 120) -> pl.DataFrame:
    """Messages that left, in at most `buckets` equal steps of whole seconds, quiet ones included.

    Columns: at Datetime(us, UTC), the start of a step; messages Int64; seconds Int64, its length.
    """
    at = _sent_micros(session, broadcast_id)
    if at.is_empty():
        return pl.DataFrame(schema=THROUGHPUT)
    first, last = at[0] // 1_000_000, at[-1] // 1_000_000
    length = -(-(last - first + 1) // buckets)
    step = ((at // 1_000_000 - first) // length).alias("step")
    counted = step.value_counts(name="messages")
    every = pl.DataFrame({"step": pl.int_range(0, (last - first) // length + 1, eager=True)})
    start = (first + pl.col("step") * length) * 1_000_000
    return every.join(counted, on="step", how="left", maintain_order="left").select(
        start.cast(pl.Datetime("us", "UTC")).alias("at"),
        pl.col("messages").fill_null(0).cast(pl.Int64),
        pl.lit(length, pl.Int64).alias("seconds"),
    )


THROUGHPUT: dict[str, pl.DataType | type[pl.DataType]] = {
    "at": pl.Datetime("us", "UTC"),
    "messages": pl.Int64,
    "seconds": pl.Int64,
}
