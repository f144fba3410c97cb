"""Columns of text made ready to be searched: folded, blank as null.

Words: few different values, a number each, so that a condition looks at the words. Strings: many,
with eight bytes a text that rule most people out before a text is read. Pair: a full name, whose
parts are asked instead where that is the same. What is found is always what the operator's own
expression says.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any, Protocol

import numpy as np
import polars as pl

from engine.segments import cores, marks
from engine.segments.marks import Kind
from engine.segments.moving import Move
from engine.segments.operators import Operator
from engine.segments.values import fold, plain

FULL_NAME = "full_name"
"""First and last name with a space between: a column that is made when it is asked for."""
PLAIN = "plain "
"""Before a column's name: also without accents."""
WORDS_SHARE = 0.1
"""A column with at most this share of different values is kept as words."""
RUNS_MAX = 16
"""Runs of neighbouring words that are compared one by one; of more, each code is looked up."""
SCAN_SHARE = 0.5
"""When more than this share may match, all texts are read, in order and on every core."""


class Text(Protocol):
    def where(self, operator: Operator, value: Any) -> pl.Series:
        """Boolean without nulls: what the operator, taken as positive, holds for."""

    def carried(self, move: Move, people: pl.DataFrame, column: str) -> Text | None:
        """The same after a move to these people; None when it is to be made anew."""


def make(people: pl.DataFrame, column: str) -> Words | Strings:
    """Ready to be searched: words when there are few, else strings."""
    if column != FULL_NAME:
        raw = people[column.removeprefix(PLAIN)]
        if raw.n_unique() <= WORDS_SHARE * len(raw):
            return _words(raw, plain if column.startswith(PLAIN) else fold)
    return Strings(folded=_folded(people, column))


