"""What somebody looks at: a segment narrowed by a search and by facets, in an order, by the page.

Everything is positions in the contact frame. What a look costs once is kept beside the frame it
was made on (positions in order, facets), and holds while the people that match stay the same.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import or_
from typing import Any, TypeVar, cast

import polars as pl

from engine import db
from engine.segments import segment
from engine.segments.frame import Frame
from engine.segments.sets import SETS
from engine.segments.tree import EVERYBODY, Group

Value = str | int
"""A choice, or the id of a tag or channel."""
Rows = pl.DataFrame
"""A page of people, as `page` gives it."""
T = TypeVar("T")

FACETS = ("contact.country", "contact.language", "channel.reachable", "tag")
LISTS = ("tags", "channels", "opted_out")
"""Columns of `page` beside the frame's: ids of tags, of channels that reach the person, and of
channels the person opted out of."""
KEPT = 24
"""Looks kept a database: a million positions take 4 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    tree: Group = EVERYBODY
    text: str = ""
    """Words of a name, a phone or an email."""
    facets: tuple[tuple[str, tuple[Value, ...]], ...] = ()
    """Field key of FACETS → chosen values, any of which will do. Values that are gone are not
    asked for."""
    sort: str = "id"
    """A column of the frame, or "name"."""
    descending: bool = False
    """People without a value come last either way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    total: int
    everybody: int
    mask: pl.Series = field(repr=False)
    """Boolean, a row of the frame each."""
    frame: Frame = field(repr=False)


def found(database: db.Database, view: View, *, stale: float = 0.0) -> Found:
    """Who matches. Raises Invalid as segment.mask."""
    loaded, mask = segment.matching(database, view.tree, stale=stale)
    mask = mask & _narrowed(loaded, view)
    return Found(total=int(mask.sum()), everybody=len(mask), mask=mask, frame=loaded)


def page(
    database: db.Database,
    view: View,
    *,
    offset: int,
    length: int,
    columns: Sequence[str],
    stale: float = 0.0,
) -> pl.DataFrame:
    """Rows `offset` and on, in the view's order: id first, then `columns` (the frame's and LISTS).

    Columns the frame has not (any more) are left out. Raises Invalid as segment.mask.
    """
    looked = found(database, view, stale=stale)
    rows = _positions(database, view, looked).slice(offset, length)
    people = looked.frame.people
    wanted = [name for name in columns if name in people.columns and name != "id"]
    lists = [name for name in columns if name in LISTS]
    sources = [name for name in people.columns if _kind(name) in _SOURCES and lists]
    shown = people.select(list(dict.fromkeys(["id", *wanted, *sources])))[rows]
    return shown.select("id", *wanted, *(_ids(name, people).alias(name) for name in lists))


def ids(database: db.Database, view: View, *, stale: float = 0.0) -> list[int]:
    """Everybody the view finds, by id."""
    looked = found(database, view, stale=stale)
    return cast(list[int], looked.frame.people["id"].filter(looked.mask).to_list())


def facets(
    database: db.Database, view: View, *, stale: float = 0.0
) -> dict[str, list[tuple[Value, int]]]:
    """Field key of FACETS → (value, people), the largest first; values nobody has are left out.

    Counted among what the view finds, each facet as if nothing were chosen in it; what is chosen
    in a facet is always listed there.
    """
    loaded, mask = segment.matching(database, view.tree, stale=stale)
    plain = replace(view, sort="id", descending=False)
    return _kept(database).get(loaded, ("facets", plain), mask, lambda: _facets(loaded, mask, view))


# Who matches


def _narrowed(loaded: Frame, view: View, *, but: str = "") -> pl.Series | bool:
    """Search and facets, without the facet `but`. True when they leave everybody."""
    masks = [_chosen(loaded, key, values) for key, values in view.facets if key != but]
    if view.text.strip():
        masks.append(loaded.found(view.text))
    kept = [mask for mask in masks if mask is not None]
    return reduce(lambda one, other: one & other, kept) if kept else True


def _chosen(loaded: Frame, key: str, values: tuple[Value, ...]) -> pl.Series | None:
    """Who has any of the values; None when none of them exists (any more)."""
    known = {value for value, _ in loaded.catalogue.field(key).options}
    wanted = [_has(loaded, key, value) for value in values if value in known]
    if not wanted:
        return None
    return loaded.people.select(reduce(or_, wanted).fill_null(False)).to_series()


def _has(loaded: Frame, key: str, value: Value) -> pl.Expr:
    if key in SETS:
        return SETS[key](cast(int, value))
    return pl.col(loaded.catalogue.field(key).column) == str(value)


# In order


def _positions(database: db.Database, view: View, looked: Found) -> pl.Series:
    """Where the people stand in the frame, in the view's order."""
    if view.sort == "id" and not view.descending:
        return looked.mask.arg_true()
    return _kept(database).get(
        looked.frame, ("order", view), looked.mask, lambda: _ordered(view, looked)
    )


