"""Steps 1 to 4 of a broadcast: its name and labels, and the segment it is for."""

from __future__ import annotations

import streamlit as st

from engine import db, drafts
from engine.language import N_
from engine.segments import frame, segment
from pages.widgets import language, people_table, problems, query_builder, workspace
from pages.widgets.draft import Draft
from pages.widgets.language import _, counted
from pages.widgets.markdown import plain
from pages.widgets.outlook import Outlook

# 1–3. Name and labels


def draw_name(look: Outlook) -> None:
    draft = look.draft
    st.text_input(
        _("Name"),
        key=draft.start("name", look.row.name),
        on_change=lambda: draft.save("step_name", name=draft.value("name")),
    )
    with workspace.database().read() as session:
        used = {label for row in drafts.listing(session) for label in row.labels}
    st.multiselect(
        _("Labels"),
        sorted({*used, *look.row.labels, *(draft.value("labels") or [])}, key=str.casefold),
        key=draft.start("labels", list(look.row.labels)),
        accept_new_options=True,
        placeholder=_("Choose or type labels"),
        help=_("Labels group broadcasts, here and in segments."),
        on_change=lambda: draft.save("step_name", labels=draft.value("labels")),
    )


def sum_up_name(look: Outlook) -> str:
    return " · ".join((look.row.name, *look.row.labels))


# 4. Segment


def draw_segment(look: Outlook) -> None:
    draft = look.draft
    st.markdown(_("Who is it for? Choose a segment, or build one here."))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            _("Segment"),
            list(look.segments),
            format_func=lambda id: look.segments[id].name if id in look.segments else "",
            key=draft.start("segment", look.row.segment_id),
            index=None,
            placeholder=_("Choose a segment"),
            on_change=lambda: draft.save("step_segment", segment_id=draft.value("segment")),
        )
        with st.popover(_("Add segment"), icon=":material/add:", key="add_segment"):
            _draw_new_segment(draft)
    if look.segment is not None:
        _draw_chosen(draft, look.segment)


def _draw_new_segment(draft: Draft) -> None:
    st.text_input(_("Name of the segment"), key=draft.start("new_segment", ""))
    st.button(
        _("Save"), key="save_segment", type="primary", on_click=_create_segment, args=(draft,)
    )
    problems.draw("new_segment")


def _create_segment(draft: Draft) -> None:
    with problems.kept("new_segment"):
        with workspace.database().write() as session:
            made = segment.create(session, name=draft.value("new_segment") or "").id
        if draft.save("step_segment", segment_id=made):
            st.session_state[draft.key("segment")] = made
            st.session_state[draft.key("editing")] = True
            st.session_state[draft.key("new_segment")] = ""


def _draw_chosen(draft: Draft, chosen: db.Segment) -> None:
    with problems.shown():
        catalogue = frame.load(workspace.database()).catalogue
        tree = segment.from_json(chosen.tree)
        st.caption(plain(segment.words(tree, catalogue, language.current())))
    if st.toggle(_("Show and change its conditions"), key=draft.start("editing", False)):
        with problems.shown():
            _draw_builder(chosen)


def _draw_builder(chosen: db.Segment) -> None:
    key = f"segment.{chosen.id}"
    tree = query_builder.build(key, chosen.tree, but=chosen.id)
    changed = not query_builder.same(tree, chosen.tree)
    database = workspace.database()
    group = segment.from_json(tree)
    found = segment.count(database, group)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            _("Update segment"),
            key="update_segment",
            icon=":material/check:",
            disabled=not changed,
            on_click=_save_segment,
            args=(chosen.id, tree),
        )
        st.markdown(counted(found, N_("1 contact"), N_("{count} contacts")), width="content")
        if changed:
            st.badge(_("Not saved yet"), color="orange", icon=":material/edit:")
    st.fragment(people_table.draw)(group, key=f"{key}.matching", height=230, with_facets=False)


def _save_segment(id: int, tree: query_builder.Tree) -> None:
    """`tree` as it was drawn; what came in with the same click is saved too."""
    tree = query_builder.current(f"segment.{id}", tree)
    with problems.kept("step_segment"), workspace.database().write() as session:
        segment.save(session, id, segment.from_json(tree))


def sum_up_segment(look: Outlook) -> str:
    if look.segment is None:
        return ""
    if look.count is None:
        return look.segment.name
    people = counted(look.count.matched, N_("1 contact"), N_("{count} contacts"))
    return f"{look.segment.name} · {people}"
