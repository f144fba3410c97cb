"""Values and filters of message templates, for one row and for a column: both give the same text.

What Liquid defines is as Liquid has it. Ours: a blank text is no value, whole numbers have no
decimal point, `date` reads ISO dates only, and `number` groups thousands and rounds.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from types import UnionType

import polars as pl

Value = str | int | float | bool | None
Argument = str | int | float

SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
"""Unicode's White_Space, which is what polars strips (str.strip also takes U+001C to U+001F)."""
WHOLE = 1e16
"""Whole numbers under this are written without a decimal point, whatever their type."""


# Values and their text


def value_of(given: object) -> Value:
    """A stored value as templates see it: blank text and what is no number are no value."""
    if isinstance(given, str):
        return given if given.strip(SPACE) else None
    if isinstance(given, float):
        return given if math.isfinite(given) else None
    if isinstance(given, dt.datetime):
        moment = given.astimezone(dt.UTC) if given.tzinfo else given
        return moment.isoformat(timespec="seconds")
    if isinstance(given, dt.date):
        return given.isoformat()
    return given if given is None or isinstance(given, bool | int) else str(given)


def value_column(source: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """The same for a column: String, a number or Boolean; null is no value."""
    if isinstance(dtype, pl.Datetime):
        zoned = source.dt.convert_time_zone("UTC") if dtype.time_zone else source
        return zoned.dt.strftime("%Y-%m-%dT%H:%M:%S" + ("+00:00" if dtype.time_zone else ""))
    if dtype == pl.Date:
        return source.dt.strftime("%Y-%m-%d")
    if dtype.is_float():
        return pl.when(source.is_finite()).then(source)
    if dtype.is_numeric() or dtype == pl.Boolean:
        return source
    text = source.cast(pl.String)
    return pl.when(text.str.strip_chars() != "").then(text)


def text_of(value: Value) -> str:
    """A value as it stands in a message. No value is an empty text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, float):
        return str(value)
    if value.is_integer() and abs(value) < WHOLE:
        return str(int(value))
    text = repr(value)
    if 1e-5 <= abs(value) < 1e-4:
        return format(Decimal(text), "f")
    return text.replace("e-0", "e-")


def text_column(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """The same for a value_column; null stays null."""
    if not dtype.is_float():
        return value.cast(pl.String)
    whole = (value.abs() < WHOLE) & (value == value.round(0))
    return (
        pl.when(whole)
        .then(value.cast(pl.Int64, strict=False).cast(pl.String))
        .otherwise(value.cast(pl.Float64).cast(pl.String))
    )


# Filters


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One filter: what it takes, and what it does to a row's value and to a column of texts."""

    takes: tuple[type | UnionType, ...] = ()
    needs: int = 0
    """How many of `takes` must be given."""
    row: Callable[..., Value]
    column: Callable[..., pl.Expr]
    check: Callable[..., bool] = lambda *arguments: True
    """Are arguments of the right types also good ones?"""
    example: str = ""
    """Shown where one is written wrongly."""

    def accepts(self, arguments: tuple[Argument, ...]) -> bool:
        return (
            self.needs <= len(arguments) <= len(self.takes)
            and all(map(isinstance, arguments, self.takes))
            and self.check(*arguments)
        )


def _default(value: Value, fallback: Argument) -> Value:
    return fallback if value is None or value is False or value == "" else value


def _default_column(text: pl.Expr, fallback: Argument) -> pl.Expr:
    return pl.when(text != "").then(text).otherwise(pl.lit(text_of(fallback)))


def _capitalize_column(text: pl.Expr) -> pl.Expr:
    """Title case for the first letter (ǆ → ǅ, not Ǆ), lower case in context (final ς) after it."""
    first, low = text.str.slice(0, 1), text.str.to_lowercase()
    title = first.replace_strict(TITLE, default=first.str.to_uppercase(), return_dtype=pl.String)
    return title + low.str.slice(first.str.to_lowercase().str.len_chars())


TITLE = {
    char: char.title()
    for char in map(chr, range(0x80, 0x20000))
    if not 0xD800 <= ord(char) < 0xE000 and char.title() != char.upper()
}
"""The letters whose title case is not their upper case."""


def _truncate(value: Value, size: int = 50, end: str = "...") -> str:
    text = text_of(value)
    return text if len(text) <= size else text[: max(size - len(end), 0)] + end


def _truncate_column(text: pl.Expr, size: int = 50, end: str = "...") -> pl.Expr:
    cut = text.str.slice(0, max(size - len(end), 0)) + pl.lit(end)
    return pl.when(text.str.len_chars() > size).then(cut).otherwise(text)


ISO = (
    r"^([1-9][0-9]{3}-[0-9]{2}-[0-9]{2})(?:[T ]([0-2][0-9]:[0-5][0-9])(:[0-5][0-9])?(?:\.[0-9]+)?"
    r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?$"
)
DIRECTIVE = re.compile(r"%(-?.|$)", re.DOTALL)
DIRECTIVES = frozenset(
    [
        "Y",
        "y",
        "m",
        "-m",
        "d",
        "-d",
        "e",
        "H",
        "-H",
        "I",
        "-I",
        "M",
        "S",
        "p",
        "B",
        "b",
        "A",
        "a",
        "j",
        "%",
    ]
)


def _is_date_format(text: str) -> bool:
    found = DIRECTIVE.findall(text)
    return bool(found) and all(item in DIRECTIVES for item in found)


def _date(value: Value, form: str) -> str:
    """A date by the wall clock it is written in; what is not an ISO date stays as it is."""
    text = text_of(value)
    found = re.match(ISO, text) if not text.endswith("\n") else None
    try:
        moment = found and dt.datetime.fromisoformat(
            f"{found[1]} {found[2] or '00:00'}{found[3] or ':00'}"
        )
    except ValueError:
        return text
    return DIRECTIVE.sub(lambda part: moment.strftime(part[0]), form) if moment else text


def _date_column(text: pl.Expr, form: str) -> pl.Expr:
    clock = text.str.extract(ISO, 2).fill_null("00:00") + text.str.extract(ISO, 3).fill_null(":00")
    moment = (text.str.extract(ISO, 1) + pl.lit(" ") + clock).str.to_datetime(
        "%Y-%m-%d %H:%M:%S", strict=False
    )
    return pl.coalesce(moment.dt.strftime(form), text)


NUMBER = r"^-?[0-9]{1,16}(\.[0-9]{1,20})?$"


def _number(value: Value, decimals: int | None = None, signs: str = ",.") -> str:
    """Thousands grouped, rounded half away from zero; what is not a plain number stays as it is.

    `signs` are the grouping and the decimal sign: 1234.5 | number: 2, ".," is 1.234,50.
    """
    text = text_of(value)
    if text.endswith("\n") or not re.match(NUMBER, text):
        return text
    exact = Decimal(text)
    if decimals is not None:
        exact = exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    plain = format(abs(exact) if exact == 0 else exact, ",f")
    return plain.translate({ord(","): signs[0], ord("."): signs[1]})


def _number_column(text: pl.Expr, decimals: int | None = None, signs: str = ",.") -> pl.Expr:
    plain = pl.when(text.str.contains(NUMBER)).then(text)
    exact = plain.str.to_decimal(scale=20)
    fraction: pl.Expr = pl.when(plain.str.contains(".", literal=True)).then(
        pl.lit(signs[1]) + plain.str.extract(r"\.(.*)$", 1)
    )
    if decimals is not None:
        exact = exact.round(decimals, mode="half_away_from_zero")
        digits = exact.cast(pl.String).str.extract(r"\.(.*)$", 1).str.slice(0, decimals)
        fraction = pl.lit(signs[1]) + digits if decimals else pl.lit("")
    whole = exact.cast(pl.String).str.extract(r"^-?([0-9]+)", 1)
    backwards = whole.str.reverse().str.replace_all(r"([0-9]{3})", "$1,").str.reverse()
    grouped = backwards.str.strip_prefix(",").str.replace_all(",", signs[0], literal=True)
    minus = pl.when(exact < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    return pl.coalesce(minus + grouped + fraction.fill_null(""), text)


FILTERS: dict[str, Filter] = {
    "default": Filter(
        example='default: "amigo"',
        takes=(str | int | float,),
        needs=1,
        row=_default,
        column=_default_column,
    ),
    "upcase": Filter(
        example="upcase",
        row=lambda value: text_of(value).upper(),
        column=lambda text: text.str.to_uppercase(),
    ),
    "downcase": Filter(
        example="downcase",
        row=lambda value: text_of(value).lower(),
        column=lambda text: text.str.to_lowercase(),
    ),
    "capitalize": Filter(
        example="capitalize",
        row=lambda value: text_of(value).capitalize(),
        column=_capitalize_column,
    ),
    "truncate": Filter(
        example="truncate: 20",
        takes=(int, str),
        row=_truncate,
        column=_truncate_column,
        check=lambda size=50, end="": size > 0,
    ),
    "date": Filter(
        example='date: "%d/%m/%Y"',
        takes=(str,),
        needs=1,
        row=_date,
        column=_date_column,
        check=_is_date_format,
    ),
    "number": Filter(
        example='number: 2, ".,"',
        takes=(int, str),
        row=_number,
        column=_number_column,
        check=lambda decimals=0, signs=",.": 0 <= decimals <= 6 and len(signs) == 2,
    ),
}
"""The filters, by the name written in a template: never rename."""
