"""People in a live table: search, columns, order, pages and ticks. Python has everybody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from engine.language import N_
from engine.segments import view
from engine.segments.frame import Frame
from engine.segments.tree import Group
from engine.segments.view import View
from pages.widgets import facets, language, people_columns, workspace
from pages.widgets.language import _, counted
from pages.widgets.people_columns import Column

HERE = Path(__file__).parent
LENGTHS = (25, 50, 100)
TEXTS = {
    "caption": N_("Contacts"),
    "search": N_("Name, phone or email"),
    "columns": N_("Columns"),
    "usual": N_("Back to the usual columns"),
    "remove": N_("Remove"),
    "clear": N_("Clear search and filters"),
    "tick": N_("Select"),
    "tick_page": N_("Select everybody on this page"),
    "one_ticked": N_("1 selected"),
    "ticked": N_("{count} selected"),
    "tick_all": N_("Select all {count} that match"),
    "all_ticked": N_("All {count} that match are selected"),
    "untick": N_("Clear selection"),
    "no_name": N_("No name"),
    "opted_out": N_("opted out"),
    "nobody": N_("Nobody found"),
    "nobody_hint": N_("No contact here matches the search and the filters."),
    "nobody_segment": N_("No contact matches these conditions."),
    "empty": N_("Nobody here yet"),
    "empty_hint": N_("Contacts appear here as soon as they are imported or added."),
    "length": N_("Rows"),
    "before": N_("Page before"),
    "after": N_("Next page"),
}
START = {"n": 0, "text": "", "page": 0, "length": 50, "ticked": [], "all": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What somebody sees, and who of them is ticked."""

    view: View
    ids: tuple[int, ...] | None
    """Ticked people; None is everybody the view finds (also where nothing can be ticked)."""
    columns: tuple[str, ...] = ()
    """The shown columns, as `people_columns` names them."""


@cache
def _component() -> Any:
    scripts = ("people_ticks.js", "people_table.js")
    return st.components.v2.component(
        "pregon.people_table",
        html='<div class="people"></div>',
        css=(HERE / "people_table.css").read_text(),
        js="\n".join((HERE / name).read_text() for name in scripts),
    )


def draw(
    shown: View | Group,
    *,
    key: str,
    height: int = 560,
    opened: Callable[[int], None] | None = None,
    ticks: bool = False,
    toolbar: Callable[[Chosen], None] | None = None,
    with_facets: bool = True,
) -> Chosen:
    """Draw the people of a segment's tree, or of a view somebody starts from.

    Call it inside a fragment: a search, a sort or a tick then reruns only that. `opened` takes the
    id of the person whose row was chosen, in a callback. `toolbar` draws above the table what can
    be done with the chosen. Facets come last, so that the table never waits for them.
    """
    look = _look(shown, key)
    chosen = _chosen(shown, key, ticks=ticks)
    if toolbar is not None:
        with st.container(horizontal=True, vertical_alignment="center", key=f"{key}.toolbar"):
            toolbar(chosen)
    if not with_facets:
        _table(chosen, look, key=key, height=height, opened=opened, ticks=ticks)
        return chosen
    with st.container(key=f"{key}.sides"):
        side, main = st.columns([1, 3.6], gap="medium")
    with main:
        _table(chosen, look, key=key, height=height, opened=opened, ticks=ticks)
    with side:
        facets.draw(chosen.view, key=_place(key), changed=lambda: _first_page(key))
    return chosen


def clear(key: str) -> None:
    """Forget the ticks, from a callback or before `draw`: what was done with them is done."""
    if (look := st.session_state.get(_place(key))) is not None:
        look |= {"ticked": [], "all": False}


# What somebody asked for, kept in the session


def _place(key: str) -> str:
    return f"people.{key}"


def _look(shown: View | Group, key: str) -> dict[str, Any]:
    start = shown if isinstance(shown, View) else View(tree=shown)
    first = {**START, "text": start.text, "sort": start.sort, "descending": start.descending}
    look: dict[str, Any] = st.session_state.setdefault(_place(key), first)
    return look


def _chosen(shown: View | Group, key: str, *, ticks: bool) -> Chosen:
    """The view as it stands. "All that match" holds until something else matches."""
    start = shown if isinstance(shown, View) else View(tree=shown)
    look = st.session_state[_place(key)]
    now = replace(
        start,
        text=look["text"],
        facets=facets.chosen(_place(key), start.facets),
        sort=look["sort"],
        descending=look["descending"],
    )
    matching = (now.tree, now.text.split(), now.facets)
    if look.setdefault("matching", matching) != matching:
        look |= {"matching": matching, "all": False, "page": 0}
    ids = None if look["all"] or not ticks else tuple(look["ticked"])
    return Chosen(view=now, ids=ids, columns=people_columns.remembered())


