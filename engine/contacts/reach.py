"""How a person is reached: addresses, consent and what came in, channel by channel.

Every writer takes the contacts lock first (db.touch_contacts locks the one workspace row until
the transaction ends), so two processes that meet the same new person make one contact.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from channels import KINDS
from engine import db
from engine.contacts import attributes
from engine.errors import Invalid

Source = Literal["reply", "provider", "person", "import"]
"""Who said that a person leaves or comes back. Stored in opt_out.source: never rename."""

CHUNK = 5_000
"""Values in one statement: SQLite takes 32,766."""


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
        session.flush()
        _keep_said(session, row)
    else:
        contact = db.get(session, db.Contact, row.contact_id)
    _fill(session, contact, name=name, phone=number)
    if row.last_inbound_at is None or row.last_inbound_at < at:
        row.last_inbound_at = at
    if row.invalid_at is not None and row.invalid_at < at:
        row.invalid_at, row.invalid_why = None, ""
    contact.updated_at = db.now()
    session.flush()
    if contact.phone:
        keep_consent(session, [(contact.id, contact.phone)])
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

    It holds for their addresses, whoever has them later; of somebody deleted, for those known.
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
    at, reason = at or db.now(), attributes.tidy(reason)[:500]
    contact = session.get(db.Contact, contact_id)
    if contact is None:
        addresses = _addresses_of_gone(session, contact_id, channel_id)
        if not addresses:
            db.get(session, db.Contact, contact_id)  # raises NotFound
    else:
        rows = _rows_or_new(session, contact, channel_id)
        addresses = [row.address for row in rows]
    said = {"contact_id": contact_id, "channel_id": channel_id, "kind": kind, "source": source}
    for address in addresses:
        if not session.scalar(sa.select(db.OptOut.id).filter_by(**said, at=at, address=address)):
            session.add(db.OptOut(**said, at=at, address=address, reason=reason))
    session.flush()
    _apply(session, channel_id, addresses, contact)


def _apply(
    session: Session, channel_id: int, addresses: Sequence[str], contact: db.Contact | None
) -> None:
    """What was said last of these addresses, or by this person, holds for who has them now."""
    on, log = db.ContactChannel, db.OptOut
    mine: sa.ColumnElement[bool] = log.address.in_(addresses)
    if contact is not None:
        mine = sa.or_(mine, log.contact_id == contact.id)
    latest = session.scalars(
        sa.select(log)
        .where(log.channel_id == channel_id, mine)
        .order_by(log.at.desc(), log.kind.desc(), log.id)
    ).first()
    if latest is None:
        return
    who: sa.ColumnElement[bool] = on.address.in_(addresses)
    if contact is not None:
        who = sa.or_(who, on.contact_id == contact.id)
    out = latest.kind == "out"
    people = {contact.id} if contact is not None else set()
    for row in session.scalars(sa.select(on).where(on.channel_id == channel_id, who)):
        row.opted_out_at = latest.at if out else None
        row.opted_out_why = (latest.reason or latest.source) if out else ""
        people.add(row.contact_id)
    session.flush()
    _stamp(session, people)
    if out and contact is None:
        owners = sa.select(db.Contact.id, db.Contact.phone).where(db.Contact.phone.in_(addresses))
        keep_consent(session, [(id, phone) for id, phone in session.execute(owners) if phone])


def _addresses_of_gone(session: Session, contact_id: int, channel_id: int) -> list[str]:
    """Where somebody who was deleted is known to have been on the channel."""
    known: dict[str, None] = {}
    for table in (db.Message, db.OptOut):
        asked = sa.select(table.address).filter_by(contact_id=contact_id, channel_id=channel_id)
        known |= dict.fromkeys(each for each in session.scalars(asked) if each)
    return list(known)


def _stamp(session: Session, contact_ids: Iterable[int]) -> None:
    """These people changed now."""
    ids = list(contact_ids)
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        stamp = sa.update(db.Contact).where(db.Contact.id.in_(chunk)).values(updated_at=db.now())
        session.execute(stamp, execution_options={"synchronize_session": "fetch"})


# Consent that was given elsewhere


def keep_consent(session: Session, phones: Iterable[tuple[int, str]]) -> int:
    """Whoever has a number now [(contact id, phone)] is out where it was last said to be out.

    For people who were created, imported, or given another number: an opt-out holds for its
    address, whoever has it. Returns how many people were opted out of something by it.
    """
    owners = {phone: id for id, phone in phones if phone}
    if not owners or session.scalar(sa.select(db.OptOut.id).limit(1)) is None:
        return 0
    numbers, found = list(owners), 0
    for start in range(0, len(numbers), CHUNK):
        found += _hold(session, _said(session, numbers[start : start + CHUNK]), owners)
    return found


def _said(session: Session, addresses: Sequence[str]) -> list[db.OptOut]:
    """Of every (channel, address) what was said last, if that was to leave."""
    latest: dict[tuple[int, str | None], db.OptOut] = {}
    log = db.OptOut
    said = sa.select(log).where(log.address.in_(addresses))
    for row in session.scalars(said.order_by(log.at, log.kind, log.id.desc())):
        latest[row.channel_id, row.address] = row
    return [row for row in latest.values() if row.kind == "out"]


def _hold(session: Session, said: Sequence[db.OptOut], owners: Mapping[str, int]) -> int:
    """Write for whoever has the addresses now that they left."""
    on = db.ContactChannel
    there = sa.select(on).where(on.address.in_([each.address for each in said]))
    rows = {(row.channel_id, row.address): row for row in session.scalars(there)} if said else {}
    held: set[int] = set()
    for each in said:
        assert each.address is not None
        contact_id = owners[each.address]
        row = rows.get((each.channel_id, each.address))
        if row is None:
            row = on(contact_id=contact_id, channel_id=each.channel_id, address=each.address)
            session.add(row)
        if row.contact_id == contact_id and row.opted_out_at is None:
            row.opted_out_at, row.opted_out_why = each.at, each.reason or each.source
            held.add(contact_id)
    session.flush()
    _stamp(session, held)
    return len(held)


def _keep_said(session: Session, row: db.ContactChannel) -> None:
    """A new address on a channel, of whatever kind, whose owner before left it."""
    for said in _said(session, [row.address]):
        if said.channel_id == row.channel_id:
            row.opted_out_at, row.opted_out_why = said.at, said.reason or said.source


def log_leaving(session: Session, contact_ids: Sequence[int]) -> dict[int, list[int]]:
    """Before people are deleted: opt-outs the log has no address for are written down.

    Returns the ids of the rows written, by person.
    """
    on = db.ContactChannel
    written: dict[int, list[int]] = {}
    for start in range(0, len(contact_ids), CHUNK):
        ids = contact_ids[start : start + CHUNK]
        gone = sa.select(on).where(on.contact_id.in_(ids), on.opted_out_at.is_not(None))
        rows = session.scalars(gone).all()
        known = {
            (said.channel_id, said.address)
            for said in _said(session, [row.address for row in rows])
        }
        for row in rows:
            if (row.channel_id, row.address) not in known:
                written.setdefault(row.contact_id, []).append(_log(session, row))
    return written


def _log(session: Session, row: db.ContactChannel) -> int:
    said = db.OptOut(
        contact_id=row.contact_id,
        channel_id=row.channel_id,
        address=row.address,
        kind="out",
        source="person",
        reason=row.opted_out_why,
        at=row.opted_out_at,
    )
    session.add(said)
    session.flush()
    return said.id


# Faults of addresses


def invalidate(session: Session, *, contact_id: int, channel_id: int, why: str) -> None:
    """The person's address on the channel does not work; writing to us heals it."""
    db.touch_contacts(session)
    contact = session.get(db.Contact, contact_id)
    if contact is None:  # deleted meanwhile: nobody is written to there any more
        return
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
