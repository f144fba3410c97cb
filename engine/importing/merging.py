"""Which person a row of a file is: one already here, one met earlier in the file, or a new one.

A row is the person with its contact number (if anything else agrees), else with its phone, else
with its external id, else with its email; two people who both have a phone, or an external id,
and differ in it are never one because of an email. A row with none of these is a person of the
same name who has none either. Somebody who says which of these to match by gets that one alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import attributes
from engine.errors import Invalid
from engine.importing.rows import Row

Match = Literal["auto", "phone", "email", "external_id", "contact_id"]
"""What makes a row somebody who is here. Stored in an import's options: never rename."""

COLUMNS = tuple(attributes.BUILT_IN)
WHO = ("first_name", "last_name", "phone", "email", "external_id")
"""One of these makes a contact."""
CHUNK = 5_000


@dataclass(slots=True, kw_only=True, eq=False)
class Person:
    """A contact as it is, or will be; `id` is 0 until it is stored."""

    id: int = 0
    values: dict[str, Any]
    fields: dict[str, Any]
    changed: bool = False
    phone_was: str | None = None
    """The first phone it had, once that changed."""
    phone_moved: bool = False
    external_id_moved: bool = False


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

    def find(self, row: Row, *, by: Match, met: Callable[[Person], bool]) -> Person | None:
        """Who the row is. `met` tells whom an earlier row of the file was.

        Raises Invalid when that cannot be said.
        """
        match by:
            case "auto":
                return self._likeliest(row, met)
            case "phone":
                return self.by_phone.get(row.values.get("phone", ""))
            case "external_id":
                return self.by_external_id.get(row.values.get("external_id", ""))
            case "email":
                return self._only_one(row)
            case "contact_id":
                return self._numbered(row)

    def _numbered(self, row: Row) -> Person | None:
        if row.id is None:
            return None
        if row.id not in self.by_id:
            raise Invalid(
                "import.no_such_contact",
                "There is no contact with the number {id}: left out.",
                id=row.id,
            )
        return self.by_id[row.id]

    def _only_one(self, row: Row) -> Person | None:
        """Who has the row's email; of several the one whose phone and external id fit."""
        email = row.values.get("email", "")
        everybody = [p for p in self.by_email.get(email, ()) if p.values["email"] == email]
        fitting = [p for p in everybody if not _contradicts(row, p)]
        if len(everybody) > 1 and len(fitting) != 1:
            raise Invalid(
                "import.several_people",
                "{count} contacts have the email “{email}”: left out.",
                count=len(everybody),
                email=email,
            )
        return next(iter(fitting or everybody), None)

    def _likeliest(self, row: Row, met: Callable[[Person], bool]) -> Person | None:
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
            if person.values["email"] == email and not _contradicts(row, person):
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
            if name == "phone":
                person.phone_was = person.phone_was or person.values[name]
                person.phone_moved = True
            else:
                person.external_id_moved = True
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


def _contradicts(row: Row, person: Person) -> bool:
    return any(_differ(row, person, name) for name in ("phone", "external_id"))


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
