"""The database: sessions that commit or leave no trace, migrations, and what every writer owes."""

from __future__ import annotations

import json
import random
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.orm import Session

from engine.errors import NotFound
from engine.language import N_
from engine.settings import Settings
from engine.tables import EPOCH as EPOCH
from engine.tables import MICROSECOND as MICROSECOND
from engine.tables import Base as Base
from engine.tables import Broadcast as Broadcast
from engine.tables import Change as Change
from engine.tables import ChangeItem as ChangeItem
from engine.tables import Channel as Channel
from engine.tables import Contact as Contact
from engine.tables import ContactChannel as ContactChannel
from engine.tables import ContactField as ContactField
from engine.tables import ContactImport as ContactImport
from engine.tables import ContactTag as ContactTag
from engine.tables import Distinct as Distinct
from engine.tables import FrozenAudience as FrozenAudience
from engine.tables import Id as Id
from engine.tables import ImportFile as ImportFile
from engine.tables import ImportMapping as ImportMapping
from engine.tables import Json as Json
from engine.tables import Key as Key
from engine.tables import LeftOut as LeftOut
from engine.tables import Message as Message
from engine.tables import Moment as Moment
from engine.tables import OptOut as OptOut
from engine.tables import Orphan as Orphan
from engine.tables import Receipt as Receipt
from engine.tables import Reply as Reply
from engine.tables import Segment as Segment
from engine.tables import SegmentVersion as SegmentVersion
from engine.tables import Tag as Tag
from engine.tables import TestSend as TestSend
from engine.tables import Workspace as Workspace
from engine.tables import fold as fold
from engine.tables import micros as micros
from engine.tables import moment as moment
from engine.tables import now as now

ROOT = Path(__file__).resolve().parent.parent
Row = TypeVar("Row", bound=Base)

POLL = 0.002, 0.005
"""Seconds between two looks whether SQLite's write lock is free. SQLite's own waiting slows down to
ten looks a second, and somebody who writes batch after batch would never let others in."""
PATIENCE = 15.0
"""Seconds a writer waits for SQLite's lock."""

_MISSING = {
    "contact": ("contact.not_found", N_("There is no contact with the number {id}.")),
    "contact_field": ("contact_field.not_found", N_("There is no field with the number {id}.")),
    "channel": ("channel.not_found", N_("There is no channel with the number {id}.")),
    "segment": ("segment.not_found", N_("There is no segment with the number {id}.")),
    "broadcast": ("broadcast.not_found", N_("There is no broadcast with the number {id}.")),
    "row": ("row.not_found", N_("There is nothing with the number {id} any more.")),
}
"""Table → (code, sentence) for a row that is not there."""


class Database:
    """One database: short sessions for reading, and writing ones that commit or leave no trace."""

    def __init__(self, engine: sa.Engine, settings: Settings) -> None:
        self.engine = engine
        self.settings = settings

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Session]:
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction. SQLite takes the write lock at once, so it cannot fail half-way."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            if self.is_sqlite:
                session.connection(execution_options={"pregon_begin": True})
            yield session

    def close(self) -> None:
        self.engine.dispose()


def connect(settings: Settings) -> Database:
    """Open the database; tables are made by `migrate`, not here."""
    url = sa.make_url(settings.database)
    engine = sa.create_engine(url, pool_pre_ping=url.get_backend_name() != "sqlite")
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine, settings.sqlite_synchronous)
    return Database(engine, settings)


def migrate(database: Database, to: str = "head") -> None:
    """Bring the tables to the newest version; harmless when they are."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    with database.engine.connect() as connection:
        if database.is_sqlite:  # a table that is made anew must not take its references along
            driver = connection.connection.dbapi_connection
            assert driver is not None
            driver.execute("PRAGMA foreign_keys=OFF")
            connection.detach()
        config.attributes["connection"] = connection
        command.upgrade(config, to)


def get(session: Session, kind: type[Row], id: int) -> Row:
    """The row, or NotFound in a sentence."""
    row = session.get(kind, id)
    if row is None:
        code, template = _MISSING.get(kind.__tablename__, _MISSING["row"])
        raise NotFound(code, template, id=id)
    return row


def touch_contacts(session: Session) -> None:
    """Tell every cache of contacts that they changed, in the transaction that changed them."""
    session.execute(sa.update(Workspace).values(contacts_version=Workspace.contacts_version + 1))


def seal(settings: Settings, secrets: Mapping[str, str]) -> bytes:
    """Encrypt a channel's secrets for Channel.secrets."""
    return settings.cipher.encrypt(json.dumps(dict(secrets)).encode())


def unseal(settings: Settings, sealed: bytes | None) -> dict[str, str]:
    """Decrypt Channel.secrets; never log or show what comes back."""
    if not sealed:
        return {}
    opened: dict[str, str] = json.loads(settings.cipher.decrypt(sealed))
    return opened


def _prepare_sqlite(engine: sa.Engine, synchronous: str) -> None:
    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, _: object) -> None:
        connection.isolation_level = None  # we begin ourselves, see below
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={PATIENCE * 1000:.0f}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={'NORMAL' if synchronous == 'NORMAL' else 'FULL'}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA cache_size=-65536")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        if "pregon_begin" in connection.get_execution_options():
            _begin_writing(connection)
        else:
            connection.exec_driver_sql("BEGIN DEFERRED")


def _begin_writing(connection: sa.Connection) -> None:
    """Take the write lock, soon after it is free. Raises OperationalError past PATIENCE."""
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA busy_timeout=0")
    until = time.monotonic() + PATIENCE
    try:
        while True:
            try:
                driver.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    break
            time.sleep(random.uniform(*POLL))
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # which says what is wrong
    finally:
        driver.execute(f"PRAGMA busy_timeout={PATIENCE * 1000:.0f}")
