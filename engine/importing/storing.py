"""A batch of rows into the database: one transaction, a few statements, whatever its size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import contacts, reach
from engine.errors import Invalid
from engine.importing import merging
from engine.importing.merging import People, Person
from engine.importing.rows import Row
from engine.importing.sheet import Problem

Mode = Literal["both", "add", "update"]

_CONTACT: Any = db.Contact.__table__
_BLANK: Mapping[str, Any] = {
    name: "" if name.endswith("_name") else None for name in merging.COLUMNS
}


@dataclass(slots=True, kw_only=True)
class Progress:
    """What of a file has been stored so far."""

    mode: Mode
    tags: tuple[str, ...] = ()
    """For everybody imported."""
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    merged: int = 0
    skipped: int = 0
    problems: list[Problem] = field(default_factory=list)
    lines: dict[int, int] = field(default_factory=dict)
    """Contact id → the line it was first met on."""


def store(database: db.Database, rows: Sequence[Row], progress: Progress) -> None:
    """Write a batch. Rows that clash with what others write meanwhile are found by halving it."""
    batch = _Batch(rows, progress)
    try:
        with database.write() as session:
            batch.write(session)
    except IntegrityError:
        if len(rows) == 1:
            progress.skipped += 1
            error = Invalid("import.clash", "Somebody else changed this person just now.")
            progress.problems.append(Problem(line=rows[0].line, error=error))
            return
        half = len(rows) // 2
        store(database, rows[:half], progress)
        store(database, rows[half:], progress)
    else:
        batch.count()


class _Batch:
    """Rows matched to people, then written; nothing of it counts before it is committed."""

    def __init__(self, rows: Sequence[Row], progress: Progress) -> None:
        self.rows = rows
        self.progress = progress
        self.people = People(())
        self.lines: dict[Person, int] = {}
        """Whom the batch meets first in this file, with the line."""
        self.touched: dict[Person, None] = {}
        self.new: list[Person] = []
        self.tagged: list[tuple[Person, str]] = []
        self.merged = 0
        self.skipped = 0
        self.problems: list[Problem] = []

    def write(self, session: Session) -> None:
        db.touch_contacts(session)  # the lock: nobody else changes contacts from here on
        self.people = merging.load(session, self.rows)
        for row in self.rows:
            self._take(row)
        links = self._links(session)
        _update(session, [person for person in self.touched if person.changed and person.id])
        _insert(session, self.new)
        contacts.link(session, [(person.id, tag) for person, tag in links])

    def count(self) -> None:
        progress, changed = self.progress, [person.changed for person in self.lines]
        progress.created += len(self.new)
        progress.updated += sum(changed) - len(self.new)
        progress.unchanged += len(changed) - sum(changed)
        progress.merged += self.merged
        progress.skipped += self.skipped
        progress.problems += self.problems
        progress.lines |= {person.id: line for person, line in self.lines.items()}

    def _take(self, row: Row) -> None:
        if row.is_empty:
            error = Invalid("import.nobody", "No name, phone, email or ID: left out.")
            return self._skip(row, error)
        person = self.people.find(row, met=lambda person: self._met(person) is not None)
        earlier = self._met(person) if person else None
        mode = self.progress.mode
        if person is None and mode == "update":
            error = Invalid("import.unknown_person", "This person is not here yet: left out.")
            return self._skip(row, error)
        if person is not None and earlier is None and mode == "add":
            error = Invalid("import.known_person", "This person is here already: left out.")
            return self._skip(row, error)
        if person is None:
            person = self._add(row)
        else:
            self._apply(row, person)
        self.touched[person] = None
        if earlier is None:
            self.lines[person] = row.line
        else:
            self.merged += 1
            error = Invalid(
                "import.same_person", "The same person as on line {line}.", line=earlier
            )
            self.problems.append(Problem(line=row.line, error=error))
        self.tagged += [(person, name) for name in (*row.tags, *self.progress.tags)]
        return None

    def _met(self, person: Person) -> int | None:
        """The line of this file the person was on already."""
        return self.lines.get(person) or self.progress.lines.get(person.id)

    def _skip(self, row: Row, error: Invalid) -> None:
        self.skipped += 1
        self.problems.append(Problem(line=row.line, error=error))

    def _add(self, row: Row) -> Person:
        person = Person(values={**_BLANK, **row.values}, fields=dict(row.fields), changed=True)
        self.people.add(person)
        self.new.append(person)
        return person

    def _apply(self, row: Row, person: Person) -> None:
        for name, value in row.values.items():
            if person.values[name] == value:
                continue
            if name in ("phone", "external_id") and self.people.owner(name, value):
                error = Invalid("import.taken", "Another contact has “{value}”.", value=value)
                self.problems.append(Problem(line=row.line, column=name, error=error))
                continue
            self.people.change(person, name, value)
        if row.fields.items() - person.fields.items():
            person.fields |= row.fields
            person.changed = True

    def _links(self, session: Session) -> list[tuple[Person, int]]:
        """Tags that people do not have yet; who gains one has changed."""
        ids = contacts.tag_ids(session, dict.fromkeys(name for _, name in self.tagged))
        wanted = dict.fromkeys((person, ids[db.fold(name)]) for person, name in self.tagged)
        held = contacts.links(session, {p.id for p, _ in wanted if p.id})
        missing = [(person, tag) for person, tag in wanted if (person.id, tag) not in held]
        for person, _ in missing:
            person.changed = True
        return missing


def _update(session: Session, people: Sequence[Person]) -> None:
    if not people:
        return
    now = db.now()
    names = (*merging.COLUMNS, "fields", "updated_at")
    statement = (
        sa.update(_CONTACT)
        .where(_CONTACT.c.id == sa.bindparam("of_id"))
        .values({name: sa.bindparam(f"to_{name}") for name in names})
    )
    session.connection().execute(
        statement,
        [
            {"of_id": person.id, "to_fields": person.fields, "to_updated_at": now}
            | {f"to_{name}": value for name, value in person.values.items()}
            for person in people
        ],
    )
    moved = [(p.id, p.phone_was, p.values["phone"]) for p in people if p.phone_was]
    reach.follow_phone(session, [move for move in moved if move[2]])


def _insert(session: Session, people: Sequence[Person]) -> None:
    """Store new people; each gets its id."""
    if not people:
        return
    now = db.now()
    for person, id in zip(people, _next_ids(session, len(people)), strict=True):
        person.id = id
    session.connection().execute(
        sa.insert(_CONTACT),
        [
            {"id": person.id, **person.values, "fields": person.fields}
            | {"created_at": now, "updated_at": now}
            for person in people
        ],
    )


def _next_ids(session: Session, count: int) -> Sequence[int]:
    """Ids for new contacts, taken beforehand: asking for them row by row is slower twice over."""
    if session.get_bind().dialect.name == "sqlite":  # whose write lock we hold
        last = session.scalar(sa.select(sa.func.max(_CONTACT.c.id))) or 0
        return range(last + 1, last + 1 + count)
    sequence = sa.func.nextval(sa.func.pg_get_serial_sequence("contact", "id"))
    every = sa.select(sequence).select_from(sa.func.generate_series(1, count))
    return session.scalars(every).all()
