"""What is wrong with an installation, in sentences."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import phonenumbers
import redis
import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from cryptography.fernet import InvalidToken

from channels import KINDS
from engine import accounts, db, plan
from engine.errors import PregonError
from engine.language import LANGUAGES
from engine.processes import parts, redis_server
from engine.settings import Settings

State = Literal["ok", "note", "wrong"]
FREE_MIN = 1 << 30
"""Bytes below which the disk is nearly full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`wrong` must be mended before anything is sent; a `note` is worth knowing."""

    about: str
    state: State
    sentence: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def examine(config: Settings) -> Iterator[Finding]:
    """Every check in turn; one that fails does not stop the others."""
    checks: list[tuple[str, Callable[[Settings], Iterator[Finding]]]] = [
        ("settings", _settings),
        ("data folder", _folder),
        ("database", _database),
        ("redis", _redis),
        ("channels", _channels),
        ("ports", _ports),
    ]
    for about, check in checks:
        try:
            yield from check(config)
        except PregonError as error:
            yield Finding(about=about, state="wrong", sentence=error.sentence)


def _ok(about: str, sentence: str) -> Finding:
    return Finding(about=about, state="ok", sentence=sentence)


def _note(about: str, sentence: str) -> Finding:
    return Finding(about=about, state="note", sentence=sentence)


def _wrong(about: str, sentence: str) -> Finding:
    return Finding(about=about, state="wrong", sentence=sentence)


def _settings(config: Settings) -> Iterator[Finding]:
    yield _ok("python", f"Python {sys.version.split()[0]}.")
    parts.check_host(config.host)
    plan.zone(config.timezone)
    if config.country.upper() not in phonenumbers.SUPPORTED_REGIONS:
        sentence = f"PREGON_COUNTRY is {config.country}; it must be a two-letter country code."
        yield _wrong("settings", sentence)
    if config.language and config.language not in LANGUAGES:
        known = " or ".join(LANGUAGES)
        yield _wrong("settings", f"PREGON_LANGUAGE is {config.language}; it can be {known}.")
    if config.sqlite_synchronous not in ("FULL", "NORMAL"):
        sentence = f"PREGON_SQLITE_SYNCHRONOUS is {config.sqlite_synchronous}; FULL or NORMAL."
        yield _wrong("settings", sentence)
    if config.public_url and not config.public_url.startswith("https://"):
        yield _note("settings", "PREGON_PUBLIC_URL does not begin with https://; providers ask it.")


def _folder(config: Settings) -> Iterator[Finding]:
    try:
        folder = config.folder
    except OSError as error:
        yield _wrong("data folder", f"{config.data} cannot be made: {error.strerror}.")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield _wrong("data folder", f"{folder} cannot be written to.")
        return
    if folder.stat().st_mode & 0o077:
        yield _note("data folder", f"{folder} can be read by others: chmod 700 it.")
    free = shutil.disk_usage(folder).free
    if free < FREE_MIN:
        yield _wrong("data folder", f"Only {free / FREE_MIN:.1f} GB are free at {folder}.")
    yield _ok("data folder", f"{folder}, {free / FREE_MIN:.0f} GB free.")


def _database(config: Settings) -> Iterator[Finding]:
    database = db.connect(config)
    kind = "SQLite" if database.is_sqlite else "PostgreSQL"
    try:
        with database.engine.connect() as connection:
            version = MigrationContext.configure(connection).get_current_revision()
    except sa.exc.SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()[0]
        yield _wrong("database", f"{kind} does not answer: {reason}.")
        return
    finally:
        database.close()
    tables = f"its tables are at version {version}" if version else "it is empty so far"
    yield _ok("database", f"{kind} answers; {tables}.")


def _redis(config: Settings) -> Iterator[Finding]:
    answers = parts.answers(config)
    if not config.redis_url.get_secret_value():
        binary = redis_server.binary()
        running = "is running" if answers else "starts with `pregon up`"
        yield _ok("redis", f"The embedded one ({binary}) {running}.")
        return
    if not answers:
        yield _wrong("redis", "Nothing answers at REDIS_URL.")
        return
    client = redis.Redis.from_url(config.redis)
    version = client.info("server")["redis_version"]
    client.close()
    yield _ok("redis", f"Redis {version} answers at REDIS_URL.")


def _channels(config: Settings) -> Iterator[Finding]:
    database = db.connect(config)
    try:
        with database.read() as session:
            rows = accounts.listing(session)
    except sa.exc.SQLAlchemyError:
        yield _note("channels", "None can be read before the tables are made.")
        return
    finally:
        database.close()
    for row in rows:
        try:
            if row.kind in KINDS:
                accounts.open(config, row)
        except InvalidToken:
            sentence = "cannot be opened: PREGON_SECRET_KEY is not the one it was saved with."
            yield _wrong("channels", f"“{row.name}” {sentence}")
        if row.state == "paused":
            yield _note("channels", f"“{row.name}” is paused: {row.state_reason or 'by a person'}.")
    if any(row.kind in KINDS and not row.sandbox for row in rows) and not config.public_url:
        sentence = "Providers cannot reach the door: PREGON_PUBLIC_URL is empty."
        yield _note("channels", sentence)
    yield _ok("channels", f"{len(rows)} saved.")


def _ports(config: Settings) -> Iterator[Finding]:
    for name in parts.PORTS:
        port = getattr(config, name)
        if parts.in_use(port):
            variable = f"PREGON_{name.upper()}"
            yield _note("ports", f"{port} is in use, by Pregón or by another; see {variable}.")
