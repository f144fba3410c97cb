"""The segment builder: our own component. It edits a tree; the engine counts every node of it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import secrets
from collections import OrderedDict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from engine import db
from engine.errors import PregonError
from engine.segments import frame, segment
from engine.segments.catalogue import Catalogue
from engine.segments.tree import CONDITIONS_MAX
from pages.widgets import builder_answer, builder_starters, language, problems, workspace
from pages.widgets.builder_answer import Answer
from pages.widgets.builder_catalogue import fields as fields
from pages.widgets.builder_texts import TEXTS
from pages.widgets.language import _

Tree = dict[str, Any]
Part = tuple[str, Any]
"""(hash, what it is the hash of)"""

HERE = Path(__file__).parent
SCRIPTS = (
    "builder_store.js",
    "builder_icons.js",
    "builder_panel.js",
    "picker.js",
    "builder_tree.js",
    "builder_history.js",
    "value_editors.js",
    "builder_dates.js",
    "builder_counts.js",
    "builder_rows.js",
    "builder_starters.js",
    "builder_edits.js",
    "builder_fields.js",
    "builder_drag.js",
    "builder_keys.js",
    "query_builder.js",
)
STYLES = ("query_builder.css", "builder_values.css", "builder_panel.css")
STALE = 1.0
"""Seconds that the people may be old when an edit is counted; anything else asks the database."""
HTML = (
    '<div class="builder"><div class="stage"></div>'
    '<div class="live" role="status" aria-live="polite"></div></div>'
)


@cache
def _component() -> Any:
    return st.components.v2.component(
        "pregon.query_builder",
        html=HTML,
        js=(HERE / "builder_boot.js").read_text(),
    )


@cache
def _program() -> Part:
    """Scripts and styles as one each. They are a part: sent once a tab, not with each answer."""
    script, style = (
        "\n".join((HERE / name).read_text() for name in names) for names in (SCRIPTS, STYLES)
    )
    return _hashed({"script": script, "style": style})


@cache
def _follower() -> Any:
    return st.components.v2.component(
        "pregon.builder_follower", js=(HERE / "builder_follower.js").read_text()
    )


def build(key: str, tree: Tree, *, but: int | None = None) -> Tree:
    """Draw the builder and return the tree as it stands, finished conditions only.

    It starts from `tree` and then keeps its own under `key`, over reruns and page switches, until
    `reset`. `but` is a segment that cannot be chosen: the one being built. What the engine cannot
    use is marked at its condition; the tree is returned all the same.
    """
    state = st.session_state.setdefault(_place(key), _state(tree))
    database = workspace.database()
    stale = STALE if state.pop("edited", False) else 0.0
    answer, problem = Answer(), None
    try:
        group = segment.from_json(state["tree"])
        answer = builder_answer.answer(database, group, stale=stale)
    except PregonError as error:
        problem = error
    _component()(
        key=_component_key(key),
        data=_data(key, tree, state, answer, database, but, stale),
        on_edited_change=lambda: _keep(key),
        on_ask_change=lambda: state.pop("have", None),
    )
    if problem is not None:
        problems.show(problem)
    return dict(state["tree"])


def current(key: str, tree: Tree) -> Tree:
    """The tree as it stands, for a callback: with the edit that came in with the same click.

    `tree` is what `build` returned when the page was drawn.
    """
    _keep(key)
    return dict(st.session_state.get(_place(key), {}).get("tree", tree))


def follow(key: str, tree: Tree) -> Tree:
    """The tree as it stands, for a fragment beside the builder's; `tree` as given to `build`.

    That fragment runs again once the builder has painted the counts of another tree and people
    pause, so that no count ever waits for what is drawn there. It is never far behind.
    """
    now = st.session_state.get(_place(key), {}).get("tree", tree)
    _follower()(
        key=_place(key) + ".follower",
        data={"key": key, "stamp": _stamp(now, tree)},
        on_follow_change=lambda: None,
    )
    return dict(now)


def reset(key: str, tree: Tree) -> None:
    """Replace what is being edited, from a callback or before `build`."""
    before = st.session_state.get(_place(key), {})
    st.session_state[_place(key)] = _state(tree) | {
        "revision": before.get("revision", 0) + 1,
        "edit": before.get("edit", 0),
        "have": before.get("have", {}),
    }


def same(one: Tree, other: Tree) -> bool:
    """Whether two trees are the same document."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


