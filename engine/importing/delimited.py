"""CSV in any usual dialect as rows of cells, each with its line; broken quotes harm one line."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from engine.errors import Invalid

DELIMITERS = ",;\t|"

Record = tuple[int, list[str]]
"""(line, cells)"""

Noted = tuple[int, Invalid]
"""(line, what is wrong with it)"""


def parse(text: str) -> tuple[Iterator[Record], str, list[Noted]]:
    """(rows, delimiter, problems, which grow as the rows are read).

    Lines count from 1, as an editor shows them.
    """
    lines = list(io.StringIO(text, newline=""))
    problems: list[Noted] = []
    start, delimiter = _dialect(lines)
    return _records(lines, delimiter, start, problems), delimiter, problems


def _dialect(lines: Sequence[str]) -> tuple[int, str]:
    """(lines to pass over, delimiter): Excel's own "sep=;" line, else what splits most evenly."""
    if lines and lines[0].strip().lower().startswith("sep=") and len(lines[0].strip()) == 5:
        return 1, lines[0].strip()[-1]
    sample = [line[:10_000] for line in lines[:200] if line.strip()]
    return 0, max(DELIMITERS, key=lambda mark: _evenness(sample, mark))


def _evenness(sample: Sequence[str], delimiter: str) -> tuple[bool, float, int]:
    """(the header is as wide as most rows, share of rows that wide, how wide)"""
    try:
        widths = [len(row) for row in csv.reader(sample, delimiter=delimiter) if row]
    except csv.Error:
        widths = []
    counts = Counter(width for width in widths if width > 1)
    if not counts:
        return False, 0.0, 0
    width, times = counts.most_common(1)[0]
    return widths[0] == width, round(times / len(widths), 1), width


def _records(
    lines: Sequence[str], delimiter: str, start: int, problems: list[Noted]
) -> Iterator[Record]:
    """Rows with the line each starts on. A quote that is never closed is read as a letter."""
    reader, width = _reader(lines, start, delimiter), 0
    while True:
        before = start + reader.line_num
        row: list[str] | None
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            row = None
        after = start + reader.line_num
        if row is None or (after - before > 1 and _swallowed(row, lines[before:after], width)):
            row = _literally(lines[before], before + 1, delimiter, problems)
            start = before + 1
            reader = _reader(lines, start, delimiter)
        width = width or len(row)
        yield before + 1, row


def _reader(lines: Sequence[str], start: int, delimiter: str) -> Any:
    return csv.reader(map(lines.__getitem__, range(start, len(lines))), delimiter=delimiter)


def _swallowed(row: Sequence[str], lines: Sequence[str], width: int) -> bool:
    """Whether a row of several lines comes from a quote somebody forgot to close."""
    marks = sum(line.count('"') for line in lines)
    return marks % 2 == 1 or bool(width and len(row) != width)


def _literally(line: str, number: int, delimiter: str, problems: list[Noted]) -> list[str]:
    """One line read again with quotes as letters; empty if a cell is longer than any can be."""
    error = Invalid("import.open_quote", "A quotation mark is never closed: read as a letter.")
    try:
        row = next(csv.reader([line], delimiter=delimiter, quoting=csv.QUOTE_NONE))
    except csv.Error:
        row, most = [], f"{csv.field_size_limit():,}"
        error = Invalid(
            "import.long_cell",
            "A cell is longer than {most} characters: the line is left out.",
            most=most,
        )
    problems.append((number, error))
    return [cell.strip('"') for cell in row]
