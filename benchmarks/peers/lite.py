"""SQLite with indexes, read through a memory map."""

from __future__ import annotations

import datetime as dt
import sqlite3
from pathlib import Path

import polars as pl

from crowd import people
from engine import db
from engine.segments.tree import Group
from peers import rows as layout
from peers.rows import RowWriter


class LiteWriter(RowWriter):
    false = "0"

    def day(self, day: dt.date) -> str:
        return f"'{day}'"

    def moment(self, day: dt.date) -> str:
        return str(db.micros(self.midnight(day)))


class Lite:
    name = "sqlite"

    def __init__(self) -> None:
        self.writer = LiteWriter()

    def open(self, folder: Path, rows: int) -> None:
        self.connection = sqlite3.connect(folder / "peer.db", isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-2000000", "threads=8"):
            self.connection.execute(f"PRAGMA {pragma}")
        self.connection.execute(f"PRAGMA mmap_size={2**35}")
        self.connection.execute("PRAGMA case_sensitive_like=ON")  # texts are folded already
        columns = ", ".join(layout.COLUMNS[1:])
        self.connection.execute(f"CREATE TABLE contact (id INTEGER PRIMARY KEY, {columns})")
        for table in layout.LINKS:
            self.connection.execute(
                f"CREATE TABLE {table} (item_id INTEGER, contact_id INTEGER, "
                "PRIMARY KEY (item_id, contact_id)) WITHOUT ROWID"
            )
        self.connection.execute("BEGIN")
        for block in people.blocks(rows):
            self._insert("contact", layout.contacts(block))
            for table, linked in layout.links(block):
                self._insert(table, linked)
        for statement in (
            *layout.INDEXES,
            "CREATE INDEX by_phone ON contact (phone)",
            "CREATE INDEX by_email ON contact (email_folded)",
            "CREATE INDEX by_name ON contact (name_folded)",
            "CREATE INDEX by_company ON contact (company_folded)",
        ):
            self.connection.execute(statement)
        self.connection.execute("COMMIT")
        self.connection.execute("ANALYZE")

    def _insert(self, table: str, rows: pl.DataFrame) -> None:
        marks = ", ".join("?" * rows.width)
        birthdays = pl.selectors.date().dt.strftime("%Y-%m-%d")
        self.connection.executemany(
            f"INSERT INTO {table} VALUES ({marks})", rows.with_columns(birthdays).iter_rows()
        )

    def count(self, tree: Group) -> int:
        found: int = self.connection.execute(self.writer.count(tree)).fetchone()[0]
        return found

    def close(self) -> None:
        self.connection.close()
