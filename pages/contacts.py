"""Contacts: everybody in a live table, a person's drawer, and what is done to many at once.

`?view=` import, duplicates, fields or changes; `?person=ID` opens somebody.
"""

from __future__ import annotations

from functools import partial

import streamlit as st

from engine.language import N_
from engine.segments import frame
from engine.segments.view import View
from pages.widgets import (
    background,
    bulk,
    changes,
    contact_fields,
    contact_import,
    contact_tags,
    duplicates,
    people_table,
    person,
    person_form,
    workspace,
)
from pages.widgets.language import _

TABLE = "contacts.table"
VIEWS = {
    "": N_("People"),
    "import": N_("Import"),
    "duplicates": N_("Duplicates"),
    "fields": N_("Fields and tags"),
    "changes": N_("Changes"),
}
"""Stand in addresses: never rename a key."""


def main() -> None:
    view = st.query_params.get("view", "")
    view = view if view in VIEWS else ""
    heading(view)
    background.draw()
    changes.notice()
    match view:
        case "import":
            contact_import.draw()
        case "duplicates":
            duplicates.draw()
        case "fields":
            contact_fields.draw()
            contact_tags.draw()
        case "changes":
            changes.draw()
        case _:
            people()
    if (opened := st.query_params.get("person", "")).isdecimal():
        person.show(int(opened), closed=closed)


def heading(view: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(_("Contacts"), width="content")
        st.space("stretch")
        if st.button(_("Import"), icon=":material/upload_file:", type="primary"):
            st.switch_page("contacts.py", query_params={"view": "import"})
        if st.button(_("Add contact"), icon=":material/person_add:"):
            st.dialog(_("Add contact"), icon=":material/person_add:", width="medium")(add)()
    st.session_state["contacts.view"] = view
    st.segmented_control(
        _("View"),
        list(VIEWS),
        format_func=lambda key: _(VIEWS[key]),
        required=True,
        key="contacts.view",
        label_visibility="collapsed",
        on_change=turn,
    )


def turn() -> None:
    """Another view of the page, in its address too."""
    view = st.session_state["contacts.view"]
    st.query_params.from_dict({"view": view} if view else {})


def people() -> None:
    if frame.load(workspace.database()).people.is_empty():
        with st.container(border=True):
            st.markdown(_("**Nobody here yet.** Import a file, or add a person by hand."))
            st.markdown(_(contact_import.RECOGNISED))
        return
    table()


@st.fragment
def table() -> None:
    people_table.draw(
        View(), key=TABLE, opened=opened, ticks=True, toolbar=partial(bulk.bar, table=TABLE)
    )
    if st.session_state.pop("contacts.opened", False):
        st.rerun()


def opened(contact_id: int) -> None:
    st.query_params["person"] = str(contact_id)
    st.session_state["contacts.opened"] = True


def closed() -> None:
    st.query_params.pop("person", None)


def add() -> None:
    """What is typed stays when the form is closed, until the person is added or it is cancelled."""
    if person_form.draw("add", cancel=st.rerun) is not None:
        st.rerun()


main()
