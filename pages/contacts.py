"""Contacts: a live table of everybody; find, open, add, import (`?view=import`) and export them."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from engine.contacts import contacts
from engine.language import LANGUAGES, N_
from engine.segments import frame, segment
from pages.widgets import contact_import, language, people_table, person, problems, workspace
from pages.widgets.language import _, counted

FOUND_MAX = 200
FORMATS = {"csv": "CSV", "xlsx": "Excel", "parquet": "Parquet"}


def main() -> None:
    if st.query_params.get("view") == "import":
        if st.button(_("All contacts"), icon=":material/arrow_back:", type="tertiary"):
            st.switch_page("contacts.py")
        st.title(_("Import contacts"))
        contact_import.draw()
        return
    toolbar()
    loaded = frame.load(workspace.database())
    if loaded.people.is_empty():
        empty()
        return
    everybody(loaded)
    if (opened := st.session_state.pop("contacts.opened", None)) is not None:
        person.show(opened)


def toolbar() -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(_("Contacts"), width="content")
        st.space("stretch")
        if st.button(_("Import"), icon=":material/upload_file:", type="primary"):
            st.switch_page("contacts.py", query_params={"view": "import"})
        if st.button(_("Add contact"), icon=":material/person_add:"):
            st.dialog(_("Add contact"), icon=":material/person_add:")(add)()
        with st.popover(_("Export"), icon=":material/download:"):
            export()


def empty() -> None:
    with st.container(border=True):
        st.markdown(_("**Nobody here yet.** Import a file, or add a person by hand."))
        st.markdown(_(contact_import.RECOGNISED))


def everybody(loaded: frame.Frame) -> None:
    text = st.text_input(
        _("Find somebody"),
        placeholder=_("Name, phone or email"),
        icon=":material/search:",
        type="search",
        live=True,
        key="contacts.search",
        persist_state="session",
        label_visibility="collapsed",
    )
    database = workspace.database()
    ids = None
    if text.strip():
        with database.read() as session:
            found = contacts.search(session, text, limit=FOUND_MAX)
        ids = [row.id for row in found]
        st.caption(found_sentence(len(ids)))
    else:
        st.caption(counted(loaded.people.height, N_("1 contact"), N_("{count} contacts")))
    people_table.draw(
        segment.people(database, segment.EVERYBODY),
        loaded.catalogue,
        ids=ids,
        key="contacts.table",
        height=560,
        opened=lambda id: st.session_state.update({"contacts.opened": id}),
    )


def found_sentence(found: int) -> str:
    if found == FOUND_MAX:
        return _("The first {count} found. Type more to narrow it down.").format(
            count=language.number(found)
        )
    return counted(found, N_("1 found"), N_("{count} found"))


def add() -> None:
    """The form of one person. What is typed stays when it is closed, until the person is added."""
    serial = st.session_state.setdefault("add.serial", 0)
    with st.form("add_contact", border=False):
        values = form(serial)
        done = st.form_submit_button(_("Add contact"), type="primary")
    if done:
        with problems.shown():
            with workspace.database().write() as session:
                contacts.create(session, **values)
            st.session_state["add.serial"] = serial + 1
            st.toast(_("Added."), icon=":material/check:")
            st.rerun()


def form(serial: int) -> dict[str, Any]:
    with workspace.database().read() as session:
        tags = [row.name for row in contacts.tags(session)]

    def kept(name: str) -> dict[str, Any]:
        return {"key": f"add.{serial}.{name}", "persist_state": "session"}

    left, right = st.columns(2)
    return {
        "first_name": left.text_input(_("First name"), **kept("first_name")),
        "last_name": right.text_input(_("Last name"), **kept("last_name")),
        "phone": left.text_input(_("Phone"), placeholder="+57 300 123 4567", **kept("phone")),
        "email": right.text_input(_("Email"), **kept("email")),
        "country": left.selectbox(
            _("Country"),
            language.countries(),
            index=language.countries().index(workspace.settings().country),
            format_func=language.country,
            help=_("It also reads a phone number written without a prefix."),
            **kept("country"),
        ),
        "language": right.selectbox(
            _("Language"),
            list(LANGUAGES),
            index=None,
            format_func=LANGUAGES.get,
            placeholder=_("Choose…"),
            **kept("language"),
        ),
        "tags": st.multiselect(
            _("Tags"),
            tags,
            accept_new_options=True,
            placeholder=_("Choose or type"),
            **kept("tags"),
        ),
    }


def export() -> None:
    st.markdown(_("Everybody, with tags and all fields."))
    for format, label in FORMATS.items():
        st.download_button(
            label,
            partial(exported, format),
            file_name=f"contacts.{format}",
            icon=":material/download:",
            on_click="ignore",
            key=f"export.{format}",
            width="stretch",
        )


def exported(format: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"contacts.{format}"
        contacts.export(workspace.database(), path, format=format)
        return path.read_bytes()


main()
