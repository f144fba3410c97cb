"""What has been imported: numbers, problems, and the rows that had them, for as long as asked."""

from __future__ import annotations

import base64
import csv
import datetime as dt
import io
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db, language
from engine.contacts import exporting
from engine.errors import Invalid, NotFound, PregonError
from engine.importing.batch import COUNTS
from engine.importing.mapping import OURS
from engine.importing.options import Options, from_json
from engine.importing.sheet import Problem, Sheet
from engine.language import N_

SIGN = 3.0
"""Seconds between two signs of life of who works on an import."""

SILENT = dt.timedelta(seconds=15)
"""Without a sign for so long nobody works on it any more."""

STATES = {
    "waiting": N_("Waiting"),
    "running": N_("Importing"),
    "done": N_("Imported"),
    "cancelled": N_("Cancelled"),
    "failed": N_("Failed"),
    "undoing": N_("Being undone"),
    "undone": N_("Undone"),
}
"""Words of contact_import.state. Stored: never rename."""

OPEN = ("waiting", "running", "undoing")
"""States in which somebody must work on it."""

PROBLEMS_KEPT = 100_000
ROWS_KEPT = 20_000
"""Rows with a problem whose cells are kept, to be mended and imported again."""
CELL_KEPT = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """A file that was imported, or is being."""

    id: int
    name: str
    state: str
    reason: PregonError | None
    """Why it failed."""
    rows: int | None
    """Of the file; None until it is read."""
    done: int
    counts: Mapping[str, int]
    """created + updated + unchanged + merged + skipped; of what is done so far."""
    problems: int
    fields_created: Mapping[str, str]
    encoding: str
    delimiter: str
    seconds: float
    undoing: tuple[int, int]
    """(people put back, people in all) while it is being undone."""
    undone: Mapping[str, int]
    """restored, kept: people put back, and values that somebody changed since. Empty before."""
    undoable: bool
    options: Options
    created_at: dt.datetime
    finished_at: dt.datetime | None
    seen_at: dt.datetime | None
    cancel_wanted: bool

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    def is_silent(self, now: dt.datetime) -> bool:
        """Whether it is open and nobody works on it."""
        return self.is_open and (self.seen_at or self.created_at) < now - SILENT


def row(session: Session, id: int) -> db.ContactImport:
    """Raises NotFound."""
    found = session.get(db.ContactImport, id)
    if found is None:
        raise NotFound("import.not_found", "There is no import with the number {id}.", id=id)
    return found


def status(session: Session, id: int) -> Import:
    """Raises NotFound."""
    return _shown(row(session, id))


def listing(session: Session, *, limit: int = 50) -> list[Import]:
    """The newest first."""
    newest = sa.select(db.ContactImport).order_by(db.ContactImport.id.desc()).limit(limit)
    return [_shown(row) for row in session.scalars(newest)]


def forgotten(session: Session, now: dt.datetime) -> list[int]:
    """Imports that are to be worked on and that nobody works on."""
    wanted = sa.select(db.ContactImport.id).where(
        db.ContactImport.state.in_(OPEN),
        sa.func.coalesce(db.ContactImport.seen_at, db.ContactImport.created_at) < now - SILENT,
    )
    return list(session.scalars(wanted.order_by(db.ContactImport.id)))


def _shown(row: db.ContactImport) -> Import:
    report = row.report
    return Import(
        id=row.id,
        name=row.name,
        state=row.state,
        reason=unpack_errors(report["error"])[0] if "error" in report else None,
        rows=row.rows,
        done=row.done,
        counts={name: report.get(name, 0) for name in COUNTS},
        problems=report.get("problems_count", 0),
        fields_created=report.get("fields_created", {}),
        encoding=report.get("encoding", ""),
        delimiter=report.get("delimiter", ""),
        seconds=report.get("seconds", 0.0),
        undoing=tuple(report.get("undoing", (0, 0))),
        undone=report.get("undone", {}),
        undoable=row.change_id is not None and row.state in ("done", "cancelled", "failed"),
        options=from_json(row.options),
        created_at=row.created_at,
        finished_at=row.finished_at,
        seen_at=row.seen_at,
        cancel_wanted=row.cancel_wanted,
    )


# Problems, packed: a file of strangers may have one on every line


def pack(value: object) -> str:
    """JSON, compressed, as text."""
    return base64.b85encode(zlib.compress(json.dumps(value).encode(), 6)).decode()


def unpack(text: str) -> Any:
    return json.loads(zlib.decompress(base64.b85decode(text)))


def pack_errors(errors: Sequence[PregonError]) -> str:
    return pack([[error.code, error.template, _plain(error.details)] for error in errors])


def unpack_errors(text: str) -> list[PregonError]:
    return [Invalid(code, template, **details) for code, template, details in unpack(text)]


def _plain(details: Mapping[str, object]) -> dict[str, object]:
    return {k: v if isinstance(v, int | float) else str(v) for k, v in details.items()}


def add_problems(report: Mapping[str, Any], problems: Sequence[Problem]) -> dict[str, Any]:
    """The report with more problems: a pack a batch, so that no batch packs the others' again."""
    count = report.get("problems_count", 0)
    packs = list(report.get("problems", ()))
    kept = problems[: max(PROBLEMS_KEPT - count, 0)]
    if kept:
        packs.append(
            pack(
                [
                    [p.line, p.column, p.error.code, p.error.template, _plain(p.error.details)]
                    for p in kept
                ]
            )
        )
    return {**report, "problems": packs, "problems_count": count + len(problems)}


def keep_rows(report: Mapping[str, Any], sheet: Sheet) -> dict[str, Any]:
    """The report with the cells of the rows that had problems, because the file goes."""
    lines = sorted({problem.line for problem in _problems(report)})[:ROWS_KEPT]
    chosen = sheet.lines.is_in(lines)
    cells = sheet.rows.filter(chosen).with_columns(pl.all().str.slice(0, CELL_KEPT))
    rows = {
        line: list(row)
        for line, row in zip(sheet.lines.filter(chosen).to_list(), cells.iter_rows(), strict=True)
    }
    return {**report, "columns": list(sheet.columns), "rows": pack(rows)}


def problems(session: Session, id: int) -> list[Problem]:
    """By line; line 0 is about the whole file. Raises NotFound."""
    return _problems(row(session, id).report)


def _problems(report: Mapping[str, Any]) -> list[Problem]:
    found = [
        Problem(line=line, column=column, error=Invalid(code, template, **details))
        for each in report.get("problems", ())
        for line, column, code, template, details in unpack(each)
    ]
    return sorted(found, key=lambda problem: problem.line)


def problem_file(session: Session, id: int, *, speaks: str = "en") -> bytes:
    """A CSV of the rows that had problems: line, what is wrong, and the cells as they came.

    Mended, it can be imported: its first two columns are known and passed over.
    """
    report = row(session, id).report
    columns = report.get("columns", [])
    cells = unpack(report["rows"]) if "rows" in report else {}
    by_line: dict[int, list[str]] = {}
    for problem in _problems(report):
        said = language.sentence(problem.error, speaks)
        by_line.setdefault(problem.line, []).append(
            f"{problem.column}: {said}" if problem.column else said
        )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*OURS, *map(exporting.harmless, columns)])
    for line, sentences in by_line.items():
        found = [str(line), " ".join(sentences), *cells.get(str(line), [None] * len(columns))]
        writer.writerow([exporting.harmless(cell) or "" for cell in found])
    return text.getvalue().encode("utf-8-sig")
