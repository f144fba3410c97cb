"""A person as one flat document: what a change compares, keeps and puts back.

Keys: the built-in fields and "created_at" (µs); "field.<key>"; "tag.<id>": True; and for every
address "on.<channel id>.<address>": True, with "inbound.…": µs, "out.…" and "invalid.…": [µs, why].
What is empty has no key. Keys are stored in change_item: never rename.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import cleaning

Doc = dict[str, Any]
Part = Literal["values", "tags", "channels"]
Value = TypeVar("Value")

PARTS: frozenset[Part] = frozenset({"values", "tags", "channels"})
FACTS = ("inbound", "out", "invalid")
"""What is known of an address."""
CHUNK = 5_000
"""Ids in one statement: SQLite takes 32,766 values."""

CONTACT: Any = db.Contact.__table__
ON: Any = db.ContactChannel.__table__
COLUMNS = tuple(cleaning.BUILT_IN)


def chunks(values: Iterable[Value], size: int = CHUNK) -> Iterator[list[Value]]:
    """Lists of at most `size`, each value once."""
    unique = list(dict.fromkeys(values))
    for start in range(0, len(unique), size):
        yield unique[start : start + size]


def read(session: Session, ids: Iterable[int], parts: Collection[Part] = PARTS) -> dict[int, Doc]:
    """The documents of those who are there; only the keys of `parts`."""
    found: dict[int, Doc] = {}
    for chunk in chunks(ids):
        if "values" in parts:
            found |= _values(session, chunk)
        else:
            there = sa.select(CONTACT.c.id).where(CONTACT.c.id.in_(chunk))
            found |= {row[0]: {} for row in _rows(session, there)}
        if "tags" in parts:
            pairs = sa.select(db.ContactTag.contact_id, db.ContactTag.tag_id)
            for who, what in _rows(session, pairs.where(db.ContactTag.contact_id.in_(chunk))):
                found[who][f"tag.{what}"] = True
        if "channels" in parts:
            _read_channels(session, chunk, found)
    return found


def _rows(session: Session, statement: sa.Select[*tuple[Any, ...]]) -> list[Any]:
    """The driver's own rows: moments in µs, JSON as text."""
    return list(session.connection().execute(statement).cursor.fetchall())


def _values(session: Session, ids: list[int]) -> dict[int, Doc]:
    contact = db.Contact
    columns = [CONTACT.c[name] for name in COLUMNS]
    statement = sa.select(
        contact.id, contact.created_at, sa.cast(contact.fields, sa.Text), *columns
    )
    found: dict[int, Doc] = {}
    for id, created, fields, *values in _rows(session, statement.where(contact.id.in_(ids))):
        doc = {name: value for name, value in zip(COLUMNS, values, strict=True) if value}
        doc["created_at"] = created
        if fields and fields != "{}":
            held = json.loads(fields)
            doc |= {f"field.{key}": value for key, value in held.items() if value is not None}
        found[id] = doc
    return found


def _read_channels(session: Session, ids: list[int], found: dict[int, Doc]) -> None:
    on = ON.c
    statement = sa.select(
        *(on.contact_id, on.channel_id, on.address, on.last_inbound_at),
        *(on.opted_out_at, on.opted_out_why, on.invalid_at, on.invalid_why),
    ).where(on.contact_id.in_(ids))
    for who, channel, address, inbound, out, out_why, invalid, why in _rows(
        session, statement.order_by(on.id)
    ):
        doc, place = found[who], f"{channel}.{address}"
        doc[f"on.{place}"] = True
        if inbound is not None:
            doc[f"inbound.{place}"] = inbound
        if out is not None:
            doc[f"out.{place}"] = [out, out_why]
        if invalid is not None:
            doc[f"invalid.{place}"] = [invalid, why]


def differ(before: Doc, after: Doc) -> tuple[Doc, Doc]:
    """Only what is not the same in both."""
    keys = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
    return (
        {key: before[key] for key in keys if key in before},
        {key: after[key] for key in keys if key in after},
    )


def places(doc: Mapping[str, Any]) -> list[str]:
    """The "<channel id>.<address>" of its addresses."""
    return [key.removeprefix("on.") for key in doc if key.startswith("on.")]


def custom(doc: Mapping[str, Any]) -> dict[str, Any]:
    """Its custom fields as contact.fields holds them."""
    return {key[6:]: value for key, value in doc.items() if key.startswith("field.")}


