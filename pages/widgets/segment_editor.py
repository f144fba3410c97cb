"""One segment: its conditions, who matches them now, its tests, what changed, what it shares."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine.errors import PregonError
from engine.language import N_
from engine.segments import frame, saved, segment
from engine.segments.saved import Uses
from pages.widgets import (
    language,
    people_export,
    people_table,
    person,
    problems,
    query_builder,
    segment_diff,
    segment_overlap,
    segment_tests,
    workspace,
)
from pages.widgets.language import _, counted
from pages.widgets.markdown import plain

Tree = dict[str, Any]

TABS: dict[str, tuple[str, str]] = {
    "people": (N_("People"), ":material/group:"),
    "tests": (N_("Tests"), ":material/rule:"),
    "changes": (N_("Changes"), ":material/difference:"),
    "overlap": (N_("Overlap"), ":material/join_inner:"),
}
LINKS = 6
"""Users of a segment named one by one."""


def draw(id: int) -> None:
    """Raises NotFound."""
    with workspace.database().read() as session:
        name = segment.get(session, id).name
        uses = saved.used(session).get(id, Uses())
    if st.button(_("All segments"), icon=":material/arrow_back:", type="tertiary"):
        st.switch_page("segments.py")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(plain(name), width="content")
        st.space("stretch")
        with st.popover(_("Rename"), icon=":material/edit:"):
            _rename(id, name)
        with st.popover(_("Duplicate"), icon=":material/content_copy:"):
            _named(f"duplicate.{id}", _("Copy of {name}").format(name=name), _("Duplicate"), id)
        with st.popover(_("Delete"), icon=":material/delete:"):
            st.markdown(_("Delete this segment? Broadcasts that were sent keep their people."))
            if st.button(_("Delete segment"), type="primary"):
                _delete(id)
    problems.draw("segments")
    _draw_uses(uses)
    st.fragment(_draw_builder)(id)
    st.fragment(_draw_tabs)(id)


def _draw_uses(uses: Uses) -> None:
    """Who uses it, each a link."""
    if not uses.broadcasts and not uses.segments:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(":gray[" + _("Used by") + "]", width="content")
        for row in uses.broadcasts[:LINKS]:
            page = "broadcast.py" if row.state == "draft" else "report.py"
            _link(page, row.id, row.name, ":material/campaign:")
        for other in uses.segments[:LINKS]:
            _link("segments.py", other.id, other.name, ":material/filter_alt:")
        rest = max(0, len(uses.broadcasts) - LINKS) + max(0, len(uses.segments) - LINKS)
        if rest:
            more = counted(rest, N_("and 1 more"), N_("and {count} more"))
            st.markdown(f":gray[{more}]", width="content")


def _link(page: str, id: int, name: str, icon: str) -> None:
    st.page_link(page, label=plain(name), icon=icon, query_params={"id": str(id)}, width="content")


# Names


def _rename(id: int, name: str) -> None:
    with st.form(f"rename.{id}", border=False):
        wanted = st.text_input(_("Name"), name, key=f"rename.{id}.name")
        done = st.form_submit_button(_("Rename"), type="primary")
    if done:
        with problems.shown():
            with workspace.database().write() as session:
                segment.rename(session, id, wanted)
            st.rerun()


def _named(key: str, name: str, label: str, id: int, tree: Tree | None = None) -> None:
    """A form for the name of a copy; then the copy is open."""
    with st.form(key, border=False):
        wanted = st.text_input(_("Name"), name, key=f"{key}.name")
        done = st.form_submit_button(label, type="primary")
    if done:
        with problems.shown():
            node = None if tree is None else segment.from_json(tree)
            with workspace.database().write() as session:
                made = saved.copy(session, id, name=wanted, tree=node).id
            st.switch_page("segments.py", query_params={"id": str(made)})


def _delete(id: int) -> None:
    with problems.shown():
        with workspace.database().write() as session:
            segment.delete(session, id)
        st.switch_page("segments.py")


# The builder: an edit reruns only this


def _draw_builder(id: int) -> None:
    key = f"segment.{id}"
    kept = _kept(id)
    tree = query_builder.build(key, kept, but=id)
    problems.draw(key)
    st.caption(_in_words(tree))
    with st.container(
        horizontal=True, horizontal_alignment="right", vertical_alignment="center", gap="medium"
    ):
        _draw_saving(id, kept, tree)


def _kept(id: int) -> Tree:
    with workspace.database().read() as session:
        return segment.get(session, id).tree


def _in_words(tree: Tree) -> str:
    catalogue = frame.load(workspace.database(), stale=query_builder.STALE).catalogue
    try:
        return plain(segment.words(segment.from_json(tree), catalogue, language.current()))
    except PregonError:  # the builder says what is wrong
        return ""


def _draw_saving(id: int, kept: Tree, tree: Tree) -> None:
    key = f"segment.{id}"
    changed = not query_builder.same(tree, kept)
    if changed:
        st.badge(_("Not saved yet"), color="orange", icon=":material/edit:")
    elif st.session_state.pop(f"{key}.done", False):
        st.badge(_("Saved"), color="green", icon=":material/check:")
    st.button(
        _("Discard changes"),
        type="tertiary",
        disabled=not changed,
        on_click=query_builder.reset,
        args=(key, kept),
    )
    with st.popover(_("Save as"), icon=":material/save_as:", disabled=not changed):
        _named(f"save_as.{id}", "", _("Save as new segment"), id, tree)
    st.button(
        _("Update segment"),
        type="primary",
        icon=":material/check:",
        disabled=not changed,
        on_click=_save,
        args=(id, tree),
    )


def _save(id: int, tree: Tree) -> None:
    """`tree` as it was drawn; what came in with the same click is saved too."""
    key = f"segment.{id}"
    tree = query_builder.current(key, tree)
    with problems.kept(key):
        with workspace.database().write() as session:
            segment.save(session, id, segment.from_json(tree))
        st.session_state[f"{key}.done"] = True


# What follows from it: drawn when its counts are painted


def _draw_tabs(id: int) -> None:
    with st.container(gap=None):
        tree = query_builder.follow(f"segment.{id}", _kept(id))
        _draw_open(id, tree)


def _draw_open(id: int, tree: Tree) -> None:
    """Only the open tab runs."""
    labels = [f"{icon} {_(label)}" for label, icon in TABS.values()]
    tabs = dict(zip(TABS, st.tabs(labels, key=f"segment.{id}.tab", on_change="rerun"), strict=True))
    drawn = {
        "people": _draw_people,
        "tests": segment_tests.draw,
        "changes": segment_diff.draw,
        "overlap": segment_overlap.draw,
    }
    for name, tab in tabs.items():
        if tab.open:
            with tab:
                st.fragment(drawn[name])(id, tree)


def _draw_people(id: int, tree: Tree) -> None:
    place = f"segment.{id}.person"
    with problems.shown():
        people_table.draw(
            segment.from_json(tree),
            key=f"segment.{id}.people",
            opened=lambda person_id: st.session_state.update({place: person_id}),
            ticks=True,
            toolbar=lambda chosen: people_export.popover(
                chosen, name=_name(id), key=f"segment.{id}"
            ),
        )
    if (opened := st.session_state.pop(place, None)) is not None:
        person.show(opened)


def _name(id: int) -> str:
    with workspace.database().read() as session:
        return segment.get(session, id).name
