"""The segment builder: our own component. It edits a tree; the engine counts every node of it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from babel import Locale

from engine.errors import PregonError
from engine.language import N_
from engine.segments import frame, operators, segment
from engine.segments.catalogue import Catalogue, Field
from pages.widgets import language, problems, workspace
from pages.widgets.language import _

Tree = dict[str, Any]

HERE = Path(__file__).parent
TEXTS = {
    "match_root": N_("Contacts who match"),
    "match_label": N_("Match"),
    "all": N_("all of these"),
    "any": N_("any of these"),
    "none": N_("none of these"),
    "and": N_("and"),
    "or": N_("or"),
    "nor": N_("nor"),
    "and_between": N_("and"),
    "add_condition": N_("Condition"),
    "add_group": N_("Group"),
    "remove_condition": N_("Remove condition"),
    "remove_group": N_("Remove group"),
    "field": N_("Field"),
    "choose_field": N_("Choose a field"),
    "operator": N_("Operator"),
    "value": N_("Value"),
    "choose": N_("Choose…"),
    "add_value": N_("Add a value"),
    "add_word": N_("Type and press Enter"),
    "remove_value": N_("Remove"),
    "from": N_("From"),
    "to": N_("To"),
    "days": N_("days"),
    "search": N_("Search"),
    "nothing": N_("Nothing found"),
    "more": N_("Type to find more"),
    "gone": N_("(deleted)"),
    "unfinished": N_("unfinished"),
    "share": N_("{count} of {total} contacts"),
    "empty_root": N_("Everybody. Add a condition to narrow it down."),
    "empty_group": N_("Nothing here yet."),
}
ONE = {"text": "text", "choice": "choice", "number": "number", "date": "date", "datetime": "date"}
MANY = {"text": "texts", "number": "number_list"}


@cache
def _component() -> Any:
    scripts = ("picker.js", "value_editors.js", "query_builder.js")
    return st.components.v2.component(
        "pregon.query_builder",
        html='<div class="builder"><div class="stage"></div></div>',
        css=(HERE / "query_builder.css").read_text(),
        js="\n".join((HERE / name).read_text() for name in scripts),
    )


def build(key: str, tree: Tree, *, but: int | None = None) -> Tree:
    """Draw the builder and return the tree as it stands, finished conditions only.

    It starts from `tree` and then keeps its own under `key`, over reruns and page switches, until
    `reset`. `but` is a segment that cannot be chosen: the one being built.
    """
    state = st.session_state.setdefault(_place(key), _state(tree))
    database = workspace.database()
    people = frame.load(database)
    counts: dict[str, int] = {}
    try:
        counts = segment.counts(database, segment.from_json(state["tree"]))
    except PregonError as error:
        problem: PregonError | None = error
    else:
        problem = None
    _component()(
        key=_place(key) + ".component",
        data={
            "tree": state["draft"],
            "revision": state["revision"],
            "counts": counts,
            "total": people.people.height,
            "fields": fields(people.catalogue, but=but),
            "texts": {name: _(text) for name, text in TEXTS.items()},
            "locale": language.tag(),
        },
        on_edited_change=lambda: _keep(key),
    )
    if problem is not None:
        problems.show(problem)
    return dict(state["tree"])


def reset(key: str, tree: Tree) -> None:
    """Replace what is being edited, from a callback or before `build`."""
    revision = st.session_state.get(_place(key), {}).get("revision", 0)
    st.session_state[_place(key)] = _state(tree) | {"revision": revision + 1}


def same(one: Tree, other: Tree) -> bool:
    """Whether two trees are the same document."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def fields(catalogue: Catalogue, *, but: int | None = None) -> list[dict[str, Any]]:
    """What can be asked about, for the component: in the order people see it."""
    return [_field(item, catalogue, but) for item in catalogue.fields]


def _field(item: Field, catalogue: Catalogue, but: int | None) -> dict[str, Any]:
    options = [
        (value, _name(item, str(label)))
        for value, label in item.options
        if item.key != "segment" or value != but
    ]
    labels = sorted({label for held in catalogue.labels.values() for label in held})
    made = {}
    for operator in operators.for_type(item.type):
        about: dict[str, Any] = {"label": _(operator.label), "value": _editor(item, operator.value)}
        if operator.value == "label":
            about["options"] = [(label, label) for label in labels]
        made[operator.key] = about
    return {
        "key": item.key,
        "label": item.label if item.custom else _(item.label),
        "group": _(item.category),
        "type": item.type,
        "options": options or None,
        "operators": made,
    }


def _editor(item: Field, takes: str) -> str:
    """The kind of value editor in value_editors.js."""
    match takes:
        case "nothing":
            return "none"
        case "one":
            return ONE.get(item.type, "choice")
        case "many":
            return MANY.get(item.type, "choices")
        case "pair":
            return "numbers" if item.type == "number" else "dates"
        case "days":
            return "days"
        case "ids":
            return "choices"
        case _:
            return "choice"


def _name(item: Field, label: str) -> str:
    """Countries and languages by their names, everything else as it is called."""
    names = Locale.parse(language.current())
    known = {"contact.country": names.territories, "contact.language": names.languages}
    found = known.get(item.key, {}).get(label)
    return f"{found} ({label})" if found else label


def _place(key: str) -> str:
    return f"builder.{key}"


def _state(tree: Tree) -> dict[str, Any]:
    return {"tree": tree, "draft": tree, "revision": 0}


def _keep(key: str) -> None:
    edited = st.session_state[_place(key) + ".component"].get("edited")
    if edited:
        st.session_state[_place(key)] |= {"tree": edited["tree"], "draft": edited["draft"]}
