"""Everything kept about one person, together: for the person's page and the command line."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import contacts
from engine.contacts.timeline import PAGE as PAGE
from engine.contacts.timeline import Consent as Consent
from engine.contacts.timeline import Event as Event
from engine.contacts.timeline import consent as consent
from engine.contacts.timeline import timeline as timeline

MESSAGES_SHOWN = 50

People = pl.LazyFrame
"""Rows of the contact frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnChannel:
    """The person on one channel, as it is now."""

    channel: str
    kind: str
    address: str
    last_inbound_at: dt.datetime | None
    opted_out_at: dt.datetime | None
    opted_out_why: str
    invalid_at: dt.datetime | None
    invalid_why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A broadcast message to the person."""

    broadcast_id: int
    broadcast: str
    channel: str
    part: int
    state: str
    reason: str
    at: dt.datetime
    replied_at: dt.datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    contact: db.Contact
    tags: tuple[str, ...]
    fields: tuple[tuple[str, str, Any], ...]
    """(label, type, value) of the custom fields that are set, in the fields' order."""
    channels: tuple[OnChannel, ...]
    messages: tuple[Sent, ...]
    """The newest first, MESSAGES_SHOWN at most."""
    opt_outs: tuple[Consent, ...]
    """What they said of opting out and in, and who said so, the newest first."""
    timeline: tuple[Event, ...]
    """The first page of `timeline`, the newest first."""


def those(people: People, ids: Sequence[int]) -> People:
    """The people with these ids, in the frame's order."""
    return people.join(pl.LazyFrame({"id": ids}, {"id": pl.Int64}), on="id", how="semi")


def profile(session: Session, contact_id: int) -> Profile:
    """Raises NotFound."""
    contact = contacts.get(session, contact_id)
    return Profile(
        contact=contact,
        tags=tuple(contacts.tags_of(session, contact_id).values()),
        fields=tuple(
            (field.label, field.type, contact.fields[field.key])
            for field in contacts.fields(session)
            if contact.fields.get(field.key) is not None
        ),
        channels=_channels(session, contact),
        messages=_messages(session, contact_id),
        opt_outs=consent(session, contact_id),
        timeline=timeline(session, contact_id),
    )


def _channels(session: Session, contact: db.Contact) -> tuple[OnChannel, ...]:
    """Rows that exist, and phone channels that reach the number without one."""
    rows = {
        row.channel_id: row
        for row in session.scalars(
            sa.select(db.ContactChannel)
            .where(db.ContactChannel.contact_id == contact.id)
            .order_by(db.ContactChannel.id.desc())
        )
    }
    found = []
    for channel in session.scalars(sa.select(db.Channel).order_by(db.Channel.key)):
        row = rows.get(channel.id)
        address = row.address if row else contacts.address(session, contact, channel)
        if address is None:
            continue
        found.append(
            OnChannel(
                channel=channel.name,
                kind=channel.kind,
                address=address,
                last_inbound_at=row.last_inbound_at if row else None,
                opted_out_at=row.opted_out_at if row else None,
                opted_out_why=row.opted_out_why if row else "",
                invalid_at=row.invalid_at if row else None,
                invalid_why=row.invalid_why if row else "",
            )
        )
    return tuple(found)


def _messages(session: Session, contact_id: int) -> tuple[Sent, ...]:
    message = db.Message
    rows = session.execute(
        sa.select(message, db.Broadcast.name, db.Channel.name)
        .join(db.Broadcast, db.Broadcast.id == message.broadcast_id)
        .join(db.Channel, db.Channel.id == message.channel_id)
        .where(message.contact_id == contact_id)
        .order_by(message.id.desc())
        .limit(MESSAGES_SHOWN)
    )
    return tuple(
        Sent(
            broadcast_id=row.broadcast_id,
            broadcast=broadcast,
            channel=channel,
            part=row.part,
            state=row.state,
            reason=row.reason_text or row.reason_code,
            at=row.accepted_at or row.failed_at or row.planned_at,
            replied_at=row.replied_at,
        )
        for row, broadcast, channel in rows
    )
