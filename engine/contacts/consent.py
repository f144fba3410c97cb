"""Who left a channel and who came back: the log of what was said, and what is true now by it.

What was said holds for an address, whoever has it: also when the person who said it is deleted,
and somebody with the same number is added or imported later.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import addresses, cleaning
from engine.contacts.rows import CHUNK, among

ROW: Any = db.ContactChannel.__table__
LOG: Any = db.OptOut.__table__

Source = Literal["reply", "provider", "person", "import"]
"""Who said that a person leaves or comes back. Stored in opt_out.source: never rename."""


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
    at, reason = at or db.now(), cleaning.tidy(reason)[:500]
    contact = session.get(db.Contact, contact_id)
    if contact is None:
        known = _addresses_of_gone(session, contact_id, channel_id)
        if not known:
            db.get(session, db.Contact, contact_id)  # raises NotFound
    else:
        rows = addresses.rows_or_new(session, contact, channel_id)
        known = [row.address for row in rows]
    said = {"contact_id": contact_id, "channel_id": channel_id, "kind": kind, "source": source}
    for address in known:
        if not session.scalar(sa.select(db.OptOut.id).filter_by(**said, at=at, address=address)):
            session.add(db.OptOut(**said, at=at, address=address, reason=reason))
    session.flush()
    _apply(session, channel_id, known, contact)


def say(
    session: Session,
    contact_ids: Sequence[int],
    *,
    channel: db.Channel,
    kind: Literal["out", "in"],
    source: Source,
    reason: str = "",
) -> dict[int, list[int]]:
    """Many people leave a channel now, or come back; who is not on it, or did so, is passed over.

    Returns, by person, the ids of the rows of the log.
    """
    at, reason, out = db.now(), cleaning.tidy(reason)[:500], kind == "out"
    places = _places(session, contact_ids, channel, out=out)
    why = (reason or source) if out else ""
    on = {"channel_id": channel.id, "opted_out_at": at if out else None, "opted_out_why": why}
    fresh = [{**on, **_who(place)} for place in places if place[0] is None]
    moved = [id for id, _, _ in places if id is not None]
    for start in range(0, len(moved), CHUNK):
        mine = ROW.c.id.in_(moved[start : start + CHUNK])
        session.execute(sa.update(ROW).where(mine).values(on))
    said = {"channel_id": channel.id, "kind": kind, "source": source, "reason": reason, "at": at}
    for table, rows in ((ROW, fresh), (LOG, [{**said, **_who(place)} for place in places])):
        if rows:
            session.connection().execute(sa.insert(table), rows)
    for loaded in list(session.identity_map.values()):
        if isinstance(loaded, db.ContactChannel):
            session.expire(loaded)
    people = list(dict.fromkeys(who for _, who, _ in places))
    addresses.stamp(session, people)
    logged: dict[int, list[int]] = {}
    log = db.OptOut
    for start in range(0, len(people), CHUNK):
        mine = log.contact_id.in_(people[start : start + CHUNK])
        written = sa.select(log.contact_id, log.id).where(
            mine, log.channel_id == channel.id, log.at == at, log.kind == kind
        )
        for who, id in session.execute(written):
            logged.setdefault(who, []).append(id)
    return logged


Place = tuple[int | None, int, str]
"""(id of the row of contact_channel, contact id, address); None where there is no row yet."""


def _who(place: Place) -> dict[str, Any]:
    return {"contact_id": place[1], "address": place[2]}


def _places(
    session: Session, contact_ids: Sequence[int], channel: db.Channel, *, out: bool
) -> list[Place]:
    """Where the people are on the channel and not yet out (or in); phones without a row too."""
    row, contact = ROW.c, db.Contact
    places: list[Place] = []
    for start in range(0, len(contact_ids), CHUNK):
        ids = contact_ids[start : start + CHUNK]
        found = session.execute(
            sa.select(row.id, row.contact_id, row.address, row.opted_out_at).where(
                row.contact_id.in_(ids), row.channel_id == channel.id
            )
        ).all()
        places += [(id, who, where) for id, who, where, at in found if (at is None) == out]
        if not out or not addresses.by_phone(channel):
            continue
        listed = {who for _, who, _, _ in found}
        taken = sa.exists().where(row.channel_id == channel.id, row.address == contact.phone)
        free = sa.select(contact.id, contact.phone).where(
            contact.id.in_(ids), contact.phone.is_not(None), ~taken
        )
        places += [
            (None, id, phone) for id, phone in session.execute(free) if phone and id not in listed
        ]
    return places


def _apply(
    session: Session, channel_id: int, known: Sequence[str], contact: db.Contact | None
) -> None:
    """What was said last of these addresses, or by this person, holds for who has them now."""
    on, log = db.ContactChannel, db.OptOut
    mine: sa.ColumnElement[bool] = log.address.in_(known)
    if contact is not None:
        mine = sa.or_(mine, log.contact_id == contact.id)
    latest = session.scalars(
        sa.select(log)
        .where(log.channel_id == channel_id, mine)
        .order_by(log.at.desc(), log.kind.desc(), log.id)
    ).first()
    if latest is None:
        return
    who: sa.ColumnElement[bool] = on.address.in_(known)
    if contact is not None:
        who = sa.or_(who, on.contact_id == contact.id)
    out = latest.kind == "out"
    people = {contact.id} if contact is not None else set()
    for row in session.scalars(sa.select(on).where(on.channel_id == channel_id, who)):
        row.opted_out_at = latest.at if out else None
        row.opted_out_why = (latest.reason or latest.source) if out else ""
        people.add(row.contact_id)
    session.flush()
    addresses.stamp(session, people)
    if out and contact is None:
        owners = sa.select(db.Contact.id, db.Contact.phone).where(db.Contact.phone.in_(known))
        keep_consent(session, [(id, phone) for id, phone in session.execute(owners) if phone])


def _addresses_of_gone(session: Session, contact_id: int, channel_id: int) -> list[str]:
    """Where somebody who was deleted is known to have been on the channel."""
    known: dict[str, None] = {}
    for table in (db.Message, db.OptOut):
        asked = sa.select(table.address).filter_by(contact_id=contact_id, channel_id=channel_id)
        known |= dict.fromkeys(each for each in session.scalars(asked) if each)
    return list(known)


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


def _said(session: Session, known: Sequence[str]) -> list[db.OptOut]:
    """Of every (channel, address) what was said last, if that was to leave."""
    latest: dict[tuple[int, str | None], db.OptOut] = {}
    log = db.OptOut
    said = sa.select(log).where(among(session, log.address, known))
    for row in session.scalars(said.order_by(log.at, log.kind, log.id.desc())):
        latest[row.channel_id, row.address] = row
    return [row for row in latest.values() if row.kind == "out"]


def _hold(session: Session, said: Sequence[db.OptOut], owners: Mapping[str, int]) -> int:
    """Write for whoever has the addresses now that they left."""
    on = db.ContactChannel
    where = among(session, on.address, [each.address for each in said if each.address])
    channels = on.channel_id.in_({each.channel_id for each in said})
    there = sa.select(on).where(channels, where)
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
    addresses.stamp(session, held)
    return len(held)


def keep_said(session: Session, row: db.ContactChannel) -> None:
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
        theirs = among(session, on.contact_id, ids)
        gone = sa.select(on).where(theirs, on.opted_out_at.is_not(None))
        rows = session.scalars(gone).all()
        known = {
            (said.channel_id, said.address)
            for said in _said(session, [row.address for row in rows])
        }
        fresh = [_said_by(row) for row in rows if (row.channel_id, row.address) not in known]
        session.add_all(fresh)
        session.flush()
        for each in fresh:
            written.setdefault(each.contact_id, []).append(each.id)
    return written


def _said_by(row: db.ContactChannel) -> db.OptOut:
    return db.OptOut(
        contact_id=row.contact_id,
        channel_id=row.channel_id,
        address=row.address,
        kind="out",
        source="person",
        reason=row.opted_out_why,
        at=row.opted_out_at,
    )