def _ordered(view: View, looked: Found) -> pl.Series:
    """The order of everybody is made once a frame; a look at some only gathers their marks."""
    people = looked.frame.people
    if view.sort == "id":
        return looked.mask.arg_true().reverse()
    order = looked.frame.order(view.sort)
    if view.descending:
        known = _with_a_value(people, view.sort)
        order = pl.concat([order.slice(0, known).reverse(), order.slice(known)])
    return order.filter(looked.mask.gather(order))


def _with_a_value(people: pl.DataFrame, column: str) -> int:
    """How many have one; a blank text is none, as in Frame.order."""
    names = ("first_name", "last_name") if column == "name" else (column,)
    value = pl.concat_str(names) if column == "name" else pl.col(column)
    if people.schema[names[0]] == pl.String:
        value = pl.when(value.str.contains(r"\S")).then(value)
    return int(people.select(value.count()).item())


# A page's lists of ids

_SOURCES = ("tag", "reach", "invalid", "out")
_LISTED = {
    "tags": ("tag", "tag"),
    "channels": ("reach", "channel.reachable"),
    "opted_out": ("out", "channel.opted_out"),
}
"""Column of `page` → (the frame's columns that have the ids, the field that says who)."""


def _kind(column: str) -> str:
    return column.partition(".")[0] if "." in column else ""


def _ids(name: str, people: pl.DataFrame) -> pl.Expr:
    """List(Int64): the ids whose columns hold."""
    prefix, key = _LISTED[name]
    ids = [int(column.partition(".")[2]) for column in people.columns if _kind(column) == prefix]
    if not ids:
        return pl.lit([], dtype=pl.List(pl.Int64))
    marked = []
    for id in ids:
        holds = SETS[key](id)
        if name == "channels":
            holds &= ~SETS["channel.opted_out"](id)
        marked.append(pl.when(holds).then(pl.lit(id, dtype=pl.Int64)))
    return pl.concat_list(marked).list.drop_nulls()


# Facets


def _facets(loaded: Frame, mask: pl.Series, view: View) -> dict[str, list[tuple[Value, int]]]:
    everything = mask & _narrowed(loaded, view)
    chosen = dict(view.facets)
    counted = {}
    for key in FACETS:
        among = mask & _narrowed(loaded, view, but=key) if key in chosen else everything
        counts = _counts(loaded, key, among)
        counts |= {value: 0 for value in chosen.get(key, ()) if value not in counts}
        known = {value for value, _ in loaded.catalogue.field(key).options}
        rows = [(value, people) for value, people in counts.items() if value in known]
        counted[key] = sorted(rows, key=lambda row: (-row[1], str(row[0])))
    return counted


def _counts(loaded: Frame, key: str, among: pl.Series) -> dict[Value, int]:
    """value → people, of those who have one."""
    item = loaded.catalogue.field(key)
    if key in SETS:
        marks = {str(id): SETS[key](int(id)) for id, _ in item.options}
        if not marks:
            return {}
        sums = loaded.people.select((mark & among).sum().alias(id) for id, mark in marks.items())
        return {int(id): people for id, people in sums.row(0, named=True).items() if people}
    held = loaded.people[item.column].filter(among).drop_nulls().value_counts()
    return {str(value): people for value, people in held.iter_rows()}


# What looks have cost already


class _Kept:
    """Results of one database's newest frame, the least recently used forgotten first."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.frame: weakref.ref[Frame] | None = None
        self.results: OrderedDict[object, tuple[pl.Series, Any]] = OrderedDict()

    def get(self, loaded: Frame, key: object, mask: pl.Series, make: Callable[[], T]) -> T:
        """What was made for the same frame and people, else a new one."""
        with self.lock:
            if not self._shows(loaded):
                self.frame = weakref.ref(loaded)
                self.results.clear()
            before = self.results.get(key)
            if before is not None and (before[0] is mask or before[0].equals(mask)):
                self.results.move_to_end(key)
                return cast(T, before[1])
        made = make()
        with self.lock:
            if self._shows(loaded):
                self.results[key] = mask, made
                while len(self.results) > KEPT:
                    self.results.popitem(last=False)
        return made

    def _shows(self, loaded: Frame) -> bool:
        return self.frame is not None and self.frame() is loaded


_all_kept: weakref.WeakKeyDictionary[db.Database, _Kept] = weakref.WeakKeyDictionary()
_all_lock = threading.Lock()


def _kept(database: db.Database) -> _Kept:
    with _all_lock:
        return _all_kept.setdefault(database, _Kept())
