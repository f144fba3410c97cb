"""Facets: how what somebody looks at spreads over countries, languages, channels and tags."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from babel import Locale

from engine.language import N_
from engine.segments import frame, view
from engine.segments.frame import Frame
from engine.segments.view import Value, View
from pages.widgets import language, workspace
from pages.widgets.language import _

HERE = Path(__file__).parent
Choice = tuple[tuple[str, tuple[Value, ...]], ...]

TITLES = {
    "contact.country": N_("Country"),
    "contact.language": N_("Language"),
    "channel.reachable": N_("Reachable on"),
    "tag": N_("Tags"),
}
TEXTS = {
    "filters": N_("Filters"),
    "more": N_("Show all {count}"),
    "less": N_("Show fewer"),
    "find": N_("Find"),
    "nothing": N_("Nothing to choose"),
    "share": N_("{count} contacts"),
}


@cache
def _component() -> Any:
    return st.components.v2.component(
        "pregon.facets",
        html='<div class="facets"></div>',
        css=(HERE / "facets.css").read_text(),
        js=(HERE / "facets.js").read_text(),
    )


def draw(now: View, *, key: str, changed: Callable[[], None] | None = None) -> None:
    """Draw what can be chosen, counted among what `now` finds; `chosen(key)` has the choice."""
    database = workspace.database()
    counted = view.facets(database, now)
    loaded = frame.load(database, stale=1.0)
    picked = dict(chosen(key))
    _component()(
        key=f"{key}.facets.component",
        data={
            "facets": [
                {
                    "key": facet,
                    "title": title(facet),
                    "rows": [
                        [value, label(loaded, facet, value), people, language.number(people)]
                        for value, people in rows
                    ],
                    "chosen": list(picked.get(facet, ())),
                }
                for facet, rows in counted.items()
                if rows
            ],
            "n": st.session_state.get(f"{key}.facets.n", 0),
            "texts": {name: _(text) for name, text in TEXTS.items()},
        },
        on_chosen_change=lambda: _take(key, changed),
    )


def chosen(key: str, start: Choice = ()) -> Choice:
    """The chosen values by facet, as View.facets takes them."""
    kept: Choice = st.session_state.setdefault(f"{key}.facets", start)
    return kept


def drop(key: str, facet: str | None = None, value: Value | None = None) -> None:
    """Forget one choice, or all of them; from a callback."""
    kept = [
        (name, tuple(each for each in values if name != facet or each != value))
        for name, values in chosen(key)
        if facet is not None
    ]
    st.session_state[f"{key}.facets"] = tuple((name, values) for name, values in kept if values)


def title(facet: str) -> str:
    return _(TITLES[facet])


def label(loaded: Frame, facet: str, value: Value) -> str:
    """A value as people call it; "" for one that is gone."""
    known = loaded.catalogue.field(facet).option(value) or ""
    names = Locale.parse(language.current())
    match facet:
        case "contact.country":
            return names.territories.get(known, known)
        case "contact.language":
            return names.languages.get(known, known).capitalize()
        case _:
            return known


def _take(key: str, changed: Callable[[], None] | None) -> None:
    said = st.session_state[f"{key}.facets.component"].get("chosen")
    if not said:
        return
    st.session_state[f"{key}.facets"] = tuple(
        (str(name), tuple(each if isinstance(each, int) else str(each) for each in values))
        for name, values in said["facets"]
        if name in TITLES and values
    )
    st.session_state[f"{key}.facets.n"] = int(said["n"])
    if changed is not None:
        changed()
