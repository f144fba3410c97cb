"""The contact frame: everybody as one read-only polars frame, one per process and database.

It is brought up to date by what changed. A writer sets updated_at of every contact it changes, in
the transaction that moves workspace.contacts_version. What is fetched again is what differs in
(id, updated_at) near the newest stamp known; then the number of people and the sum of all
updated_at must equal the database's, in one snapshot. If not (somebody was deleted, or a long
transaction ended late), the stamps of everybody are compared. Changed definitions of fields or
channels rebuild.
"""

from __future__ import annotations

import math
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import polars as pl
import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.segments import catalogue, finding, people, values
from engine.segments.catalogue import Catalogue as Catalogue
from engine.segments.catalogue import Field as Field
from engine.segments.people import Shape

OVERLAP = 60_000_000
"""Microseconds before the newest stamp that are looked at again: transactions end out of order."""
REBUILD_SHARE = 0.5
"""Above this share of changed people, reading everybody is faster."""
WORDS_SHARE = 0.1
"""A text column with at most this share of different values is searched by value."""
MASKS_MAX = 500

Stamp = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A column of text ready to be searched: folded, or by its different values when few."""

    column: pl.Series
    words: pl.DataFrame | None
    """[raw Categorical, folded String] when searched by value; then `column` is Categorical."""

    def where(self, expression: Callable[[pl.Expr], pl.Expr]) -> pl.Series:
        """What a positive expression over folded text holds for; never null."""
        if self.words is None:
            table = self.column.to_frame("folded")
            return table.select(expression(pl.col("folded")).fill_null(False)).to_series()
        found = self.words.filter(expression(pl.col("folded")))["raw"]
        return self.column.is_in(found.implode()).fill_null(False)


@dataclass(frozen=True, kw_only=True)
class Frame:
    """`people` has the columns of `people.read`, sorted by id, and is never written to."""

    people: pl.DataFrame
    catalogue: Catalogue
    version: int
    """workspace.contacts_version it shows."""
    shape: Shape = field(repr=False)
    stamp: Stamp = field(repr=False)
    stamps: int = field(repr=False)
    """Sum of everybody's updated_at in µs."""
    masks: dict[object, tuple[float, pl.Series]] = field(default_factory=dict, repr=False)
    """Boolean columns of finished conditions, with the monotonic second each was made."""
    texts: dict[str, Text] = field(default_factory=dict, repr=False)
    choices: dict[str, list[str]] = field(default_factory=dict, repr=False)
    counted: dict[str, dict[str | int, int]] = field(default_factory=dict, repr=False)
    """People per option, by field; kept by `options`."""
    orders: dict[str, pl.Series] = field(default_factory=dict, repr=False)

    def text(self, column: str) -> Text:
        """A text column made ready on first use; "name" is first and last name."""
        if (found := self.texts.get(column)) is None:
            found = self.texts[column] = _text(self.people, column)
        return found

    def found(self, text: str) -> pl.Series:
        """Boolean: whose name, phone or email has every word of the text."""
        return self.mask(("found", text), lambda: finding.found(self.people, text))

    def order(self, column: str) -> pl.Series:
        """UInt32: row positions by that column ascending, text plain, nulls last, ties by id."""
        if (positions := self.orders.get(column)) is None:
            positions = self.orders[column] = finding.order(self.people, column)
        return positions

    def mask(
        self, key: object, make: Callable[[], pl.Series], *, stale: float = math.inf
    ) -> pl.Series:
        """The mask kept under `key` if it is at most `stale` seconds old, else a new one."""
        now = time.monotonic()
        made, mask = self.masks.get(key, (-math.inf, None))
        if mask is None or now - made >= stale:
            mask = make()
            if len(self.masks) >= MASKS_MAX:
                self.masks.clear()
            self.masks[key] = now, mask
        return mask


def load(database: db.Database, *, stale: float = 0.0) -> Frame:
    """The frame as the database is now, or was at most `stale` seconds ago."""
    return _kept(database).load(database, stale)


