"""Columns of text made ready to be searched: folded, blank as null.

Words: few different values, a number each, so that a condition looks at the words. Strings: many,
with places that name who matches, and eight bytes a text that rule most people out before a text is
read. Pair: a full name, whose parts are asked instead where that is the same. Numbers, days and
moments are words when few, else Plain. What is found is always what the operator's own expression
says.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial, reduce
from operator import or_
from typing import Any, Literal, Protocol

import numpy as np
import polars as pl

from engine.segments import bits, cores, marks, places
from engine.segments.moving import Move
from engine.segments.operators import Operator
from engine.segments.places import Found, Listed, Places, Rows
from engine.segments.values import fold, plain

FULL_NAME = "full_name"
"""First and last name with a space between: a column that is made when it is asked for."""
PLAIN = "plain "
"""Before a column's name: also without accents."""
WORDS_SHARE = 0.1
"""A column with at most this share of different values is kept as words."""
COMPARE, LOOK_UP, NAME, PACK = 0.06, 2.0, 3.0, 0.1
"""Nanoseconds: a run of words and byte of a code; a code looked up; a person named; a bit set. Only
their proportions count."""
MANY = 256
"""Words of which a condition asks for some here and there."""
NUMBERS_MAX = 2**16
SCAN_SHARE = 0.5
"""When more than this share may match, all texts are read, in order and on every core."""
NAMED_SHARE = 0.25
"""The same, of people that places name."""
NAMED_WORTH = 10_000
SOON = 50_000
"""Texts below which what helps is made in a blink; else in the background."""
LATE_SHARE, LATE_LEAST = 0.02, 100
"""When more people changed, places are made anew."""
TYPES = ("text", "choice", "number", "date", "datetime", "channel")
"""Of fields whose column is made ready."""

Kind = Literal["pairs"] | places.Kind
Run = tuple[int, int]


def nobody() -> pl.Series:
    return pl.Series([], dtype=pl.UInt32)


class Text(Protocol):
    def where(self, operator: Operator, value: Any) -> pl.Series:
        """Boolean without nulls: what the operator, taken as positive, holds for."""

    def carried(self, move: Move, people: pl.DataFrame, column: str) -> Text | None:
        """The same after a move to these people; None when it is to be made anew."""


def make(people: pl.DataFrame, column: str) -> Words | Strings | Plain:
    """Ready to be searched: words when there are few."""
    raw = people[column.removeprefix(PLAIN)] if column != FULL_NAME else None
    if raw is not None and not _is_text(raw):
        few = raw.dtype.base_type() != pl.Datetime and raw.n_unique() <= NUMBERS_MAX
        return _numbers(raw) if few and len(raw) >= SOON else Plain(values=raw)
    if raw is not None and raw.n_unique() <= WORDS_SHARE * len(raw):
        return _words(raw, plain if column.startswith(PLAIN) else fold)
    return Strings(folded=_folded(people, column))


def _is_text(raw: pl.Series) -> bool:
    return raw.dtype.base_type() in (pl.String, pl.Categorical, pl.Enum)


def _numbers(raw: pl.Series) -> Words:
    words = raw.unique().sort(nulls_last=False)
    return Words(words=words, codes=_codes(raw, words, words))