def _first_page(key: str) -> None:
    st.session_state[_place(key)]["page"] = 0


def _asked(key: str) -> None:
    """The component's state: only what it may say, of the kinds it may say it in."""
    said = st.session_state[f"{_place(key)}.component"].get("look")
    if not said:
        return
    look = st.session_state[_place(key)]
    look |= {
        "n": int(said["n"]),
        "text": str(said["text"]),
        "sort": str(said["sort"]),
        "descending": bool(said["descending"]),
        "page": max(0, int(said["page"])),
        "length": int(said["length"]) if int(said["length"]) in LENGTHS else LENGTHS[1],
        "ticked": [int(id) for id in said["ticked"]],
        "all": bool(said["all"]),
    }
    people_columns.remember(said["columns"])


def _dropped(key: str) -> None:
    """A facet's value, or all of them and with "*" the search too, no longer narrow."""
    said = st.session_state[f"{_place(key)}.component"].get("drop")
    if said is None:
        return
    facets.drop(_place(key), *said[:2]) if len(said) == 2 else facets.drop(_place(key))
    look = st.session_state[_place(key)]
    look["page"] = 0
    if "*" in said:
        look["text"] = ""


def _opened(key: str, opened: Callable[[int], None] | None) -> None:
    id = st.session_state[f"{_place(key)}.component"].get("open")
    if id is not None and opened is not None:
        opened(int(id))


# Drawing


def _table(
    chosen: Chosen,
    look: dict[str, Any],
    *,
    key: str,
    height: int,
    opened: Callable[[int], None] | None,
    ticks: bool,
) -> None:
    database = workspace.database()
    found = view.found(database, chosen.view)
    pages = max(1, -(-found.total // look["length"]))
    look["page"] = min(look["page"], pages - 1)
    columns = people_columns.shown(found.frame)
    if chosen.view.sort not in {"id", *(column.sort for column in columns.every)}:
        look |= {"sort": "id", "descending": False}
        chosen = replace(chosen, view=replace(chosen.view, sort="id", descending=False))
    rows = view.page(
        database,
        chosen.view,
        offset=look["page"] * look["length"],
        length=look["length"],
        columns=columns.sources,
    )
    _component()(
        key=f"{_place(key)}.component",
        data={
            "rows": people_columns.cells(rows, columns.now),
            "columns": [_heading(column) for column in columns.now],
            "choices": [{"key": item.key, "label": item.label} for item in columns.every[1:]],
            "usual": list(people_columns.USUAL),
            "look": _told(look, columns.now),
            "chips": _chips(chosen.view, found.frame),
            "found": _numbers(found, look, rows.height),
            "count": found.total,
            "everybody": found.everybody,
            "pages": pages,
            "lengths": list(LENGTHS),
            "height": height,
            "ticks": ticks,
            "opens": opened is not None,
            "texts": {name: _(text) for name, text in TEXTS.items()},
            "locale": language.tag(),
        },
        on_look_change=lambda: _asked(key),
        on_drop_change=lambda: _dropped(key),
        on_open_change=lambda: _opened(key, opened),
    )


def _heading(column: Column) -> dict[str, Any]:
    return {
        "key": column.key,
        "label": column.label,
        "kind": column.kind,
        "sort": column.sort,
        "newest": column.kind == "moment",
    }


def _told(look: dict[str, Any], columns: list[Column]) -> dict[str, Any]:
    names = [column.key for column in columns[1:]]
    return {name: value for name, value in look.items() if name != "matching"} | {"columns": names}


def _chips(now: View, loaded: Frame) -> list[dict[str, Any]]:
    return [
        {"facet": key, "value": value, "name": facets.title(key), "label": label}
        for key, values in now.facets
        for value in values
        if (label := facets.label(loaded, key, value))
    ]


def _numbers(found: view.Found, look: dict[str, Any], here: int) -> dict[str, str]:
    """What is said of how many, in this language."""
    first = look["page"] * look["length"]
    span = _("{first}–{last} of {total}").format(
        first=language.number(first + 1 if here else 0),
        last=language.number(first + here),
        total=language.number(found.total),
    )
    share = language.share(found.total, found.everybody)
    return {
        "number": language.number(found.total),
        "total": counted(found.total, N_("1 contact"), N_("{count} contacts")),
        "share": "· " + _("{share} of all").format(share=share) if found.everybody else "",
        "span": span,
    }
