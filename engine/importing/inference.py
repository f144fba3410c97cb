"""What a column of text holds, and its cells in that type."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Callable, Iterable, Sequence
from functools import cache

import babel
import polars as pl
from babel.numbers import get_decimal_symbol

from engine.contacts import attributes, cldr

CHOICES = 100
"""Most distinct values of a column taken for a choice."""

BLANK = frozenset({"-", "--", "n/a", "#n/a", "null", "none", "nan", "n/d", "s/d"})
"""How programs write "nothing" where a number, a date, a phone or an email should be."""

Value = str | int | float | bool
Reader = Callable[[str], Value | None]

_AS_TEXT = re.compile(
    "ids?|url|uri|link|web|website|sitio|rss|zip|postal|cp|codigo|code|key|sku|ref|referencia"
    "|nit|dni|cedula|cuit|cuil|rut|ruc|rfc|curp|ssn|passport|pasaporte|documento|document|iban"
    "|account|cuenta|username|user|handle|phone|telefono|tel|celular|movil|mobile|fax|extension"
    "|address|direccion"
)
"""Words of a header whose values are names and numbers to be kept as they are written."""

_MONTH_FIRST = frozenset({"US", "PH", "PR", "GU", "AS", "VI", "MP", "FM", "MH", "PW"})
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec"
_MESES = "ene feb mar abr may jun jul ago sep oct nov dic"
_MONTH = {
    name: month for names in (_MONTHS, _MESES) for month, name in enumerate(names.split(), start=1)
} | {"set": 9}
_TIME = re.compile(
    r"[T\s,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?"
    r"\s*([ap])?\.?\s?(?:m\.?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?$",
    re.IGNORECASE,
)
_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})")
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})")
_POINT = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?", re.ASCII)
_COMMA = re.compile(r"[-+]?(?:\d{1,3}(?:[.\u00a0 ]\d{3})+|\d+)(?:,\d+)?", re.ASCII)
_SERIAL = re.compile(r"[1-9]\d{4}(?:\.\d+)?", re.ASCII)
_CURRENCY = re.compile(r"^(?:[$€£]|S/\.?|US\$|R\$)\s*|\s*[$€£]$")


EXCEL = dt.date(1899, 12, 30)
"""Day 0 of a spreadsheet's dates, right from March 1900 on; a workbook may count from 1904."""


def infer(name: str, cells: pl.Series, *, country: str, dates: float = 0.95) -> str:
    """The type of contact_field that a column should become: text when in doubt.

    `dates`: the share of distinct cells that makes dates of them; other types must fit every cell.
    Below 0.95 the column's name says dates already, and a spreadsheet's day numbers are some.
    """
    distinct = [text for text in cells.drop_nulls().unique() if text.casefold() not in BLANK]
    words = re.split(r"[^a-z0-9]+", cldr.plain(name))
    filled = len(cells) - cells.null_count()
    if (
        not distinct
        or any(map(_AS_TEXT.fullmatch, words))
        or any("://" in text for text in distinct)
    ):
        return "text"
    if found := _moments(distinct, country, dates):
        return found
    if {attributes.read_yes_no(text) for text in distinct} == {True, False} and not (
        set(distinct) <= {"0", "1"}
    ):
        return "yes_no"
    if _is_numeric(distinct, country):
        return "number"
    few = len(distinct) <= CHOICES and len(distinct) * 4 <= filled
    return "choice" if few and max(map(len, distinct)) <= 60 else "text"


def _moments(distinct: Sequence[str], country: str, share: float) -> str:
    """ "date", "datetime" or "" for a column that holds neither."""
    read = moment_reader(distinct, country=country, serials=EXCEL if share < 0.95 else None)
    if sum(read(text) is not None for text in distinct[:50]) < 0.5 * len(distinct[:50]):
        return ""  # a glance spares a long column of names
    found = [moment for moment in map(read, distinct) if moment is not None]
    if len(found) < share * len(distinct):
        return ""
    timed = (isinstance(moment, dt.datetime) and moment.time() != dt.time() for moment in found)
    return "datetime" if any(timed) else "date"


def _is_numeric(distinct: Sequence[str], country: str) -> bool:
    kept_as_written = re.compile(r"0\d|\d{16}|[-+]\d{9}")
    if any(kept_as_written.match(text) for text in distinct):
        return False
    read = number_reader(distinct, country=country)
    return all(read(text) is not None for text in distinct)


def reader(
    type: str,
    distinct: Sequence[str],
    *,
    country: str,
    zone: str,
    serials: dt.date = EXCEL,
) -> Reader:
    """How a column's cells become values of the type: the whole column decides the spelling.

    `serials`: day 0 of dates that are plain numbers.
    """
    if type == "number":
        return number_reader(distinct, country=country)
    if type == "yes_no":
        return attributes.read_yes_no
    if type not in ("date", "datetime"):
        return str
    read = moment_reader(distinct, country=country, serials=serials)
    if type == "date":
        return lambda text: moment.isoformat()[:10] if (moment := read(text)) else None
    local = zoneinfo.ZoneInfo(zone)
    return lambda text: _in_utc(moment, local) if (moment := read(text)) else None


