"""What is done to many people at once: to those ticked, or to everybody a view finds.

Who they are is settled when an action is opened: exactly those counted then are acted on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from engine import accounts
from engine.contacts import bulk, contacts
from engine.contacts.attributes import BUILT_IN
from engine.language import N_
from engine.segments import view
from pages.widgets import (
    background,
    changes,
    field_input,
    language,
    people_export,
    people_table,
    person_form,
    problems,
    workspace,
)
from pages.widgets.language import _, counted, number

TYPED = 1_000
"""Deleting more people than this asks for their number, typed."""

ACTIONS = {
    "set_field": N_("Set a field"),
    "clear_field": N_("Clear a field"),
    "opt_out": N_("Opt out of a channel"),
    "export": N_("Export"),
    "delete": N_("Delete"),
}
TITLES = {
    "tag": (N_("Add tags to 1 person"), N_("Add tags to {count} people")),
    "untag": (N_("Remove tags from 1 person"), N_("Remove tags from {count} people")),
    "set_field": (N_("Set a field of 1 person"), N_("Set a field of {count} people")),
    "clear_field": (N_("Clear a field of 1 person"), N_("Clear a field of {count} people")),
    "opt_out": (N_("Opt 1 person out"), N_("Opt {count} people out")),
    "export": (N_("Export 1 person"), N_("Export {count} people")),
    "delete": (N_("Delete 1 person"), N_("Delete {count} people")),
}
"""A dialog's title and what its button says."""

Work = Callable[[background.Progress], int]
"""Gives the id of the change it made."""


def bar(chosen: people_table.Chosen, *, table: str) -> None:
    """What can be done to the people ticked in the table of this key; all may be exported."""
    ticked = chosen.ids is None or bool(chosen.ids)
    count = _count(chosen)
    if not ticked:
        st.caption(_("Tick people to tag, change or delete them."), width="stretch")
        if st.button(
            _("Export"), icon=":material/download:", key="bulk.export", disabled=not count
        ):
            _open("export", chosen, table)
        return
    if st.button(_("Add tags"), icon=":material/new_label:", key="bulk.tag"):
        _open("tag", chosen, table)
    if st.button(_("Remove tags"), icon=":material/label_off:", key="bulk.untag"):
        _open("untag", chosen, table)
    more = st.menu_button(
        _("More"),
        list(ACTIONS),
        format_func=lambda key: _(ACTIONS[key]),
        icon=":material/more_horiz:",
        key="bulk.more",
    )
    if more:
        _open(more, chosen, table)


def _count(chosen: people_table.Chosen) -> int:
    if chosen.ids:
        return len(chosen.ids)
    return view.found(workspace.database(), chosen.view).total


def _open(action: str, chosen: people_table.Chosen, table: str) -> None:
    ids = list(chosen.ids) if chosen.ids else view.ids(workspace.database(), chosen.view)
    title = counted(len(ids), *TITLES[action])
    away = len(set(ids).difference(_shown(chosen))) if chosen.ids else 0
    if action == "export":
        fixed = replace(chosen, ids=tuple(ids))
        st.dialog(title)(_export)(fixed, table, away)
        return
    st.dialog(title)(_ask)(action, ids, title, table, away)


def _export(chosen: people_table.Chosen, table: str, away: int) -> None:
    _tell(away)
    people_export.draw(chosen, name=_("Contacts"), key=table)


def _tell(away: int) -> None:
    """So many of those ticked are not shown."""
    if away:
        hidden = counted(away, N_("1 of them is not in the list as filtered now."),
                         N_("{count} of them are not in the list as filtered now."))  # fmt: skip
        st.warning(hidden, icon=":material/visibility_off:")


def _shown(chosen: people_table.Chosen) -> list[int]:
    return view.ids(workspace.database(), chosen.view)


def _ask(action: str, ids: list[int], title: str, table: str, away: int) -> None:
    """What to do exactly, and the button that does it; `away` of them are ticked but not shown."""
    _tell(away)
    work = ASKED[action](ids)
    pressed = st.button(title, type="primary", key="bulk.do", disabled=work is None)
    if not pressed or work is None:
        return
    with problems.shown():
        with st.spinner(_("Working…")):
            background.run(title, len(ids), work, finished=changes.remember)
        people_table.clear(table)
        st.session_state["bulk.serial"] = st.session_state.get("bulk.serial", 0) + 1
        st.rerun()


