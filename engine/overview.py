"""Every broadcast in one line, its numbers counted from the ledger."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db

ROW = db.Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A broadcast in one line."""

    id: int
    name: str
    labels: tuple[str, ...]
    state: str
    state_reason: str
    start_at: dt.datetime | None
    created_at: dt.datetime
    finished_at: dt.datetime | None
    recipients: int
    left_out: int
    messages: int
    waiting: int
    """Planned or claimed."""
    delivered: int
    """At least that far."""
    read: int
    failed: int
    unknown: int
    replied: int

    @property
    def done(self) -> float:
        """The share of messages that need no more work, 0 to 1."""
        return 1 - self.waiting / self.messages if self.messages else 0.0


def overview(session: Session, *, ids: Collection[int] | None = None) -> list[Line]:
    """Every broadcast, or those of `ids`, newest first."""
    counted = _ledger_lines(session, ids)
    wanted = sa.true() if ids is None else db.Broadcast.id.in_(ids)
    people = sa.func.count().label("people")
    out = sa.select(db.LeftOut.broadcast_id, people).group_by(db.LeftOut.broadcast_id)
    left = {row.broadcast_id: row.people for row in session.execute(out)}
    return [
        Line(
            id=row.id,
            name=row.name,
            labels=tuple(row.labels),
            state=row.state,
            state_reason=row.state_reason,
            start_at=row.start_at,
            created_at=row.created_at,
            finished_at=row.finished_at,
            left_out=left.get(row.id, 0),
            **counted.get(row.id, dict.fromkeys(LEDGER_LINE, 0)),
        )
        for row in session.scalars(
            sa.select(db.Broadcast).where(wanted).order_by(db.Broadcast.id.desc())
        )
    ]


def _count(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.count(sa.case((condition, 1)))


LEDGER_LINE: dict[str, sa.ColumnElement[int]] = {
    "recipients": sa.func.count(ROW.contact_id.distinct()),
    "messages": sa.func.count(),
    "waiting": _count(ROW.state.in_(("planned", "claimed"))),
    "delivered": _count(
        sa.or_(ROW.delivered_at.is_not(None), ROW.read_at.is_not(None), ROW.replied_at.is_not(None))
    ),
    "read": _count(sa.or_(ROW.read_at.is_not(None), ROW.replied_at.is_not(None))),
    "failed": _count(ROW.state == "failed"),
    "unknown": _count(ROW.state == "unknown"),
    "replied": _count(ROW.replied_at.is_not(None)),
}


def _ledger_lines(session: Session, ids: Collection[int] | None) -> dict[int, dict[str, int]]:
    query = sa.select(ROW.broadcast_id, *LEDGER_LINE.values()).group_by(ROW.broadcast_id)
    if ids is not None:
        query = query.where(ROW.broadcast_id.in_(ids))
    rows = session.execute(query)
    return {row[0]: dict(zip(LEDGER_LINE, row[1:], strict=True)) for row in rows}
