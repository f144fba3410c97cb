"""Finding people as somebody types, and putting everybody in order: over the frame, in a blink."""

from __future__ import annotations

import re
from functools import reduce
from operator import and_, or_

import polars as pl

from engine.segments import values

NAMES = ("first_name", "last_name")


def found(people: pl.DataFrame, text: str) -> pl.Series:
    """Boolean: every word of the text is in a name or the email, or its digits in the phone; or
    all the text is (part of) the phone. As `contacts.search` finds; no words find everybody."""
    words = text.split()
    if not words:
        return pl.repeat(True, people.height, eager=True)
    every = reduce(and_, [_has_word(word) for word in words])
    if digits := phone_digits(text):
        every = every | pl.col("phone").str.contains(digits, literal=True)
    return people.select(every.fill_null(False).alias("found")).to_series()


def _has_word(word: str) -> pl.Expr:
    bare = pl.select(values.plain(pl.lit(word))).item() or word
    places = [values.plain(pl.col(name)).str.contains(bare, literal=True) for name in NAMES]
    places.append(pl.col("email").str.to_lowercase().str.contains(word.lower(), literal=True))
    if digits := phone_digits(word):
        places.append(pl.col("phone").str.contains(digits, literal=True))
    return reduce(or_, [place.fill_null(False) for place in places])


def phone_digits(text: str) -> str:
    """The digits of what looks like (part of) a number, without a prefix's zeros; else ""."""
    if not re.fullmatch(r"[\d\s+().\-–/]+", text.strip(), re.ASCII):
        return ""
    digits = re.sub(r"\D", "", text).lstrip("0")
    return digits if len(digits) >= 3 else ""


def order(people: pl.DataFrame, column: str) -> pl.Series:
    """UInt32: row positions by that column ascending, text plain, nulls last, ties by id.

    "name" is first and last name.
    """
    if column == "name":
        keys = people.select(pl.concat_str(NAMES, separator=" ").alias(column)).to_series()
    else:
        keys = people[column]
    if keys.dtype.base_type() in (pl.String, pl.Categorical, pl.Enum):
        keys = keys.cast(pl.String).to_frame("key").select(values.plain(pl.col("key"))).to_series()
    table = keys.to_frame("key")
    return table.select(
        pl.arg_sort_by("key", nulls_last=True, maintain_order=True).cast(pl.UInt32)
    ).to_series()
