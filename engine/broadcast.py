"""A broadcast's life: one table of transitions, and the confirmation. Only writer of its state."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import checks, db, drafts, plan
from engine.errors import Conflict
from engine.language import N_

STATES = {
    "draft": N_("Draft"),
    "scheduled": N_("Scheduled"),
    "preparing": N_("Preparing"),
    "sending": N_("Sending"),
    "paused": N_("Paused"),
    "completed": N_("Completed"),
    "completed_with_errors": N_("Completed with errors"),
    "cancelled": N_("Cancelled"),
    "failed": N_("Failed"),
    "missed": N_("Missed"),
}
"""Stored as written: never rename a key."""

TRANSITIONS: dict[str, frozenset[str]] = {
    "draft": frozenset({"scheduled", "preparing"}),
    "scheduled": frozenset({"draft", "preparing", "missed", "cancelled"}),
    "missed": frozenset({"draft", "preparing", "cancelled"}),
    "preparing": frozenset({"sending", "paused", "cancelled", "failed"}),
    "sending": frozenset({"paused", "completed", "completed_with_errors", "cancelled", "failed"}),
    "paused": frozenset({"sending", "preparing", "cancelled"}),
    "completed": frozenset(),
    "completed_with_errors": frozenset(),
    "cancelled": frozenset(),
    "failed": frozenset(),
}

ENDED = frozenset(state for state, after in TRANSITIONS.items() if not after)


def move(session: Session, id: int, to: str, *, reason: str = "", **stamps: Any) -> bool:
    """Compare-and-set along TRANSITIONS. False when it is elsewhere by now; nothing is written."""
    sources = [state for state, after in TRANSITIONS.items() if to in after]
    result = session.execute(
        sa.update(db.Broadcast)
        .where(db.Broadcast.id == id, db.Broadcast.state.in_(sources))
        .values(state=to, state_reason=reason, updated_at=db.now(), **stamps)
        .execution_options(synchronize_session=False)
    )
    return bool(result.rowcount)  # type: ignore[attr-defined]


def _must_move(session: Session, id: int, to: str, **values: Any) -> None:
    if not move(session, id, to, **values):
        session.expire_all()
        raise _wrong_state(db.get(session, db.Broadcast, id))
    session.expire_all()


def _wrong_state(row: db.Broadcast) -> Conflict:
    return Conflict(
        "broadcast.wrong_state",
        "“{name}” is {state}, so this cannot be done now.",
        name=row.name,
        state=STATES[row.state].lower(),
    )


def confirm(
    database: db.Database, id: int, *, version: int | None = None, now: dt.datetime | None = None
) -> str:
    """Freeze the segment and let it go: "scheduled", or "preparing" when it starts now.

    `version` is the draft that a person saw. Raises the first of `checks.problems`, or Conflict
    when it is no draft or was changed since.
    """
    now = now or db.now()
    with database.read() as session:
        row = db.get(session, db.Broadcast, id)
        if row.state != "draft":
            raise _wrong_state(row)
        seen = row.version if version is None else version
    if found := checks.problems(database, id, now=now):
        raise found[0]
    with database.write() as session:
        row = db.get(session, db.Broadcast, id)
        if row.version != seen:
            raise drafts.edited_elsewhere(row)
        start = plan.start_at(row.start_local, row.timezone or "UTC") if row.start_local else now
        to = "scheduled" if row.start_local else "preparing"
        tree = db.get(session, db.Segment, row.segment_id or 0).tree
        _must_move(session, id, to, tree=tree, confirmed_at=now, start_at=start)
    return to


def unschedule(session: Session, id: int) -> None:
    """Scheduled or missed → draft again, its segment live again."""
    _must_move(session, id, "draft", tree=None, confirmed_at=None, start_at=None)


def start_missed(session: Session, id: int) -> None:
    """A person lets a missed start go now."""
    _must_move(session, id, "preparing", start_at=db.now())


def pause(session: Session, id: int, *, reason: str = "") -> None:
    _must_move(session, id, "paused", reason=reason)


def resume(session: Session, id: int) -> None:
    """Go on where the ledger stands: sending, or preparing if it was not all planned yet."""
    row = db.get(session, db.Broadcast, id)
    _must_move(session, id, "sending" if row.started_at else "preparing")


def cancel(session: Session, id: int, *, reason: str = "") -> None:
    """Nothing more is planned or sent; what is on its way keeps its fate."""
    _must_move(session, id, "cancelled", reason=reason, finished_at=db.now())
    session.execute(
        sa.update(db.Message)
        .where(db.Message.broadcast_id == id, db.Message.state == "planned")
        .values(state="cancelled", reason_class="cancelled", next_at=None)
    )


def due(session: Session, now: dt.datetime) -> list[int]:
    """Scheduled broadcasts whose start has come."""
    return list(
        session.scalars(
            sa.select(db.Broadcast.id).where(
                db.Broadcast.state == "scheduled", db.Broadcast.start_at <= now
            )
        )
    )


def begin(session: Session, id: int, *, now: dt.datetime, grace: dt.timedelta) -> str | None:
    """A scheduled start has come: "preparing", "missed" when too late, None when not ours."""
    row = db.get(session, db.Broadcast, id)
    if row.state != "scheduled" or row.start_at is None:
        return None
    to = "missed" if now - row.start_at > grace else "preparing"
    return to if move(session, id, to) else None


def finish(session: Session, id: int) -> str | None:
    """Sending → completed when nothing is planned or claimed; None while something is."""
    counted = session.execute(
        sa.select(db.Message.state, sa.func.count())
        .where(db.Message.broadcast_id == id)
        .group_by(db.Message.state)
    )
    states: dict[str, int] = dict(counted.all())
    if states.get("planned") or states.get("claimed"):
        return None
    clean = not (states.get("failed") or states.get("unknown"))
    to = "completed" if clean else "completed_with_errors"
    return to if move(session, id, to, finished_at=db.now()) else None
