"""How a person is reached: addresses, consent and what came in, channel by channel.

Every writer takes the contacts lock first (db.touch_contacts locks the one workspace row until
the transaction ends), so two processes that meet the same new person make one contact.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from channels import KINDS
from engine import db
from engine.contacts import attributes
from engine.errors import Invalid

Source = Literal["reply", "provider", "person", "import"]
"""Who said that a person leaves or comes back. Stored in opt_out.source: never rename."""


def by_phone(channel: db.Channel) -> bool:
    """Whether a phone number is the channel's address."""
    kind = KINDS.get(channel.kind)
    return kind is not None and kind.address == "phone"


def address(session: Session, contact: db.Contact, channel: db.Channel) -> str | None:
    """Where the person is reached on the channel, opted out or not; None when nowhere.

    Of several addresses one that works comes first, then the one they last wrote from.
    """
    rows = _rows(session, contact_id=contact.id, channel_id=channel.id)
    if rows:
        return min(rows, key=_preference).address
    return contact.phone if by_phone(channel) else None


def _preference(row: db.ContactChannel) -> tuple[bool, float, int]:
    wrote = row.last_inbound_at.timestamp() if row.last_inbound_at else 0.0
    return row.invalid_at is not None, -wrote, row.id


def inbound(
    session: Session,
    *,
    channel: db.Channel,
    address: str,
    at: dt.datetime,
    name: str = "",
    phone: str = "",
) -> db.Contact:
    """The person who wrote, found or created; their last_inbound_at on the channel only rises.

    A name or phone that the provider tells fills what is empty, and never replaces anything.
    """
    db.touch_contacts(session)
    address = canonical(channel, address)
    number = attributes.normalise_phone(phone, None) if phone else None
    if number is None and by_phone(channel):
        number = address if address.startswith("+") else None
    row = _row(session, channel_id=channel.id, address=address)
    if row is None:
        contact = _by_phone_number(session, number) or _create(session, name=name, phone=number)
        row = db.ContactChannel(contact_id=contact.id, channel_id=channel.id, address=address)
        session.add(row)
    else:
        contact = db.get(session, db.Contact, row.contact_id)
    _fill(session, contact, name=name, phone=number)
    if row.last_inbound_at is None or row.last_inbound_at < at:
        row.last_inbound_at = at
    if row.invalid_at is not None and row.invalid_at < at:
        row.invalid_at, row.invalid_why = None, ""
    contact.updated_at = db.now()
    session.flush()
    return contact


def canonical(channel: db.Channel, address: str) -> str:
    """The one spelling of an address: E.164 on phone channels where it is a number."""
    text = attributes.tidy(address)
    if by_phone(channel):
        digits = text.removeprefix("+")
        return attributes.normalise_phone(f"+{digits}", None) or text
    return text


def _create(session: Session, *, name: str, phone: str | None) -> db.Contact:
    first, last = attributes.split_name(attributes.tidy(name))
    contact = db.Contact(first_name=first, last_name=last, phone=phone)
    session.add(contact)
    session.flush()
    return contact


def _fill(session: Session, contact: db.Contact, *, name: str, phone: str | None) -> None:
    if name and not contact.first_name and not contact.last_name:
        contact.first_name, contact.last_name = attributes.split_name(attributes.tidy(name))
    if phone and contact.phone is None and _by_phone_number(session, phone) is None:
        contact.phone = phone


def _by_phone_number(session: Session, phone: str | None) -> db.Contact | None:
    if phone is None:
        return None
    return session.scalar(sa.select(db.Contact).where(db.Contact.phone == phone))


def opt_out(
    session: Session,
    *,
    contact_id: int,
    channel_id: int,
    source: Source,
    reason: str = "",
    at: dt.datetime | None = None,
) -> None:
    """Nothing more is sent to the person on this channel. Raises Invalid when not on it.

    Events may come late: the one with the latest `at` holds, and out wins over in at one moment.
    """
    _record(session, contact_id, channel_id, "out", source=source, reason=reason, at=at)


