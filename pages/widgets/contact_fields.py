"""The custom fields: what each is, who has a value, and how it is changed without a loss unsaid."""

from __future__ import annotations

import streamlit as st

from engine import db
from engine.contacts import attributes, contacts
from engine.contacts.attributes import TYPES
from engine.language import N_
from engine.segments import segment
from engine.segments.tree import Condition, Group
from pages.widgets import changes, field_changes, language, problems, workspace
from pages.widgets.language import _, counted
from pages.widgets.markdown import plain

ACTIONS = {
    "rename": N_("Rename"),
    "options": N_("Change choices"),
    "type": N_("Change type"),
    "delete": N_("Delete"),
}
CHOICES_SHOWN = 8


def draw() -> None:
    """A line a field, and what can be done with it."""
    with workspace.database().read() as session:
        fields = contacts.fields(session)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(_("Fields"), anchor=False)
        if st.button(_("Add field"), icon=":material/add:", key="fields.add"):
            st.dialog(_("Add field"), icon=":material/add:")(_add)()
    if not fields:
        with st.container(border=True):
            st.markdown(
                _("**No fields of your own yet.** Names, phone and email are always there.")
            )
            st.markdown(_("Add one, or import a file: its other columns become fields."))
        return
    people = _people(fields)
    for field in fields:
        _line(field, people[field.key])


def _people(fields: list[db.ContactField]) -> dict[str, int]:
    """How many people have a value, by field."""
    asked = tuple(Condition(field=f"field.{field.key}", op="is_set") for field in fields)
    counts = segment.counts(workspace.database(), Group(match="any", of=asked))
    return {field.key: counts[str(place)] for place, field in enumerate(fields)}


def _line(field: db.ContactField, people: int) -> None:
    with st.container(
        horizontal=True, border=True, vertical_alignment="center", key=f"field_{field.key}"
    ):
        with st.container(width="stretch", gap=None):
            st.markdown(f"**{plain(field.label)}** :gray-badge[{_(TYPES[field.type])}]")
            st.caption(_told(field, people))
        action = st.menu_button(
            _("Change"),
            [key for key in ACTIONS if key != "options" or field.type == "choice"],
            format_func=lambda key: _(ACTIONS[key]),
            key=f"fields.{field.key}.{language.current()}",
        )
    if action:
        title = f"{_(ACTIONS[action])}: {plain(field.label)}"
        st.dialog(title)(field_changes.ask)(action, field.key, people)


def _told(field: db.ContactField, people: int) -> str:
    facts = [
        counted(people, N_("1 person has a value"), N_("{count} people have a value")),
        field_changes.variable(field.key),
    ]
    if field.options:
        shown = plain(", ".join(str(option) for option in field.options[:CHOICES_SHOWN]))
        facts.append(shown + ("…" if len(field.options) > CHOICES_SHOWN else ""))
    return " · ".join(facts)


def _add() -> None:
    serial = st.session_state.setdefault("fields.serial", 0)
    label = st.text_input(_("Name"), key=f"fields.{serial}.label", persist_state="session")
    type = st.selectbox(
        _("Type"),
        list(TYPES),
        format_func=lambda key: _(TYPES[key]),
        key=f"fields.{serial}.type.{language.current()}",
        persist_state="session",
    )
    options = []
    if type == "choice":
        options = st.multiselect(
            _("Choices"),
            [],
            accept_new_options=True,
            placeholder=_("Type one and press Enter"),
            key=f"fields.{serial}.options",
            persist_state="session",
        )
    if label.strip():
        shown = field_changes.variable(attributes.key_for(label))
        st.caption(_("In messages: {variable}").format(variable=shown))
    if st.button(_("Add field"), type="primary", key="fields.added", disabled=not label.strip()):
        with problems.shown():
            key = attributes.key_for(label)
            with workspace.database().write() as session:
                attributes.define(session, key=key, label=label, type=type, options=options)
            changes.toast(_("Added."))
            st.session_state["fields.serial"] = serial + 1
            st.rerun()
