"""The ledger going out: who is claimed, and what came of each attempt.

A message leaves `planned` only by a claim, and comes back to it only when its request provably
never left or was provably refused. Nobody else claims or records.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from engine import broadcast, db, journal, receipts
from engine.contacts import reach
from engine.dispatch import Item, Outcome
from engine.errors import Unavailable

P = ParamSpec("P")
T = TypeVar("T")
MESSAGE = db.Message


def _available(call: Callable[P, T]) -> Callable[P, T]:
    """A locked or restarting database becomes Unavailable, which dispatch waits out."""

    @functools.wraps(call)
    def asked(*arguments: P.args, **named: P.kwargs) -> T:
        try:
            return call(*arguments, **named)
        except DBAPIError as error:
            raise Unavailable("database.away", "The database does not answer.") from error

    return asked


# Claiming and recording


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbox:
    """One dispatcher's hand in the ledger; `token` is its journal's name."""

    database: db.Database
    broadcast_id: int
    token: str

    @_available
    def claim(self, channel_id: int, wanted: int) -> list[Item]:
        """Take up to `wanted` ready messages; people who left meanwhile are passed over."""
        now = db.now()
        with self.database.write() as session:
            if not _is_sending(session, self.broadcast_id):
                return []
            ready = (
                sa.select(MESSAGE.id)
                .where(
                    MESSAGE.broadcast_id == self.broadcast_id,
                    MESSAGE.channel_id == channel_id,
                    MESSAGE.state == "planned",
                    MESSAGE.next_at <= now,
                )
                .order_by(MESSAGE.next_at, MESSAGE.id)
                .limit(wanted)
            )
            if not self.database.is_sqlite:
                ready = ready.with_for_update(skip_locked=True)
            taken = session.execute(
                sa.update(MESSAGE)
                .where(MESSAGE.id.in_(ready))
                .values(
                    state="claimed",
                    claimed_by=self.token,
                    claimed_at=now,
                    attempt=MESSAGE.attempt + 1,
                )
                .returning(
                    MESSAGE.id,
                    MESSAGE.contact_id,
                    MESSAGE.part,
                    MESSAGE.address,
                    MESSAGE.variables,
                    MESSAGE.units,
                    MESSAGE.attempt,
                    MESSAGE.tries,
                )
                .execution_options(synchronize_session=False)
            ).all()
            people = [row.contact_id for row in taken]
            out, deleted = _opted_out(session, channel_id, people), _deleted(session, people)
            _drop(session, [row.id for row in taken if row.contact_id in deleted], "deleted")
            gone = out | deleted
            _drop(session, [row.id for row in taken if row.contact_id in out], "opted_out")
        return [
            Item(
                id=row.id,
                part=row.part,
                address=row.address,
                variables=row.variables,
                units=row.units,
                attempt=row.attempt,
                tries=row.tries,
            )
            for row in sorted(taken, key=lambda row: row.id)
            if row.contact_id not in gone
        ]

    @_available
    def ready_in(self, channel_id: int) -> float | None:
        """Seconds until the next message of this channel is ready; None when none ever will be."""
        with self.database.write() as session:
            _release(session, self.broadcast_id)
            first, waiting = session.execute(
                sa.select(sa.func.min(MESSAGE.next_at), sa.func.count()).where(
                    MESSAGE.broadcast_id == self.broadcast_id,
                    MESSAGE.channel_id == channel_id,
                    MESSAGE.state == "planned",
                )
            ).one()
        if not waiting:
            return None
        return 0.5 if first is None else max(0.0, (first - db.now()).total_seconds())

    @_available
    def record(self, outcomes: Sequence[Outcome]) -> None:
        """Write what came of attempts, in one transaction; recording twice changes nothing."""
        with self.database.write() as session:
            record(session, self.token, outcomes)

    @_available
    def wanted(self) -> bool:
        with self.database.read() as session:
            return _is_sending(session, self.broadcast_id)

    @_available
    def pause(self, reason: str) -> None:
        """The channel or content is wrong for everybody: stop until a person has looked."""
        with self.database.write() as session:
            broadcast.move(session, self.broadcast_id, "paused", reason=reason)


def _is_sending(session: Session, broadcast_id: int) -> bool:
    state = session.scalar(sa.select(db.Broadcast.state).where(db.Broadcast.id == broadcast_id))
    return state == "sending"


def _opted_out(session: Session, channel_id: int, people: Sequence[int]) -> set[int]:
    return set(
        session.scalars(
            sa.select(db.ContactChannel.contact_id).where(
                db.ContactChannel.contact_id.in_(people),
                db.ContactChannel.channel_id == channel_id,
                db.ContactChannel.opted_out_at.is_not(None),
            )
        )
    )


def _deleted(session: Session, people: Sequence[int]) -> set[int]:
    """Who is no contact any more: deleted, or merged into somebody with messages of their own."""
    known = session.scalars(sa.select(db.Contact.id).where(db.Contact.id.in_(people)))
    return set(people) - set(known)


def _drop(session: Session, ids: Sequence[int], why: str) -> None:
    """Messages that will not be sent after all, and say why."""
    if ids:
        session.execute(
            sa.update(MESSAGE)
            .where(MESSAGE.id.in_(ids))
            .values(state="cancelled", reason_class=why, claimed_by=None, next_at=None)
            .execution_options(synchronize_session=False)
        )


def _release(session: Session, broadcast_id: int) -> None:
    """Later parts whose earlier one is through become ready; those whose earlier one failed end."""
    earlier = sa.orm.aliased(MESSAGE)
    previous = (
        sa.select(earlier.state)
        .where(
            earlier.broadcast_id == MESSAGE.broadcast_id,
            earlier.contact_id == MESSAGE.contact_id,
            earlier.part == MESSAGE.part - 1,
        )
        .correlate(MESSAGE)
        .scalar_subquery()
    )
    waiting = sa.and_(
        MESSAGE.broadcast_id == broadcast_id,
        MESSAGE.state == "planned",
        MESSAGE.next_at.is_(None),
        MESSAGE.part > 1,
    )
    through = ("accepted", "delivered", "read", "unknown")
    for states, values in (
        (through, {"next_at": db.now()}),
        (("failed", "cancelled"), {"state": "cancelled", "reason_class": "previous_part"}),
    ):
        session.execute(
            sa.update(MESSAGE)
            .where(waiting, previous.in_(states))
            .values(**values)
            .execution_options(synchronize_session=False)
        )


def record(session: Session, token: str, outcomes: Sequence[Outcome]) -> None:
    """Outcomes of attempts claimed under `token`, each fenced by its attempt."""
    if any(outcome.kind == "opted_out" or outcome.invalid for outcome in outcomes):
        db.touch_contacts(session)  # first, as everybody who writes contacts does: no deadlock
    for kind, write in _WRITERS.items():
        if some := [outcome for outcome in outcomes if outcome.kind == kind]:
            write(session, token, some)


def _any_of(states: Sequence[str]) -> Any:
    """Like IN, which SQLAlchemy cannot use in a statement executed many times."""
    return sa.or_(*(MESSAGE.state == state for state in states))


def _mine(token: str, *states: str) -> Any:
    """The rows an outcome may still change."""
    return sa.and_(
        MESSAGE.id == sa.bindparam("message"),
        MESSAGE.attempt == sa.bindparam("of_attempt"),
        MESSAGE.claimed_by == token,
        _any_of(states),
    )


def _write(session: Session, statement: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        session.connection().execute(statement, list(rows))


def _key(outcome: Outcome) -> dict[str, Any]:
    return {"message": outcome.id, "of_attempt": outcome.attempt}


def _at(micros: int) -> dt.datetime:
    return db.moment(micros) if micros else db.now()


def _write_accepted(session: Session, token: str, some: Sequence[Outcome]) -> None:
    """Accepted, or further already when a receipt was faster; then the next part's turn."""
    state = sa.case((_any_of(("claimed", "unknown")), "accepted"), else_=MESSAGE.state)
    _write(
        session,
        sa.update(MESSAGE)
        .where(_mine(token, "claimed", "unknown", "accepted", "delivered", "read", "failed"))
        .values(
            state=state,
            provider_id=sa.bindparam("given_id"),
            sent_at=sa.bindparam("left_at"),
            accepted_at=sa.func.coalesce(
                MESSAGE.accepted_at, sa.bindparam("taken_at", type_=db.Moment())
            ),
            reason_class="",
        ),
        [
            _key(outcome)
            | {
                "given_id": outcome.provider_id,
                "left_at": _at(outcome.sent_at),
                "taken_at": db.now(),
            }
            for outcome in some
        ],
    )
    _next_part(session, some)
    receipts.adopt(session, [outcome.provider_id for outcome in some if outcome.provider_id])


