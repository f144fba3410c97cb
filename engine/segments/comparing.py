"""Who came into a segment and who left it, and which conditions did it.

Before is an earlier tree, asked today, or a broadcast's audience as it was when it started; after
is a tree today. Always: before + entered - left = after. Conditions of the two trees are the same
when field, operator and value are.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl
import sqlalchemy as sa

from engine import db
from engine.language import N_
from engine.segments import frozen, truth
from engine.segments.expectations import name_of
from engine.segments.tree import Condition, Group, conditions, from_json, walk
from engine.segments.truth import Guilt

CHANGES = {
    "began": N_("holds now"),
    "ended": N_("no longer holds"),
    "added": N_("is new in the segment"),
    "removed": N_("is not asked any more"),
    "moved": N_("counts in another way"),
}
"""What happened to a condition for a person. moved: it stands in another group now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """One condition that let people in or sent them away."""

    condition: Condition
    change: str
    """A key of CHANGES."""
    entered: int
    left: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Diff:
    before: int
    after: int
    entered: pl.DataFrame
    """id; fresh: was made since; flipped: places in `flips`. In the order of ids."""
    left: pl.DataFrame
    """id; fresh: was deleted since; flipped."""
    flips: tuple[Flip, ...]
    """Those that moved most people first."""

    @property
    def created(self) -> int:
        return int(self.entered["fresh"].sum())

    @property
    def deleted(self) -> int:
        return int(self.left["fresh"].sum())


@dataclass(frozen=True, kw_only=True, eq=False)
class Side:
    """A tree, and what held for everybody: `masks` and `matching` have the rows of `ids`."""

    tree: Group
    ids: pl.Series
    matching: pl.Series
    masks: Mapping[Condition, pl.Series]

    def only(self, ids: pl.Series) -> Side:
        """The rows of these ids, all of which are there."""
        rows = self.ids.search_sorted(ids)
        return Side(
            tree=self.tree,
            ids=ids,
            matching=self.matching.gather(rows),
            masks={condition: mask.gather(rows) for condition, mask in self.masks.items()},
        )

    def guilty(self) -> dict[Guilt, pl.Series]:
        return truth.guilty(self.tree, self.masks, len(self.ids))


Before = Group | db.SegmentVersion | db.FrozenAudience


def compare(
    database: db.Database,
    before: Before,
    after: Group,
    *,
    today: dt.date | None = None,
    stale: float = 0.0,
) -> Diff:
    """Raises Invalid when a tree cannot be used today."""
    if isinstance(before, db.FrozenAudience):
        then = _frozen(before)
        (now,) = _today(database, [after], today, stale)
    else:
        tree = before if isinstance(before, Group) else from_json(before.tree)
        then, now = _today(database, [tree, after], today, stale)
    return between(then, now)


def _today(
    database: db.Database, trees: list[Group], today: dt.date | None, stale: float
) -> list[Side]:
    loaded, masks = truth.masks(database, trees, today, stale=stale)
    ids = loaded.people["id"]
    return [
        Side(
            tree=tree,
            ids=ids,
            matching=truth.whole(tree, masks, len(ids)),
            masks={item: masks[item] for item in conditions(tree)},
        )
        for tree in trees
    ]


def _frozen(row: db.FrozenAudience) -> Side:
    tree, table = from_json(row.tree), frozen.unpack(row.people)
    masks = {node: table[place.path] for node, place in walk(tree) if isinstance(node, Condition)}
    return Side(tree=tree, ids=table["id"], matching=table[frozen.MATCHED], masks=masks)


