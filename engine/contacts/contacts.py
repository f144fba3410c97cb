"""The people: created, changed and deleted one by one, each as a Change that can be undone.

`bulk` does it for many at once, `importing` by the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import attributes, changes, reach, storing
from engine.contacts.attributes import define as define_field
from engine.contacts.attributes import delete as delete_field
from engine.contacts.attributes import listing as fields
from engine.contacts.attributes import normalise_phone
from engine.contacts.exporting import export
from engine.contacts.reach import address, inbound, invalidate, opt_in, opt_out
from engine.contacts.search import search
from engine.contacts.tags import link, links, tag, tag_ids, tags, tags_of, untag
from engine.errors import Conflict, Invalid

__all__ = [
    "address",
    "create",
    "define_field",
    "delete",
    "delete_field",
    "export",
    "fields",
    "get",
    "inbound",
    "invalidate",
    "link",
    "links",
    "normalise_phone",
    "opt_in",
    "opt_out",
    "search",
    "some",
    "tag",
    "tag_ids",
    "tags",
    "tags_of",
    "untag",
    "update",
]


def get(session: Session, contact_id: int) -> db.Contact:
    """Raises NotFound."""
    return db.get(session, db.Contact, contact_id)


def some(session: Session, ids: Sequence[int]) -> list[db.Contact]:
    """The people with these ids, in this order; who is not there any more is left out."""
    found = session.scalars(sa.select(db.Contact).where(db.Contact.id.in_(ids)))
    known = {row.id: row for row in found}
    return [known[id] for id in ids if id in known]


def create(session: Session, *, country: str | None = None, **values: Any) -> db.Contact:
    """Add a person. `values`: built-in fields, `name`, `fields` {key: value}, `tags` [names].

    `country` is the person's, and reads a phone without a prefix. Raises Invalid for a value that
    cannot be what it should, Conflict when the phone or external id is somebody else's. The
    change is `changes.last(session)`.
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
    if contact.phone:
        reach.keep_consent(session, [(contact.id, contact.phone)])
    change = changes.begin(session, "create", {"name": name_of(contact)})
    changes.note(session, change, {}, changes.snapshot(session, [contact.id]))
    return contact


def update(session: Session, contact_id: int, **values: Any) -> db.Contact:
    """Change a person: the values given replace, an empty one clears; `tags` become exactly those.

    Raises NotFound, and what `create` raises. The change is `changes.last(session)`.
    """
    db.touch_contacts(session)
    contact = get(session, contact_id)
    was = changes.snapshot(session, [contact_id])
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
    if contact.phone and contact.phone != before:
        reach.keep_consent(session, [(contact.id, contact.phone)])
    change = changes.begin(session, "edit", {"name": name_of(contact)})
    changes.note(session, change, was, changes.snapshot(session, [contact_id]))
    return contact


def delete(session: Session, contact_ids: Iterable[int]) -> db.Change:
    """Remove people, with their tags and addresses; who is not there any more is passed over.

    What they said stays: an opt-out holds for whoever has the address later. The ledger stays too.
    """
    ids = list(dict.fromkeys(contact_ids))
    some = session.get(db.Contact, ids[0]) if len(ids) == 1 else None
    change = changes.begin(session, "delete", {"name": name_of(some)} if some else {})
    delete_in(session, change, ids)
    return change


def delete_in(session: Session, change: db.Change, ids: list[int]) -> None:
    """Delete as a part of `change`."""
    db.touch_contacts(session)
    was = changes.snapshot(session, ids)
    for id, rows in reach.log_leaving(session, list(was)).items():
        was[id] |= {f"log.{row}": True for row in rows}
    changes.note(session, change, was, {})
    storing.remove(session, list(was))
    storing.expire(session)


def name_of(contact: db.Contact) -> str:
    """What a person is called, for a sentence about them."""
    name = f"{contact.first_name} {contact.last_name}".strip()
    return name or contact.phone or contact.email or contact.external_id or f"#{contact.id}"


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
