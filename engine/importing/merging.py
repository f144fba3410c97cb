"""Which person a row of a file is: one already here, one met earlier in the file, or a new one.

A row is the person with its contact number (if anything else agrees), else with its phone, else
with its external id, else with its email; two people who both have a phone, or an external id,
and differ in it are never one because of an email. A row with none of these is a person of the
same name who has none either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import attributes
from engine.importing.rows import Row

COLUMNS = tuple(attributes.BUILT_IN)
CHUNK = 5_000


@dataclass(slots=True, kw_only=True, eq=False)
class Person:
    """A contact as it is, or will be; `id` is 0 until it is stored."""

    id: int = 0
    values: dict[str, Any]
    fields: dict[str, Any]
    changed: bool = False
    phone_was: str | None = None


class People:
    """The contacts that the rows of one batch may be, found by what identifies them."""

    def __init__(self, people: Iterable[Person]) -> None:
        self.by_id: dict[int, Person] = {}
        self.by_phone: dict[str, Person] = {}
        self.by_external_id: dict[str, Person] = {}
        self.by_email: dict[str, list[Person]] = {}
        self.by_name: dict[tuple[str, str], list[Person]] = {}
        for person in people:
            self.add(person)

    def add(self, person: Person) -> None:
        values = person.values
        if person.id:
            self.by_id[person.id] = person
        if values["phone"]:
            self.by_phone[values["phone"]] = person
        if values["external_id"]:
            self.by_external_id[values["external_id"]] = person
        if values["email"]:
            self.by_email.setdefault(values["email"], []).append(person)
        if not (values["phone"] or values["email"] or values["external_id"]):
            name = values["first_name"], values["last_name"]
            self.by_name.setdefault(name, []).append(person)

    def find(self, row: Row, *, met: Callable[[Person], bool]) -> Person | None:
        """Who the row is. `met` tells whom an earlier row of the file was."""
        numbered = self.by_id.get(row.id) if row.id else None
        if numbered is not None and _agree(row, numbered):
            return numbered
        values = row.values
        if found := self.by_phone.get(values.get("phone", "")):
            return found
        if found := self.by_external_id.get(values.get("external_id", "")):
            return found
        email = values.get("email", "")
        for person in self.by_email.get(email, ()):
            if person.values["email"] == email and not any(
                _differ(row, person, name) for name in ("phone", "external_id")
            ):
                return person
        if row.is_anonymous:
            for person in self.by_name.get(row.name, ()):
                if not met(person):
                    return person
        return None

    def owner(self, name: str, value: Any) -> Person | None:
        """Who has this unique value."""
        return (self.by_phone if name == "phone" else self.by_external_id).get(value)

    def change(self, person: Person, name: str, value: Any) -> None:
        """Set a built-in field; the person is found by the new value from now on."""
        if name in ("phone", "external_id"):
            index = self.by_phone if name == "phone" else self.by_external_id
            index.pop(person.values[name], None)
            index[value] = person
            if name == "phone" and person.phone_was is None:
                person.phone_was = person.values[name]
        if name == "email":
            self.by_email.setdefault(value, []).append(person)
        person.values[name] = value
        person.changed = True


def _agree(row: Row, person: Person) -> bool:
    """Whether anything besides the number says that they are one: it may be another workspace's."""
    known = ("phone", "email", "external_id")
    same = (row.values.get(name) == person.values[name] for name in known if row.values.get(name))
    names = person.values["first_name"], person.values["last_name"]
    return any(same) or (any(row.name) and row.name == names)


def _differ(row: Row, person: Person, name: str) -> bool:
    mine, theirs = row.values.get(name), person.values[name]
    return bool(mine and theirs and mine != theirs)


def load(session: Session, rows: Sequence[Row]) -> People:
    """The contacts that any of the rows may be."""
    contact = db.Contact
    wanted: dict[Any, set[Any]] = {
        contact.id: {row.id for row in rows if row.id},
        contact.phone: _values(rows, "phone"),
        contact.external_id: _values(rows, "external_id"),
        contact.email: _values(rows, "email"),
    }
    found: dict[int, Person] = {}
    for column, values in wanted.items():
        for chunk in _chunks(sorted(values)):
            _collect(session, column.in_(chunk), found)
    unnamed = sa.and_(
        contact.phone.is_(None), contact.email.is_(None), contact.external_id.is_(None)
    )
    for chunk in _chunks(sorted({row.name[0] for row in rows if row.is_anonymous})):
        _collect(session, sa.and_(contact.first_name.in_(chunk), unnamed), found)
    return People(found[id] for id in sorted(found))


def _values(rows: Sequence[Row], name: str) -> set[str]:
    return {row.values[name] for row in rows if row.values.get(name)}


def _chunks(values: list[Any]) -> Iterable[list[Any]]:
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]


def _collect(session: Session, where: sa.ColumnElement[bool], found: dict[int, Person]) -> None:
    contact = db.Contact
    columns = [contact.id, contact.fields, *(getattr(contact, name) for name in COLUMNS)]
    for id, fields, *values in session.execute(sa.select(*columns).where(where)):
        if id not in found:
            known = dict(zip(COLUMNS, values, strict=True))
            found[id] = Person(id=id, values=known, fields=dict(fields or {}))
