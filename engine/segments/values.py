"""What stands in a condition's value, read from JSON into what an expression compares with."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

import polars as pl

from engine.language import N_

Type = Literal[
    "text", "choice", "number", "date", "datetime", "yes_no", "set", "channel", "history", "segment"
]
"""What a field holds. set: ids, a boolean column each. channel: one id. history: the ledger."""

Takes = Literal["nothing", "one", "many", "pair", "days", "id", "ids", "label"]
"""The value an operator takes. one, many and pair are of the field's own type."""

MANY_MAX = 10_000
DAYS_MAX = 36_500
"""A hundred years."""

NOTHING = N_("No value is to be given (condition {condition} of group {group}).")
TEXT = N_("A text is needed (condition {condition} of group {group}).")
NUMBER = N_("A number is needed (condition {condition} of group {group}).")
DATE = N_("A date like 2026-12-31 is needed (condition {condition} of group {group}).")
DAYS = N_("A whole number of days, 0 to 36500, is needed (condition {condition} of group {group}).")
ONE = N_("One from the list is needed (condition {condition} of group {group}).")
SEVERAL = N_("At least one value is needed (condition {condition} of group {group}).")
TOO_MANY = N_("There are more than 10,000 values (condition {condition} of group {group}).")
PAIR = N_("Two values are needed (condition {condition} of group {group}).")
ORDER = N_("The first value is larger than the second (condition {condition} of group {group}).")


class BadValue(ValueError):
    """A condition's value cannot be used; the text is a sentence above, its place to be filled."""


@dataclass(frozen=True, slots=True)
class Span:
    """Whole days: from `start` up to, not including, `end`; dates, or UTC moments."""

    start: dt.date
    end: dt.date


@dataclass(frozen=True, slots=True)
class Calendar:
    """What a day is: the workspace's zone, and which day is today there."""

    zone: ZoneInfo
    today: dt.date

    def span(self, first: dt.date, last: dt.date, type: str) -> Span:
        """The days from `first` to `last` on a column of dates, or on one of moments."""
        end = last + dt.timedelta(1)
        if type == "date":
            return Span(first, end)
        return Span(self.start(first), self.start(end))

    def start(self, day: dt.date) -> dt.datetime:
        """The day's first midnight in the zone, as UTC; where the clock skips it, that moment."""
        local = dt.datetime(day.year, day.month, day.day, tzinfo=self.zone)
        return local.astimezone(dt.UTC)


def fold(text: pl.Expr) -> pl.Expr:
    """Text as it is compared: no outer spaces, lower case, composed letters; blank is null."""
    folded = text.str.strip_chars().str.to_lowercase().str.normalize("NFC")
    return pl.when(folded != "").then(folded)


def plain(text: pl.Expr) -> pl.Expr:
    """Folded, and without accents: as people look for a name and expect a list in order."""
    bare = fold(text).str.normalize("NFKD").str.replace_all(r"\p{Mn}", "")
    return bare.str.replace_all("ß", "ss", literal=True)


def prepare(takes: Takes, value: Any, *, type: Type, calendar: Calendar) -> Any:
    """The value as an operator's expression takes it. Raises BadValue."""
    one: Callable[[Any], Any] = _READERS.get(type, _text)
    match takes:
        case "nothing":
            if value is not None:
                raise BadValue(NOTHING)
            return None
        case "one":
            read = one(value)
            return calendar.span(read, read, type) if isinstance(read, dt.date) else read
        case "many":
            several = _several(value)
            return [*_texts(several)] if one is _text else [one(item) for item in several]
        case "pair":
            return _pair(value, one, type, calendar)
        case "days":
            first = calendar.today - dt.timedelta(_days(value))
            return calendar.span(first, calendar.today, type)
        case "id":
            return _id(value)
        case "ids":
            return [_id(item) for item in _several(value)]
        case "label":
            return _text(value)


def _pair(value: Any, one: Callable[[Any], Any], type: Type, calendar: Calendar) -> Any:
    if not isinstance(value, tuple) or len(value) != 2:
        raise BadValue(PAIR)
    low, high = one(value[0]), one(value[1])
    if low > high:
        raise BadValue(ORDER)
    return calendar.span(low, high, type) if isinstance(low, dt.date) else (low, high)


def _several(value: Any) -> tuple[Any, ...]:
    if not isinstance(value, tuple) or not value:
        raise BadValue(SEVERAL)
    if len(value) > MANY_MAX:
        raise BadValue(TOO_MANY)
    return value


def _text(value: Any) -> str:
    return _texts((value,))[0]


@lru_cache(maxsize=1024)
def _texts(values: tuple[Any, ...]) -> tuple[str, ...]:
    """Folded as the columns are: by the same expression, or where Python folds alike by Python."""
    if not all(isinstance(value, str) for value in values):
        raise BadValue(TEXT)
    plain = [value.isascii() and value.isprintable() for value in values]
    rest = pl.Series(
        [v for v, easy in zip(values, plain, strict=True) if not easy], dtype=pl.String
    )
    others = iter(
        rest.to_frame("text").select(fold(pl.col("text"))).to_series() if len(rest) else ()
    )
    folded = [
        value.strip().lower() if easy else next(others)
        for value, easy in zip(values, plain, strict=True)
    ]
    if not all(folded):
        raise BadValue(TEXT)
    return tuple(folded)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadValue(NUMBER)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise BadValue(NUMBER)
    return number


def _day(value: Any) -> dt.date:
    try:
        day = dt.date.fromisoformat(value)
    except (TypeError, ValueError):
        day = dt.date.min
    if not 1000 <= day.year <= 9000:
        raise BadValue(DATE)
    return day


def _days(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= DAYS_MAX:
        raise BadValue(DAYS)
    return value


def _id(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadValue(ONE)
    return value


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "number": _number,
    "date": _day,
    "datetime": _day,
    "channel": _id,
}
