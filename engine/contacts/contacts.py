"""The people: created, changed, found and tagged one by one; `importing` does it by the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import attributes, cldr, reach
from engine.contacts.attributes import define as define_field
from engine.contacts.attributes import delete as delete_field
from engine.contacts.attributes import listing as fields
from engine.contacts.attributes import normalise_phone
from engine.contacts.exporting import export
from engine.contacts.reach import address, inbound, invalidate, opt_in, opt_out
from engine.contacts.search import search
from engine.errors import Conflict, Invalid

__all__ = [
    "address",
    "create",
    "define_field",
    "delete_field",
    "export",
    "fields",
    "get",
    "inbound",
    "invalidate",
    "normalise_phone",
    "opt_in",
    "opt_out",
    "search",
    "tag",
    "tags",
    "tags_of",
    "untag",
    "update",
]

CHUNK = 5_000
"""Ids in one statement: SQLite takes 32,766 values."""


def get(session: Session, contact_id: int) -> db.Contact:
    """Raises NotFound."""
    return db.get(session, db.Contact, contact_id)


def create(session: Session, *, country: str | None = None, **values: Any) -> db.Contact:
    """Add a person. `values`: built-in fields, `name`, `fields` {key: value}, `tags` [names].

    `country` is the person's, and reads a phone without a prefix. Raises Invalid for a value that
    cannot be what it should, Conflict when the phone or external id is somebody else's.
    """
    db.touch_contacts(session)
    contact = db.Contact(first_name="", last_name="", fields={})
    _assign(session, contact, {"country": country, **values})
    known = (contact.first_name, contact.last_name, contact.phone, contact.email)
    if not any((*known, contact.external_id)):
        raise Invalid("contact.empty", "A contact needs a name, a phone, an email or an ID.")
    session.add(contact)
    session.flush()
    if names := values.get("tags"):
        tag(session, [contact.id], names)
    return contact


def update(session: Session, contact_id: int, **values: Any) -> db.Contact:
    """Change a person: the values given replace, an empty one clears; `tags` become exactly those.

    Raises NotFound, and what `create` raises.
    """
    db.touch_contacts(session)
    contact = get(session, contact_id)
    before = contact.phone
    _assign(session, contact, values)
    contact.updated_at = db.now()
    session.flush()
    if before and contact.phone and before != contact.phone:
        reach.follow_phone(session, [(contact.id, before, contact.phone)])
    if "tags" in values:
        wanted = {db.fold(name) for name in values["tags"]}
        untag(session, [contact.id], [n for n in tags_of(session, contact.id) if n not in wanted])
        tag(session, [contact.id], values["tags"])
    return contact


def _assign(session: Session, contact: db.Contact, values: Mapping[str, Any]) -> None:
    values = dict(values)
    values.pop("tags", None)
    custom = values.pop("fields", {})
    if "name" in values:
        first, last = attributes.split_name(attributes.tidy(values.pop("name") or ""))
        values = {"first_name": first, "last_name": last, **values}
    if unknown := sorted(set(values) - set(attributes.BUILT_IN)):
        raise attributes.unknown(unknown[0])
    country = contact.country
    for name in sorted(values, key=lambda name: name != "country"):
        cleaned = attributes.clean_built_in(name, values[name] or "", country=country)
        country = cleaned if name == "country" else country
        if name in ("phone", "external_id"):
            _free(session, contact, name, cleaned)
        setattr(contact, name, cleaned or ("" if name.endswith("_name") else None))
    if custom:
        contact.fields = _custom(session, contact.fields, custom)


def _free(session: Session, contact: db.Contact, name: str, value: str | None) -> None:
    """Raises Conflict when the value is another contact's."""
    if value is None:
        return
    column = getattr(db.Contact, name)
    with session.no_autoflush:
        other = session.scalar(
            sa.select(db.Contact.id).where(column == value, db.Contact.id != (contact.id or 0))
        )
    if other is not None:
        raise Conflict(
            "contact.taken", "Another contact has “{value}” already.", value=value, contact=other
        )