def _words(raw: pl.Series, tidy: Callable[[pl.Expr], pl.Expr]) -> Words:
    """Each different value is tidied once."""
    values = raw.unique().to_frame("raw")
    table = values.with_columns(tidy(pl.col("raw").cast(pl.String)).alias("word"))
    words = table["word"].unique().sort(nulls_last=False)
    return Words(words=words, codes=_codes(raw, table["raw"], _codes(table["word"], words, words)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    words: pl.Series
    """String, each once; in order when made, so that what starts alike stands together."""
    codes: pl.Series
    """Each person's word: UInt8, UInt16 or UInt32 positions."""

    def where(self, operator: Operator, value: Any) -> pl.Series:
        held = _evaluated(operator, self.words, value)
        codes = held.arg_true().to_list()
        runs = _runs(codes)
        if len(runs) > RUNS_MAX:
            table = held.to_numpy()
            return cores.split([self.codes], lambda part: pl.Series(table[part.to_numpy()]))
        nobody = pl.repeat(False, len(self.codes), eager=True)
        return reduce(or_, [self._within(first, last) for first, last in runs], nobody)

    def _within(self, first: int, last: int) -> pl.Series:
        if first == last:
            return self.codes == first
        return (self.codes >= first) & (self.codes <= last)

    def carried(self, move: Move, people: pl.DataFrame, column: str) -> Words | None:
        fresh = _folded(move.fresh, column)
        new = fresh.filter(~fresh.is_in(self.words.implode(), nulls_equal=True)).unique()
        words = pl.concat([self.words, new])
        if _code_type(words) != self.codes.dtype:
            return None
        return Words(words=words, codes=move.of(self.codes, _codes(fresh, words, words)))

    def order(self) -> pl.Series:
        """UInt32: row positions in order, what is blank last."""
        ranks = self.words.rank("ordinal").fill_null(len(self.words) + 1).cast(pl.UInt32)
        by = pl.arg_sort_by("rank", maintain_order=True).cast(pl.UInt32)
        return ranks.gather(self.codes).to_frame("rank").select(by).to_series()


@dataclass(frozen=True, slots=True, kw_only=True)
class Strings:
    folded: pl.Series
    known: dict[Kind, pl.Series] = field(default_factory=dict)
    """Made when first needed."""
    making: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def where(self, operator: Operator, value: Any) -> pl.Series:
        who, surely = self._may(operator, value)
        if who is None or (not surely and int(who.sum()) > SCAN_SHARE * len(who)):
            return cores.split([self.folded], lambda part: _evaluated(operator, part, value))
        if surely:
            return who

        def looked(folded: pl.Series, who: pl.Series) -> pl.Series:
            mask = np.array(who.to_numpy())
            mask[mask] = _evaluated(operator, folded.filter(who), value).to_numpy()
            return pl.Series(mask)

        return cores.split([self.folded, who], looked)

    def _may(self, operator: Operator, value: Any) -> tuple[pl.Series | None, bool]:
        """Who may match and whether they surely do; nobody named when nothing tells, or not yet."""
        kind = marks.KIND_OF.get(operator.key)
        made = self.made(kind) if kind else None
        if kind is None or made is None:
            return None, False
        return marks.having(kind, made, value)

    def made(self, kind: Kind, *, wait: bool = False) -> pl.Series | None:
        """The marks; None while another thread makes them, unless told to wait."""
        if kind not in self.known:
            if not self.making.acquire(blocking=wait):
                return None
            try:
                if kind not in self.known:
                    self.known[kind] = marks.make(kind, self.folded)
            finally:
                self.making.release()
        return self.known[kind]

    def carried(self, move: Move, people: pl.DataFrame, column: str) -> Strings:
        fresh = _folded(move.fresh, column)
        raw = people[column] if column in people.columns else None
        folded = move.of(self.folded, fresh)
        known = {
            kind: move.of(made, marks.make(kind, fresh)) for kind, made in [*self.known.items()]
        }
        same = raw is not None and raw.dtype == pl.String and folded.equals(raw)
        return Strings(folded=raw if same and raw is not None else folded, known=known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A text of two with a space between."""

    first: Text
    last: Text
    whole: Callable[[], Text]

    def where(self, operator: Operator, value: Any) -> pl.Series:
        """What has no space in it stands in the whole if it stands in one of the two."""
        inside = operator.key in ("contains", "not_contains")
        if inside and not any(letter.isspace() for letter in value):
            return self.first.where(operator, value) | self.last.where(operator, value)
        return self.whole().where(operator, value)

    def carried(self, move: Move, people: pl.DataFrame, column: str) -> None:
        """Nothing of its own to keep."""


def _evaluated(operator: Operator, folded: pl.Series, value: Any) -> pl.Series:
    found: pl.Series = operator.expression(folded, value)
    return found.fill_null(False) if found.null_count() else found


def _folded(people: pl.DataFrame, column: str) -> pl.Series:
    """String; the very column when it is folded already."""
    if column == FULL_NAME:
        name = pl.concat_str("first_name", "last_name", separator=" ")
        return people.select(fold(name).alias(FULL_NAME)).to_series()
    if column.startswith(PLAIN):
        bare = plain(pl.col(column.removeprefix(PLAIN)).cast(pl.String)).alias(column)
        return people.select(bare).to_series()
    raw = people[column]
    if raw.dtype == pl.String:
        folded = people.select(fold(pl.col(column))).to_series()
        return raw if folded.equals(raw) else folded
    return people.select(fold(pl.col(column).cast(pl.String))).to_series()


def _codes(values: pl.Series, known: pl.Series, codes: pl.Series) -> pl.Series:
    """The code of each value: `known` has them all, null among them if it is there, and `codes`
    are its own, or it is the words themselves."""
    if codes is known:
        codes = pl.Series(range(len(known)), dtype=_code_type(known))
    return values.replace_strict(known, codes, return_dtype=codes.dtype)


def _code_type(words: pl.Series) -> pl.DataType:
    for kind, most in ((pl.UInt8(), 2**8), (pl.UInt16(), 2**16)):
        if len(words) <= most:
            return kind
    return pl.UInt32()


def _runs(codes: list[int]) -> list[tuple[int, int]]:
    """Neighbours taken together: (first, last) each."""
    runs: list[tuple[int, int]] = []
    for code in codes:
        if runs and runs[-1][1] == code - 1:
            runs[-1] = runs[-1][0], code
        else:
            runs.append((code, code))
    return runs
