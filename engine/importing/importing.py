"""People from a file: read, mapped, cleaned, and stored batch by batch, each row on its own."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine import db
from engine.importing import work
from engine.importing.batch import COUNTS, Mode
from engine.importing.mapping import TARGETS, guess, types
from engine.importing.merging import Match
from engine.importing.options import Options
from engine.importing.sheet import Problem, Sheet, read

__all__ = ["TARGETS", "Options", "Problem", "Report", "Sheet", "guess", "read", "run", "types"]


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
            **{name: getattr(self, name) for name in COUNTS},
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
    match: Match = "auto",
    tags: Sequence[str] = (),
    keep_problems: bool = True,
) -> Report:
    """Store the sheet's people now and without a way back; `running` does it as people want it.

    An empty cell never erases. See Options. Raises Invalid for a mapping, mode, country or tag
    that cannot be; a row's problem is in the report instead.
    """
    started = time.monotonic()
    asked = Options(
        mapping=mapping,
        mode=mode,
        match=match,
        country=country,
        tags=tuple(tags),
        keep_problems=keep_problems,
    )
    options = work.plan(database, sheet, asked)
    with database.write() as session:
        made = work.prepare(session, sheet, options)
    doing = work.progress(options)
    doing.counts["skipped"] += sheet.skipped
    doing.problems += sheet.problems
    work.store(database, work.cleaner(database, sheet, options), doing)
    return Report(
        name=sheet.name,
        rows=len(sheet) + sheet.skipped,
        **doing.counts,
        problems=tuple(sorted(doing.problems, key=lambda problem: problem.line)),
        fields_created=made.fields,
        encoding=sheet.encoding,
        delimiter=sheet.delimiter,
        seconds=round(time.monotonic() - started, 3),
    )
