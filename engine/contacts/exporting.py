"""People to a file: CSV and XLSX that import again, Parquet for analysis."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import polars as pl
import sqlalchemy as sa
import xlsxwriter
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import attributes
from engine.errors import Invalid

Format = Literal["csv", "xlsx", "parquet"]

XLSX_ROWS = 1_048_575
"""People an Excel sheet holds below its header."""

CHUNK = 5_000

_RISKY = re.compile(r"'*[=+\-@\t\r\n]")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")


def export(
    database: db.Database,
    path: Path | str,
    *,
    ids: Sequence[int] | None = None,
    format: Format = "csv",
) -> int:
    """Write people (all, or those of `ids`) to `path`; returns how many.

    Columns: contact_id, the built-in fields, tags ("a, b"), the custom fields by key, created_at.
    Raises Invalid for an unknown format and for more people than an Excel sheet holds.
    """
    if format not in ("csv", "xlsx", "parquet"):
        raise Invalid("export.bad_format", "Contacts export as csv, xlsx or parquet.")
    with database.read() as session:
        table = frame(session, ids)
    if format == "parquet":
        table.write_parquet(path)
    elif format == "csv":
        _as_text(table).write_csv(path, include_bom=True)
    elif table.height > XLSX_ROWS:
        raise Invalid(
            "export.too_long",
            "An Excel sheet holds {most} people at most: export as CSV.",
            most=f"{XLSX_ROWS:,}",
        )
    else:
        _write_xlsx(table, path)
    return table.height


def frame(session: Session, ids: Sequence[int] | None) -> pl.DataFrame:
    """The export as a typed frame, ordered by contact_id."""
    custom = sorted(attributes.listing(session), key=lambda row: row.id)
    schema: dict[str, Any] = {"contact_id": pl.Int64}
    schema |= dict.fromkeys(attributes.BUILT_IN, pl.String) | {"tags": pl.String}
    schema |= {row.key: pl.String if row.type != "yes_no" else pl.Boolean for row in custom}
    schema |= {row.key: pl.Float64 for row in custom if row.type == "number"}
    schema["created_at"] = pl.Datetime("us", "UTC")
    names = _tag_names(session)
    parts = [
        pl.DataFrame(
            [_row(row, names.get(row.id, ""), custom) for row in chunk], schema, orient="row"
        )
        for chunk in _people(session, ids)
    ]
    table = pl.concat(parts) if parts else pl.DataFrame(schema=schema)
    return table.with_columns(
        pl.col(row.key).str.to_date("%Y-%m-%d", strict=False)
        if row.type == "date"
        else pl.col(row.key).str.to_datetime(time_unit="us", time_zone="UTC", strict=False)
        for row in custom
        if row.type in ("date", "datetime")
    )


def _people(session: Session, ids: Sequence[int] | None) -> Iterator[Sequence[Any]]:
    contact = db.Contact
    columns = [contact.id, *(getattr(contact, name) for name in attributes.BUILT_IN)]
    every = sa.select(*columns, contact.fields, contact.created_at).order_by(contact.id)
    if ids is None:
        yield from session.execute(every.execution_options(yield_per=CHUNK)).partitions()
        return
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), CHUNK):
        yield session.execute(every.where(contact.id.in_(wanted[start : start + CHUNK]))).all()


def _row(row: Sequence[Any], tags: str, custom: Sequence[db.ContactField]) -> list[Any]:
    *known, values, created = row
    typed = [_value(field.type, values.get(field.key)) for field in custom]
    return [*known, tags, *typed, created]


def _value(type: str, value: Any) -> Any:
    """The stored value where it has its field's form, else None."""
    if type == "number":
        return float(value) if isinstance(value, int | float) else None
    if type == "yes_no":
        return value if isinstance(value, bool) else None
    return None if value is None else str(value)


def _tag_names(session: Session) -> dict[int, str]:
    """Contact id → "a, b"."""
    rows = session.execute(
        sa.select(db.ContactTag.contact_id, db.Tag.name)
        .join(db.Tag, db.Tag.id == db.ContactTag.tag_id)
        .order_by(db.Tag.key)
    )
    found: dict[int, list[str]] = {}
    for contact_id, name in rows:
        found.setdefault(contact_id, []).append(name)
    return {contact_id: ", ".join(names) for contact_id, names in found.items()}


def harmless(text: str | None) -> str | None:
    """A cell no spreadsheet runs: risky texts get an apostrophe, plain numbers stay as they are."""
    if text and _RISKY.match(text) and not _NUMBER.fullmatch(text):
        return "'" + text
    return text


def original(text: str) -> str:
    """What `harmless` was given: the reverse, for importing."""
    return text[1:] if text.startswith("'") and _RISKY.match(text) else text


def _safe(table: pl.DataFrame) -> pl.DataFrame:
    """The frame with every text column harmless; only cells that may be risky are looked at."""
    texts = [name for name, kind in table.schema.items() if kind == pl.String]
    risky = "^'*[=+\\-@\t\r\n]"
    return table.with_columns(
        pl.when(pl.col(name).str.contains(risky))
        .then(pl.col(name).map_elements(harmless, return_dtype=pl.String))
        .otherwise(pl.col(name))
        for name in texts
        if table[name].str.contains(risky).any()
    )


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


def _write_xlsx(table: pl.DataFrame, path: Path | str) -> None:
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        sheet = book.add_worksheet("Contacts")
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.freeze_panes(1, 0)
        for place, name in enumerate(table.columns):
            sheet.write_string(0, place, name)
        for line, row in enumerate(_moments(_safe(table)).iter_rows(), start=1):
            for place, value in enumerate(row):
                if value is not None:
                    _write_cell(sheet, line, place, value, day)


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
