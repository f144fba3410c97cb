"""A tree over the contact frame: one boolean mask a condition, kept, and combined by group."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial, reduce
from operator import and_, or_
from typing import Any

import polars as pl

from engine import db
from engine.segments import bits, cores, history, removal, texts
from engine.segments.bits import Bits
from engine.segments.catalogue import Field
from engine.segments.checking import check, parts
from engine.segments.frame import Frame
from engine.segments.operators import Operator
from engine.segments.sets import SETS as SETS
from engine.segments.sets import member
from engine.segments.tree import Condition, Group, Node, Place, below, conditions, from_json
from engine.segments.values import Calendar, fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """A tree answered."""

    mask: pl.Series
    """Boolean, a row of the frame each."""
    people: int
    counts: dict[str, int]
    """Path → how many each node holds for on its own."""
    without: dict[str, int]
    """Path → how many the whole would hold for if that node were not there. A group left empty by
    it goes with it; without the root it is everybody."""


SEVERAL = 8
"""Conditions from which they are made side by side."""
_AT_ROOT = Place(group=1, condition=1, path="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Solver:
    """Evaluates trees on one frame and one day."""

    database: db.Database
    frame: Frame
    calendar: Calendar
    stale: float
    """Seconds that an answer of the ledger may be old."""
    segments: dict[int, pl.Series] = field(default_factory=dict)
    """Saved segments met on the way."""

    def mask(self, tree: Node) -> pl.Series:
        """Raises Invalid as `checking.check`."""
        check(tree, self.frame.catalogue)
        if isinstance(tree, Condition):
            return self._condition(tree)
        self._ready(tree)
        return self._column(self._bits(tree))

    def count(self, tree: Node) -> int:
        check(tree, self.frame.catalogue)
        self._ready(tree)
        return bits.count(self._bits(tree))

    def counts(self, tree: Node) -> dict[str, int]:
        check(tree, self.frame.catalogue)
        return {path: bits.count(found) for path, found in self._every(tree).items()}

    def solve(self, tree: Node) -> Solution:
        """Raises Invalid as `checking.check`."""
        check(tree, self.frame.catalogue)
        masks = self._every(tree)
        counts = {path: bits.count(found) for path, found in masks.items()}
        return Solution(
            mask=self._column(masks[""]),
            people=counts[""],
            counts=counts,
            without=removal.counts(tree, masks, self.frame.people.height),
        )

    def _column(self, found: Bits) -> pl.Series:
        return bits.unpacked(found, self.frame.people.height)

    def _every(self, tree: Node) -> dict[str, Bits]:
        """The bits of each node by path."""
        masks: dict[str, Bits] = {}
        self._ready(tree)
        self._bits(tree, "", masks)
        return masks

    def _ready(self, tree: Node) -> None:
        """Make what is not known of many conditions side by side."""
        fields = self.frame.catalogue.field
        new = {
            item: partial(self._condition, item)
            for item in conditions(tree)
            if (item, self.calendar.today) not in self.frame.masks
            and fields(item.field).type not in ("segment", "history")
        }
        if len(new) >= SEVERAL and self.frame.people.height >= cores.WORTH:
            cores.together([*new.values()])

    def _bits(self, node: Node, path: str = "", masks: dict[str, Bits] | None = None) -> Bits:
        if isinstance(node, Condition):
            found = bits.packed(self._condition(node))
        else:
            below_it = [self._bits(n, below(path, i), masks) for i, n in enumerate(node.of)]
            found = self._group(node, below_it)
        if masks is not None:
            masks[path] = found
        return found

    def _group(self, group: Group, members: list[Bits]) -> Bits:
        everybody = bits.everybody(self.frame.people.height)
        if not members:
            return everybody
        if group.match == "all":
            return reduce(and_, members)
        either = reduce(or_, members)
        return either if group.match == "any" else either ^ everybody

    def _condition(self, condition: Condition) -> pl.Series:
        key = (condition, self.calendar.today)
        if (known := self.frame.known(key, stale=self.stale)) is not None:
            return known
        field, operator, value = parts(condition, _AT_ROOT, self.frame.catalogue, self.calendar)
        if field.type == "segment":
            return self._segment(operator, value)
        if field.type == "history":  # nothing says when the ledger moves
            mask = self._history(field, operator, value)
            return self.frame.keep(key, mask)
        make = partial(_column, field=field, operator=operator, value=value)
        return self.frame.keep(key, make(self.frame), make)

    def _segment(self, operator: Operator, id: int) -> pl.Series:
        if (members := self.segments.get(id)) is None:
            tree = from_json(self.frame.catalogue.trees[id])
            members = self.segments[id] = self._column(self._bits(tree))
        return ~members if operator.negative else members

    def _history(self, field: Field, operator: Operator, value: Any) -> pl.Series:
        found: pl.Series = operator.holds(self._happened(field, operator, value), value)
        return found

    def _happened(self, field: Field, operator: Operator, value: Any) -> pl.Series:
        """What a history operator is about: whether it happened, or when it last did."""
        ids = self.frame.people["id"]
        with self.database.read() as session:
            if operator.value == "days":
                last = history.latest(session, field.key, start=value.start, end=value.end)
                return ids.to_frame().join(last, on="id", how="left", maintain_order="left")["at"]
            broadcasts = [value] if operator.value == "id" else self._labelled(value)
            return ids.is_in(history.in_broadcasts(session, field.key, broadcasts).implode())

    def _labelled(self, label: str) -> list[int]:
        labels = self.frame.catalogue.labels
        rows = [(id, text) for id, texts in labels.items() for text in texts]
        table = pl.DataFrame(rows, schema={"id": pl.Int64, "label": pl.String}, orient="row")
        return table.filter(fold(pl.col("label")) == label)["id"].unique().to_list()


def _column(frame: Frame, field: Field, operator: Operator, value: Any) -> pl.Series:
    if field.type in texts.TYPES:
        mask = frame.text(field.column).where(operator, value)
        return ~mask if operator.negative else mask
    columns = frame.people.get_column
    subject: Any
    if field.type == "set":
        subject = {id: member(field.key, id, columns) for id in value}
    else:
        subject = columns(field.column)
    found: pl.Series = operator.holds(subject, value)
    return found
