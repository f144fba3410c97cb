"""A sheet's cells as values: E.164 phones, typed custom fields, tags; what cannot be is noted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import polars as pl
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import attributes
from engine.errors import Invalid
from engine.importing import inference
from engine.importing import mapping as mapped
from engine.importing.sheet import Problem, Sheet

OPTIONS = 500
"""Most options a choice field is given from files; other values are kept all the same."""

REMEMBERED = 50_000
"""Cells of a column whose value is kept for the next row with the same text."""


@dataclass(slots=True, kw_only=True)
class Row:
    """One line of the file, its cells cleaned; what was empty is not in it."""

    line: int
    id: int | None = None
    values: dict[str, Any] = field(default_factory=dict)
    """Built-in fields."""
    fields: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    problems: list[Problem] = field(default_factory=list)
    """Cells that cannot be what they should; the rest of the row stands."""

    @property
    def name(self) -> tuple[str, str]:
        return self.values.get("first_name", ""), self.values.get("last_name", "")

    @property
    def is_anonymous(self) -> bool:
        return not any(map(self.values.get, ("phone", "email", "external_id")))

    @property
    def is_empty(self) -> bool:
        return self.is_anonymous and not any(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the cells of this file become values."""

    sheet: Sheet
    targets: Mapping[str, str]
    """Column → target, without types; ignored columns are not in it."""
    fields: Mapping[str, db.ContactField]
    country: str
    zone: str


def define_fields(
    session: Session, sheet: Sheet, mapping: Mapping[str, str], *, country: str
) -> dict[str, str]:
    """Make the custom fields the mapping names and are not there; returns key → type of each.

    Choice fields, new and old, gain the file's values as options. The caller holds the lock.
    """
    existing = {row.key: row for row in attributes.listing(session)}
    created: dict[str, str] = {}
    for column, target in mapping.items():
        if not target.startswith("field."):
            continue
        key = key_of(target)
        if key not in existing:
            type = mapped.types(sheet, {column: target}, country=country)[column]
            named = label(column, key)
            existing[key] = attributes.define(session, key=key, label=named, type=type)
            created[key] = type
        row = existing[key]
        if row.type == "choice":
            row.options = options(row.options, sheet.cells(column))
    return created


def key_of(target: str) -> str:
    """ "field.size:choice" → "size"."""
    return target.removeprefix("field.").partition(":")[0]


def label(column: str, key: str) -> str:
    """What a new field is called."""
    return column if column != key else column.replace("_", " ").capitalize()


def options(known: list[str], cells: pl.Series) -> list[str]:
    """The options and the new values; of several spellings of one, the most frequent."""
    found: dict[str, str] = {db.fold(option): option for option in known}
    counted = cells.drop_nulls().str.slice(0, attributes.TEXT_MAX).value_counts(sort=True)
    frequent = counted.to_series(0).to_list()
    new = {db.fold(value): value for value in reversed(frequent)}
    added = sorted(new[fold] for fold in new.keys() - found.keys())
    return [*known, *added[: max(OPTIONS - len(known), 0)]]


class Cleaner:
    """Makes rows of any stretch of the sheet; what a whole column decides is decided once."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        targets = reading.targets
        order = sorted(targets, key=lambda name: _PRIORITY.get(targets[name], 1))
        self.columns = [_column(reading, name) for name in order]

    def __len__(self) -> int:
        return len(self.reading.sheet)

    def rows(self, start: int, stop: int) -> list[Row]:
        """The rows from `start` up to `stop` in order, each with its problems."""
        people = [Row(line=line) for line in self.reading.sheet.lines[start:stop].to_list()]
        for column in self.columns:
            cells = column.cells[start:stop].to_list()
            column.fill((row, text) for row, text in zip(people, cells, strict=True) if text)
        return people


_PRIORITY = {"contact.country": 0, "contact.name": 2}
"""The row's country reads its phone; a full name is used where the parts are empty."""