def _custom(
    session: Session, stored: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    defined = {row.key: row for row in fields(session)}
    merged = dict(stored)
    for key, raw in given.items():
        if key not in defined:
            raise attributes.unknown(key)
        value = attributes.clean_custom(defined[key], raw)
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = value
    return merged


# Tags


def tags(session: Session) -> list[db.Tag]:
    """All tags by name."""
    return sorted(session.scalars(sa.select(db.Tag)), key=lambda row: cldr.plain(row.name))


def tags_of(session: Session, contact_id: int) -> dict[str, str]:
    """A person's tags: folded name → name, in order."""
    rows = session.scalars(
        sa.select(db.Tag)
        .join(db.ContactTag, db.ContactTag.tag_id == db.Tag.id)
        .where(db.ContactTag.contact_id == contact_id)
        .order_by(db.Tag.key)
    )
    return {row.key: row.name for row in rows}


def tag_ids(session: Session, names: Iterable[str]) -> dict[str, int]:
    """Folded name → id; tags that do not exist are made. Raises Invalid for a bad name."""
    wanted: dict[str, str] = {}
    for name in names:
        wanted.setdefault(db.fold(name), attributes.tidy(" ".join(name.split())))
    if not wanted:
        return {}
    for name in wanted.values():
        if not name or len(name) > 100 or set(name) & set(",;|"):
            raise Invalid(
                "tag.bad_name",
                "“{name}” cannot be a tag: use up to 100 characters without , ; or |.",
                name=name[:60],
            )
    every = session.execute(sa.select(db.Tag.key, db.Tag.id))
    known = {row.key: row.id for row in every if row.key in wanted}
    for key, name in wanted.items():
        if key not in known:
            row = db.Tag(key=key, name=name)
            session.add(row)
            session.flush()
            known[key] = row.id
    return known


def tag(session: Session, contact_ids: Sequence[int], names: Sequence[str]) -> int:
    """Give people tags, made where new; returns how many people gained one. Raises Invalid."""
    db.touch_contacts(session)
    ids = set(tag_ids(session, names).values())
    gained: set[int] = set()
    for chunk in _chunks(contact_ids):
        there = links(session, chunk)
        new = [(who, what) for who in chunk for what in ids if (who, what) not in there]
        link(session, new)
        gained |= {who for who, _ in new}
    _changed(session, gained)
    return len(gained)


def links(session: Session, contact_ids: Iterable[int]) -> set[tuple[int, int]]:
    """The people's tags: (contact id, tag id)."""
    held: set[tuple[int, int]] = set()
    for chunk in _chunks(list(contact_ids)):
        pairs = sa.select(db.ContactTag.contact_id, db.ContactTag.tag_id)
        rows = session.execute(pairs.where(db.ContactTag.contact_id.in_(chunk)))
        held |= {(who, what) for who, what in rows}
    return held


def link(session: Session, pairs: Sequence[tuple[int, int]]) -> None:
    """Write (contact id, tag id) rows; those that are there stay."""
    if not pairs:
        return
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = insert(db.ContactTag.__table__).on_conflict_do_nothing()  # type: ignore[arg-type]
    session.connection().execute(
        statement, [{"contact_id": who, "tag_id": what} for who, what in pairs]
    )


def untag(session: Session, contact_ids: Sequence[int], names: Sequence[str]) -> int:
    """Take tags from people; returns how many people lost one. Unknown names are passed over."""
    db.touch_contacts(session)
    keys = [db.fold(name) for name in names]
    ids = list(session.scalars(sa.select(db.Tag.id).where(db.Tag.key.in_(keys))))
    lost: set[int] = set()
    for chunk in _chunks(contact_ids):
        where = (db.ContactTag.contact_id.in_(chunk), db.ContactTag.tag_id.in_(ids))
        lost |= set(session.scalars(sa.select(db.ContactTag.contact_id).where(*where)))
        session.execute(sa.delete(db.ContactTag).where(*where))
    _changed(session, lost)
    return len(lost)


def _changed(session: Session, contact_ids: Iterable[int]) -> None:
    """Stamp people whose tags moved."""
    for chunk in _chunks(list(contact_ids)):
        stamp = sa.update(db.Contact).where(db.Contact.id.in_(chunk)).values(updated_at=db.now())
        session.execute(stamp, execution_options={"synchronize_session": "fetch"})


def _chunks(ids: Sequence[int]) -> Iterable[list[int]]:
    unique = list(dict.fromkeys(ids))
    for start in range(0, len(unique), CHUNK):
        yield unique[start : start + CHUNK]
