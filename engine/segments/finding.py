"""Finding people as somebody types, and putting everybody in order: over the frame, in a blink."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING

import polars as pl

from engine.segments import moving, texts, values
from engine.segments.operators import OPERATORS

if TYPE_CHECKING:  # the frame offers what stands here
    from engine.segments.everybody import Frame
    from engine.segments.moving import Move

NAMES = ("first_name", "last_name")
TEXTS = (pl.String, pl.Categorical, pl.Enum)
CONTAINS = OPERATORS["contains"]


def found(frame: Frame, text: str) -> pl.Series:
    """Boolean: every word of the text is in a name or the email, or its digits in the phone; or
    all the text is (part of) the phone. As `contacts.search` finds; no words find everybody."""
    words = text.split()
    if not words:
        return pl.repeat(True, frame.people.height, eager=True)
    every = reduce(and_, [_kept(frame, "word", word, _has_word) for word in words])
    if len(words) > 1 and (digits := phone_digits(text)):
        every |= _kept(frame, "digits", digits, _has_digits)
    return every


def _kept(frame: Frame, kind: str, text: str, make: Callable[[Frame, str], pl.Series]) -> pl.Series:
    """One word's mask, kept: the next keystroke changes one word."""
    key = ("found", kind, text)
    if (known := frame.known(key)) is not None:
        return known
    return frame.keep(key, make(frame, text), lambda other: make(other, text))


def _has_word(frame: Frame, text: str) -> pl.Series:
    plain = pl.select(values.plain(pl.lit(text))).item() or text
    places = [frame.text(f"{texts.PLAIN}{name}").where(CONTAINS, plain) for name in NAMES]
    places.append(frame.text("email").where(CONTAINS, text.lower()))
    if digits := phone_digits(text):
        places.append(_has_digits(frame, digits))
    return reduce(or_, places)


def _has_digits(frame: Frame, text: str) -> pl.Series:
    return frame.text("phone").where(CONTAINS, text)


def phone_digits(text: str) -> str:
    """The digits of what looks like (part of) a number, without a prefix's zeros; else ""."""
    if not re.fullmatch(r"[\d\s+().\-–/]+", text.strip(), re.ASCII):
        return ""
    digits = re.sub(r"\D", "", text).lstrip("0")
    return digits if len(digits) >= 3 else ""


def order(frame: Frame, column: str) -> pl.Series:
    """UInt32: row positions by that column ascending, text plain, nulls last, ties by id.

    "name" is first and last name.
    """
    if column != "name" and frame.people.schema[column].base_type() in TEXTS:
        text = frame.text(column)
        if isinstance(text, texts.Words):
            return _by_rank(_ranks(text.words), text.codes)
        keys = _plain(text.folded) if isinstance(text, texts.Strings) else frame.people[column]
    elif column == "name":
        name = pl.concat_str(NAMES, separator=" ")
        keys = _plain(frame.people.select(values.fold(name)).to_series())
    else:
        keys = frame.people[column]
    by = pl.arg_sort_by("key", nulls_last=True, maintain_order=True)
    return keys.alias("key").to_frame().select(by.cast(pl.UInt32)).to_series()


def _plain(folded: pl.Series) -> pl.Series:
    """Without accents; only what has some is read."""
    odd = (folded.str.len_bytes() != folded.str.len_chars()).fill_null(False)
    if not odd.any():
        return folded
    table = folded.alias("key").to_frame()
    bare = table.filter(odd).select(values.plain(pl.col("key"))).to_series()
    return moving.scattered(folded, odd.arg_true().cast(pl.UInt32), bare)


def _ranks(words: pl.Series) -> pl.Series:
    """UInt32: where each word stands among the words made plain; null comes last."""
    bare = words.alias("word").to_frame().select(values.plain(pl.col("word"))).to_series()
    return bare.rank("dense").fill_null(len(words) + 1).cast(pl.UInt32)


def _by_rank(ranks: pl.Series, codes: pl.Series) -> pl.Series:
    """UInt32; small numbers are sorted by their digits."""
    small = ranks.max() is None or len(ranks) < 2**16 - 1
    table = ranks.to_numpy().astype("uint16" if small else "uint32")
    return pl.Series(table[codes.to_numpy()].argsort(kind="stable").astype("uint32"))


def carried(order: pl.Series, column: str, old: Frame, move: Move) -> pl.Series | None:
    """The order after a move that changed nobody's place in it; None when it is made anew."""
    if move.rows is not None or len(move.fresh) != len(move.places):
        return None
    names = NAMES if column == "name" else (column,)
    for name in names:
        before = old.people[name].gather(move.places)
        if before.ne_missing(move.fresh[name]).any():
            return None
    return order