def _words(raw: pl.Series, tidy: Callable[[pl.Expr], pl.Expr]) -> Words:
    """Each different value is tidied once."""
    values = raw.unique().to_frame("raw")
    table = values.with_columns(tidy(pl.col("raw").cast(pl.String)).alias("word"))
    words = table["word"].unique().sort(nulls_last=False)
    return Words(words=words, codes=_codes(raw, table["raw"], _codes(table["word"], words, words)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    words: pl.Series
    """Each once; in order when made, so that what starts alike stands together. Numbers and days
    may be words, too."""
    codes: pl.Series
    """Each person's word: UInt8, UInt16 or UInt32 positions."""
    people: list[Listed] = field(default_factory=list, repr=False)
    """Row positions by code, made when first needed: one, or none yet."""
    late: pl.Series = field(default_factory=nobody)
    """UInt32: people who came or changed since."""

    def where(self, operator: Operator, value: Any) -> pl.Series:
        """By the cheapest way: comparing codes, looking each up, or naming who has them."""
        held = _evaluated(operator, self.words, value)
        codes = np.flatnonzero(held.to_numpy())
        runs = _runs(codes)
        compared = COMPARE * self.codes.to_numpy().itemsize * len(runs)
        if compared <= PACK * 4 or len(self.words) <= MANY:
            return self._compared(runs)
        share = self._listed().count(codes) / max(1, len(self.codes))
        if NAME * share + PACK < min(compared, LOOK_UP):
            return self._named(held)
        return self._compared(runs) if compared < LOOK_UP else self._looked_up(held)

    def _compared(self, runs: list[Run]) -> pl.Series:
        if not runs:
            return pl.repeat(False, len(self.codes), eager=True)
        return reduce(or_, [self._within(first, last) for first, last in runs])

    def _within(self, first: int, last: int) -> pl.Series:
        if first == last:
            return self.codes == first
        if last == len(self.words) - 1:
            return self.codes >= first
        return (self.codes >= first) & (self.codes <= last) if first else self.codes <= last

    def _looked_up(self, held: pl.Series) -> pl.Series:
        table = held.to_numpy()
        return cores.split([self.codes], lambda part: pl.Series(table[part.to_numpy()]))

    def _named(self, held: pl.Series) -> pl.Series:
        mask = np.zeros(len(self.codes), dtype=np.bool_)
        mask[self._listed().of(held.arg_true().to_numpy())] = True
        if len(self.late):
            mask[self.late.to_numpy()] = held.gather(self.codes.gather(self.late)).to_numpy()
        return pl.Series(mask)

    def ready(self) -> None:
        """Make beforehand what the first condition would wait for."""
        if len(self.words) > MANY and self.words.dtype == pl.String:
            self._listed()

    def _listed(self) -> Listed:
        if not self.people:
            self.people.append(places.listed(self.codes.to_numpy(), None, len(self.words)))
        return self.people[0]

    def carried(self, move: Move, people: pl.DataFrame, column: str) -> Words | None:
        fresh = _folded(move.fresh, column)
        new = fresh.filter(~fresh.is_in(self.words.implode(), nulls_equal=True)).unique()
        words = pl.concat([self.words, new])
        if _code_type(words) != self.codes.dtype:
            return None
        codes = _codes(fresh, words, words)
        listed = [*self.people]  # another thread may make it meanwhile
        late = _late(self.late, self.codes, codes, move) if listed else nobody()
        return Words(
            words=words,
            codes=move.of(self.codes, codes),
            people=listed if late is not None else [],
            late=late if late is not None else nobody(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Strings:
    folded: pl.Series
    known: dict[Kind, pl.Series | Places] = field(default_factory=dict)
    """Made when first needed."""
    making: threading.Lock = field(default_factory=threading.Lock, repr=False)
    late: pl.Series = field(default_factory=nobody)
    """UInt32: people who came or changed after their places were made."""

    def where(self, operator: Operator, value: Any) -> pl.Series:
        place = self.made(places.KIND_OF.get(operator.key))
        found = place.find(operator.key, value) if place is not None else None
        if found is not None and (found[1] or len(found[0]) <= NAMED_SHARE * len(self.folded)):
            return self._named(found, operator, value)
        return self._marked(operator, value)

    def _named(self, found: Found, operator: Operator, value: Any) -> pl.Series:
        rows, surely = found
        mask = np.zeros(len(self.folded), dtype=np.bool_)
        mask[rows if surely else self._those(rows, operator, value)] = True
        if len(self.late):
            mask[self.late.to_numpy()] = False
            mask[self._those(self.late.to_numpy(), operator, value)] = True
        return pl.Series(mask)

    def _those(self, rows: Rows, operator: Operator, value: Any) -> Rows:
        """Of some people, those for whom it holds."""

        def asked(part: pl.Series) -> pl.Series:
            return _evaluated(operator, self.folded.gather(part), value)

        named = pl.Series(rows)
        return named.filter(cores.split([named], asked, worth=NAMED_WORTH)).to_numpy()

    def _marked(self, operator: Operator, value: Any) -> pl.Series:
        """Of those whose marks do not rule them out, or of everybody."""
        pairs = self.made("pairs") if operator.key in marks.OPERATORS else None
        who = marks.having(pairs, value) if pairs is not None else None
        if who is None or int(who.sum()) > SCAN_SHARE * len(who):
            return cores.split([self.folded], lambda part: _evaluated(operator, part, value))

        def looked(folded: pl.Series, who: pl.Series) -> pl.Series:
            mask = np.array(who.to_numpy())
            mask[mask] = _evaluated(operator, folded.filter(who), value).to_numpy()
            return pl.Series(mask)

        return cores.split([self.folded, who], looked)

    def made(self, kind: Kind | None, *, wait: bool = False) -> Any:
        """The marks or places; None while they are made in the background, unless told to wait."""
        if kind is None or kind in self.known:
            return self.known[kind] if kind is not None else None
        if wait or len(self.folded) < SOON:
            with self.making:
                if kind not in self.known:
                    self.known[kind] = _helper(kind, self.folded)
            return self.known[kind]
        if not self.making.locked():
            work = partial(self.made, kind, wait=True)
            threading.Thread(target=work, name="warming", daemon=True).start()
        return None

    def carried(self, move: Move, people: pl.DataFrame, column: str) -> Strings:
        fresh = _folded(move.fresh, column)
        raw = people[column] if column in people.columns else None
        folded = move.of(self.folded, fresh)
        late = _late(self.late, self.folded, fresh, move)
        known = {
            kind: move.of(made, marks.make(fresh)) if isinstance(made, pl.Series) else made
            for kind, made in [*self.known.items()]
            if isinstance(made, pl.Series) or late is not None
        }
        same = raw is not None and raw.dtype == pl.String and folded.equals(raw)
        return Strings(
            folded=raw if same and raw is not None else folded,
            known=known,
            late=late if late is not None else nobody(),
        )


def _helper(kind: Kind, folded: pl.Series) -> pl.Series | Places:
    return marks.make(folded) if kind == "pairs" else places.make(kind, folded)


def _late(known: pl.Series, old: pl.Series, fresh: pl.Series, move: Move) -> pl.Series | None:
    """Who is to be asked beside the places made before; None when these are to be made anew."""
    if move.rows is not None:
        return None
    changed = old.gather(move.places).ne_missing(fresh.head(len(move.places)))
    added = pl.int_range(
        len(old), len(old) + len(fresh) - len(changed), dtype=pl.UInt32, eager=True
    )
    late = pl.concat([known, move.places.filter(changed), added]).unique()
    return late if len(late) <= max(LATE_LEAST, LATE_SHARE * len(old)) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """Many different numbers, days or moments, as they stand in the frame."""

    values: pl.Series

    def where(self, operator: Operator, value: Any) -> pl.Series:
        return bits.certain(operator.expression(self.values, value))

    def carried(self, move: Move, people: pl.DataFrame, column: str) -> Plain:
        return Plain(values=people[column])


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
    return bits.certain(operator.expression(folded, value))


def _folded(people: pl.DataFrame, column: str) -> pl.Series:
    """String; the very column when it is folded already."""
    if column == FULL_NAME:
        name = pl.concat_str("first_name", "last_name", separator=" ")
        return people.select(fold(name).alias(FULL_NAME)).to_series()
    if column.startswith(PLAIN):
        bare = plain(pl.col(column.removeprefix(PLAIN)).cast(pl.String)).alias(column)
        return people.select(bare).to_series()
    raw = people[column]
    if not _is_text(raw):
        return raw
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


def _runs(codes: np.ndarray[Any, Any]) -> list[Run]:
    """Neighbours taken together: (first, last) each."""
    if not len(codes):
        return []
    breaks = np.flatnonzero(np.diff(codes) != 1)
    firsts, lasts = codes[[0, *(breaks + 1)]], codes[[*breaks, -1]]
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))
