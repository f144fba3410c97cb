"""The columns of the table of people: which there are, which are shown, a cell in each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import streamlit as st
from babel import Locale

from engine.language import N_
from engine.segments.frame import Frame
from engine.segments.view import Rows
from pages.widgets import language
from pages.widgets.language import _

USUAL = ("phone", "country", "tags", "channels", "last_inbound_at")
"""Shown beside the name until somebody chooses."""
PLACE = "people.columns"
BUILT_IN = {
    "phone": (N_("Phone"), "text"),
    "email": (N_("Email"), "text"),
    "country": (N_("Country"), "country"),
    "language": (N_("Language"), "language"),
    "tags": (N_("Tags"), "list"),
    "channels": (N_("Channels"), "list"),
    "last_inbound_at": (N_("Last incoming message"), "moment"),
    "created_at": (N_("Created"), "moment"),
    "updated_at": (N_("Changed"), "moment"),
    "timezone": (N_("Time zone"), "text"),
    "external_id": (N_("External ID"), "text"),
}
"""Key → (label, kind). A key is the frame's column, or a list of view.LISTS."""
NAME = ("first_name", "last_name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    key: str
    label: str
    kind: str
    sort: str
    """Empty where people have no order by it."""
    names: dict[int, str] | None = None
    """Of a list: id → name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    every: list[Column]
    now: list[Column]
    sources: list[str]
    """What view.page must give for them."""


def remembered() -> tuple[str, ...]:
    """The columns this person chose last, in every table."""
    return tuple(st.session_state.get(PLACE, USUAL))


def remember(keys: Iterable[object]) -> None:
    st.session_state[PLACE] = tuple(str(key) for key in keys)


def exported(keys: Iterable[str]) -> list[str]:
    """The same columns as an export calls them; those it has not are left out."""
    return [key.removeprefix("field.") for key in keys if key not in ("name", "updated_at")]


def shown(loaded: Frame) -> Shown:
    """The name first, then what is chosen, in the order of `every`."""
    every = [_name(), *_built_in(loaded), *_custom(loaded)]
    wanted = remembered()
    now = [column for column in every if column.key == "name" or column.key in wanted]
    sources = [column.key for column in now if column.key != "name"]
    return Shown(every=every, now=now, sources=[*NAME, *sources, "opted_out"])


def _name() -> Column:
    return Column(key="name", label=_("Name"), kind="name", sort="name")


def _built_in(loaded: Frame) -> list[Column]:
    names = {
        "tags": dict(loaded.catalogue.field("tag").options),
        "channels": dict(loaded.catalogue.field("channel.reachable").options),
    }
    return [
        Column(
            key=key,
            label=_(label),
            kind=kind,
            sort="" if kind == "list" else key,
            names=names.get(key),  # type: ignore[arg-type]  # tags and channels have ids
        )
        for key, (label, kind) in BUILT_IN.items()
    ]


def _custom(loaded: Frame) -> list[Column]:
    return [
        Column(key=item.column, label=item.label, kind=item.type, sort=item.column)
        for item in loaded.catalogue.fields
        if item.custom
    ]


# Cells


def cells(rows: Rows, columns: list[Column]) -> list[dict[str, Any]]:
    """One person each: {id, name, initials, cells}; a cell is a text or a list of (text, tone)."""
    write = {column.key: _writer(column) for column in columns[1:]}
    people = []
    for row in rows.iter_rows(named=True):
        name = " ".join(part for part in (row[NAME[0]], row[NAME[1]]) if part).strip()
        made = [_cell(row, column, write) for column in columns[1:]]
        people.append(
            {
                "id": row["id"],
                "name": name or row.get("phone") or str(row["id"]),
                "initials": initials(name),
                "cells": [name, *made],
            }
        )
    return people


def initials(name: str) -> str:
    words = [word for word in name.split() if word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "·"


def _cell(row: dict[str, Any], column: Column, write: dict[str, Callable[[Any], str]]) -> Any:
    if column.names is not None:
        kept = [
            (column.names[id], "here" if column.key == "channels" else "tag")
            for id in row[column.key]
            if id in column.names
        ]
        if column.key == "channels":
            kept += [(column.names[id], "out") for id in row["opted_out"] if id in column.names]
        return kept
    value = row.get(column.key)
    return "" if value is None else write[column.key](value)


def _writer(column: Column) -> Callable[[Any], str]:
    names = Locale.parse(language.current())
    match column.kind:
        case "number":
            return lambda value: language.number(value, digits=0 if value.is_integer() else 2)
        case "date":
            return language.day
        case "moment" | "datetime":
            return lambda value: language.moment(value.replace(tzinfo=dt.UTC), format="medium")
        case "yes_no":
            return lambda value: _("Yes") if value else _("No")
        case "country":
            return lambda value: names.territories.get(str(value), str(value))
        case "language":
            return lambda value: names.languages.get(str(value), str(value))
        case _:
            return str