# What the browser is given


def _data(
    key: str,
    saved: Tree,
    state: dict[str, Any],
    answer: Answer,
    database: db.Database,
    but: int | None,
    stale: float,
) -> dict[str, Any]:
    loaded = frame.load(database, stale=stale)
    edit = state.get("edit", 0)
    parts = {
        "program": _program(),
        "catalogue": _catalogue(loaded.catalogue, but),
        "tallies": _hashed(list(_tallies(database, loaded.catalogue, state["draft"], stale))),
        "tree": (f"{_session()}.{state['revision']}.{edit}", state["draft"]),
    }
    have = state.get("have", {})
    zone = ZoneInfo(database.settings.timezone)
    return {
        "key": key,
        "session": _session(),
        "revision": state["revision"],
        "edit": edit,
        "stamp": _stamp(state["tree"], saved),
        "saved": saved,
        "counts": dict(answer.counts),
        "without": dict(answer.without),
        "words": dict(answer.words),
        "problems": dict(answer.problems),
        "total": loaded.people.height,
        "most": CONDITIONS_MAX,
        "today": dt.datetime.now(zone).date().isoformat(),
        "locale": language.tag(),
        "starters": [] if state["draft"].get("of") else builder_starters.starters(database),
        "parts": {
            name: {"hash": hash, "held": None if have.get(name) == hash else held}
            for name, (hash, held) in parts.items()
        },
    }


_catalogues: OrderedDict[tuple[str, int | None], tuple[Catalogue, Part]] = OrderedDict()
_CATALOGUES_MAX = 32


def _catalogue(catalogue: Catalogue, but: int | None) -> Part:
    """Fields and texts in this session's language, made again only when they changed."""
    place = (language.current(), but)
    known = _catalogues.get(place)
    if known is not None and known[0] is catalogue:
        return known[1]
    texts = {name: _(text) for name, text in TEXTS.items()}
    made = _hashed({"fields": fields(catalogue, but=but), "texts": texts})
    _catalogues[place] = (catalogue, made)
    while len(_catalogues) > _CATALOGUES_MAX:
        _catalogues.popitem(last=False)
    return made


def _tallies(
    database: db.Database, catalogue: Catalogue, draft: Tree, stale: float
) -> Iterator[tuple[str, list[tuple[str | int, int]]]]:
    """(field, [(option, people)]) of the fields that the draft asks about."""
    used = {node.get("field") for node in _nodes(draft)}
    for item in catalogue.fields:
        if item.key in used and item.options:
            counts = segment.option_counts(database, item.key, stale=stale)
            if counts:
                yield item.key, list(counts.items())


def _nodes(tree: Tree) -> Iterator[Tree]:
    yield tree
    for member in tree.get("of", ()):
        yield from _nodes(member)


def _stamp(tree: Tree, saved: Tree) -> str:
    return _hashed([tree, saved])[0]


def _hashed(held: Any) -> Part:
    return hashlib.sha256(json.dumps(held).encode()).hexdigest()[:16], held


# What is kept of a session


def _session() -> str:
    """A word for this session: after a restart or a reload it is another."""
    made: str = st.session_state.setdefault("builder_session", secrets.token_hex(6))
    return made


def _place(key: str) -> str:
    return f"builder.{key}"


def _component_key(key: str) -> str:
    return _place(key) + ".component"


def _state(tree: Tree) -> dict[str, Any]:
    return {"tree": tree, "draft": tree, "revision": 0, "edit": 0, "have": {}}


def _keep(key: str) -> None:
    """An edit came in. One made before the tree was replaced is too late."""
    edited = st.session_state.get(_component_key(key), {}).get("edited")
    state = st.session_state.get(_place(key), {})
    if edited and edited["revision"] == state["revision"]:
        state |= {name: edited[name] for name in ("tree", "draft", "edit", "have")}
        state["edited"] = True
