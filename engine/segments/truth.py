"""Which conditions hold for whom, and which of them keep a person in a tree or out of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from zoneinfo import ZoneInfo

import polars as pl

from engine import db
from engine.segments import frame, solving
from engine.segments.frame import Frame
from engine.segments.tree import Condition, Group, Node, conditions
from engine.segments.values import Calendar

Masks = Mapping[Condition, pl.Series]
"""A boolean column a condition, rows as in some frame of people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guilt:
    """A condition that decided, and whether it holds."""

    condition: Condition
    holds: bool


def masks(
    database: db.Database,
    trees: Iterable[Node],
    today: dt.date | None = None,
    *,
    stale: float = 0.0,
) -> tuple[Frame, dict[Condition, pl.Series]]:
    """Every condition of the trees on one and the same frame. Raises Invalid with the place."""
    loaded = frame.load(database, stale=stale)
    zone = ZoneInfo(database.settings.timezone)
    calendar = Calendar(zone, today or db.now().astimezone(zone).date())
    solver = solving.Solver(database=database, frame=loaded, calendar=calendar, stale=stale)
    asked = list(trees)
    for tree in asked:
        solver.mask(tree)
    found = {item: solver.mask(item) for tree in asked for item in conditions(tree)}
    return loaded, found


def whole(tree: Node, masks: Masks, height: int) -> pl.Series:
    """The tree from its conditions' masks; a group without members holds for everybody."""
    if isinstance(tree, Condition):
        return masks[tree]
    members = [whole(member, masks, height) for member in tree.of]
    if not members:
        return pl.repeat(True, height, dtype=pl.Boolean, eager=True)
    if tree.match == "all":
        return reduce(and_, members)
    either = reduce(or_, members)
    return either if tree.match == "any" else ~either


def guilty(tree: Node, masks: Masks, height: int) -> dict[Guilt, pl.Series]:
    """Who or what decided: for each person those conditions without which the tree were otherwise.

    Of a group that does not hold these are its members that fail (all, any) or hold (none); of one
    that holds, the members that hold (all, any) or fail (none); and so on inside them.
    """
    found: dict[Guilt, pl.Series] = {}
    result = whole(tree, masks, height)
    for value in (True, False):
        _guilty(tree, masks, result if value else ~result, value, found)
    return {guilt: mask for guilt, mask in found.items() if mask.any()}


def _guilty(
    node: Node, masks: Masks, people: pl.Series, value: bool, found: dict[Guilt, pl.Series]
) -> None:
    """`people`: those for whom the node's answer is `value`, and asked about."""
    if isinstance(node, Condition):
        guilt = Guilt(condition=node, holds=value)
        found[guilt] = found[guilt] | people if guilt in found else people
        return
    wanted = value if node.match != "none" else not value
    for member in node.of:
        holds = whole(member, masks, len(people))
        _guilty(member, masks, people & (holds if wanted else ~holds), wanted, found)


def explain(tree: Group, masks: Masks, row: int) -> tuple[Guilt, ...]:
    """The same for one person, by their row, in reading order."""
    one = {condition: mask.slice(row, 1) for condition, mask in masks.items()}
    return tuple(guilty(tree, one, 1))