def _next_part(session: Session, some: Sequence[Outcome]) -> None:
    """The following part of each person becomes ready, after the pause between two messages."""
    ids = [outcome.id for outcome in some]
    people = session.execute(
        sa.select(MESSAGE.id, MESSAGE.broadcast_id, MESSAGE.contact_id, MESSAGE.part).where(
            MESSAGE.id.in_(ids)
        )
    ).all()
    waits = {outcome.id: outcome.wait for outcome in some}
    now = db.now()
    _write(
        session,
        sa.update(MESSAGE)
        .where(
            MESSAGE.broadcast_id == sa.bindparam("of_broadcast"),
            MESSAGE.contact_id == sa.bindparam("of_contact"),
            MESSAGE.part == sa.bindparam("of_part"),
            MESSAGE.state == "planned",
            MESSAGE.next_at.is_(None),
        )
        .values(next_at=sa.bindparam("ready_at")),
        [
            {
                "of_broadcast": row.broadcast_id,
                "of_contact": row.contact_id,
                "of_part": row.part + 1,
                "ready_at": now + dt.timedelta(seconds=waits[row.id]),
            }
            for row in people
        ],
    )


def _write_again(session: Session, token: str, some: Sequence[Outcome]) -> None:
    """Back to planned: refused for now, or it never left."""
    now = db.now()
    _write(
        session,
        sa.update(MESSAGE)
        .where(_mine(token, "claimed"))
        .values(
            state="planned",
            claimed_by=None,
            tries=sa.bindparam("tried"),
            next_at=sa.bindparam("ready_at"),
            reason_code=sa.bindparam("code"),
            reason_text=sa.bindparam("text"),
        ),
        [
            _key(outcome)
            | {
                "tried": outcome.tries,
                "ready_at": now + dt.timedelta(seconds=outcome.wait),
                "code": outcome.code,
                "text": outcome.text,
            }
            for outcome in some
        ],
    )


