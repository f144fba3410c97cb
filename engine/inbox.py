"""Webhook calls as they came: stored first, so nothing a provider said is lost, then applied."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from channels.base import Channel, ChannelError, Event, Hook, Receipt
from engine import accounts, db, receipts, replies

log = logging.getLogger("pregon.inbox")

KEPT_HEADERS = (
    "content-type",
    "x-hub-signature-256",
    "x-telegram-bot-api-secret-token",
    "x-twilio-signature",
    "i-twilio-idempotency-token",
)
"""What is needed to read a call again later; a header that is a secret itself is masked."""

MASKED = frozenset({"x-telegram-bot-api-secret-token"})


def store(database: db.Database, hooks: Sequence[tuple[int, Hook]]) -> None:
    """Keep calls whose signature was good, in one transaction; the same call twice is kept once."""
    dialect = sqlite if database.is_sqlite else postgresql
    rows = [
        {
            "channel_id": channel_id,
            "digest": digest(channel_id, hook),
            "method": hook.method,
            "url": hook.url,
            "headers": _headers(hook),
            "body": hook.body,
            "received_at": db.now(),
        }
        for channel_id, hook in hooks
    ]
    with database.write() as session:
        session.execute(dialect.insert(db.Receipt).on_conflict_do_nothing(), rows)


def digest(channel_id: int, hook: Hook) -> str:
    parts = (str(channel_id), hook.method, hook.url)
    return hashlib.sha256("\n".join(parts).encode() + b"\n" + hook.body).hexdigest()


def _headers(hook: Hook) -> dict[str, str]:
    return {
        name: "…" if name in MASKED else hook.headers[name]
        for name in KEPT_HEADERS
        if name in hook.headers
    }


def apply(database: db.Database, calls: Sequence[tuple[int, Hook, Sequence[Event]]]) -> None:
    """Carry out what stored calls say, in one transaction, and mark them as applied."""
    with database.write() as session:
        rows = {row.id: row for row in session.scalars(sa.select(db.Channel))}
        by_channel: dict[int, list[Event]] = {}
        for channel_id, _, events in calls:
            by_channel.setdefault(channel_id, []).extend(events)
        if any(_changes_people(event) for events in by_channel.values() for event in events):
            db.touch_contacts(session)  # first, as everybody who writes contacts does: no deadlock
        for channel_id, events in by_channel.items():
            _carry_out(session, rows[channel_id], events)
        digests = [digest(channel_id, hook) for channel_id, hook, _ in calls]
        session.execute(
            sa.update(db.Receipt)
            .where(db.Receipt.digest.in_(digests))
            .values(applied_at=db.now())
            .execution_options(synchronize_session=False)
        )


def _changes_people(event: Event) -> bool:
    return not isinstance(event, Receipt) or event.opted_out or event.invalid


def _carry_out(session: Session, channel: db.Channel, events: Sequence[Event]) -> None:
    receipts.apply(session, channel.id, [event for event in events if isinstance(event, Receipt)])
    replies.apply(session, channel, [event for event in events if not isinstance(event, Receipt)])


def sweep(database: db.Database, *, older_than: dt.timedelta, limit: int = 200) -> int:
    """Apply calls that were stored and then forgotten by a crash; how many there were."""
    with database.read() as session:
        rows = session.scalars(
            sa.select(db.Receipt)
            .where(
                db.Receipt.applied_at.is_(None),
                db.Receipt.problem == "",
                db.Receipt.received_at < db.now() - older_than,
            )
            .order_by(db.Receipt.id)
            .limit(limit)
        ).all()
        if not rows:
            return 0
        channels = {row.id: row for row in session.scalars(sa.select(db.Channel))}
        opened = {
            id: accounts.open(database.settings, row)
            for id, row in channels.items()
            if any(waiting.channel_id == id for waiting in rows)
        }
    for row in rows:
        _apply_again(database, row, opened[row.channel_id])
    return len(rows)


def _apply_again(database: db.Database, row: db.Receipt, channel: Channel) -> None:
    hook = Hook(
        method=row.method, url=row.url, headers=_unmasked(row.headers, channel), body=row.body
    )
    try:
        events = channel.events(hook)
    except ChannelError as error:
        note_problem(database, row.channel_id, hook, f"{error.code}: {error.text}")
        return
    apply(database, [(row.channel_id, hook, events)])


def _unmasked(headers: Mapping[str, Any], channel: Channel) -> dict[str, str]:
    """A masked header was checked before the call was stored: it is the channel's own secret."""
    secret = str(getattr(channel, "webhook_secret", ""))
    return {name: secret if name in MASKED else str(value) for name, value in headers.items()}


def note_problem(database: db.Database, channel_id: int, hook: Hook, problem: str) -> None:
    """A call that is genuine but cannot be read stays, with the reason."""
    log.warning("channel %s: an event could not be read: %s", channel_id, problem)
    with database.write() as session:
        session.execute(
            sa.update(db.Receipt)
            .where(db.Receipt.digest == digest(channel_id, hook))
            .values(problem=problem[:500])
            .execution_options(synchronize_session=False)
        )
