"""Where people stand by what a column of text says: an answer costs as much as it finds.

Each kind keeps row positions in some order, UInt32, and the texts they were made of. What it finds
is everybody who matches, and others too unless it says that they surely match.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import polars as pl

Rows = np.ndarray[tuple[int], np.dtype[np.uint32]]
Found = tuple[Rows, bool]
"""Who may match, and whether they surely do."""
Kind = Literal["heads", "tails", "words", "hashes"]
TAIL = 16
"""Bytes of an end that are kept in order."""
COMMON_SHARE = 0.125
"""A word of more people is not listed: reading all texts is as fast."""
WORDS_SHARE = 0.25
"""With more different words than this share of the people, looking through them helps nobody."""
LEAST = 3
"""Letters of a word that is looked for."""
WORD = r"\P{L}?\p{L}+"
"""Letters, and what stands before them."""
KIND_OF: dict[str, Kind] = {
    "is": "heads",
    "is_not": "heads",
    "starts_with": "heads",
    "ends_with": "tails",
    "contains": "words",
    "not_contains": "words",
    "is_any_of": "hashes",
    "is_none_of": "hashes",
}
"""Operator → the kind that answers it."""


class Places(Protocol):
    def find(self, key: str, value: Any) -> Found | None:
        """For an operator's key and value; None when all texts are to be read."""


def make(kind: Kind, texts: pl.Series) -> Places:
    makers: dict[Kind, Callable[[pl.Series], Places]] = {
        "heads": _heads,
        "tails": _tails,
        "words": _words,
        "hashes": _hashes,
    }
    return makers[kind](texts)


# In the order of the texts, and of their ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    texts: pl.Series
    rows: pl.Series

    def find(self, key: str, value: str) -> Found:
        rows = self.rows.to_numpy()
        size = len(value) if key == "starts_with" else None
        return _range(rows, value, lambda row: self.texts[int(row)][:size]), True


def _heads(texts: pl.Series) -> Heads:
    order = texts.arg_sort(nulls_last=True).head(len(texts) - texts.null_count())
    return Heads(texts=texts, rows=order.cast(pl.UInt32))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tails:
    """By the last bytes read backwards; a short text ends in zeros."""

    texts: pl.Series
    rows: pl.Series

    def find(self, key: str, value: str) -> Found:
        end = value.encode()
        asked = end[::-1][:TAIL]

        def tail(row: Any) -> bytes:
            read = self.texts[int(row)].encode()[: -len(asked) - 1 : -1]
            return bytes(read).ljust(len(asked), b"\0")

        surely = len(end) <= TAIL and b"\0" not in end
        return _range(self.rows.to_numpy(), asked, tail), surely


def _tails(texts: pl.Series) -> Tails:
    raw = pl.lit(bytes(TAIL)) + pl.col("text").cast(pl.Binary)
    halves = [raw.bin.tail(TAIL).bin.slice(start, 8) for start in (8, 0)]
    numbers = [half.bin.reinterpret(dtype=pl.UInt64, endianness="little") for half in halves]
    keys = texts.alias("text").to_frame().select(last=numbers[0], before=numbers[1])
    order = keys.select(pl.arg_sort_by("last", "before", nulls_last=True)).to_series()
    return Tails(texts=texts, rows=order.head(len(texts) - texts.null_count()).cast(pl.UInt32))


def _range(rows: Rows, asked: Any, key: Callable[[Any], Any]) -> Rows:
    first = bisect_left(rows, asked, key=key)
    return rows[first : bisect_right(rows, asked, lo=first, key=key)]


# By the words in them


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Row positions by a small number: those of number n stand from starts[n] to starts[n + 1]."""

    rows: pl.Series
    starts: pl.Series

    def count(self, numbers: Any) -> int:
        starts = self.starts.to_numpy()
        known = numbers[numbers < len(starts) - 1]
        return int((starts[known + 1] - starts[known]).sum())

    def of(self, numbers: Any) -> Rows:
        """Who has one of the numbers; one past the last has nobody."""
        rows, starts = self.rows.to_numpy(), self.starts.to_numpy()
        known = numbers[numbers < len(starts) - 1]
        parts = [rows[starts[each] : starts[each + 1]] for each in known]
        return np.concatenate([rows[:0], *parts])


def listed(numbers: Any, rows: Any, count: int) -> Listed:
    """`rows[i]` has the number `numbers[i]`, of 0 to `count` - 1; its rows stay in order."""
    order = np.argsort(numbers, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(numbers, minlength=count))])
    kept = order if rows is None else rows[order]
    return Listed(rows=pl.Series(kept.astype(np.uint32)), starts=pl.Series(starts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    words: pl.Series
    """String: every different word."""
    common: pl.Series
    """Words that are not listed."""
    people: Listed | None
    """None when there are too many words."""

    def find(self, key: str, value: str) -> Found | None:
        if self.people is None:
            return None
        pieces = pl.Series([value]).str.extract_all(WORD)[0].to_list()
        piece = max(pieces, key=len, default="")
        if len(piece) < LEAST or self.common.str.contains(piece, literal=True).any():
            return None
        numbers = self.words.str.contains(piece, literal=True).arg_true().to_numpy()
        return self.people.of(numbers), piece == value


def _words(texts: pl.Series) -> Words:
    told = texts.alias("word").to_frame().with_row_index("row").drop_nulls().lazy()
    spread = told.with_columns(pl.col("word").str.extract_all(WORD)).explode("word").drop_nulls()
    table = spread.collect()
    sizes = table["word"].value_counts(name="people")
    few = pl.col("people") <= COMMON_SHARE * len(texts)
    words = sizes.filter(few)["word"].sort()
    if len(words) > WORDS_SHARE * len(texts):
        return Words(words=words.clear(), common=words.clear(), people=None)
    kept = table.filter(pl.col("word").is_in(words.implode()))
    numbers = kept["word"].cast(pl.Enum(words)).to_physical().to_numpy()
    people = listed(numbers, kept["row"].to_numpy(), len(words))
    return Words(words=words, common=sizes.filter(~few)["word"], people=people)


# By a number made of the whole text


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashes:
    hashes: pl.Series
    """UInt32, in order."""
    rows: pl.Series

    def find(self, key: str, values: list[str]) -> Found:
        asked = np.unique(_hash(pl.Series(values, dtype=pl.String)).to_numpy())
        hashes, rows = self.hashes.to_numpy(), self.rows.to_numpy()
        first = np.searchsorted(hashes, asked, side="left")
        sizes = np.searchsorted(hashes, asked, side="right") - first
        ends = np.cumsum(sizes)
        steps = np.arange(ends[-1] if len(ends) else 0)
        return rows[steps + np.repeat(first - (ends - sizes), sizes)], False


def _hashes(texts: pl.Series) -> Hashes:
    table = _hash(texts).alias("hash").to_frame().with_row_index("row")
    table = table.filter(texts.is_not_null()).sort("hash")
    return Hashes(hashes=table["hash"], rows=table["row"].cast(pl.UInt32))


def _hash(texts: pl.Series) -> pl.Series:
    return (texts.hash(seed=0) // 2**32).cast(pl.UInt32)
