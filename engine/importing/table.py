"""Rows of cells gathered by column, as text that is clean; Python's own lists stay short."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

CHUNK = 20_000
"""Rows held as Python's lists before they become columns."""

_UNWANTED = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff]"
_ESCAPED = r"^'('*[=+\-@\t\r\n])"
"""How a spreadsheet is kept from running a cell; see exporting.harmless."""


class Table:
    """The rows of a file on their way into columns."""

    def __init__(self, header: Sequence[str], *, named: Sequence[bool]) -> None:
        self.header = header
        self.named = named
        self.rows: list[list[str]] = []
        self.lines: list[int] = []
        self.chunks: list[pl.DataFrame] = []

    def add(self, line: int, cells: list[str]) -> None:
        self.rows.append(cells)
        self.lines.append(line)
        if len(self.rows) == CHUNK:
            self._flush()

    def finish(self) -> tuple[pl.DataFrame, pl.Series]:
        """(the cells by column, each row's line); columns without name and value are dropped."""
        if self.rows or not self.chunks:
            self._flush()
        table = pl.concat(self.chunks, rechunk=True)
        kept = [
            cells
            for cells, has_name in zip(table.get_columns(), self.named, strict=True)
            if has_name or cells.null_count() < len(cells)
        ]
        return pl.DataFrame(kept), pl.Series("line", self.lines, pl.Int64)

    def _flush(self) -> None:
        columns = list(zip(*self.rows, strict=True)) or [()] * len(self.header)
        cleaned = [_clean(n, cells) for n, cells in zip(self.header, columns, strict=True)]
        self.chunks.append(pl.DataFrame(cleaned))
        self.rows = []


def _clean(name: str, cells: Sequence[str]) -> pl.Series:
    """Cells trimmed, letters composed, harmless spreadsheet apostrophes taken off."""
    text = pl.Series("", cells, pl.String)  # named last: polars takes "*" and "^a.*$" for patterns
    text = text.str.replace_all(_UNWANTED, "")
    text = text.str.strip_chars().str.normalize("NFC").str.replace(_ESCAPED, "$1")
    return text.set(text == "", None).alias(name)
