"""One value of a person, asked for by the widget of its type, and told as people read it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import streamlit as st
from babel import Locale

from engine.contacts import cldr
from engine.language import LANGUAGES
from pages.widgets import language, workspace
from pages.widgets.language import _
from pages.widgets.markdown import plain

FIRST, LAST = dt.date(1900, 1, 1), dt.date(2199, 12, 31)
"""The calendar's ends: its own are ten years from today."""


def draw(type: str, label: str, value: Any, *, key: str, options: Sequence[str] = ()) -> Any:
    """The widget of a custom field's type; gives what attributes.clean_custom takes, None empty.

    A keyed widget starts with `value` (as `initial` gives it) and keeps what was typed after that.
    """
    label, kept = plain(label), {"key": key, "persist_state": "session"}
    match type:
        case "number":
            return st.number_input(label, value=value, step=1.0, format="%g", **kept)
        case "date":
            return st.date_input(label, value=value, min_value=FIRST, max_value=LAST, **kept)
        case "datetime":
            ends = {"min_value": FIRST, "max_value": LAST, "step": 60}
            return st.datetime_input(label, value=value, **ends, **kept)
        case "yes_no":
            return choice(label, [True, False], value, key=key, named=yes_no)
        case "choice":
            return choice(label, list(options), value, key=key, open=not options)
    return st.text_input(label, value=value or "", **kept)


def choice(
    label: str,
    options: list[Any],
    value: Any,
    *,
    key: str,
    named: Any = str,
    open: bool = False,
    help: str | None = None,
) -> Any:
    """One of the options or nothing; a value that is none of them stays until it is changed."""
    if value is not None and value not in options:
        options = [*options, value]
    return st.selectbox(
        label,
        options,
        index=options.index(value) if value is not None else None,
        format_func=named,
        placeholder=_("Choose or type") if open else _("Choose…"),
        accept_new_options=open,
        key=f"{key}.{language.current()}",
        help=help,
        persist_state="session",
    )


def typed(type: str, key: str) -> Any:
    """What stands in the widget that `draw` or `choice` made with this key; aware if a moment."""
    name = f"{key}.{language.current()}" if type in ("choice", "yes_no") else key
    value = st.session_state.get(name)
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=_zone())
    return value


def initial(type: str, stored: Any) -> Any:
    """A value of contact.fields as the widget of its type starts with it."""
    if stored is None:
        return None
    match type:
        case "number":
            return float(stored)
        case "date":
            return dt.date.fromisoformat(stored)
        case "datetime":
            moment = dt.datetime.fromisoformat(stored).astimezone(_zone())
            return moment.replace(second=0, microsecond=0, tzinfo=None)
    return stored


def _zone() -> ZoneInfo:
    return ZoneInfo(workspace.settings().timezone)


def shown(type: str, value: Any) -> str:
    """A stored value as people read it; "" for none."""
    if value is None:
        return ""
    match type:
        case "yes_no":
            return yes_no(value)
        case "number":
            return language.number(value, digits=0 if float(value).is_integer() else 2)
        case "date":
            return language.day(dt.date.fromisoformat(value))
        case "datetime":
            return language.moment(dt.datetime.fromisoformat(value))
        case "country":
            return language.country(value)
        case "language":
            return tongue(value)
    return str(value)


def yes_no(value: bool) -> str:
    return _("Yes") if value else _("No")


def tongue(code: str) -> str:
    """es → "Spanish", pt-BR → "Portuguese (Brazil)"."""
    base, _dash, region = code.partition("-")
    name = Locale.parse(language.tag(), sep="-").languages.get(base, base)
    name = name[:1].upper() + name[1:]
    return f"{name} ({language.country(region)})" if region else name


def tongues() -> list[str]:
    """Language codes: the studio's own first, then all by their names."""
    others = sorted(set(cldr.languages().values()) - LANGUAGES.keys(), key=_tongue_order)
    return [*LANGUAGES, *others]


def _tongue_order(code: str) -> str:
    return cldr.plain(tongue(code))


@st.cache_data(show_spinner=False)
def zones() -> list[str]:
    """IANA names that are places, and UTC."""
    return ["UTC", *sorted(name for name in available_timezones() if _is_place(name))]


def _is_place(name: str) -> bool:
    return "/" in name and not name.startswith(("Etc/", "posix/", "right/", "SystemV/"))
