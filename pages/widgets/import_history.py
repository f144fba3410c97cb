"""What has been imported before: state, numbers, report, undo."""

from __future__ import annotations

import streamlit as st

from engine.importing import history
from engine.importing.history import STATES, Import
from pages.widgets import import_progress, import_report, workspace
from pages.widgets.language import _, moment, number
from pages.widgets.markdown import plain

COLOURS = {
    "waiting": "blue",
    "running": "blue",
    "done": "green",
    "cancelled": "orange",
    "failed": "red",
    "undoing": "blue",
    "undone": "gray",
}
LISTED = 20


def draw() -> None:
    """The newest imports; one at work shows how far it is."""
    with workspace.database().read() as session:
        items = history.listing(session, limit=LISTED)
    if not items:
        return
    st.subheader(_("Imports so far"), anchor=False)
    for item in items:
        with st.container(border=True):
            _one(item)


def _one(item: Import) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{plain(item.name)}** :{COLOURS[item.state]}-badge[{_(STATES[item.state])}]",
            width="content",
        )
        st.caption(_numbers(item), width="content")
        st.space("stretch")
        st.button(
            _("Report") if not item.is_open else _("Progress"),
            key=f"import.open.{item.id}",
            type="tertiary",
            on_click=_open,
            args=(item.id,),
        )
        import_report.undo_button(item, place="list")
    if item.is_open:
        import_progress.live(item.id)


def _numbers(item: Import) -> str:
    said = [moment(item.created_at)]
    for key, label in import_progress.COUNTS.items():
        if item.counts[key]:
            said.append(f"{_(label)}: {number(item.counts[key])}")
    return " · ".join(said)


def _open(id: int) -> None:
    st.query_params["import"] = str(id)