def split(place: str) -> tuple[int, str]:
    """(channel id, address) of a place."""
    channel, _, address = place.partition(".")
    return int(channel), address


# Writing


def write(
    session: Session, current: Mapping[int, Doc], target: Mapping[int, Doc | None]
) -> dict[int, set[str]]:
    """Make people what `target` says (None: gone); `current` is what `read` gave of them.

    Returns, by person, the keys that could not be: unique values and addresses others have now,
    tags and channels that are gone.
    Opt-outs in the log are not touched: see reach.keep_consent.
    """
    db.touch_contacts(session)
    moving = {id: doc for id, doc in target.items() if current.get(id) != doc}
    refused: dict[int, set[str]] = {}
    _remove_links(session, current, moving)
    remove(session, [id for id, doc in moving.items() if doc is None])
    wanted = {id: dict(doc) for id, doc in moving.items() if doc is not None}
    _release(session, current, wanted)
    for name in ("phone", "external_id"):
        _settle(session, name, current, wanted, refused)
    _store(session, current, wanted)
    _add_tags(session, current, wanted, refused)
    _add_channels(session, current, wanted, refused)
    expire(session)
    return refused


def expire(session: Session) -> None:
    """People that the session has loaded are read again when they are next asked for."""
    for row in list(session.identity_map.values()):
        if isinstance(row, db.Contact | db.ContactChannel | db.ContactTag):
            session.expire(row)


def remove(session: Session, ids: Sequence[int]) -> None:
    """Delete people with their tags and addresses."""
    for chunk in chunks(ids):
        session.execute(sa.delete(db.ContactTag).where(db.ContactTag.contact_id.in_(chunk)))
        session.execute(sa.delete(ON).where(ON.c.contact_id.in_(chunk)))
        session.execute(sa.delete(CONTACT).where(CONTACT.c.id.in_(chunk)))


def _remove_links(
    session: Session, current: Mapping[int, Doc], target: Mapping[int, Doc | None]
) -> None:
    """Tags and addresses that people lose and stay."""
    tags, rows = [], []
    for id, doc in target.items():
        if doc is None or id not in current:
            continue
        for key in current[id].keys() - doc.keys():
            if key.startswith("tag."):
                tags.append({"who": id, "what": int(key[4:])})
            elif key.startswith("on."):
                channel, address = split(key[3:])
                rows.append({"who": id, "channel": channel, "where": address})
    link, on = db.ContactTag, ON.c
    _each(
        session,
        sa.delete(link).where(
            link.contact_id == sa.bindparam("who"), link.tag_id == sa.bindparam("what")
        ),
        tags,
    )
    _each(session, sa.delete(ON).where(*_this_row(on)), rows)


def _this_row(on: Any) -> tuple[Any, ...]:
    return (
        on.contact_id == sa.bindparam("who"),
        on.channel_id == sa.bindparam("channel"),
        on.address == sa.bindparam("where"),
    )


