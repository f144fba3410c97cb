"""A tree over the contact frame: one boolean mask a condition, kept, and combined by group."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import Any

import polars as pl

from engine import db, history
from engine.catalogue import Field
from engine.checking import check, parts
from engine.frame import Frame
from engine.operators import Operator
from engine.tree import Condition, Group, Node, Place, below, from_json
from engine.values import Calendar, fold

_AT_ROOT = Place(group=1, condition=1, path="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Solver:
    """Evaluates trees on one frame and one day."""

    database: db.Database
    frame: Frame
    calendar: Calendar
    stale: float
    """Seconds that an answer of the ledger may be old."""

    def mask(self, tree: Node) -> pl.Series:
        """Raises Invalid as `checking.check`."""
        check(tree, self.frame.catalogue)
        return self._node(tree, "", {})

    def counts(self, tree: Node) -> dict[str, int]:
        check(tree, self.frame.catalogue)
        found: dict[str, int] = {}
        self._node(tree, "", found)
        return found

    def _node(self, node: Node, path: str, found: dict[str, int]) -> pl.Series:
        if isinstance(node, Condition):
            mask = self._condition(node)
        else:
            members = [self._node(n, below(path, i), found) for i, n in enumerate(node.of)]
            mask = self._group(node, members)
        found[path] = int(mask.sum())
        return mask

    def _group(self, group: Group, members: list[pl.Series]) -> pl.Series:
        if not members:
            return pl.repeat(True, self.frame.people.height, eager=True)
        if group.match == "all":
            return reduce(and_, members)
        either = reduce(or_, members)
        return either if group.match == "any" else ~either

    def _condition(self, condition: Condition) -> pl.Series:
        field, operator, value = parts(condition, _AT_ROOT, self.frame.catalogue, self.calendar)
        if field.type == "segment":
            return self._segment(operator, value)
        if field.type == "history":
            return self._history(condition, field, operator, value)
        key = (condition, self.calendar.today)
        if (mask := self.frame.masks.get(key)) is None:
            mask = self.frame.keep(key, self._column(field, operator, value))
        return mask

    def _column(self, field: Field, operator: Operator, value: Any) -> pl.Series:
        people = self.frame.people
        if field.type in ("text", "choice"):
            mask = self.frame.text(field.column).where(
                lambda folded: operator.expression(folded, value)
            )
            return ~mask if operator.negative else mask
        subject: Any = pl.col(field.column)
        if field.type == "set":
            subject = {id: SETS[field.key](id) for id in value}
        return people.select(operator.holds(subject, value)).to_series()

    def _segment(self, operator: Operator, id: int) -> pl.Series:
        members = self._node(from_json(self.frame.catalogue.trees[id]), "", {})
        return members.to_frame("in").select(operator.holds(pl.col("in"), id)).to_series()

    def _history(
        self, condition: Condition, field: Field, operator: Operator, value: Any
    ) -> pl.Series:
        """Computed from the ledger each time it may be too old: nothing says when that moves."""
        key = (condition, self.calendar.today)
        now = time.monotonic()
        kept = self.frame.ledger.get(key)
        if kept is not None and now - kept[0] < self.stale:
            return kept[1]
        subject = self._happened(field, operator, value)
        mask = subject.to_frame("at").select(operator.holds(pl.col("at"), value)).to_series()
        self.frame.ledger[key] = (now, mask)
        return mask

    def _happened(self, field: Field, operator: Operator, value: Any) -> pl.Series:
        """What a history operator is about: whether it happened, or when it last did."""
        ids = self.frame.people["id"]
        with self.database.read() as session:
            if operator.value == "days":
                latest = history.latest(session, field.key, value)
                return ids.to_frame().join(latest, on="id", how="left", maintain_order="left")["at"]
            broadcasts = [value] if operator.value == "id" else self._labelled(value)
            return ids.is_in(history.in_broadcasts(session, field.key, broadcasts).implode())

    def _labelled(self, label: str) -> list[int]:
        labels = self.frame.catalogue.labels
        rows = [(id, text) for id, texts in labels.items() for text in texts]
        table = pl.DataFrame(rows, schema={"id": pl.Int64, "label": pl.String}, orient="row")
        return table.filter(fold(pl.col("label")) == label)["id"].unique().to_list()


def _column_of(prefix: str) -> Callable[[int], pl.Expr]:
    return lambda id: pl.col(f"{prefix}.{id}")


SETS: dict[str, Callable[[int], pl.Expr]] = {
    "tag": _column_of("tag"),
    "channel.opted_out": _column_of("out"),
    "channel.reachable": lambda id: pl.col(f"reach.{id}") & ~pl.col(f"invalid.{id}"),
}
