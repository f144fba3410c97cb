"""Segments: all of them with live counts, and one of them in the builder (`?id=`)."""

from __future__ import annotations

import streamlit as st

from engine.language import N_
from engine.segments import frame, segment
from pages.widgets import language, people_table, problems, query_builder, workspace
from pages.widgets.language import _, counted, number
from pages.widgets.markdown import plain


def main() -> None:
    asked = st.query_params.get("id", "")
    if asked.isdecimal():
        with problems.shown():
            editor(int(asked))
    else:
        listing()


def listing() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.title(_("Segments"))
        with st.popover(_("New segment"), icon=":material/add:", type="primary"):
            new_segment()
    problems.draw("segments")
    database = workspace.database()
    with database.read() as session:
        rows = segment.listing(session)
    if not rows:
        with st.container(border=True):
            st.markdown(_("**No segments yet.** A segment says who a broadcast is for."))
            st.markdown(
                _("Give one a name with *New segment*, then add conditions; they are counted live.")
            )
        return
    loaded = frame.load(database)
    for row in rows:
        line(row.id, row.name, row.tree, loaded)


def new_segment() -> None:
    with st.form("new_segment", border=False):
        name = st.text_input(_("Name"), key="new_segment.name", persist_state="session")
        done = st.form_submit_button(_("Create"), type="primary")
    if done:
        with problems.shown():
            with workspace.database().write() as session:
                made = segment.create(session, name=name).id
            st.switch_page("segments.py", query_params={"id": str(made)})


def line(id: int, name: str, tree: dict, loaded: frame.Frame) -> None:
    """One segment of the list: its name, what it asks, how many it holds."""
    with st.container(border=True):
        left, right = st.columns([5, 1.4], vertical_alignment="center")
        with left:
            if st.button(f"**{plain(name)}**", type="tertiary", key=f"open.{id}"):
                st.switch_page("segments.py", query_params={"id": str(id)})
            with problems.shown():
                group = segment.from_json(tree)
                words = segment.words(group, loaded.catalogue, language.current())
                st.caption(plain(words))
                people = segment.count(workspace.database(), group)
                share = language.share(people, loaded.people.height)
                right.metric(_("Contacts"), number(people), share, "off", delta_arrow="off")


def editor(id: int) -> None:
    with workspace.database().read() as session:
        name = segment.get(session, id).name
    if st.button(_("All segments"), icon=":material/arrow_back:", type="tertiary"):
        st.switch_page("segments.py")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(plain(name), width="content")
        st.space("stretch")
        with st.popover(_("Rename"), icon=":material/edit:"):
            rename(id, name)
        with st.popover(_("Delete"), icon=":material/delete:"):
            st.markdown(_("Delete this segment? Broadcasts that were sent keep their people."))
            if st.button(_("Delete segment"), type="primary"):
                delete(id)
    problems.draw("segments")
    st.fragment(workbench)(id)


def rename(id: int, name: str) -> None:
    with st.form(f"rename.{id}", border=False):
        wanted = st.text_input(_("Name"), name, key=f"rename.{id}.name")
        done = st.form_submit_button(_("Rename"), type="primary")
    if done:
        with problems.shown():
            with workspace.database().write() as session:
                segment.rename(session, id, wanted)
            st.rerun()


def delete(id: int) -> None:
    with problems.shown():
        with workspace.database().write() as session:
            segment.delete(session, id)
        st.switch_page("segments.py")


def workbench(id: int) -> None:
    """The builder and what it finds; a change reruns only this."""
    key = f"segment.{id}"
    with workspace.database().read() as session:
        saved = segment.get(session, id).tree
    tree = query_builder.build(key, saved, but=id)
    changed = not query_builder.same(tree, saved)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            _("Update segment"),
            type="primary",
            icon=":material/check:",
            disabled=not changed,
            on_click=save,
            args=(id, tree),
        )
        st.button(
            _("Discard changes"),
            type="tertiary",
            disabled=not changed,
            on_click=query_builder.reset,
            args=(key, saved),
        )
        if changed:
            st.badge(_("Not saved yet"), color="orange", icon=":material/edit:")
        elif st.session_state.pop(f"{key}.done", False):
            st.badge(_("Saved"), color="green", icon=":material/check:")
    problems.draw(key)
    with problems.shown():
        found(id, tree)


def save(id: int, tree: dict) -> None:
    key = f"segment.{id}"
    with problems.kept(key):
        with workspace.database().write() as session:
            segment.save(session, id, segment.from_json(tree))
        st.session_state[f"{key}.done"] = True


def found(id: int, tree: dict) -> None:
    """Who matches: how many, in words, and the people themselves."""
    database = workspace.database()
    loaded = frame.load(database)
    group = segment.from_json(tree)
    people = segment.count(database, group)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        text = counted(people, N_("1 contact"), N_("{count} contacts"))
        st.subheader(text, width="content", anchor=False)
        share = language.share(people, loaded.people.height)
        st.markdown(":gray[" + _("{share} of all").format(share=share) + "]", width="content")
    st.caption(plain(segment.words(group, loaded.catalogue, language.current())))
    people_table.draw(segment.people(database, group), loaded.catalogue, key=f"segment.{id}.people")


main()