Cell = tuple[Row, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    name: str
    cells: pl.Series
    set: Callable[[Row, str, str], None]
    """(row, column, text)"""

    def fill(self, cells: Iterable[Cell]) -> None:
        for row, text in cells:
            self.set(row, self.name, text)


def _column(reading: Reading, name: str) -> _Column:
    target = reading.targets[name]
    cells = reading.sheet.cells(name)
    kind, _, key = target.partition(".")
    setter: Callable[[Row, str, str], None]
    if target == "tags":
        setter = _tags
    elif target == "contact.name":
        setter = _name
    elif target == "contact.id":
        setter = _number
    elif kind == "field":
        setter = _Custom(reading, reading.fields[key], cells).set
    else:
        setter = _BuiltIn(key, reading.country).set
    return _Column(name=name, cells=cells, set=setter)


def _note(row: Row, column: str, error: Invalid) -> None:
    row.problems.append(Problem(line=row.line, column=column, error=error))


def _note_if_cut(row: Row, column: str, text: str) -> None:
    if len(text) > attributes.TEXT_MAX:
        error = Invalid(
            "import.cut_text",
            "Only the first {most} characters were kept.",
            most=f"{attributes.TEXT_MAX:,}",
        )
        _note(row, column, error)


class _BuiltIn:
    """A column of a built-in field; a text seen before is not read again."""

    def __init__(self, name: str, country: str) -> None:
        self.name = name
        self.country = country
        self.known: dict[tuple[str, str], str | Invalid | None] = {}
        self.may_be_blank = name in ("phone", "email")

    def set(self, row: Row, column: str, text: str) -> None:
        if self.may_be_blank and text.casefold() in inference.BLANK:
            return
        country = row.values.get("country", self.country) if self.name == "phone" else ""
        value = self._value(text, country)
        if isinstance(value, Invalid):
            _note(row, column, value)
        elif value:
            row.values[self.name] = value
            _note_if_cut(row, column, text)

    def _value(self, text: str, country: str) -> str | Invalid | None:
        if (text, country) in self.known:
            return self.known[text, country]
        if len(self.known) > REMEMBERED:
            self.known.clear()
        try:
            value: str | Invalid | None = attributes.clean_built_in(
                self.name, text, country=country or None
            )
        except Invalid as error:
            value = error
        self.known[text, country] = value
        return value


def _name(row: Row, column: str, text: str) -> None:
    if not any(row.name):
        first, last = attributes.split_name(attributes.tidy(text))
        row.values |= {"first_name": first} | ({"last_name": last} if last else {})


def _number(row: Row, column: str, text: str) -> None:
    if re.fullmatch(r"\d{1,18}", text, re.ASCII):
        row.id = int(text)
    else:
        _note(row, column, Invalid("import.bad_id", "“{value}” is not a number.", value=text[:60]))


def _tags(row: Row, column: str, text: str) -> None:
    names = [" ".join(name.split()) for name in re.split(r"[,;|\n]", text)]
    for name in names:
        if len(name) > 100:
            error = Invalid("tag.too_long", "“{name}…” is too long for a tag.", name=name[:60])
            _note(row, column, error)
    row.tags += tuple(name for name in names if 0 < len(name) <= 100)


class _Custom:
    """A column of a custom field."""

    def __init__(self, reading: Reading, field: db.ContactField, cells: pl.Series) -> None:
        self.field = field
        self.read = _reader(reading, field, cells)
        self.known: dict[str, inference.Value | None] = {}

    def set(self, row: Row, column: str, text: str) -> None:
        value = self._value(text)
        if value is not None:
            row.fields[self.field.key] = value
            _note_if_cut(row, column, text)
        elif text.casefold() not in inference.BLANK:
            _note(row, column, attributes.unfit(self.field, text))

    def _value(self, text: str) -> inference.Value | None:
        if text in self.known:
            return self.known[text]
        if len(self.known) > REMEMBERED:
            self.known.clear()
        value = self.known[text] = self.read(text)
        return value


def _reader(
    reading: Reading, field: db.ContactField, cells: pl.Series
) -> Callable[[str], inference.Value | None]:
    if field.type == "choice":
        return partial(_spelled, {db.fold(option): option for option in field.options})
    if field.type == "text":
        return attributes.tidy
    distinct = cells.drop_nulls().unique().to_list()
    return inference.reader(
        field.type,
        distinct,
        country=reading.country,
        zone=reading.zone,
        serials=reading.sheet.serials,
    )


def _spelled(spelled: Mapping[str, str], text: str) -> str:
    tidy = attributes.tidy(text)
    return spelled.get(db.fold(tidy), tidy)