def _write_unknown(session: Session, token: str, some: Sequence[Outcome]) -> None:
    """Unknown, unless a receipt told more meanwhile; when it left is kept either way."""
    _write_ended("unknown", "unclear", session, token, some)
    _write(
        session,
        sa.update(MESSAGE)
        .where(_mine(token, "accepted", "delivered", "read", "failed"))
        .values(
            sent_at=sa.func.coalesce(MESSAGE.sent_at, sa.bindparam("left_at", type_=db.Moment()))
        ),
        [_key(outcome) | {"left_at": _at(outcome.sent_at)} for outcome in some if outcome.sent_at],
    )


def _write_ended(
    state: str, why: str, session: Session, token: str, some: Sequence[Outcome]
) -> None:
    """Failed, or unknown."""
    stamps = {"failed_at": db.now()} if state == "failed" else {}
    _write(
        session,
        sa.update(MESSAGE)
        .where(_mine(token, "claimed"))
        .values(
            state=state,
            sent_at=sa.bindparam("left_at"),
            reason_class=sa.bindparam("class"),
            reason_code=sa.bindparam("code"),
            reason_text=sa.bindparam("text"),
            **stamps,
        ),
        [
            _key(outcome)
            | {
                "left_at": _at(outcome.sent_at) if outcome.sent_at else None,
                "class": "retryable" if why == "permanent" and outcome.tries else why,
                "code": outcome.code,
                "text": outcome.text,
            }
            for outcome in some
        ],
    )
    for outcome in some:
        if why == "opted_out" or outcome.invalid:
            _tell_contact(session, outcome, opted_out=why == "opted_out")


def _tell_contact(session: Session, outcome: Outcome, *, opted_out: bool) -> None:
    row = db.get(session, MESSAGE, outcome.id)
    why = f"{outcome.code} {outcome.text}".strip()
    if opted_out:
        reach.opt_out(
            session,
            contact_id=row.contact_id,
            channel_id=row.channel_id,
            source="provider",
            reason=why,
        )
    else:
        reach.invalidate(session, contact_id=row.contact_id, channel_id=row.channel_id, why=why)


_WRITERS: dict[str, Callable[[Session, str, Sequence[Outcome]], None]] = {
    "accepted": _write_accepted,
    "again": _write_again,
    "unsent": _write_again,
    "failed": functools.partial(_write_ended, "failed", "permanent"),
    "opted_out": functools.partial(_write_ended, "failed", "opted_out"),
    "unknown": _write_unknown,
}


# After a crash


def journals(database: db.Database) -> Path:
    """The folder of this machine's journals."""
    return database.settings.folder / "journal"


def recover(database: db.Database, folder: Path) -> int:
    """Settle the claims that ended dispatchers left open; how many messages that was."""
    settled = 0
    for left, path in journal.abandoned(folder):
        with database.write() as session:
            settled += _settle(session, left)
        path.unlink(missing_ok=True)
    return settled


def _settle(session: Session, left: journal.Record) -> int:
    """By what provably happened: recorded answer, maybe left, or never left."""
    claimed = session.execute(
        sa.select(MESSAGE.id, MESSAGE.attempt, MESSAGE.tries, MESSAGE.state).where(
            MESSAGE.claimed_by == left.token,
            sa.or_(MESSAGE.state.in_(("claimed", "unknown")), MESSAGE.sent_at.is_(None)),
        )
    ).all()
    outcomes = []
    for row in claimed:
        key = row.id, row.attempt
        if line := left.done.get(key):
            outcomes.append(Outcome.from_json(line))
        elif key in left.fired or not left.same_boot:
            sent_at = left.fired.get(key, 0)
            outcomes.append(
                Outcome(
                    id=row.id, attempt=row.attempt, kind="unknown", code="worker_died",
                    sent_at=sent_at,
                )
            )  # fmt: skip
        else:
            outcomes.append(Outcome(id=row.id, attempt=row.attempt, kind="unsent", tries=row.tries))
    record(session, left.token, outcomes)
    return sum(row.state == "claimed" for row in claimed)
