"""The first rows of a file as they will become: who is new, who changes and from what to what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from engine import db
from engine.contacts import attributes
from engine.errors import PregonError
from engine.importing import mapping as mapped
from engine.importing import merging, rows, work
from engine.importing.batch import BLANK, Batch, Outcome
from engine.importing.merging import Person
from engine.importing.options import Options
from engine.importing.sheet import Sheet

ROWS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A value as it is and as it will be; None is nothing."""

    old: Any = None
    new: Any = None
    problem: PregonError | None = None

    @property
    def changes(self) -> bool:
        return bool(self.old != self.new)


@dataclass(frozen=True, slots=True, kw_only=True)
class Previewed:
    """A row of the file."""

    line: int
    outcome: Outcome
    contact_id: int | None
    """Who it is already."""
    cells: Mapping[str, Cell]
    """By place: a built-in field, "field.<key>", or "tags"."""
    problems: tuple[PregonError, ...] = ()
    """About the row as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    rows: tuple[Previewed, ...]
    places: Mapping[str, str]
    """Place → its name, in the order of the file's columns."""
    types: Mapping[str, str] = field(default_factory=dict)
    """Place of a custom field → its type."""


def preview(
    database: db.Database, sheet: Sheet, options: Options, *, length: int = ROWS
) -> Preview:
    """What the first rows will become. Writes nothing. Raises Invalid as the import would."""
    planned = work.plan(database, sheet, options)
    with database.read() as session:
        fields = {row.key: row for row in attributes.listing(session)}
        places = _places(sheet, planned, fields)
        zone = database.settings.timezone
        cleaned = rows.Cleaner(work.reading(sheet, planned, fields, zone=zone))
        batch = Batch(cleaned.rows(0, length), work.progress(planned))
        people = merging.load(session, batch.rows)
        before = {
            person: (dict(person.values), dict(person.fields)) for person in people.by_id.values()
        }
        batch.match(people)
        held = _tags(session, [person.id for person in before])
    made = _Rows(batch, before, held, planned)
    types = {f"field.{key}": field.type for key, field in fields.items()}
    return Preview(rows=tuple(made.all()), places=places, types=types)


def _places(sheet: Sheet, planned: Options, fields: dict[str, db.ContactField]) -> dict[str, str]:
    """The places the file fills; fields that are not there yet are put among `fields`."""
    places: dict[str, str] = {}
    for column, target in (planned.mapping or {}).items():
        if target == "contact.name":
            places |= {name: attributes.BUILT_IN[name] for name in ("first_name", "last_name")}
        elif target.startswith("field."):
            key, _, type = target.removeprefix("field.").partition(":")
            if key not in fields:
                name = rows.label(column, key)
                found = rows.options([], sheet.cells(column)) if type == "choice" else []
                fields[key] = db.ContactField(key=key, label=name, type=type, options=found)
            places[f"field.{key}"] = fields[key].label
        elif target not in ("ignore", "contact.id"):
            places[target.removeprefix("contact.")] = mapped.TARGETS[target]
    if planned.tags:
        places.setdefault("tags", mapped.TARGETS["tags"])
    return places


def _tags(session: Any, ids: list[int]) -> dict[int, list[str]]:
    held: dict[int, list[str]] = {}
    wanted = sa.select(db.ContactTag.contact_id, db.Tag.name).join(db.Tag)
    for id, name in session.execute(wanted.where(db.ContactTag.contact_id.in_(ids))):
        held.setdefault(id, []).append(name)
    return held


class _Rows:
    """The rows of a matched batch, each as its person was before the whole batch and is after."""

    def __init__(
        self,
        batch: Batch,
        before: Mapping[Person, tuple[dict[str, Any], dict[str, Any]]],
        held: Mapping[int, list[str]],
        planned: Options,
    ) -> None:
        self.batch = batch
        self.before = before
        self.held = held
        self.targets = {
            column: target.partition(":")[0].removeprefix("contact.")
            for column, target in (planned.mapping or {}).items()
        }
        self.given = planned.tags

    def all(self) -> list[Previewed]:
        seen: set[Person] = set()
        found = []
        for row, person in zip(self.batch.rows, self.batch.who, strict=True):
            found.append(self._one(row, person, again=person in seen))
            if person is not None:
                seen.add(person)
        return found

    def _one(self, row: rows.Row, person: Person | None, *, again: bool) -> Previewed:
        cells = self._cells(row, person)
        general = []
        for problem in self.batch.problems:
            if problem.line != row.line:
                continue
            place = self.targets.get(problem.column, problem.column)
            place = "first_name" if place == "name" else place
            if place:
                cell = cells.get(place, Cell())
                cells[place] = Cell(old=cell.old, new=cell.new, problem=problem.error)
            else:
                general.append(problem.error)
        return Previewed(
            line=row.line,
            outcome=self._outcome(person, cells, again=again),
            contact_id=person.id or None if person else None,
            cells=cells,
            problems=tuple(general),
        )

    def _outcome(self, person: Person | None, cells: Mapping[str, Cell], *, again: bool) -> Outcome:
        if person is None:
            return "skipped"
        if again:
            return "merged"
        if not person.id:
            return "created"
        return "updated" if any(cell.changes for cell in cells.values()) else "unchanged"

    def _cells(self, row: rows.Row, person: Person | None) -> dict[str, Cell]:
        values, fields = self.before.get(person, (BLANK, {})) if person else (BLANK, {})
        cells = {}
        for name, value in row.values.items():
            taken = person is not None and person.values[name] != value
            kept = person.values[name] if person and taken else value
            cells[name] = Cell(old=values[name] or None, new=kept or None)
        for key, value in row.fields.items():
            cells[f"field.{key}"] = Cell(old=fields.get(key), new=value)
        names = dict.fromkeys((*row.tags, *self.given))
        if names:
            had = self.held.get(person.id, []) if person else []
            folded = {db.fold(name) for name in had}
            gained = [name for name in names if db.fold(name) not in folded]
            cells["tags"] = Cell(old=", ".join(had) or None, new=", ".join([*had, *gained]))
        return cells
