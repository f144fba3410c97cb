"""The rows of a batch matched to people: who is new, who changes and how, who is left out and why.

Nothing here writes: the same decisions make the preview and the import.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.errors import Invalid
from engine.importing import merging
from engine.importing.merging import Match, People, Person
from engine.importing.rows import Row
from engine.importing.sheet import Problem

Mode = Literal["both", "add", "update"]
Outcome = Literal["created", "updated", "unchanged", "merged", "skipped"]

BLANK: Mapping[str, Any] = {
    name: "" if name.endswith("_name") else None for name in merging.COLUMNS
}
COUNTS: tuple[Outcome, ...] = ("created", "updated", "unchanged", "merged", "skipped")


@dataclass(slots=True, kw_only=True)
class Progress:
    """What of a file has been dealt with so far."""

    mode: Mode = "both"
    match: Match = "auto"
    tags: tuple[str, ...] = ()
    """For everybody imported."""
    keep_problems: bool = True
    """Whether a row with a cell that cannot be used comes in without that cell."""
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    problems: list[Problem] = field(default_factory=list)
    lines: dict[int, int] = field(default_factory=dict)
    """Contact id → the line it was first met on."""

    def take(
        self, batch: Batch | None, counts: Mapping[str, int], problems: Sequence[Problem]
    ) -> None:
        """A batch has been committed."""
        for name, count in counts.items():
            self.counts[name] += count
        self.problems += problems
        if batch is not None:
            self.lines |= {person.id: line for person, line in batch.lines.items()}


class Batch:
    """Rows and the people they are."""

    def __init__(self, rows: Sequence[Row], progress: Progress) -> None:
        self.rows = rows
        self.progress = progress
        self.people = People(())
        self.who: list[Person | None] = []
        """Row by row; None where it is left out."""
        self.lines: dict[Person, int] = {}
        """Whom the batch meets first in this file, with the line."""
        self.touched: dict[Person, None] = {}
        self.new: list[Person] = []
        self.fresh: set[Person] = set()
        """The new ones again, to ask by."""
        self.tagged: list[tuple[Person, str]] = []
        self.merged = 0
        self.problems: list[Problem] = []

    def match(self, people: People) -> None:
        """Decide about every row, in order."""
        self.people = people
        for row in self.rows:
            self.problems += row.problems
            try:
                person = self._take(row)
            except Invalid as error:
                self.problems.append(Problem(line=row.line, error=error))
                person = None
            self.who.append(person)

    def recall(self) -> Iterator[tuple[Row, Person]]:
        """The rows that are somebody, when they have been stored before."""
        for row in self.rows:
            if row.is_empty and not row.id:
                continue
            if row.problems and not self.progress.keep_problems:
                continue
            try:
                person = self.people.find(row, by=self.progress.match, met=self._was_met)
            except Invalid:
                continue
            if person is not None:
                self.lines.setdefault(person, row.line)
                yield row, person

    def counts(self) -> dict[str, int]:
        changed = [person.changed for person in self.lines]
        return {
            "created": len(self.new),
            "updated": sum(changed) - len(self.new),
            "unchanged": len(changed) - sum(changed),
            "merged": self.merged,
            "skipped": self.who.count(None),
        }

    def _take(self, row: Row) -> Person:
        """Whom the row makes or changes. Raises Invalid for a row that is left out."""
        if row.problems and not self.progress.keep_problems:
            raise Invalid("import.not_kept", "Left out because of what is wrong on this line.")
        if row.is_empty and not (self.progress.match == "contact_id" and row.id):
            raise Invalid("import.nobody", "No name, phone, email or ID: left out.")
        person = self.people.find(row, by=self.progress.match, met=self._was_met)
        earlier = self._met(person) if person else None
        mode = self.progress.mode
        if person is None and mode == "update":
            raise Invalid("import.unknown_person", "This person is not here yet: left out.")
        if person is not None and earlier is None and mode == "add":
            raise Invalid("import.known_person", "This person is here already: left out.")
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
        return person

    def _met(self, person: Person) -> int | None:
        """The line of this file the person was on already."""
        return self.lines.get(person) or self.progress.lines.get(person.id)

    def _was_met(self, person: Person) -> bool:
        return self._met(person) is not None

    def _add(self, row: Row) -> Person:
        values = {name: value for name, value in row.values.items() if self._free(row, name, value)}
        person = Person(values={**BLANK, **values}, fields=dict(row.fields), changed=True)
        if not any(person.values[name] for name in merging.WHO):
            raise Invalid("import.nobody", "No name, phone, email or ID: left out.")
        self.people.add(person)
        self.new.append(person)
        self.fresh.add(person)
        return person

    def _apply(self, row: Row, person: Person) -> None:
        for name, value in row.values.items():
            if person.values[name] != value and self._free(row, name, value):
                self.people.change(person, name, value)
        if row.fields.items() - person.fields.items():
            person.fields |= row.fields
            person.changed = True

    def _free(self, row: Row, name: str, value: Any) -> bool:
        """Whether nobody else has this phone or external id; if somebody does it is noted."""
        if name not in ("phone", "external_id") or not self.people.owner(name, value):
            return True
        error = Invalid("import.taken", "Another contact has “{value}”.", value=value)
        self.problems.append(Problem(line=row.line, column=name, error=error))
        return False
