"""One person in a drawer: who they are, where they can be reached, what was said both ways."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from engine.contacts import contacts, profile
from engine.contacts.attributes import BUILT_IN
from engine.contacts.profile import Profile
from pages.widgets import (
    changes,
    duplicates,
    field_input,
    language,
    person_channels,
    person_form,
    person_history,
    problems,
    workspace,
)
from pages.widgets.language import _
from pages.widgets.markdown import plain

DETAILS = ("phone", "email", "language", "country", "timezone", "external_id")


def show(contact_id: int, *, closed: Callable[[], None] | None = None) -> None:
    """Open the drawer; `closed` is called when it is shut."""
    with problems.shown():
        with workspace.database().read() as session:
            name = contacts.name_of(contacts.get(session, contact_id))
        drawer = st.dialog(
            plain(name),
            width="medium",
            position="right",
            icon=":material/person:",
            on_dismiss=closed or "rerun",
        )
        drawer(_draw)(contact_id, closed)


def _draw(contact_id: int, closed: Callable[[], None] | None) -> None:
    with problems.shown():
        place = f"person.{contact_id}"
        with workspace.database().read() as session:
            person = profile.profile(session, contact_id)
        _head(person, place)
        changes.notice(place)
        if st.session_state.get(f"{place}.mode") == "edit":
            saved = person_form.draw(place, contact_id=contact_id, cancel=lambda: _mode(place, ""))
            if saved is not None:
                _mode(place, "")
                st.rerun(scope="app" if closed else "fragment")
            return
        if st.session_state.get(f"{place}.mode") == "delete":
            _delete(person, place, closed)
        _tags(person, place)
        hint = st.container()
        _sections(person, place)
        with hint:
            _twin(person)


def _mode(place: str, mode: str) -> None:
    """What the drawer does: "edit", "delete", or "" to show."""
    st.session_state[f"{place}.mode"] = mode


def _head(person: Profile, place: str) -> None:
    contact = person.contact
    with st.container(horizontal=True, vertical_alignment="center"):
        added = _("Added on {when}").format(when=language.moment(contact.created_at))
        changed = _("changed on {when}").format(when=language.moment(contact.updated_at))
        st.caption(plain(f"{added} · {changed}"), width="stretch")
        st.button(
            _("Edit"),
            icon=":material/edit:",
            key=f"{place}.edit",
            on_click=_mode,
            args=(place, "edit"),
        )
        st.button(
            _("Delete"),
            icon=":material/delete:",
            key=f"{place}.delete",
            type="tertiary",
            on_click=_mode,
            args=(place, "delete"),
        )


def _delete(person: Profile, place: str, closed: Callable[[], None] | None) -> None:
    with st.container(border=True):
        st.markdown(
            _("**Delete this person?** What they were sent stays in the reports, and whoever gets "
              "their number later is still opted out where they were. It can be undone.")
        )  # fmt: skip
        with st.container(horizontal=True):
            if st.button(_("Delete contact"), type="primary", key=f"{place}.deleted"):
                with workspace.database().write() as session:
                    change_id = contacts.delete(session, [person.contact.id]).id
                changes.remember(change_id)
                _mode(place, "")
                if closed:
                    closed()
                st.rerun()
            st.button(_("Keep"), key=f"{place}.kept", on_click=_mode, args=(place, ""))


def _tags(person: Profile, place: str) -> None:
    """Tags, changed in place."""
    with workspace.database().read() as session:
        known = [row.name for row in contacts.tags(session)]
    key = f"{place}.tags.{person.contact.updated_at.timestamp()}"
    st.multiselect(
        _("Tags"),
        sorted({*known, *person.tags}, key=str.casefold),
        default=list(person.tags),
        accept_new_options=True,
        placeholder=_("Choose or type"),
        key=key,
        on_change=_retag,
        args=(place, key, person),
    )
    problems.draw(f"{place}.tags")


def _retag(place: str, key: str, person: Profile) -> None:
    with problems.kept(f"{place}.tags"), workspace.database().write() as session:
        given, held = st.session_state[key], list(person.tags)
        tags = person_form.tags_now(session, person.contact.id, given, held)
        contacts.update(session, person.contact.id, tags=tags)
        changes.remember_last(session)


def _sections(person: Profile, place: str) -> None:
    contact_id = person.contact.id
    names = [_("Details"), _("Channels"), _("Messages"), _("Timeline")]
    details, channels, messages, timeline = st.tabs(names, key=f"{place}.sections")
    with details:
        _details(person)
    with channels:
        person_channels.draw(person, place=place)
    with messages:
        person_history.messages(contact_id, place=place)
    with timeline:
        person_history.everything(contact_id, place=place)


def _twin(person: Profile) -> None:
    """Whether somebody looks like the same person, with the way to compare them."""
    group = duplicates.of(person.contact.id, person.contact.email)
    if group is None:
        return
    with workspace.database().read() as session:
        others = [contacts.get(session, id) for id in group.ids if id != person.contact.id]
    names = ", ".join(f"**{plain(contacts.name_of(other))}**" for other in others)
    said = _("Looks like the same person as {names}: {reasons}.")
    text = said.format(names=names, reasons=plain(duplicates.reasons(group)))
    with st.container(horizontal=True, border=True, vertical_alignment="center"):
        st.markdown(f":orange[:material/group:] {text}", width="stretch")
        st.page_link(
            "contacts.py",
            label=_("Compare"),
            icon=":material/compare_arrows:",
            query_params={"view": "duplicates", "ids": ",".join(map(str, group.ids))},
        )


def _details(person: Profile) -> None:
    contact = person.contact
    facts = [(_(BUILT_IN[key]), field_input.shown(key, getattr(contact, key))) for key in DETAILS]
    facts += [(label, field_input.shown(type, value)) for label, type, value in person.fields]
    if empty := [label for label, value in facts if not value]:
        names = ", ".join(empty)
    cells = st.grid(2, min_column_width=180, gap="small")
    for label, value in facts:
        if value:
            cells.markdown(f":small[:gray[{plain(label)}]]  \n{plain(value)}")
    if empty:
        st.caption(_("Not known: {fields}.").format(fields=plain(names)))
