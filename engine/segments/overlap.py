"""How up to five segments share people: everybody in any of them stands in one exclusive part."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from engine import db
from engine.errors import Invalid
from engine.segments import frame, truth
from engine.segments.catalogue import Catalogue
from engine.segments.checking import check
from engine.segments.tree import Group, Node

SEGMENTS_MAX = 5
"""Thirty-one parts: as many as a figure can show and a person can read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The people who are in exactly these segments and in none of the others."""

    members: tuple[int, ...]
    """Places in Overlap.names, ascending."""
    people: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    names: tuple[str, ...]
    sizes: tuple[int, ...]
    """How many each segment holds."""
    parts: tuple[Part, ...]
    """Those with people, largest first; together they are `union`."""
    everybody: int
    """All contacts there are."""

    @property
    def union(self) -> int:
        """How many are in at least one."""
        return sum(part.people for part in self.parts)

    @property
    def common(self) -> int:
        """How many are in all of them."""
        whole = tuple(range(len(self.names)))
        return sum(part.people for part in self.parts if part.members == whole)


def of(
    database: db.Database,
    trees: Sequence[tuple[str, Node]],
    *,
    today: dt.date | None = None,
    stale: float = 0.0,
) -> Overlap:
    """Of (name, tree) pairs. Raises Invalid for more than five, or a tree that cannot be used."""
    if not 1 <= len(trees) <= SEGMENTS_MAX:
        raise Invalid(
            "segment.overlap_size", "One to {limit} segments can be compared.", limit=SEGMENTS_MAX
        )
    _check(trees, frame.load(database, stale=stale).catalogue)
    loaded, masks = truth.masks(database, [tree for _, tree in trees], today, stale=stale)
    height = loaded.people.height
    inside = [truth.whole(tree, masks, height) for _, tree in trees]
    code = pl.repeat(0, height, dtype=pl.UInt8, eager=True)
    for place, mask in enumerate(inside):
        code = code + mask.cast(pl.UInt8) * 2**place
    counted = code.alias("code").value_counts().filter(pl.col("code") > 0)
    parts = [Part(members=_members(code), people=people) for code, people in counted.iter_rows()]
    return Overlap(
        names=tuple(name for name, _ in trees),
        sizes=tuple(int(mask.sum()) for mask in inside),
        parts=tuple(sorted(parts, key=lambda part: (-part.people, part.members))),
        everybody=height,
    )


def _check(trees: Sequence[tuple[str, Node]], catalogue: Catalogue) -> None:
    """Raises Invalid that names the first segment that cannot be used."""
    for name, tree in trees:
        try:
            check(tree, catalogue)
        except Invalid as error:
            raise Invalid(
                "segment.unusable",
                "The segment “{segment}” cannot be used as it stands: open it to see why.",
                segment=name,
            ) from error


def tree_of(trees: Sequence[Node], members: Sequence[int]) -> Group:
    """A segment of exactly the people of a part: in these of the trees, in none of the others."""
    inside = [tree for place, tree in enumerate(trees) if place in members]
    outside = [tree for place, tree in enumerate(trees) if place not in members]
    nobody_else = (Group("none", tuple(outside)),) if outside else ()
    return Group("all", (*inside, *nobody_else))


def _members(code: int) -> tuple[int, ...]:
    return tuple(place for place in range(SEGMENTS_MAX) if code >> place & 1)
