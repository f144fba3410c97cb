"""What was done to contacts, and the way back: a line after each action, and the list of all."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine import db
from engine.contacts import changes
from engine.importing import taking_back
from engine.language import N_
from pages.widgets import background, language, problems, workspace
from pages.widgets.language import _, counted
from pages.widgets.markdown import plain

LISTED = 50


def remember(change_id: int) -> None:
    """A change just made: `notice` tells it and offers to undo it."""
    st.session_state["changes.last"] = change_id
    st.session_state["changes.toast"] = True


def remember_last(session: Any) -> None:
    """The same for the change this session made last."""
    if (change := changes.last(session)) is not None and change.people:
        remember(change.id)


def toast(text: str) -> None:
    """A word said in the next run of the page, by `notice`."""
    st.session_state["changes.word"] = text


def notice(place: str = "page") -> None:
    """The last change of this session in a line, with the way back."""
    problems.draw(f"undo.{place}")
    if (word := st.session_state.pop("changes.word", None)) is not None:
        st.toast(plain(word), icon=":material/check:")
    change_id = st.session_state.get("changes.last")
    if change_id is None:
        return
    with workspace.database().read() as session:
        change = session.get(db.Change, change_id)
        if change is None:
            return
        said = plain(changes.sentence(change, language.current()))
    if st.session_state.pop("changes.toast", False) and place == "page":
        st.toast(said, icon=":material/check:")
    key = f"{place}.{change_id}"
    with st.container(
        horizontal=True, border=True, vertical_alignment="center", key=f"notice_{place}"
    ):
        st.markdown(f":material/check_circle: {said}", width="stretch")
        if change.undone_at is None:
            st.button(
                _("Undo"),
                icon=":material/undo:",
                key=f"undo.{key}",
                on_click=undo,
                args=(change_id, change.people),
                kwargs={"place": place},
            )
        st.button(
            _("Close"),
            key=f"close.{key}",
            type="tertiary",
            icon=":material/close:",
            on_click=_dismiss,
        )


def undo(change_id: int, people: int, *, place: str = "page") -> None:
    """Put everything back as it was, where nobody changed it since."""
    database = workspace.database()
    _dismiss()

    def work(progress: background.Progress) -> changes.Undone:
        return taking_back.undo_change(database, change_id, seen=progress)

    with problems.kept(f"undo.{place}"):
        background.run(_("Undoing"), people, work, finished=_undone)


def _undone(result: changes.Undone) -> None:
    said = counted(
        result.restored, N_("1 person is as before."), N_("{count} people are as before.")
    )
    if result.kept:
        kept = counted(
            result.kept,
            N_("1 value that was changed since stays."),
            N_("{count} values that were changed since stay."),
        )
        said = f"{said} {kept}"
    toast(said)


def _dismiss() -> None:
    st.session_state.pop("changes.last", None)


def draw() -> None:
    """The newest changes, each with what, when, how many, and Undo."""
    with workspace.database().read() as session:
        listed = changes.listing(session, limit=LISTED)
    if not listed:
        with st.container(border=True):
            st.markdown(
                _(
                    "**Nothing was changed yet.** What is done to contacts is listed here, "
                    "and can be undone."
                )
            )
        return
    with problems.shown():
        problems.draw("undo.list")
        for change in listed:
            _line(change)


def _line(change: changes.Listed) -> None:
    with st.container(
        horizontal=True, vertical_alignment="center", border=True, key=f"change_{change.id}"
    ):
        with st.container(width="stretch", gap=None):
            st.markdown(plain(changes.sentence(change, language.current())))
            st.caption(_told(change))
        if change.undone_at is None:
            st.button(
                _("Undo"),
                icon=":material/undo:",
                key=f"undo.list.{change.id}",
                on_click=undo,
                args=(change.id, change.people),
                kwargs={"place": "list"},
            )


def _told(change: changes.Listed) -> str:
    facts = [
        language.moment(change.at),
        counted(change.people, N_("1 person"), N_("{count} people")),
    ]
    if change.undone_at is not None:
        when = language.moment(change.undone_at)
        facts.append(_("undone on {when}").format(when=when))
    return plain(" · ".join(facts))