def between(then: Side, now: Side) -> Diff:
    """What lies between two sides; ids in order on both."""
    was, is_in = then.ids.filter(then.matching), now.ids.filter(now.matching)
    entered = is_in.filter(~is_in.is_in(was.implode()))
    left = was.filter(~was.is_in(is_in.implode()))
    created = ~entered.is_in(then.ids.implode())
    deleted = ~left.is_in(now.ids.implode())
    came = _flips(entered.filter(~created), then, now, entered=True)
    went = _flips(left.filter(~deleted), then, now, entered=False)
    sums = {
        key: Flip(
            condition=key[0],
            change=key[1],
            entered=int(came[key].sum()) if key in came else 0,
            left=int(went[key].sum()) if key in went else 0,
        )
        for key in (*came, *(key for key in went if key not in came))
    }
    order = sorted(sums, key=lambda key: -(sums[key].entered + sums[key].left))
    return Diff(
        before=len(was),
        after=len(is_in),
        entered=_listed(entered, created, came, order),
        left=_listed(left, deleted, went, order),
        flips=tuple(sums[key] for key in order),
    )


Key = tuple[Condition, str]


def _flips(ids: pl.Series, then: Side, now: Side, *, entered: bool) -> dict[Key, pl.Series]:
    """(condition, change) → for whom of `ids`, who are on both sides.

    Who entered was kept out by conditions of the tree then, who left by those of the tree now. Of
    these count the ones that changed; if none did, the groups around them decided: all count.
    """
    if not len(ids):
        return {}
    then, now = then.only(ids), now.only(ids)
    kept_out, other = (then, now) if entered else (now, then)
    changed: dict[Key, pl.Series] = {}
    same: dict[Key, pl.Series] = {}
    for guilt, people in kept_out.guilty().items():
        there = other.masks.get(guilt.condition)
        if there is None:
            _add(changed, (guilt.condition, "removed" if entered else "added"), people)
            continue
        differs = people & (~there if guilt.holds else there)
        _add(changed, (guilt.condition, "began" if guilt.holds != entered else "ended"), differs)
        _add(same, (guilt.condition, "moved"), people)
    told = pl.repeat(False, len(ids), dtype=pl.Boolean, eager=True)
    for people in changed.values():
        told = told | people
    everything = {**changed, **{key: people & ~told for key, people in same.items()}}
    return {key: people for key, people in everything.items() if people.any()}


def _add(found: dict[Key, pl.Series], key: Key, people: pl.Series) -> None:
    found[key] = found[key] | people if key in found else people


def _listed(
    ids: pl.Series, fresh: pl.Series, flips: Mapping[Key, pl.Series], order: list[Key]
) -> pl.DataFrame:
    """[id, fresh, flipped]: `flips` have the rows that are not fresh."""
    table = pl.DataFrame({"id": ids, "fresh": fresh})
    places = [
        pl.DataFrame({"id": ids.filter(~fresh).filter(flips[key])}).with_columns(
            place=pl.lit(place, pl.UInt32)
        )
        for place, key in enumerate(order)
        if key in flips
    ]
    empty = pl.DataFrame(schema={"id": pl.Int64, "place": pl.UInt32})
    flipped = pl.concat([empty, *places]).group_by("id").agg(pl.col("place").sort())
    joined = table.join(flipped, on="id", how="left", maintain_order="left")
    nothing = pl.lit([], pl.List(pl.UInt32))
    return joined.select("id", "fresh", flipped=pl.col("place").fill_null(nothing))


# People, for a table


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    id: int
    name: str | None
    """None for who was deleted."""
    phone: str | None
    email: str | None
    fresh: bool
    flipped: tuple[int, ...]


def because(people: pl.DataFrame, place: int | None) -> pl.DataFrame:
    """Those of `entered` or `left` whom one of the flips moved; everybody for None."""
    return people if place is None else people.filter(pl.col("flipped").list.contains(place))


def people(database: db.Database, rows: pl.DataFrame, *, limit: int) -> list[Person]:
    """The first of `entered` or `left`, with what is known of them."""
    shown = rows.head(limit)
    with database.read() as session:
        wanted = sa.select(db.Contact).where(db.Contact.id.in_(shown["id"].to_list()))
        known = {row.id: row for row in session.scalars(wanted)}
    return [
        Person(
            id=id,
            name=name_of(known[id]) if id in known else None,
            phone=known[id].phone if id in known else None,
            email=known[id].email if id in known else None,
            fresh=fresh,
            flipped=tuple(flipped),
        )
        for id, fresh, flipped in shown.iter_rows()
    ]
