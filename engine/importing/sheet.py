"""A contact file as a table of text: CSV in any usual dialect, or the first sheet of an XLSX."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastexcel
import polars as pl

from engine.contacts import attributes
from engine.errors import Invalid, NotFound, PregonError
from engine.importing import delimited, encoding, inference
from engine.importing.delimited import Record
from engine.importing.table import Table

MAX_BYTES = 300 * 1024 * 1024
"""Largest file read."""

MAX_UNPACKED = 1024 * 1024 * 1024
"""Largest XLSX once unpacked: about two million full rows; beyond it is a zip bomb."""

MAX_COLUMNS = 500

_FROM_1904 = re.compile(rb"""<workbookPr\b[^>]*\bdate1904=["'](?:1|true)["']""")

_DATA = re.compile(
    r"[^\s@]+@[^\s@]+\.\w+|\+?[\d\s().\-]{7,}|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|https?://.*"
)
"""What stands in a person's row and never names a column: an email, a phone, a date, an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something about one cell, one line (no column) or the whole file (line 0)."""

    line: int
    column: str = ""
    error: PregonError

    @property
    def sentence(self) -> str:
        return self.error.sentence

    def __iter__(self) -> Iterator[int | str]:
        """line, column, sentence"""
        return iter((self.line, self.column, self.sentence))

    def to_json(self) -> dict[str, Any]:
        return {"line": self.line, "column": self.column, "problem": self.sentence}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """Cells are trimmed text, empty ones null; lines without any are left out."""

    name: str = ""
    columns: tuple[str, ...]
    rows: pl.DataFrame
    """One String column a column of the file, named uniquely."""
    lines: pl.Series
    """Int64: each row's line in the file (its first one), as an editor counts; the header is 1."""
    encoding: str = ""
    delimiter: str = ""
    skipped: int = 0
    """Lines that could not be read as a row; each is among the problems."""
    problems: tuple[Problem, ...] = ()
    serials: dt.date = inference.EXCEL
    """Day 0 of its dates that are plain numbers."""

    def __len__(self) -> int:
        return self.rows.height

    def cells(self, column: str) -> pl.Series:
        """A column by its exact name, unnamed: polars takes some names for patterns."""
        return self.rows.to_series(self.columns.index(column)).alias("")


def read(source: Path | str | bytes, *, name: str = "") -> Sheet:
    """The table in a file or in its bytes. Raises NotFound, Invalid for what cannot be read."""
    if not isinstance(source, bytes):
        name = name or Path(source).name
        source = _load(Path(source))
    if len(source) > MAX_BYTES:
        raise _too_big()
    if not source.strip(b"\x00\t\r\n \xef\xbb\xbf\xff\xfe"):
        raise Invalid("import.empty", "The file is empty.")
    if source.startswith(b"PK\x03\x04"):
        return _read_xlsx(source, name)
    if source.startswith(b"\xd0\xcf\x11\xe0"):
        raise Invalid(
            "import.old_excel",
            "This is an old or a password-protected Excel file: save it as plain XLSX or CSV.",
        )
    return _read_csv(source, name)


def _load(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _too_big()
        return path.read_bytes()
    except OSError as error:
        raise NotFound(
            "import.no_file", "The file {name} cannot be opened.", name=path.name
        ) from error


def _too_big() -> Invalid:
    return Invalid(
        "import.too_big",
        "The file is larger than the {most} MB that can be read.",
        most=MAX_BYTES // 1024 // 1024,
    )


def _read_csv(data: bytes, name: str) -> Sheet:
    text, found, wrong = encoding.decode(data)
    records, delimiter, noted = delimited.parse(text)
    sheet = _sheet(records, name=name, encoding=found, delimiter=delimiter)
    problems = [Problem(line=0, error=wrong)] if wrong else []
    problems += [Problem(line=line, error=error) for line, error in noted]
    lost = sum(error.code == "import.long_cell" for _, error in noted)
    return dataclasses.replace(
        sheet, problems=(*problems, *sheet.problems), skipped=sheet.skipped + lost
    )


# XLSX


def _read_xlsx(data: bytes, name: str) -> Sheet:
    _check_archive(data)
    try:
        table = _first_table(fastexcel.read_excel(data))
    except (fastexcel.FastExcelError, pl.exceptions.PolarsError, ValueError) as error:
        raise _broken_xlsx() from error
    if table.width > MAX_COLUMNS:
        raise _too_wide()
    records = (
        (line, [cell or "" for cell in row]) for line, row in enumerate(table.iter_rows(), start=1)
    )
    return dataclasses.replace(_sheet(records, name=name), serials=_day_zero(data))


def _first_table(book: fastexcel.ExcelReader) -> pl.DataFrame:
    """All cells as text of the first sheet that has any, from the sheet's first row on."""
    for name in book.sheet_names:
        sheet = book.load_sheet(name, header_row=None, skip_rows=0, dtypes="string")
        if sheet.height:
            return sheet.to_polars()
    return pl.DataFrame()


def _day_zero(data: bytes) -> dt.date:
    """Workbooks from old Macs count days from 1904 (ECMA-376 part 1, 18.2.28)."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        head = archive.read("xl/workbook.xml")
    return dt.date(1904, 1, 1) if _FROM_1904.search(head) else inference.EXCEL


def _check_archive(data: bytes) -> None:
    """Refuse what is no workbook, and one that would fill the memory, before it is unpacked.

    The sizes an archive states may lie: every part is unpacked piece by piece to prove them.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            if _says_opendocument(archive):
                raise Invalid(
                    "import.opendocument",
                    "This is an OpenDocument spreadsheet: save it as XLSX or CSV.",
                )
            if "xl/workbook.xml" not in archive.namelist():
                raise encoding.not_a_table()
            if sum(part.file_size for part in parts) > MAX_UNPACKED:
                raise Invalid(
                    "import.too_big_unpacked",
                    "The XLSX file unpacks to more than {most} MB: save it as CSV.",
                    most=MAX_UNPACKED // 1024 // 1024,
                )
            if archive.testzip() is not None:
                raise _broken_xlsx()
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise _broken_xlsx() from error


def _says_opendocument(archive: zipfile.ZipFile) -> bool:
    if "mimetype" not in archive.namelist():
        return False
    with archive.open("mimetype") as part:
        return b"opendocument" in part.read(100)


def _broken_xlsx() -> Invalid:
    return Invalid("import.broken_xlsx", "The XLSX file is damaged and cannot be read.")


# Both


def _too_wide() -> Invalid:
    return Invalid("import.too_wide", "The file has more than {most} columns.", most=MAX_COLUMNS)


def _sheet(
    records: Iterable[Record], *, name: str, encoding: str = "", delimiter: str = ""
) -> Sheet:
    """The table of the rows, which are read once and not kept: a file may hold millions."""
    filled = ((line, cells) for line, cells in records if any(map(str.strip, cells)))
    first = next(filled, None)
    if first is None:
        raise Invalid("import.empty", "The file is empty.")
    header = _header(first[1], first[0])
    problems: list[Problem] = []
    table = Table(header, named=[bool(cell.strip()) for cell in first[1]])
    left_out = 0
    for (line, cells), last in _marked_last(filled):
        fitted = _fit(cells, len(header), line, problems, last=last)
        left_out += fitted is None
        if fitted is not None:
            table.add(line, fitted)
    rows, lines = table.finish()
    return Sheet(
        name=name,
        columns=tuple(rows.columns),
        rows=rows,
        lines=lines,
        encoding=encoding,
        delimiter=delimiter,
        skipped=left_out,
        problems=tuple(problems),
    )


def _marked_last(records: Iterable[Record]) -> Iterator[tuple[Record, bool]]:
    """Each row, and whether it is the last one."""
    waiting: Record | None = None
    for record in records:
        if waiting is not None:
            yield waiting, False
        waiting = record
    if waiting is not None:
        yield waiting, True


def _header(cells: Sequence[str], line: int) -> list[str]:
    """Unique column names. Raises Invalid when the row looks like a person instead of names."""
    if len(cells) > MAX_COLUMNS:
        raise _too_wide()
    names: dict[str, None] = {}
    for place, cell in enumerate(cells, start=1):
        if _DATA.fullmatch(cell.strip()):
            raise Invalid(
                "import.no_header",
                "Line {line} should hold the names of the columns, and “{value}” is not one.",
                line=line,
                value=cell.strip()[:60],
            )
        base = " ".join(attributes.tidy(cell).split())[:100] or f"Column {place}"
        name, count = base, 1
        while name in names:
            count += 1
            name = f"{base} ({count})"
        names[name] = None
    return list(names)


def _fit(
    cells: list[str], width: int, line: int, problems: list[Problem], *, last: bool
) -> list[str] | None:
    """The row at the header's width; None for a line that is no row of this table."""
    while len(cells) > width and not cells[-1].strip():
        cells.pop()
    if len(cells) > width or (len(cells) == 1 and width > 1):
        error = Invalid(
            "import.wrong_width",
            "The cells do not match the header ({count} instead of {width}): the line is left out.",
            count=len(cells),
            width=width,
        )
        problems.append(Problem(line=line, error=error))
        return None
    if len(cells) < width and last:
        error = Invalid(
            "import.short_end",
            "The last line has only {count} of {width} cells: the file may be cut.",
            count=len(cells),
            width=width,
        )
        problems.append(Problem(line=line, error=error))
    return cells + [""] * (width - len(cells))
