"""People made what documents say (see `documents`): their rows, tags and addresses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import documents, rows
from engine.contacts.documents import COLUMNS, CONTACT, FACTS, ON, Doc

UNIQUE = ("phone", "external_id")
PLACE = "contact_id = ? AND channel_id = ? AND address = ?"
FACT_COLUMNS = ("last_inbound_at", "opted_out_at", "opted_out_why", "invalid_at", "invalid_why")

Changed = dict[int, list[str]]
"""Contact id → the keys that differ, of people who are there and stay."""
Refused = dict[int, set[str]]


def write(
    session: Session, current: Mapping[int, Doc], target: Mapping[int, Doc | None]
) -> Refused:
    """Make people what `target` says (None: gone); `current` is what `read` gave of them.

    Returns, by person, the keys that could not be: unique values and addresses others have now,
    tags and channels that are gone.
    Opt-outs in the log are not touched: see reach.keep_consent.
    """
    db.touch_contacts(session)
    moving = {id: doc for id, doc in target.items() if current.get(id) != doc}
    wanted = {id: dict(doc) for id, doc in moving.items() if doc is not None}
    changed = {id: _changed(current[id], doc) for id, doc in wanted.items() if id in current}
    refused: Refused = {}
    _remove_links(session, changed, wanted)
    remove(session, [id for id, doc in moving.items() if doc is None])
    _release(session, changed, current)
    for name in UNIQUE:
        moved = [id for id in wanted if id not in current or name in changed[id]]
        _settle(session, name, moved, current, wanted, refused)
    _update(session, changed, wanted)
    _insert(session, {id: doc for id, doc in wanted.items() if id not in current})
    gained = [(id, key) for id in wanted for key in _gained(id, changed, current, wanted[id])]
    _add_tags(session, [(id, key) for id, key in gained if key.startswith("tag.")], refused)
    _add_channels(session, [(id, key[3:]) for id, key in gained if key.startswith("on.")],
                  wanted, refused)  # fmt: skip
    _move_channels(session, changed, current, wanted)
    expire(session)
    return refused


def expire(session: Session) -> None:
    """People that the session has loaded are read again when they are next asked for."""
    for row in list(session.identity_map.values()):
        if isinstance(row, db.Contact | db.ContactChannel | db.ContactTag):
            session.expire(row)


def remove(session: Session, ids: Sequence[int]) -> None:
    """Delete people with their tags and addresses."""
    link: Any = db.ContactTag.__table__
    for chunk in rows.chunks(ids):
        for table, column in ((link, link.c.contact_id), (ON, ON.c.contact_id)):
            session.execute(sa.delete(table).where(rows.among(session, column, chunk)))
        session.execute(sa.delete(CONTACT).where(rows.among(session, CONTACT.c.id, chunk)))


def _changed(current: Doc, wanted: Doc) -> list[str]:
    keys = current.keys() | wanted.keys()
    return [key for key in keys if current.get(key) != wanted.get(key)]


def _remove_links(session: Session, changed: Changed, wanted: Mapping[int, Doc]) -> None:
    """Tags and addresses that people lose and stay."""
    lost = [(id, key) for id, keys in changed.items() for key in keys if key not in wanted[id]]
    tags = [(id, int(key[4:])) for id, key in lost if key.startswith("tag.")]
    places = [(id, *documents.split(key[3:])) for id, key in lost if key.startswith("on.")]
    rows.write(session, "DELETE FROM contact_tag WHERE contact_id = ? AND tag_id = ?", tags)
    rows.write(session, f"DELETE FROM contact_channel WHERE {PLACE}", places)  # noqa: S608 - a literal above


# The contact's own row


def _release(session: Session, changed: Changed, current: Mapping[int, Doc]) -> None:
    """Unique values that will change are let go first, so that people may swap them."""
    for name in UNIQUE:
        ids = [id for id, keys in changed.items() if name in keys and name in current[id]]
        for chunk in rows.chunks(ids):
            mine = rows.among(session, CONTACT.c.id, chunk)
            session.execute(sa.update(CONTACT).where(mine).values({name: None}))


def _settle(
    session: Session,
    name: str,
    moving: Sequence[int],
    current: Mapping[int, Doc],
    wanted: Mapping[int, Doc],
    refused: Refused,
) -> None:
    """Who cannot have the unique value keeps the one they have, which nobody else gets then."""
    column = CONTACT.c[name]
    owners: dict[Any, int] = {}
    for chunk in rows.chunks(wanted[id][name] for id in moving if wanted[id].get(name)):
        there = sa.select(column, CONTACT.c.id).where(rows.among(session, column, chunk))
        owners |= dict(rows.fetch(session, there))
    again = bool(moving)
    while again:
        again = False
        for id in moving:
            value = wanted[id].get(name)
            if value and owners.setdefault(value, id) != id:
                _keep(name, current.get(id, {}), wanted[id])
                refused.setdefault(id, set()).add(name)
                if kept := wanted[id].get(name):
                    owners[kept] = id
                again = True


def _keep(name: str, current: Mapping[str, Any], wanted: Doc) -> None:
    wanted.pop(name)
    if name in current:
        wanted[name] = current[name]


def _update(session: Session, changed: Changed, wanted: Mapping[int, Doc]) -> None:
    """Only the columns that differ: each that is written moves its index."""
    now = db.micros(db.now())
    stamped: list[int] = []
    groups: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}
    for id, keys in changed.items():
        names = tuple(sorted({name for key in keys if (name := _column(key))}))
        if names:
            values = (_value(wanted[id], name) for name in names)
            groups.setdefault(names, []).append((*values, now, id))
        else:
            stamped.append(id)
    for names, some in groups.items():
        set_to = ", ".join(f"{name} = ?" for name in names)
        statement = f"UPDATE contact SET {set_to}, updated_at = ? WHERE id = ?"  # noqa: S608 - our own columns
        rows.write(session, statement, some)
    for chunk in rows.chunks(stamped):
        mine = rows.among(session, CONTACT.c.id, chunk)
        session.execute(sa.update(CONTACT).where(mine).values(updated_at=db.moment(now)))


def _insert(session: Session, people: Mapping[int, Doc]) -> None:
    now = db.micros(db.now())
    names = (*COLUMNS, "fields")
    marks = ", ".join("?" for _ in range(3 + len(names)))
    rows.write(
        session,
        f"INSERT INTO contact (id, created_at, updated_at, {', '.join(names)}) VALUES ({marks})",  # noqa: S608 - our own columns
        [
            (id, doc["created_at"], now, *map(doc.get, COLUMNS, BLANK), _fields(doc))
            for id, doc in people.items()
        ],
    )


def _column(key: str) -> str | None:
    """Where a key of a document stands in the contact's row."""
    if key.startswith("field."):
        return "fields"
    return key if key in COLUMNS else None