def _in_utc(moment: dt.date, zone: zoneinfo.ZoneInfo) -> str:
    """A wall time is the workspace's."""
    at = moment if isinstance(moment, dt.datetime) else dt.datetime.combine(moment, dt.time())
    aware = at if at.tzinfo else at.replace(tzinfo=zone)
    return aware.astimezone(dt.UTC).isoformat()


# Numbers


def number_reader(distinct: Iterable[str], *, country: str) -> Reader:
    """Reads 1,234.5 or 1.234,5: what fits every cell, else as the country writes."""
    texts = [text for text in distinct if text.casefold() not in BLANK]
    point = all(_POINT.fullmatch(_CURRENCY.sub("", text)) for text in texts)
    comma = all(_COMMA.fullmatch(_CURRENCY.sub("", text)) for text in texts)
    if point == comma:
        comma = _decimal(country) == ","
    pattern, group, mark = (_COMMA, r"[.\u00a0 ]", ",") if comma else (_POINT, ",", ".")

    def read(text: str) -> Value | None:
        bare = _CURRENCY.sub("", text)
        if pattern.fullmatch(bare):
            return attributes.read_number(re.sub(group, "", bare).replace(mark, "."))
        return attributes.read_number(bare) if "e" in bare.lower() else None

    return read


@cache
def _decimal(country: str) -> str:
    try:
        return str(get_decimal_symbol(babel.Locale.parse(f"und_{country}")))
    except (ValueError, babel.UnknownLocaleError):
        return "."


# Dates


def moment_reader(
    distinct: Iterable[str], *, country: str, serials: dt.date | None = None
) -> Callable[[str], dt.date | dt.datetime | None]:
    """Reads dates and times: ISO, day or month first as the column shows, months in words.

    With `serials`, also the day numbers a spreadsheet shows where a date has lost its format.
    """
    pairs = [(int(m[1]), int(m[3])) for text in distinct if (m := _YEAR_LAST.match(text))]
    day_first = sum(first > 12 >= second for first, second in pairs)
    month_first = sum(second > 12 >= first for first, second in pairs)
    american = country in _MONTH_FIRST if day_first == month_first else month_first > day_first
    this_year = dt.datetime.now(dt.UTC).year

    def read(text: str) -> dt.date | dt.datetime | None:
        if serials is not None and _SERIAL.fullmatch(text):
            return _of_serial(float(text), serials)
        time = _TIME.search(text)
        numbers = _date(text[: time.start()] if time else text, american)
        if numbers is None:
            return None
        year, month, day = numbers
        if year < 100:
            year += 2000 if year + 2000 <= this_year else 1900
        try:
            date = dt.date(year, month, day)
            return _timed(date, time) if time else date
        except ValueError:
            return None

    return read


def _of_serial(days: float, start: dt.date) -> dt.date | dt.datetime:
    whole = start + dt.timedelta(days=int(days))
    seconds = round(days % 1 * 86_400)
    midnight = dt.datetime.combine(whole, dt.time())
    return midnight + dt.timedelta(seconds=seconds) if seconds else whole


def _date(text: str, american: bool) -> tuple[int, int, int] | None:
    """(year, month, day) as written."""
    text = text.strip()
    if found := _YEAR_FIRST.fullmatch(text):
        return int(found[1]), int(found[3]), int(found[4])
    if found := _YEAR_LAST.fullmatch(text):
        first, second = int(found[1]), int(found[3])
        day, month = (second, first) if american else (first, second)
        return int(found[4]), month, day
    return _in_words(text)


def _in_words(text: str) -> tuple[int, int, int] | None:
    """13 Oct 1958, October 13th, 1958, 13 de octubre de 1958."""
    if len(text) > 40:
        return None
    parts = re.findall(r"\d+|[^\W\d_]+", cldr.plain(text))
    numbers = [int(part) for part in parts if part.isdecimal()]
    words = [part for part in parts if not part.isdecimal()]
    months = [_MONTH[word[:3]] for word in words if word[:3] in _MONTH and len(word) != 2]
    others = [w for w in words if w[:3] not in _MONTH and w not in _FILLERS]
    if len(numbers) != 2 or len(months) != 1 or others:
        return None
    day, year = sorted(numbers)
    return (year, months[0], day) if year > 31 else None


_FILLERS = frozenset({"de", "del", "of", "the", "th", "st", "nd", "rd"})


def _timed(date: dt.date, time: re.Match[str]) -> dt.datetime:
    hour, minute, second = int(time[1]), int(time[2]), int(time[3] or 0)
    if half := (time[4] or "").lower():
        hour = hour % 12 + (12 if half == "p" else 0)
    at = dt.datetime.combine(date, dt.time(hour, minute, second))
    if zone := time[5]:
        return dt.datetime.fromisoformat(at.isoformat() + zone.upper().replace("UTC", "Z"))
    return at