def _key(name: str) -> str:
    return f"bulk.{st.session_state.get('bulk.serial', 0)}.{name}"


def _known_tags() -> list[str]:
    with workspace.database().read() as session:
        return [row.name for row in contacts.tags(session)]


def _tag(ids: list[int]) -> Work | None:
    names = st.multiselect(
        _("Tags"),
        _known_tags(),
        accept_new_options=True,
        placeholder=_("Choose or type"),
        key=_key("tag"),
        persist_state="session",
    )
    if not names:
        return None
    return lambda progress: bulk.tag(workspace.database(), ids, names, progress=progress)


def _untag(ids: list[int]) -> Work | None:
    names = st.multiselect(
        _("Tags"), _known_tags(), placeholder=_("Choose…"), key=_key("untag"),
        persist_state="session",
    )  # fmt: skip
    if not names:
        return None
    return lambda progress: bulk.untag(workspace.database(), ids, names, progress=progress)


def _field(name: str) -> tuple[str, Any] | None:
    """(key, its definition or None) of the field chosen."""
    with workspace.database().read() as session:
        custom = {row.key: row for row in contacts.fields(session)}
    labels = {name: _(BUILT_IN[name]) for name in bulk.SETTABLE}
    labels |= {key: row.label for key, row in custom.items()}
    key = st.selectbox(
        _("Field"),
        list(labels),
        index=None,
        format_func=lambda key: labels[key],
        placeholder=_("Choose…"),
        key=_key(f"{name}.{language.current()}"),
    )
    return None if key is None else (key, custom.get(key))


def _set_field(ids: list[int]) -> Work | None:
    field = _field("set")
    if field is None:
        return None
    key, defined = field
    place = _key(f"value.{key}")
    if key in person_form.CHOICES:
        options, named = person_form.CHOICES[key]
        value = field_input.choice(_("Value"), options(), None, key=place, named=named)
    elif defined is None:
        value = st.text_input(_("Value"), key=place)
    else:
        field_input.draw(defined.type, _("Value"), None, key=place, options=defined.options)
        value = field_input.typed(defined.type, place)
    if value in (None, ""):
        return None
    return lambda progress: bulk.set_field(workspace.database(), ids, key, value, progress=progress)


def _clear_field(ids: list[int]) -> Work | None:
    if (field := _field("clear")) is None:
        return None
    key = field[0]
    return lambda progress: bulk.clear_field(workspace.database(), ids, key, progress=progress)


def _opt_out(ids: list[int]) -> Work | None:
    with workspace.database().read() as session:
        channels = {row.id: row.name for row in accounts.listing(session)}
    channel = st.selectbox(
        _("Channel"),
        list(channels),
        index=None,
        format_func=channels.get,
        placeholder=_("Choose…"),
        key=_key("channel"),
    )
    reason = st.text_input(
        _("Reason"), key=_key("reason"), help=_("Kept with the date, and shown on each person.")
    )
    st.caption(_("People the channel does not reach are passed over."))
    if channel is None:
        return None
    return lambda progress: bulk.opt_out(
        workspace.database(), ids, channel, reason=reason, progress=progress
    )


def _delete(ids: list[int]) -> Work | None:
    st.markdown(
        _("Their tags, fields and addresses go. What they were sent stays in the reports, and "
          "opt-outs hold for whoever gets their addresses later. It can be undone.")
    )  # fmt: skip
    if len(ids) > TYPED:
        label = _("Type {count} to go on").format(count=number(len(ids)))
        typed = st.text_input(label, key=_key("typed"), live=True)
        if "".join(letter for letter in typed if letter.isdecimal()) != str(len(ids)):
            return None
    return lambda progress: bulk.delete(workspace.database(), ids, progress=progress)


ASKED: dict[str, Callable[[list[int]], Work | None]] = {
    "tag": _tag,
    "untag": _untag,
    "set_field": _set_field,
    "clear_field": _clear_field,
    "opt_out": _opt_out,
    "delete": _delete,
}
