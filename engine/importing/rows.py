"""A sheet's cells as values: E.164 phones, typed custom fields, tags; what cannot be is noted."""

from __future__ import annotations

import re
from collections import Counter
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


@dataclass(slots=True, kw_only=True)
class Row:
    """One line of the file, its cells cleaned; what was empty is not in it."""

    line: int
    id: int | None = None
    values: dict[str, Any] = field(default_factory=dict)
    """Built-in fields."""
    fields: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()

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
    problems: list[Problem]


def define_fields(
    session: Session, sheet: Sheet, mapping: Mapping[str, str], *, country: str
) -> dict[str, str]:
    """Make the custom fields the mapping names and are not there; returns key → type of each.

    Choice fields, new and old, gain the file's values as options. The caller holds the lock.
    """
    existing = {row.key: row for row in attributes.listing(session)}
    created: dict[str, str] = {}
    for column, type in mapped.types(sheet, mapping, country=country).items():
        key = mapping[column].removeprefix("field.").partition(":")[0]
        if key not in existing:
            label = column if column != key else column.replace("_", " ").capitalize()
            existing[key] = attributes.define(session, key=key, label=label, type=type)
            created[key] = type
        row = existing[key]
        if row.type == "choice":
            row.options = _options(row.options, sheet.cells(column))
    return created


def _options(known: list[str], cells: pl.Series) -> list[str]:
    """The options and the new values; of several spellings of one, the most frequent."""
    found: dict[str, str] = {db.fold(option): option for option in known}
    counted = Counter(cells.drop_nulls().str.slice(0, attributes.TEXT_MAX).to_list())
    frequent = [value for value, _ in sorted(counted.items(), key=lambda item: -item[1])]
    new = {db.fold(value): value for value in reversed(frequent)}
    added = sorted(new[fold] for fold in new.keys() - found.keys())
    return [*known, *added[: max(OPTIONS - len(known), 0)]]


def clean(reading: Reading) -> list[Row]:
    """The sheet's rows in order; a cell that cannot be what it should becomes a problem."""
    lines = reading.sheet.lines.to_list()
    people = [Row(line=line) for line in lines]
    order = sorted(reading.targets, key=lambda name: _PRIORITY.get(reading.targets[name], 1))
    for column in order:
        target = reading.targets[column]
        cells = reading.sheet.cells(column)
        kind, _, name = target.partition(".")
        if target == "tags":
            _tags(reading, column, cells, people)
        elif target == "contact.name":
            _names(cells, people)
        elif target == "contact.id":
            _numbers(reading, column, cells, people)
        elif kind == "field":
            _custom(reading, column, cells, people, field=reading.fields[name])
        else:
            _built_in(reading, column, cells, people, name=name)
    return people


_PRIORITY = {"contact.country": 0, "contact.name": 2}
"""The row's country reads its phone; a full name is used where the parts are empty."""

Cell = tuple[Row, str]


def _filled(cells: pl.Series, people: list[Row]) -> Iterable[Cell]:
    return ((row, text) for row, text in zip(people, cells, strict=True) if text is not None)


def _note(reading: Reading, row: Row, column: str, error: Invalid) -> None:
    reading.problems.append(Problem(line=row.line, column=column, error=error))


def _built_in(
    reading: Reading, column: str, cells: pl.Series, people: list[Row], *, name: str
) -> None:
    known: dict[tuple[str, str], str | Invalid | None] = {}
    for row, text in _filled(cells, people):
        if name in ("phone", "email") and text.casefold() in inference.BLANK:
            continue
        country = row.values.get("country", reading.country) if name == "phone" else ""
        if (text, country) not in known:
            known[text, country] = _cleaned(name, text, country)
        value = known[text, country]
        if isinstance(value, Invalid):
            _note(reading, row, column, value)
        elif value:
            row.values[name] = value
            _note_if_cut(reading, row, column, text)


def _cleaned(name: str, text: str, country: str) -> str | Invalid | None:
    try:
        return attributes.clean_built_in(name, text, country=country or None)
    except Invalid as error:
        return error


def _note_if_cut(reading: Reading, row: Row, column: str, text: str) -> None:
    if len(text) > attributes.TEXT_MAX:
        error = Invalid(
            "import.cut_text",
            "Only the first {most} characters were kept.",
            most=f"{attributes.TEXT_MAX:,}",
        )
        _note(reading, row, column, error)


def _names(cells: pl.Series, people: list[Row]) -> None:
    for row, text in _filled(cells, people):
        if not any(row.name):
            first, last = attributes.split_name(attributes.tidy(text))
            row.values |= {"first_name": first} | ({"last_name": last} if last else {})


def _numbers(reading: Reading, column: str, cells: pl.Series, people: list[Row]) -> None:
    for row, text in _filled(cells, people):
        if re.fullmatch(r"\d{1,18}", text, re.ASCII):
            row.id = int(text)
        else:
            error = Invalid("import.bad_id", "“{value}” is not a number.", value=text[:60])
            _note(reading, row, column, error)


def _tags(reading: Reading, column: str, cells: pl.Series, people: list[Row]) -> None:
    for row, text in _filled(cells, people):
        names = [" ".join(name.split()) for name in re.split(r"[,;|\n]", text)]
        for name in names:
            if len(name) > 100:
                error = Invalid("tag.too_long", "“{name}…” is too long for a tag.", name=name[:60])
                _note(reading, row, column, error)
        row.tags += tuple(name for name in names if 0 < len(name) <= 100)


def _custom(
    reading: Reading, column: str, cells: pl.Series, people: list[Row], *, field: db.ContactField
) -> None:
    distinct = cells.drop_nulls().unique().to_list()
    read = _reader(reading, field, distinct)
    values = {text: read(text) for text in distinct}
    for row, text in _filled(cells, people):
        value = values[text]
        if value is not None:
            row.fields[field.key] = value
            _note_if_cut(reading, row, column, text)
        elif text.casefold() not in inference.BLANK:
            _note(reading, row, column, attributes.unfit(field, text))


def _reader(
    reading: Reading, field: db.ContactField, distinct: list[str]
) -> Callable[[str], inference.Value | None]:
    if field.type == "choice":
        spelled = {db.fold(option): option for option in field.options}
        return partial(_spelled, spelled)
    if field.type == "text":
        return attributes.tidy
    return inference.reader(field.type, distinct, country=reading.country, zone=reading.zone)


def _spelled(spelled: Mapping[str, str], text: str) -> str:
    tidy = attributes.tidy(text)
    return spelled.get(db.fold(tidy), tidy)
