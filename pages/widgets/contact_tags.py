"""The tags: how many people have each; renamed, merged into another, taken from everybody."""

from __future__ import annotations

import streamlit as st

from engine import db
from engine.contacts import bulk, contacts, tag_names
from engine.language import N_
from engine.segments import segment, view
from engine.segments.tree import Condition, Group
from pages.widgets import background, changes, language, problems, workspace
from pages.widgets.language import _, counted
from pages.widgets.markdown import plain

ACTIONS = {
    "rename": N_("Rename"),
    "merge": N_("Merge into another"),
    "clear": N_("Take from everybody"),
    "drop": N_("Delete"),
}


def draw() -> None:
    with workspace.database().read() as session:
        tags = contacts.tags(session)
    st.subheader(_("Tags"), anchor=False)
    if not tags:
        with st.container(border=True):
            st.markdown(_("**No tags yet.** Tick people in the table and press *Add tags*."))
        return
    people = segment.option_counts(workspace.database(), "tag")
    with st.grid(3, min_column_width=300, gap="small"):
        for tag in tags:
            _tile(tag, people.get(tag.id, 0))


def _tile(tag: db.Tag, people: int) -> None:
    with st.container(
        horizontal=True, border=True, vertical_alignment="center", key=f"tag_{tag.id}"
    ):
        with st.container(width="stretch", gap=None):
            st.markdown(f":primary-badge[{plain(tag.name)}]")
            st.caption(counted(people, N_("1 person"), N_("{count} people")))
        action = st.menu_button(
            _("Change"),
            [key for key in ACTIONS if (key == "drop") is not bool(people) or key == "rename"],
            format_func=lambda key: _(ACTIONS[key]),
            key=f"tags.{tag.id}.{bool(people)}.{language.current()}",
        )
    if action:
        st.dialog(f"{_(ACTIONS[action])}: {plain(tag.name)}")(_ask)(action, tag.id, people)


def _ask(action: str, tag_id: int, people: int) -> None:
    with problems.shown():
        with workspace.database().read() as session:
            tags = {row.id: row for row in contacts.tags(session)}
        if tag_id in tags:
            ASKED[action](tags[tag_id], tags, people)


def _rename(tag: db.Tag, tags: dict[int, db.Tag], people: int) -> None:
    name = st.text_input(_("Name"), value=tag.name, key=f"tag.{tag.id}.name")
    if st.button(_("Save"), type="primary", key="tag.do", disabled=not name.strip()):
        with workspace.database().write() as session:
            tag_names.rename(session, tag.id, name)
        changes.toast(_("Saved."))
        st.rerun()


def _merge(tag: db.Tag, tags: dict[int, db.Tag], people: int) -> None:
    into = st.selectbox(
        _("Into"),
        [id for id in tags if id != tag.id],
        index=None,
        format_func=lambda id: tags[id].name,
        placeholder=_("Choose…"),
        key=f"tag.{tag.id}.into",
    )
    told = counted(people, N_("1 person gets that tag and loses this one."),
                   N_("{count} people get that tag and lose this one."))  # fmt: skip
    st.caption(told)
    if users := _users(tag):
        text = _("It is asked for by: {names}. Have them ask for the other tag first.")
        st.warning(text.format(names=users))
    off = into is None or bool(users)
    if st.button(_("Merge tags"), type="primary", key="tag.do", disabled=off) and into:

        def work(progress: background.Progress) -> int:
            return tag_names.merge(workspace.database(), tag.id, into, progress=progress)

        background.run(_("Merge tags"), people, work, finished=changes.remember)
        st.rerun()


def _users(tag: db.Tag) -> str:
    """Names of what asks for the tag."""
    with workspace.database().read() as session:
        return plain(", ".join(tag_names.users_of(session, tag.id)))


def _holders(tag_id: int) -> list[int]:
    asked = Group(match="all", of=(Condition(field="tag", op="has_any", value=(tag_id,)),))
    return view.ids(workspace.database(), view.View(tree=asked))


def _clear(tag: db.Tag, tags: dict[int, db.Tag], people: int) -> None:
    st.markdown(
        counted(people, N_("1 person loses it."), N_("{count} people lose it."))
        + " "
        + _("It can be undone.")
    )
    if users := _users(tag):
        st.warning(_("It is asked for by: {names}.").format(names=users))
    if st.button(_("Take from everybody"), type="primary", key="tag.do"):

        def work(progress: background.Progress) -> int:
            ids = _holders(tag.id)
            return bulk.untag(workspace.database(), ids, [tag.name], progress=progress)

        background.run(_("Take from everybody"), people, work, finished=changes.remember)
        st.rerun()


def _drop(tag: db.Tag, tags: dict[int, db.Tag], people: int) -> None:
    st.markdown(_("Nobody has it."))
    if st.button(_("Delete tag"), type="primary", key="tag.do"):
        with workspace.database().write() as session:
            tag_names.drop(session, tag.id)
        changes.toast(_("Deleted."))
        st.rerun()


ASKED = {"rename": _rename, "merge": _merge, "clear": _clear, "drop": _drop}