def opt_in(
    session: Session,
    *,
    contact_id: int,
    channel_id: int,
    source: Source,
    reason: str = "",
    at: dt.datetime | None = None,
) -> None:
    """The person came back; the opposite of `opt_out` in everything."""
    _record(session, contact_id, channel_id, "in", source=source, reason=reason, at=at)


def _record(
    session: Session,
    contact_id: int,
    channel_id: int,
    kind: Literal["out", "in"],
    *,
    source: Source,
    reason: str,
    at: dt.datetime | None,
) -> None:
    db.touch_contacts(session)
    contact = db.get(session, db.Contact, contact_id)
    rows = _rows_or_new(session, contact, channel_id)
    at, reason = at or db.now(), attributes.tidy(reason)[:500]
    same = {"contact_id": contact_id, "channel_id": channel_id, "kind": kind, "source": source}
    if session.scalar(sa.select(db.OptOut.id).filter_by(**same, at=at)) is None:
        session.add(db.OptOut(**same, at=at, reason=reason))
        session.flush()
    latest = session.scalars(
        sa.select(db.OptOut)
        .filter_by(contact_id=contact_id, channel_id=channel_id)
        .order_by(db.OptOut.at.desc(), db.OptOut.kind.desc(), db.OptOut.id)
    ).first()
    assert latest is not None
    out = latest.kind == "out"
    for row in rows:
        row.opted_out_at = latest.at if out else None
        row.opted_out_why = (latest.reason or latest.source) if out else ""
    contact.updated_at = db.now()
    session.flush()


def invalidate(session: Session, *, contact_id: int, channel_id: int, why: str) -> None:
    """The person's address on the channel does not work; writing to us heals it."""
    db.touch_contacts(session)
    contact = db.get(session, db.Contact, contact_id)
    for row in _rows_or_new(session, contact, channel_id):
        if row.invalid_at is None:
            row.invalid_at = db.now()
        row.invalid_why = attributes.tidy(why)[:500]
    contact.updated_at = db.now()
    session.flush()


def follow_phone(session: Session, changed: Sequence[tuple[int, str, str]]) -> None:
    """After phones changed [(contact id, old, new)]: addresses that were the old number follow.

    Consent stays with the person; a fault of the old number does not.
    """
    for contact_id, old, new in changed:
        rows = session.scalars(
            sa.select(db.ContactChannel).filter_by(contact_id=contact_id, address=old)
        ).all()
        for row in rows:
            if _row(session, channel_id=row.channel_id, address=new) is None:
                row.address, row.invalid_at, row.invalid_why = new, None, ""
    session.flush()


def _rows(session: Session, *, contact_id: int, channel_id: int) -> list[db.ContactChannel]:
    found = sa.select(db.ContactChannel).filter_by(contact_id=contact_id, channel_id=channel_id)
    return list(session.scalars(found))


def _row(session: Session, *, channel_id: int, address: str) -> db.ContactChannel | None:
    return session.scalar(
        sa.select(db.ContactChannel).filter_by(channel_id=channel_id, address=address)
    )


def _rows_or_new(session: Session, contact: db.Contact, channel_id: int) -> list[db.ContactChannel]:
    """The person's rows on the channel, or a new one for their phone. Raises Invalid for none."""
    if rows := _rows(session, contact_id=contact.id, channel_id=channel_id):
        return rows
    channel = db.get(session, db.Channel, channel_id)
    taken = contact.phone and _row(session, channel_id=channel_id, address=contact.phone)
    if not by_phone(channel) or not contact.phone or taken:
        raise Invalid(
            "contact.not_on_channel",
            "This person has no address on “{channel}”.",
            channel=channel.name,
        )
    row = db.ContactChannel(contact_id=contact.id, channel_id=channel_id, address=contact.phone)
    session.add(row)
    session.flush()
    return [row]