def _text(table: pl.DataFrame, column: str) -> Text:
    if column == "name":
        raw = table.select(pl.concat_str("first_name", "last_name", separator=" ")).to_series()
    else:
        raw = table[column]
    if raw.n_unique() <= WORDS_SHARE * len(raw):
        raw = raw.cast(pl.Categorical)
        words = raw.unique().drop_nulls().to_frame("raw")
        folded = values.fold(pl.col("raw").cast(pl.String)).alias("folded")
        return Text(raw, words.with_columns(folded))
    text = raw.cast(pl.String).to_frame("raw")
    return Text(text.select(values.fold(pl.col("raw"))).to_series(), None)


# One per process and database


class _Kept:
    """A database's frame, refreshed by one thread at a time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.frame: Frame | None = None
        self.checked = 0.0

    def load(self, database: db.Database, stale: float) -> Frame:
        with self.lock:
            now = time.monotonic()
            if self.frame is not None and now - self.checked < stale:
                return self.frame
            with _snapshot(database) as session:
                self.frame = _refreshed(session, self.frame)
            self.checked = now
            return self.frame


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


def _refreshed(session: Session, old: Frame | None) -> Frame:
    stamp = _stamp(session)
    if old is not None and old.stamp == stamp:
        return old
    listed = catalogue.read(session)
    if old is not None and old.version == stamp[0]:
        seen = listed.observed(_choices(old.people, old.choices))
        return replace(old, catalogue=seen, stamp=stamp)
    shape = people.shape(session)
    table = _updated(session, old, shape) if old is not None else None
    if table is None:
        table = people.read(session, shape)
    total = sum_of(table["updated_at"])
    choices: dict[str, list[str]] = {}
    return Frame(
        people=table,
        catalogue=listed.observed(_choices(table, choices)),
        version=stamp[0],
        shape=shape,
        stamp=stamp,
        stamps=total,
        choices=choices,
    )


def _choices(table: pl.DataFrame, known: dict[str, list[str]]) -> Callable[[str], list[str]]:
    """The different values of a choice column, remembered in `known`."""

    def values(column: str) -> list[str]:
        if column not in known:
            known[column] = table[column].unique().drop_nulls().cast(pl.String).to_list()
        return known[column]

    return values


def _updated(session: Session, old: Frame, shape: Shape) -> pl.DataFrame | None:
    """The old people with what changed in its place; None when all must be read again."""
    if (shape.fields, shape.channels) != (old.shape.fields, old.shape.channels):
        return None
    changed, gone = _difference(session, old)
    if len(changed) > REBUILD_SHARE * old.people.height:
        return None
    new = set(shape.tags) - set(old.shape.tags)
    kept = old.people.with_columns(pl.lit(False).alias(f"tag.{id}") for id in new)
    kept = kept.select(shape.columns)
    if not changed and not gone:
        return kept
    kept = kept.filter(~pl.col("id").is_in([*changed, *gone]))
    return pl.concat([kept, people.read(session, shape, changed)]).sort("id")


def _difference(session: Session, old: Frame) -> tuple[list[int], list[int]]:
    """(ids to read again, ids that are gone), proven against the database's checksum."""
    known = old.people.select("id", "updated_at")
    newest = known["updated_at"].to_physical().max()
    since = int(newest) - OVERLAP if isinstance(newest, int) else None
    recent = people.stamps(session, since).join(known, on=["id", "updated_at"], how="anti")
    before = known.filter(pl.col("id").is_in(recent["id"].implode()))
    expected = (
        known.height - before.height + recent.height,
        old.stamps - sum_of(before["updated_at"]) + sum_of(recent["updated_at"]),
    )
    if people.checksum(session) == expected:
        return recent["id"].to_list(), []
    everybody = people.stamps(session)
    changed = everybody.join(known, on=["id", "updated_at"], how="anti")
    gone = known.join(everybody, on="id", how="anti")
    return changed["id"].to_list(), gone["id"].to_list()


def sum_of(moments: pl.Series) -> int:
    """The exact sum of a column of moments in µs, past what 64 bits hold."""
    stamps = moments.to_physical()
    high, low = stamps // 2**20, stamps % 2**20
    return (int(high.sum()) << 20) + int(low.sum())
