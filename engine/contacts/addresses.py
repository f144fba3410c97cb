"""Where a person is on a channel: the rows of contact_channel, found, made and kept right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from channels import KINDS
from engine import db
from engine.contacts import cleaning
from engine.contacts.rows import among, chunks
from engine.errors import Invalid


def by_phone(channel: db.Channel) -> bool:
    """Whether a phone number is the channel's address."""
    kind = KINDS.get(channel.kind)
    return kind is not None and kind.address == "phone"


def address(session: Session, contact: db.Contact, channel: db.Channel) -> str | None:
    """Where the person is reached on the channel, opted out or not; None when nowhere.

    Of several addresses one that works comes first, then the one they last wrote from.
    """
    rows = rows_of(session, contact_id=contact.id, channel_id=channel.id)
    if rows:
        return min(rows, key=_preference).address
    return contact.phone if by_phone(channel) else None


def _preference(row: db.ContactChannel) -> tuple[bool, float, int]:
    wrote = row.last_inbound_at.timestamp() if row.last_inbound_at else 0.0
    return row.invalid_at is not None, -wrote, row.id


def canonical(channel: db.Channel, address: str) -> str:
    """The one spelling of an address: E.164 on phone channels where it is a number."""
    text = cleaning.tidy(address)
    if by_phone(channel):
        digits = text.removeprefix("+")
        return cleaning.normalise_phone(f"+{digits}", None) or text
    return text


def follow_phone(session: Session, changed: Sequence[tuple[int, str, str]]) -> None:
    """After phones changed [(contact id, old, new)]: addresses that were the old number follow.

    Consent stays with the person; a fault of the old number does not.
    """
    for contact_id, old, new in changed:
        rows = session.scalars(
            sa.select(db.ContactChannel).filter_by(contact_id=contact_id, address=old)
        ).all()
        for row in rows:
            if row_at(session, channel_id=row.channel_id, address=new) is None:
                row.address, row.invalid_at, row.invalid_why = new, None, ""
    session.flush()


def stamp(session: Session, contact_ids: Iterable[int]) -> None:
    """These people changed now."""
    for chunk in chunks(contact_ids):
        mine = among(session, db.Contact.id, chunk)
        stamp = sa.update(db.Contact).where(mine).values(updated_at=db.now())
        session.execute(stamp, execution_options={"synchronize_session": "fetch"})


def rows_of(session: Session, *, contact_id: int, channel_id: int) -> list[db.ContactChannel]:
    found = sa.select(db.ContactChannel).filter_by(contact_id=contact_id, channel_id=channel_id)
    return list(session.scalars(found))


def row_at(session: Session, *, channel_id: int, address: str) -> db.ContactChannel | None:
    return session.scalar(
        sa.select(db.ContactChannel).filter_by(channel_id=channel_id, address=address)
    )


def rows_or_new(session: Session, contact: db.Contact, channel_id: int) -> list[db.ContactChannel]:
    """The person's rows on the channel, or a new one for their phone. Raises Invalid for none."""
    if rows := rows_of(session, contact_id=contact.id, channel_id=channel_id):
        return rows
    channel = db.get(session, db.Channel, channel_id)
    taken = contact.phone and row_at(session, channel_id=channel_id, address=contact.phone)
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