def _value(doc: Doc, name: str) -> Any:
    return _fields(doc) if name == "fields" else doc.get(name, _blank(name))


def _fields(doc: Doc) -> str:
    return rows.dumped(documents.custom(doc))


def _blank(name: str) -> str | None:
    return "" if name.endswith("_name") else None


BLANK = tuple(_blank(name) for name in COLUMNS)


# Tags and addresses


def _gained(id: int, changed: Changed, current: Mapping[int, Doc], wanted: Doc) -> Iterator[str]:
    """Keys the person has not had."""
    if id not in current:
        yield from wanted
    else:
        yield from (key for key in changed[id] if key in wanted and key not in current[id])


def _add_tags(session: Session, gained: Sequence[tuple[int, str]], refused: Refused) -> None:
    known = set(session.scalars(sa.select(db.Tag.id))) if gained else set()
    pairs = []
    for id, key in gained:
        if (tag := int(key[4:])) in known:
            pairs.append((id, tag))
        else:
            refused.setdefault(id, set()).add(key)
    rows.write(session, "INSERT INTO contact_tag (contact_id, tag_id) VALUES (?, ?)", pairs)


def _add_channels(
    session: Session,
    gained: Sequence[tuple[int, str]],
    wanted: Mapping[int, Doc],
    refused: Refused,
) -> None:
    taken = _taken(session, [place for _, place in gained])
    fresh = []
    for id, place in gained:
        if place in taken:
            refused.setdefault(id, set()).add(f"on.{place}")
        else:
            fresh.append((id, *documents.split(place), *_facts(place, wanted[id])))
    names = ", ".join(("contact_id", "channel_id", "address", *FACT_COLUMNS))
    rows.write(
        session,
        f"INSERT INTO contact_channel ({names}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - our own columns
        fresh,
    )


def _move_channels(
    session: Session, changed: Changed, current: Mapping[int, Doc], wanted: Mapping[int, Doc]
) -> None:
    """What is known of an address that stays."""
    moved: list[tuple[Any, ...]] = []
    for id, keys in changed.items():
        parts = (key.partition(".") for key in keys)
        for place in dict.fromkeys(place for fact, _, place in parts if fact in FACTS):
            if f"on.{place}" in current[id] and f"on.{place}" in wanted[id]:
                moved.append((*_facts(place, wanted[id]), id, *documents.split(place)))
    facts = ", ".join(f"{name} = ?" for name in FACT_COLUMNS)
    rows.write(session, f"UPDATE contact_channel SET {facts} WHERE {PLACE}", moved)  # noqa: S608 - our own columns


def _facts(place: str, doc: Doc) -> tuple[Any, ...]:
    """FACT_COLUMNS of an address."""
    out, out_why = doc.get(f"out.{place}", (None, ""))
    invalid, invalid_why = doc.get(f"invalid.{place}", (None, ""))
    return doc.get(f"inbound.{place}"), out, out_why, invalid, invalid_why


def _taken(session: Session, wanted: Sequence[str]) -> set[str]:
    """The places that somebody has; those of channels that are gone count as taken."""
    by_channel: dict[int, list[str]] = {}
    for channel, address in map(documents.split, wanted):
        by_channel.setdefault(channel, []).append(address)
    known = set(session.scalars(sa.select(db.Channel.id))) if wanted else set()
    taken: set[str] = set()
    for channel, asked in by_channel.items():
        for chunk in rows.chunks(asked):
            mine = rows.among(session, ON.c.address, chunk)
            there = sa.select(ON.c.address).where(ON.c.channel_id == channel, mine)
            held = chunk if channel not in known else (row[0] for row in rows.fetch(session, there))
            taken |= {f"{channel}.{address}" for address in held}
    return taken
