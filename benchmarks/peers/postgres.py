"""PostgreSQL with indexes, a private server on a socket in the benchmark's folder."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
from pathlib import Path

import polars as pl
import psycopg

from crowd import people
from engine import db
from engine.segments.tree import Group
from peers import rows as layout
from peers.rows import RowWriter

TYPES = {
    "id": "bigint PRIMARY KEY", "created_at": "bigint", "last_inbound_at": "bigint",
    "last_channel": "bigint", "last_purchase": "bigint", "spent": "float8", "visits": "float8",
    "birthday": "date", "consent": "boolean",
}  # fmt: skip
SEARCHED = ("name", "email", "company", "last_name")
"""Texts that are searched inside, by trigrams where the extension is there."""
OPTIONS = (
    "-c listen_addresses='' -c fsync=off -c shared_buffers=2GB -c work_mem=256MB "
    "-c maintenance_work_mem=1GB -c max_parallel_workers_per_gather=4 -c max_wal_size=8GB "
    "-c random_page_cost=1.1 -c jit=off"
)


def binaries() -> Path | None:
    """The folder of the newest server installed here."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    return Path(on_path).parent if on_path else None


class PostgresWriter(RowWriter):
    def like(self, subject: str, op: str, text: str) -> str:
        return super(RowWriter, self).like(subject, op, text)  # text_pattern_ops serves it

    def moment(self, day: dt.date) -> str:
        return str(db.micros(self.midnight(day)))


class Postgres:
    name = "postgresql"

    def __init__(self) -> None:
        self.writer = PostgresWriter()

    def open(self, folder: Path, rows: int) -> None:
        self._start(folder / "pg")
        for statement in self._tables():
            self.connection.execute(statement)
        for block in people.blocks(rows):
            self._copy("contact", layout.contacts(block))
            for table, linked in layout.links(block):
                self._copy(table, linked)
        for statement in (*layout.INDEXES, *self._text_indexes()):
            self.connection.execute(statement)
        self.connection.execute("VACUUM ANALYZE")

    def _start(self, home: Path) -> None:
        where = binaries()
        assert where is not None
        home.mkdir()
        self.user = "postgres" if os.geteuid() == 0 else ""
        if self.user:
            home.parent.chmod(0o755)
            shutil.chown(home, self.user)
        self.data, self.control = str(home / "data"), f"{where}/pg_ctl"
        self._run(f"{where}/initdb", "-D", self.data, "-U", "pregon", "-A", "trust",
                  "-E", "UTF8", "--locale=C.UTF-8")  # fmt: skip
        self._run(self.control, "-D", self.data, "-w", "-l", str(home / "log"),
                  "-o", f"-k {home} {OPTIONS}", "start")  # fmt: skip
        self.connection = psycopg.connect(
            f"postgresql://pregon@/postgres?host={home}", autocommit=True
        )

    def _run(self, *command: str) -> None:
        prefix = ("runuser", "-u", self.user, "--") if self.user else ()
        subprocess.run([*prefix, *command], check=True, cwd="/", stdout=subprocess.DEVNULL)

    def _tables(self) -> list[str]:
        columns = ", ".join(f"{name} {TYPES.get(name, 'text')}" for name in layout.COLUMNS)
        return [
            f"CREATE TABLE contact ({columns})",
            *(
                f"CREATE TABLE {table} (item_id int, contact_id bigint, "
                "PRIMARY KEY (item_id, contact_id))"
                for table in layout.LINKS
            ),
        ]

    def _text_indexes(self) -> list[str]:
        found = [
            f"CREATE INDEX by_{column} ON contact ({column} text_pattern_ops)"
            for column in ("phone", "email_folded", "city_folded", "first_name_folded")
        ]
        try:
            self.connection.execute("CREATE EXTENSION pg_trgm")
        except psycopg.errors.FeatureNotSupported:  # not installed
            return found
        grams = [f"{column}_folded gin_trgm_ops" for column in SEARCHED]
        return [*found, *(f"CREATE INDEX ON contact USING gin ({gram})" for gram in grams)]

    def _copy(self, table: str, rows: pl.DataFrame) -> None:
        text = rows.write_csv(include_header=False, quote_style="non_numeric", null_value="")
        statement = f"COPY {table} FROM STDIN (FORMAT csv)"
        with self.connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(text)

    def count(self, tree: Group) -> int:
        row = self.connection.execute(self.writer.count(tree)).fetchone()
        assert row is not None
        return int(row[0])

    def close(self) -> None:
        self.connection.close()
        self._run(self.control, "-D", self.data, "-m", "immediate", "stop")
