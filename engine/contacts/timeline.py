"""What happened with one person, the newest first: messages, opt-outs, changes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import changes
from engine.language import N_

KINDS = {
    "sent": N_("Message sent"),
    "got": N_("Message received"),
    "opt_out": N_("Opted out"),
    "opt_in": N_("Opted in again"),
    "change": N_("Changed"),
    "created": N_("Created"),
}
"""Kinds of events."""

SOURCES = {
    "reply": N_("in a message"),
    "provider": N_("told by the provider"),
    "person": N_("by somebody here"),
    "import": N_("in an import"),
}
"""Who said that a person leaves or comes back, by opt_out.source."""

PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    at: dt.datetime
    kind: str
    """A key of KINDS."""
    channel: str = ""
    broadcast_id: int | None = None
    broadcast: str = ""
    part: int = 0
    state: str = ""
    """Of a message sent: its state in the ledger."""
    text: str = ""
    """What they wrote; why a message failed; why they opted out. Not ours: untrusted."""
    source: str = ""
    """Of an opt-out: a key of SOURCES."""
    change: changes.Listed | None = None
    """For changes.sentence."""
    sent_at: dt.datetime | None = None
    delivered_at: dt.datetime | None = None
    read_at: dt.datetime | None = None
    failed_at: dt.datetime | None = None
    replied_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One line of the opt-out log."""

    channel: str
    address: str | None
    kind: str
    """out | in"""
    source: str
    reason: str
    at: dt.datetime


def timeline(
    session: Session, contact_id: int, *, offset: int = 0, limit: int = PAGE
) -> tuple[Event, ...]:
    """A page of what happened. Works for somebody deleted too, save for `created`."""
    most = offset + limit
    events = [
        *_sent(session, contact_id, most),
        *_got(session, contact_id, most),
        *_consent(session, contact_id, most),
        *_changes(session, contact_id, most),
    ]
    made = session.scalar(sa.select(db.Contact.created_at).where(db.Contact.id == contact_id))
    if made is not None:
        events.append(Event(at=made, kind="created"))
    events.sort(key=lambda event: event.at, reverse=True)
    return tuple(events[offset:most])


def consent(session: Session, contact_id: int) -> tuple[Consent, ...]:
    """The person's opt-outs and opt-ins, the newest first."""
    return tuple(
        Consent(
            channel=channel,
            address=row.address,
            kind=row.kind,
            source=row.source,
            reason=row.reason,
            at=row.at,
        )
        for row, channel in session.execute(_log(contact_id))
    )


def _log(contact_id: int) -> sa.Select[*tuple[Any, ...]]:
    log = db.OptOut
    return (
        sa.select(log, db.Channel.name)
        .join(db.Channel, db.Channel.id == log.channel_id)
        .where(log.contact_id == contact_id)
        .order_by(log.at.desc(), log.id.desc())
    )


def _consent(session: Session, contact_id: int, most: int) -> Iterator[Event]:
    for row, channel in session.execute(_log(contact_id).limit(most)):
        yield Event(
            at=row.at,
            kind=f"opt_{row.kind}",
            channel=channel,
            source=row.source,
            text=row.reason,
        )


def _sent(session: Session, contact_id: int, most: int) -> Iterator[Event]:
    message = db.Message
    at = sa.func.coalesce(
        message.sent_at, message.accepted_at, message.failed_at, message.planned_at
    )
    rows = session.execute(
        sa.select(message, db.Broadcast.name, db.Channel.name, sa.type_coerce(at, db.Moment()))
        .join(db.Broadcast, db.Broadcast.id == message.broadcast_id)
        .join(db.Channel, db.Channel.id == message.channel_id)
        .where(message.contact_id == contact_id)
        .order_by(at.desc(), message.id.desc())
        .limit(most)
    )
    for row, broadcast, channel, when in rows:
        yield Event(
            at=when,
            kind="sent",
            channel=channel,
            broadcast_id=row.broadcast_id,
            broadcast=broadcast,
            part=row.part,
            state=row.state,
            text=row.reason_text or row.reason_code,
            sent_at=row.sent_at,
            delivered_at=row.delivered_at,
            read_at=row.read_at,
            failed_at=row.failed_at,
            replied_at=row.replied_at,
        )


def _got(session: Session, contact_id: int, most: int) -> Iterator[Event]:
    reply = db.Reply
    rows = session.execute(
        sa.select(reply, db.Channel.name, db.Message.broadcast_id, db.Broadcast.name)
        .join(db.Channel, db.Channel.id == reply.channel_id)
        .outerjoin(db.Message, db.Message.id == reply.message_id)
        .outerjoin(db.Broadcast, db.Broadcast.id == db.Message.broadcast_id)
        .where(reply.contact_id == contact_id)
        .order_by(reply.at.desc(), reply.id.desc())
        .limit(most)
    )
    for row, channel, broadcast_id, broadcast in rows:
        yield Event(
            at=row.at,
            kind="got",
            channel=channel,
            text=row.text,
            broadcast_id=broadcast_id,
            broadcast=broadcast or "",
        )


def _changes(session: Session, contact_id: int, most: int) -> Iterator[Event]:
    for change in changes.listing(session, limit=most, contact_id=contact_id):
        yield Event(at=change.at, kind="change", change=change)
