"""The contact frame: one per process and database, as the database is now.

It is brought up to date by what changed. A writer sets updated_at of every contact it changes, in
the transaction that moves workspace.contacts_version. What is fetched again is what differs in
(id, updated_at) near the newest stamp known; then the number of people and the sum of all
updated_at must equal the database's, in one snapshot. If not (somebody was deleted, or a long
transaction ended late), the stamps of everybody are compared. Changed definitions of fields or
channels rebuild. A process begins with the cache file, which is brought up to date the same way.
"""

from __future__ import annotations

import math
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import polars as pl
import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.segments import cache, catalogue, moving, people, warming
from engine.segments.catalogue import Catalogue as Catalogue
from engine.segments.catalogue import Field as Field
from engine.segments.everybody import Frame as Frame
from engine.segments.everybody import Stamp
from engine.segments.moving import Move
from engine.segments.people import Shape, sum_of

OVERLAP = 60_000_000
"""Microseconds before the newest stamp that are looked at again: transactions end out of order."""
CALM = 3.0
"""Seconds that a frame lasts before more is made of it than was asked."""
REBUILD_SHARE = 0.5
"""Above this share of changed people, reading everybody is faster."""


def load(database: db.Database, *, stale: float = 0.0) -> Frame:
    """The frame as the database is now, or was at most `stale` seconds ago."""
    return _kept(database).load(database, stale)


# One per process and database


class _Kept:
    """A database's frame, refreshed by one thread at a time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.frame: Frame | None = None
        self.checked = -math.inf
        self.writing = cache.Writing()

    def load(self, database: db.Database, stale: float) -> Frame:
        known = self._fresh_enough(stale)
        if known is not None:
            return known
        with self.lock:
            known = self._fresh_enough(stale)
            if known is not None:
                return known
            before = self.frame
            with _snapshot(database) as session:
                file = cache.read(database, session) if before is None else None
                self.frame, changed = _refreshed(session, before, file)
            self.checked = time.monotonic()
            if changed is not None:
                warming.begin(self.frame, after=0.0 if before is None else CALM)
                self._changed(database, self.frame, changed)
            return self.frame

    def _fresh_enough(self, stale: float) -> Frame | None:
        return self.frame if time.monotonic() - self.checked < stale else None

    def _changed(self, database: db.Database, frame: Frame, changed: int) -> None:
        if changed:
            table, shape, version = frame.people, frame.shape, frame.version
            write = partial(cache.write, database, table, shape, version=version)
            self.writing.note(changed, table.height, write)


_frames: weakref.WeakKeyDictionary[db.Database, _Kept] = weakref.WeakKeyDictionary()
_frames_lock = threading.Lock()


def _kept(database: db.Database) -> _Kept:
    with _frames_lock:
        return _frames.setdefault(database, _Kept())


@contextmanager
def _snapshot(database: db.Database) -> Iterator[Session]:
    """All statements see one moment; SQLite's transactions do anyway."""
    with database.read() as session:
        if not database.is_sqlite:
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        yield session


# Bringing it up to date


def _stamp(session: Session) -> Stamp:
    """contacts_version, and what moves when a segment or a broadcast does."""
    moving = [
        sa.select(part).scalar_subquery()
        for table in (db.Segment, db.Broadcast)
        for part in (
            sa.func.count(table.id),
            sa.func.coalesce(sa.func.max(table.id), 0),
            sa.func.coalesce(sa.func.max(sa.type_coerce(table.updated_at, sa.BigInteger)), 0),
        )
    ]
    row = session.execute(sa.select(db.Workspace.contacts_version, *moving)).one()
    return tuple(row)


def _refreshed(
    session: Session, old: Frame | None, file: cache.Found | None
) -> tuple[Frame, int | None]:
    """The frame as it is now, from the one before or the cache file; with how many people were
    read for it, None when it is of the same people as before."""
    stamp = _stamp(session)
    if old is not None and old.stamp == stamp:
        return old, None
    listed = catalogue.read(session)
    if old is not None and old.version == stamp[0]:
        seen = listed.observed(_choices(old.people, old.choices))
        return replace(old, catalogue=seen, stamp=stamp), None
    shape = people.shape(session)
    known = file if old is None else cache.Found(people=old.people, shape=old.shape)
    updated = _updated(session, known, shape) if known is not None else None
    table, move = updated or (people.read(session, shape), None)
    choices: dict[str, list[str]] = {}
    frame = Frame(
        people=table,
        catalogue=listed.observed(_choices(table, choices)),
        version=stamp[0],
        shape=shape,
        stamp=stamp,
        choices=choices,
    )
    if old is not None and move is not None:
        frame.carry(old, move)
    return frame, table.height if move is None else move.fresh.height


def _choices(table: pl.DataFrame, known: dict[str, list[str]]) -> Callable[[str], list[str]]:
    """The different values of a choice column, remembered in `known`."""

    def values(column: str) -> list[str]:
        if column not in known:
            known[column] = table[column].unique().drop_nulls().cast(pl.String).to_list()
        return known[column]

    return values


def _updated(session: Session, old: cache.Found, shape: Shape) -> tuple[pl.DataFrame, Move] | None:
    """The old people with what changed in its place; None when all must be read again."""
    if (shape.fields, shape.channels) != (old.shape.fields, old.shape.channels):
        return None
    changed, gone = _difference(session, old.people)
    if len(changed) > REBUILD_SHARE * old.people.height:
        return None
    new = set(shape.tags) - set(old.shape.tags)
    kept = old.people.with_columns(pl.lit(False).alias(f"tag.{id}") for id in new)
    kept = kept.select(shape.columns)
    fresh = people.read(session, shape, changed)
    move = moving.between(kept, fresh, gone)
    if not changed and not gone:
        return kept, move
    return move.table(kept), move


def _difference(session: Session, old: pl.DataFrame) -> tuple[list[int], list[int]]:
    """(ids to read again, ids that are gone), proven against the database's checksum."""
    known = old.select("id", "updated_at")
    newest = known["updated_at"].to_physical().max()
    since = int(newest) - OVERLAP if isinstance(newest, int) else None
    recent = people.stamps(session, since)
    near = known.filter(pl.col("id").is_in(recent["id"].implode()))
    recent = recent.join(near, on=["id", "updated_at"], how="anti")
    before = near.join(recent, on="id", how="semi")
    expected = (
        known.height - before.height + recent.height,
        sum_of(known["updated_at"]) - sum_of(before["updated_at"]) + sum_of(recent["updated_at"]),
    )
    if people.checksum(session) == expected:
        return recent["id"].to_list(), []
    everybody = people.stamps(session)
    changed = everybody.join(known, on=["id", "updated_at"], how="anti")
    gone = known.join(everybody, on="id", how="anti")
    return changed["id"].to_list(), gone["id"].to_list()
