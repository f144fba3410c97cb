"""People from a file: read, mapped, cleaned, and stored batch by batch, each row on its own."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine import db
from engine.contacts import attributes, contacts
from engine.errors import Invalid
from engine.importing import mapping as mapped
from engine.importing import rows, storing
from engine.importing.mapping import TARGETS, guess, types
from engine.importing.sheet import Problem, Sheet, read
from engine.importing.storing import Mode, Progress

__all__ = ["TARGETS", "Problem", "Report", "Sheet", "guess", "read", "run", "types"]

BATCH = 2_000
"""Rows in one transaction: others wait for the write lock no longer than that takes."""

_COUNTS = ("created", "updated", "unchanged", "merged", "skipped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an import did: created + updated + unchanged + merged + skipped = rows."""

    name: str
    rows: int
    """Lines below the header that hold anything."""
    created: int
    updated: int
    unchanged: int
    merged: int
    """Rows that were the same person as an earlier row of the file."""
    skipped: int
    """Rows left out; each is among the problems."""
    problems: tuple[Problem, ...] = field(repr=False)
    """By line: why rows were left out, and which cells of the others."""
    fields_created: Mapping[str, str]
    """Key → type."""
    encoding: str
    delimiter: str
    seconds: float

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "rows": self.rows,
            **{name: getattr(self, name) for name in _COUNTS},
            "problems": [problem.to_json() for problem in self.problems],
            "fields_created": dict(self.fields_created),
            "encoding": self.encoding,
            "delimiter": self.delimiter,
            "seconds": self.seconds,
        }


def run(
    database: db.Database,
    sheet: Sheet,
    mapping: Mapping[str, str] | None = None,
    *,
    country: str,
    mode: Mode = "both",
    tags: Sequence[str] = (),
) -> Report:
    """Store the sheet's people. An empty cell never erases; `tags` go to everybody imported.

    `mapping`: column → target (see TARGETS), guessed when None; columns left out of it are not
    imported. `country` reads phones without a prefix where the row names none. Raises Invalid for
    a mapping, mode, country or tag that cannot be; a row's problem is in the report instead.
    """
    started = time.monotonic()
    if mode not in ("both", "add", "update"):
        raise Invalid("import.bad_mode", "The mode is both, add or update.")
    region = attributes.clean_built_in("country", country) or ""
    with database.write() as session:
        db.touch_contacts(session)  # the lock: two imports define a new field once
        chosen = {**(guess(sheet, session) if mapping is None else mapping)}
        mapped.check(sheet, chosen)
        created = rows.define_fields(session, sheet, chosen, country=region)
        contacts.tag_ids(session, tags)
        fields = {row.key: row for row in attributes.listing(session)}
    progress = Progress(
        mode=mode, tags=tuple(tags), skipped=sheet.skipped, problems=list(sheet.problems)
    )
    reading = rows.Reading(
        sheet=sheet,
        targets={
            name: target.partition(":")[0] for name, target in chosen.items() if target != "ignore"
        },
        fields=fields,
        country=region,
        zone=database.settings.timezone,
        problems=progress.problems,
    )
    people = rows.clean(reading)
    for start in range(0, len(people), BATCH):
        storing.store(database, people[start : start + BATCH], progress)
    return Report(
        name=sheet.name,
        rows=len(sheet) + sheet.skipped,
        **{name: getattr(progress, name) for name in _COUNTS},
        problems=tuple(sorted(progress.problems, key=lambda problem: problem.line)),
        fields_created=created,
        encoding=sheet.encoding,
        delimiter=sheet.delimiter,
        seconds=round(time.monotonic() - started, 3),
    )
