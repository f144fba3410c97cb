"""Finding people as somebody types, and putting everybody in order: over the frame, in a blink."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING

import polars as pl

from engine.segments import texts, values
from engine.segments.operators import OPERATORS

if TYPE_CHECKING:  # the frame offers what stands here
    from engine.segments.everybody import Frame

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
    if column == "name":
        bare = values.plain(pl.concat_str(NAMES, separator=" "))
        keys = frame.people.select(bare.alias("key"))
    elif frame.people.schema[column].base_type() in TEXTS:
        text = texts.make(frame.people, f"{texts.PLAIN}{column}")
        if isinstance(text, texts.Words):
            return text.order()
        keys = (text.folded if isinstance(text, texts.Strings) else text.values).to_frame("key")
    else:
        keys = frame.people.select(pl.col(column).alias("key"))
    by = pl.arg_sort_by("key", nulls_last=True, maintain_order=True)
    return keys.select(by.cast(pl.UInt32)).to_series()
