"""The contact frame on disk: an Arrow file in the data folder that a process begins with.

A small manifest names the Arrow file and says of which database, shape and format it is, and its
checksum; the manifest is replaced in one step, so whoever reads sees one whole file or the other.
What does not agree is not used. What is used is still brought up to date and proven against the
database, as a frame in memory is.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.segments import people
from engine.segments.people import Shape

FORMAT = 1
"""Grows when the meaning of a column changes."""
LEAST = 20_000
"""People below which reading the database takes no time."""
SHARE = 0.02
"""Changed people after which the file is written anew; fewer wait until it is quiet."""
QUIET = 120.0
"""Seconds without a change."""
STRAY = 3600.0
"""Seconds after which a file that no manifest names is litter."""
MANIFEST = "contacts.json"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """People as they were, and the definitions their columns follow."""

    people: pl.DataFrame
    shape: Shape


def read(database: db.Database, session: Session) -> Found | None:
    """What the file holds, mapped into memory; None when there is none to be trusted."""
    folder = _folder(database)
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        wanted = _identity(database, people.shape(session))
        if {key: manifest[key] for key in wanted} != wanted or not _begun(session, manifest):
            _log.info("The contact file is of another database or format: it is not used.")
            return None
        path = folder / Path(manifest["file"]).name
        if _digest(path) != manifest["digest"]:
            _log.warning("The contact file is damaged: it is not used.")
            return None
        table = pl.read_ipc(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as error:
        _log.warning("The contact file cannot be read: %s.", type(error).__name__)
        return None
    return _checked(table, people.shape(session))


def write(database: db.Database, table: pl.DataFrame, shape: Shape, *, version: int) -> None:
    """Write the people and make them the file that counts. Two writers: the last one wins."""
    folder = _folder(database)
    before = _named(folder)
    path = folder / f"contacts-{secrets.token_hex(8)}.arrow"
    _private(path)
    table.write_ipc(path, compression="uncompressed", compat_level=pl.CompatLevel.newest())
    named = {"file": path.name, "digest": _digest(path), "version": version}
    part = _private(path.with_suffix(".json"))
    part.write_text(json.dumps({**_identity(database, shape), **named}))
    part.replace(folder / MANIFEST)
    for old in folder.glob("contacts-*"):
        if old.name == before or time.time() - _age(old) > STRAY:
            old.unlink(missing_ok=True)


@dataclass(slots=True)
class Writing:
    """When the file is written anew: one timer, one writer."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    timer: threading.Timer | None = None
    changed: int = 0
    """People changed since it was written or read."""

    def note(self, changed: int, everybody: int, write: Callable[[], None]) -> None:
        """People changed: `write` is called soon when they are many, else when it is quiet."""
        if everybody < LEAST:
            return
        if self.timer is not None:
            self.timer.cancel()
        self.changed += changed
        many = self.changed > SHARE * everybody
        self.timer = threading.Timer(0.0 if many else QUIET, self._write, (write,))
        self.timer.daemon = True
        self.timer.start()

    def _write(self, write: Callable[[], None]) -> None:
        with self.lock:
            self.changed = 0
            try:
                write()
            except (OSError, pl.exceptions.PolarsError) as error:
                _log.warning("The contact file cannot be written: %s.", type(error).__name__)


def _folder(database: db.Database) -> Path:
    folder = database.settings.folder / "cache"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _identity(database: db.Database, shape: Shape) -> dict[str, Any]:
    url = database.engine.url
    inode = os.stat(str(url.database)).st_ino if database.is_sqlite else 0
    return {
        "format": FORMAT,
        "polars": pl.__version__,
        "database": [url.host, url.port, url.database, inode],
        "fields": dict(shape.fields),
        "channels": {str(id): by_phone for id, by_phone in shape.channels.items()},
    }


def _begun(session: Session, manifest: dict[str, Any]) -> bool:
    """The database is not an older one, put back from a copy."""
    version = session.scalar(sa.select(db.Workspace.contacts_version))
    return isinstance(version, int) and 0 < int(manifest["version"]) <= version


def _checked(table: pl.DataFrame, shape: Shape) -> Found | None:
    tags = [int(name[4:]) for name in table.columns if name.startswith("tag.")]
    held = Shape(fields=shape.fields, channels=shape.channels, tags=tuple(tags))
    if table.columns != held.columns:
        _log.warning("The contact file has other columns than it says: it is not used.")
        return None
    return Found(people=table, shape=held)


def _named(folder: Path) -> str | None:
    """The file that counts now."""
    try:
        return str(json.loads((folder / MANIFEST).read_bytes())["file"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _private(path: Path) -> Path:
    """An empty file that only its owner reads."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    return path


def _digest(path: Path) -> int:
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as mapped:
        return zlib.crc32(mapped)


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()
