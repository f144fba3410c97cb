"""The crowd as a real workspace: the tables of engine.db, filled in bulk."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from crowd import names, people
from engine import db
from engine.segments import cache
from engine.settings import Settings

CONTACT = (
    "id", "first_name", "last_name", "phone", "email", "external_id", "language", "country",
    "timezone", "fields", "created_at", "updated_at",
)  # fmt: skip
CHANNEL = (
    "contact_id", "channel_id", "address", "last_inbound_at", "opted_out_at", "opted_out_why",
    "invalid_at", "invalid_why",
)  # fmt: skip


def settings(folder: Path) -> Settings:
    return Settings(_env_file=None, data=folder, sqlite_synchronous="NORMAL")


def opened(folder: Path, rows: int) -> db.Database:
    """The workspace of `rows` contacts in this folder, made when it is not there."""
    done = folder / f"people-{people.SEED}-{rows}"
    database = db.connect(settings(folder))
    if not done.exists():
        db.migrate(database)
        _define(database)
        _fill(database, rows)
        done.touch()
    return database


def _define(database: db.Database) -> None:
    with database.write() as session:
        for key, (label, kind) in people.FIELDS.items():
            options = list(names.TIERS) if kind == "choice" else []
            session.add(db.ContactField(key=key, label=label, type=kind, options=options))
            session.flush()
        for name, kind, _ in names.CHANNELS:
            session.add(db.Channel(key=name, name=name, kind=kind, ceiling=50.0, sandbox=True))
            session.flush()
        for name in names.TAGS:
            session.add(db.Tag(key=name, name=name))
            session.flush()


def _fill(database: db.Database, rows: int) -> None:
    connection = database.engine.raw_connection()
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=OFF")
    cursor.execute("BEGIN")
    for block in people.blocks(rows):
        _insert(cursor, "contact", CONTACT, contacts(block).select(CONTACT))
        _insert(cursor, "contact_tag", ("contact_id", "tag_id"), tags(block))
        for links in channels(block):
            _insert(cursor, "contact_channel", CHANNEL, links)
    cursor.execute("UPDATE workspace SET contacts_version = contacts_version + 1")
    cursor.execute("COMMIT")
    cursor.execute("ANALYZE")
    connection.close()
    database.engine.dispose()


def _insert(cursor: Any, table: str, columns: tuple[str, ...], rows: pl.DataFrame) -> None:
    marks = ", ".join("?" * len(columns))
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
    cursor.executemany(statement, rows.iter_rows())


def contacts(block: pl.DataFrame) -> pl.DataFrame:
    """With the custom fields as one JSON text, and moments as numbers."""
    written = block.select(
        *(key for key, (_, kind) in people.FIELDS.items() if kind not in ("date", "datetime")),
        pl.col("birthday").dt.strftime("%Y-%m-%d"),
        pl.col("last_purchase").dt.strftime("%Y-%m-%dT%H:%M:%S+00:00"),
    )
    fields = written.select(pl.struct(list(people.FIELDS)).struct.json_encode())
    return block.with_columns(
        fields.to_series().alias("fields"), pl.col("created_at", "updated_at").to_physical()
    )


def tags(block: pl.DataFrame) -> pl.DataFrame:
    """[contact, tag], a row each."""
    return block.select("id", "tags").explode("tags").drop_nulls()


def channels(block: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The rows of contact_channel, a frame a channel."""
    for id in range(1, len(names.CHANNELS) + 1):
        own = pl.concat_str(pl.lit(f"{id}-"), "id")
        address = pl.col("phone").fill_null(own) if id in names.PHONE_CHANNELS else own
        said = pl.col("created_at").to_physical()
        yield block.filter(f"on.{id}").select(
            "id",
            pl.lit(id),
            address.alias("address"),
            pl.col(f"inbound.{id}").to_physical(),
            pl.when(f"out.{id}").then(said).alias("out"),
            pl.lit("").alias("why"),
            pl.when(f"invalid.{id}").then(said).alias("invalid"),
            pl.lit("").alias("invalid_why"),
        )


# The file that a process begins with


def forget_cache(folder: Path) -> None:
    shutil.rmtree(folder / "cache", ignore_errors=True)


def await_cache(folder: Path, people: int) -> bool:
    """Wait until the file is written; False for so few people that there is none."""
    if people < cache.LEAST:
        return False
    while not (folder / "cache" / cache.MANIFEST).exists():
        time.sleep(0.1)
    return True
