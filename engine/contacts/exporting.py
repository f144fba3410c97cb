"""People to a file: CSV and XLSX that import again, Parquet for analysis.

A spreadsheet runs what begins like a formula, in a cell as in a header; here nothing does.
"""

from __future__ import annotations

import datetime as dt
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import polars as pl
import sqlalchemy as sa
import xlsxwriter

from engine import db
from engine.contacts import exported
from engine.errors import Invalid

Format = Literal["csv", "xlsx", "parquet"]

XLSX_ROWS = 1_048_575
"""People an Excel sheet holds below its header."""

_RISKY = re.compile(r"'*[=+\-@\t\r\n]")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")


def export(
    database: db.Database,
    path: Path | str,
    *,
    ids: Sequence[int] | None = None,
    format: Format = "csv",
    columns: Sequence[str] | None = None,
) -> int:
    """Write people (all, or those of `ids`) to `path`, by contact_id; returns how many.

    Columns: contact_id, then `columns` of exported.shape, or all but its EXTRA. CSV and Parquet
    are written by the batch, so that memory does not grow with the people. Raises Invalid for an
    unknown format or column and for more people than an Excel sheet holds.
    """
    if format not in get_args(Format):
        raise Invalid("export.bad_format", "Contacts export as csv, xlsx or parquet.")
    with database.read() as session:
        shape = exported.shape(session, columns)
        if format == "xlsx":
            many = session.scalar(sa.select(sa.func.count(db.Contact.id))) if ids is None else None
            _check_fits(len(ids) if ids is not None else many or 0)
        frames = exported.batches(session, shape, ids)
        write = {"csv": _write_csv, "xlsx": _write_xlsx, "parquet": _write_parquet}[format]
        return write(frames, pl.DataFrame(schema=shape.schema), Path(path))


def _check_fits(people: int) -> None:
    if people > XLSX_ROWS:
        raise Invalid(
            "export.too_long",
            "An Excel sheet holds {most} people at most: export as CSV.",
            most=f"{XLSX_ROWS:,}",
        )


# Nothing runs


def harmless(text: str | None) -> str | None:
    """A cell no spreadsheet runs: risky texts get an apostrophe, plain numbers stay as they are."""
    if text and _RISKY.match(text) and not _NUMBER.fullmatch(text):
        return "'" + text
    return text


def original(text: str) -> str:
    """What `harmless` was given: the reverse, for importing."""
    return text[1:] if text.startswith("'") and _RISKY.match(text) else text


def _safe(table: pl.DataFrame) -> pl.DataFrame:
    """The frame with every text column as `harmless` has it."""
    texts = [pl.col(name) for name, kind in table.schema.items() if kind == pl.String]
    return table.with_columns(
        pl.when(cell.str.contains(rf"\A{_RISKY.pattern}"), ~cell.str.contains(_WHOLE))
        .then(pl.lit("'") + cell)
        .otherwise(cell)
        .name.keep()
        for cell in texts
    )


_WHOLE = rf"\A{_NUMBER.pattern}\z"


# The three formats: (batches, an empty one, where to) → how many people


def _write_csv(frames: Iterable[pl.DataFrame], empty: pl.DataFrame, path: Path) -> int:
    people = 0
    with path.open("wb") as file:
        file.write(b"\xef\xbb\xbf")
        _headed(_as_text(empty)).write_csv(file)
        for table in frames:
            _as_text(table).write_csv(file, include_header=False)
            people += table.height
    return people


def _write_parquet(frames: Iterable[pl.DataFrame], empty: pl.DataFrame, path: Path) -> int:
    """Batches wait on disk in polars' own format, and are put together as a stream."""
    people = 0
    with tempfile.TemporaryDirectory() as folder:
        parts = [Path(folder) / "0.arrow"]
        empty.write_ipc(parts[0])
        for table in frames:
            parts.append(Path(folder) / f"{len(parts)}.arrow")
            table.write_ipc(parts[-1])
            people += table.height
        pl.scan_ipc(parts).sink_parquet(path)
    return people


def _write_xlsx(frames: Iterable[pl.DataFrame], empty: pl.DataFrame, path: Path) -> int:
    people = 0
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        sheet = book.add_worksheet("Contacts")
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.freeze_panes(1, 0)
        for place, name in enumerate(_headed(empty).columns):
            sheet.write_string(0, place, name)
        for row in _lines(frames):
            people += 1
            for place, value in enumerate(row):
                if value is not None:
                    _write_cell(sheet, people, place, value, day)
    return people


# Cells


def _headed(empty: pl.DataFrame) -> pl.DataFrame:
    return empty.rename({name: harmless(name) or "" for name in empty.columns})


def _lines(frames: Iterable[pl.DataFrame]) -> Iterator[tuple[Any, ...]]:
    for table in frames:
        yield from _moments(_safe(table)).iter_rows()


def _moments(table: pl.DataFrame) -> pl.DataFrame:
    """Moments as ISO text with their offset, which a spreadsheet's own cannot hold."""
    return table.with_columns(
        pl.col(name).dt.strftime("%Y-%m-%dT%H:%M:%S%.f+00:00")
        for name, kind in table.schema.items()
        if isinstance(kind, pl.Datetime)
    )


def _as_text(table: pl.DataFrame) -> pl.DataFrame:
    """CSV cells: whole numbers without a point, yes and no, ISO moments."""
    shown: list[pl.Expr] = []
    for name, kind in table.schema.items():
        cell = pl.col(name)
        if kind == pl.Boolean:
            shown.append(cell.replace_strict({True: "yes", False: "no"}, return_dtype=pl.String))
        elif kind == pl.Float64:
            whole = (cell == cell.floor()) & (cell.abs() < 1e15)
            shown.append(
                pl.when(whole)
                .then(cell.cast(pl.Int64, strict=False).cast(pl.String))
                .otherwise(cell.cast(pl.String))
                .alias(name)
            )
    return _moments(_safe(table)).with_columns(shown)


def _write_cell(sheet: Any, line: int, place: int, value: object, day: Any) -> None:
    """Typed cells; what Excel cannot hold (years before 1900, huge numbers) as text."""
    match value:
        case bool():
            sheet.write_boolean(line, place, value)
        case int() | float() if abs(value) < 1e15:
            sheet.write_number(line, place, value)
        case dt.date() if value.year > 1900:
            sheet.write_datetime(line, place, value, day)
        case _:
            sheet.write_string(line, place, str(value))
