"""Everybody as one read-only polars frame, with what was made of it: texts, masks, counts, orders.

All of it is kept as long as the frame is, and carried over to the next one for people who did not
change.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import polars as pl

from engine.segments import finding, texts
from engine.segments.catalogue import Catalogue
from engine.segments.moving import Move
from engine.segments.people import Shape
from engine.segments.texts import Text

Stamp = tuple[int, ...]
MASKS_BYTES = 64_000_000
MASKS_MAX = 500
CARRIED_MAX = 100
"""Masks, the last used ones, that a changed person is asked about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    column: pl.Series
    """Boolean without nulls."""
    made: float
    """The monotonic second."""
    make: Callable[[Frame], pl.Series] | None
    """Makes it for another frame; None when more than the people decide."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """`people` has the columns of `people.read`, sorted by id, and is never written to."""

    people: pl.DataFrame
    catalogue: Catalogue
    version: int
    """workspace.contacts_version it shows."""
    shape: Shape = field(repr=False)
    stamp: Stamp = field(repr=False)
    masks: dict[object, Mask] = field(default_factory=dict, repr=False)
    """Finished conditions, the least recently used first."""
    texts: dict[str, Text] = field(default_factory=dict, repr=False)
    choices: dict[str, list[str]] = field(default_factory=dict, repr=False)
    counted: dict[str, dict[str | int, int]] = field(default_factory=dict, repr=False)
    """People per option, by field; kept by `options`."""
    orders: dict[str, pl.Series] = field(default_factory=dict, repr=False)

    def text(self, column: str) -> Text:
        """A text column made ready on first use; "name" is first and last name."""
        if (found := self.texts.get(column)) is None:
            found = self.texts[column] = self._text(column)
        return found

    def _text(self, column: str) -> Text:
        if column != "name":
            return texts.make(self.people, column)
        first, last = self.text("first_name"), self.text("last_name")
        return texts.Pair(first=first, last=last, whole=partial(self.text, texts.FULL_NAME))

    def found(self, text: str) -> pl.Series:
        """Boolean: whose name, phone or email has every word of the text."""
        return finding.found(self, text)

    def order(self, column: str) -> pl.Series:
        """UInt32: row positions by that column ascending, text plain, nulls last, ties by id."""
        if (positions := self.orders.get(column)) is None:
            positions = self.orders[column] = finding.order(self, column)
        return positions

    def known(self, key: object, *, stale: float = math.inf) -> pl.Series | None:
        """The mask kept under the key; what more than the people decide ages."""
        mask = self.masks.pop(key, None)
        if mask is None or (mask.make is None and time.monotonic() - mask.made >= stale):
            return None
        self.masks[key] = mask
        return mask.column

    def keep(
        self,
        key: object,
        column: pl.Series,
        make: Callable[[Frame], pl.Series] | None = None,
    ) -> pl.Series:
        """Keep a mask for the next time; the least recently used goes when there are too many."""
        most = max(50, min(MASKS_MAX, MASKS_BYTES * 8 // max(1, len(column))))
        for oldest in [*self.masks][: len(self.masks) + 1 - most]:
            self.masks.pop(oldest, None)
        self.masks[key] = Mask(column=column, made=time.monotonic(), make=make)
        return column

    def carry(self, old: Frame, move: Move) -> None:
        """Take over what the old frame knew: only the fresh people are asked again."""
        for name, text in [*old.texts.items()]:
            kept = text.carried(move, self.people, name) if _is_there(name, self, old) else None
            if kept is not None:
                self.texts[name] = kept
        for column, order in [*old.orders.items()]:
            if column not in self.people.columns and column != "name":
                continue
            if (same := finding.carried(order, column, old, move)) is not None:
                self.orders[column] = same
        few = Frame(
            people=move.fresh,
            catalogue=self.catalogue,
            version=self.version,
            shape=self.shape,
            stamp=self.stamp,
        )
        for key, mask in [*old.masks.items()][-CARRIED_MAX:]:
            if mask.make is None:
                continue
            try:
                fresh = mask.make(few)
            except pl.exceptions.ColumnNotFoundError:  # the tag or channel asked about is gone
                continue
            self.keep(key, move.of(mask.column, fresh), mask.make)


def _is_there(name: str, new: Frame, old: Frame) -> bool:
    """The text is of a column that both have; names always are there."""
    made = name == texts.FULL_NAME or name.startswith(texts.PLAIN)
    return made or (name in new.people.columns and name in old.people.columns)