def _each(session: Session, statement: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        session.connection().execute(statement, rows)


def _release(session: Session, current: Mapping[int, Doc], wanted: Mapping[int, Doc]) -> None:
    """Unique values that will change are let go first, so that people may swap them."""
    for name in ("phone", "external_id"):
        ids = [
            id
            for id, doc in wanted.items()
            if id in current and current[id].get(name) not in (None, doc.get(name))
        ]
        for chunk in chunks(ids):
            session.execute(sa.update(CONTACT).where(CONTACT.c.id.in_(chunk)).values({name: None}))


def _settle(
    session: Session,
    name: str,
    current: Mapping[int, Doc],
    wanted: Mapping[int, Doc],
    refused: dict[int, set[str]],
) -> None:
    """Who cannot have the unique value keeps the one they have, which nobody else gets then."""
    moving = [id for id, doc in wanted.items() if current.get(id, {}).get(name) != doc.get(name)]
    column = CONTACT.c[name]
    owners: dict[Any, int] = {}
    for chunk in chunks(wanted[id][name] for id in moving if wanted[id].get(name)):
        there = sa.select(column, CONTACT.c.id).where(column.in_(chunk))
        for value, id in session.execute(there):
            owners[value] = id
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


def _store(session: Session, current: Mapping[int, Doc], wanted: Mapping[int, Doc]) -> None:
    now = db.now()
    there = [id for id in wanted if id in current]
    edited = [id for id in there if _stored(wanted[id]) != _stored(current[id])]
    for chunk in chunks(set(there) - set(edited)):
        stamp = sa.update(CONTACT).where(CONTACT.c.id.in_(chunk)).values(updated_at=now)
        session.connection().execute(stamp)
    named = (*COLUMNS, "fields", "updated_at")
    _each(
        session,
        sa.update(CONTACT)
        .where(CONTACT.c.id == sa.bindparam("of_id"))
        .values({name: sa.bindparam(f"to_{name}") for name in named}),
        [
            {"of_id": id, "to_updated_at": now}
            | {f"to_{name}": value for name, value in _columns(wanted[id]).items()}
            for id in edited
        ],
    )
    _each(
        session,
        sa.insert(CONTACT),
        [
            {"id": id, "created_at": db.moment(doc["created_at"]), "updated_at": now}
            | _columns(doc)
            for id, doc in wanted.items()
            if id not in current
        ],
    )


def _stored(doc: Doc) -> Doc:
    """What stands in the contact's own row."""
    return {key: doc[key] for key in doc if key in COLUMNS or key.startswith("field.")}


def _columns(doc: Doc) -> dict[str, Any]:
    blank = {name: "" if name.endswith("_name") else None for name in COLUMNS}
    return {name: doc.get(name, blank[name]) for name in COLUMNS} | {"fields": custom(doc)}


def _add_tags(
    session: Session,
    current: Mapping[int, Doc],
    wanted: Mapping[int, Doc],
    refused: dict[int, set[str]],
) -> None:
    pairs = [
        (id, int(key[4:]))
        for id, doc in wanted.items()
        for key in doc.keys() - current.get(id, {}).keys()
        if key.startswith("tag.")
    ]
    known = set(session.scalars(sa.select(db.Tag.id))) if pairs else set()
    for id, tag in pairs:
        if tag not in known:
            refused.setdefault(id, set()).add(f"tag.{tag}")
    rows = [{"contact_id": id, "tag_id": tag} for id, tag in pairs if tag in known]
    _each(session, sa.insert(db.ContactTag), rows)


def _add_channels(
    session: Session,
    current: Mapping[int, Doc],
    wanted: Mapping[int, Doc],
    refused: dict[int, set[str]],
) -> None:
    fresh, moved = [], []
    for id, doc in wanted.items():
        before = current.get(id, {})
        for place in places(doc):
            if f"on.{place}" not in before:
                fresh.append((id, place))
            elif any(before.get(f"{f}.{place}") != doc.get(f"{f}.{place}") for f in FACTS):
                moved.append(_row(id, place, doc))
    facts = [f"to_{name}" for name in _row(0, "0.", {}) if name.startswith(("last", "opt", "inv"))]
    _each(
        session,
        sa.update(ON)
        .where(*_this_row(ON.c))
        .values({name.removeprefix("to_"): sa.bindparam(name) for name in facts}),
        [
            {"who": row["contact_id"], "channel": row["channel_id"], "where": row["address"]}
            | {name: row[name.removeprefix("to_")] for name in facts}
            for row in moved
        ],
    )
    taken = _taken(session, [place for _, place in fresh])
    for id, place in fresh:
        if place in taken:
            refused.setdefault(id, set()).add(f"on.{place}")
    _each(
        session,
        sa.insert(ON),
        [_row(id, place, wanted[id]) for id, place in fresh if place not in taken],
    )


def _row(id: int, place: str, doc: Doc) -> dict[str, Any]:
    channel, address = split(place)
    inbound = doc.get(f"inbound.{place}")
    out, out_why = doc.get(f"out.{place}", (None, ""))
    invalid, invalid_why = doc.get(f"invalid.{place}", (None, ""))
    return {
        "contact_id": id,
        "channel_id": channel,
        "address": address,
        "last_inbound_at": None if inbound is None else db.moment(inbound),
        "opted_out_at": None if out is None else db.moment(out),
        "opted_out_why": out_why,
        "invalid_at": None if invalid is None else db.moment(invalid),
        "invalid_why": invalid_why,
    }


def _taken(session: Session, wanted: Sequence[str]) -> set[str]:
    """The places that somebody has; those of channels that are gone count as taken."""
    known = set(session.scalars(sa.select(db.Channel.id))) if wanted else set()
    taken = {place for place in wanted if split(place)[0] not in known}
    for chunk in chunks(split(place)[1] for place in wanted):
        there = sa.select(ON.c.channel_id, ON.c.address).where(ON.c.address.in_(chunk))
        taken |= {f"{channel}.{address}" for channel, address in session.execute(there)}
    return taken & set(wanted)
