"""People as a file: made when its button is pressed, in the format and with the columns chosen."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import streamlit as st

from engine.contacts import exporting
from engine.language import N_
from engine.segments import view
from pages.widgets import people_columns, workspace
from pages.widgets.language import _
from pages.widgets.people_table import Chosen

FORMATS = {"csv": "CSV", "xlsx": "Excel", "parquet": "Parquet"}
NAME = ("first_name", "last_name")
COLUMNS = {"all": N_("All columns"), "shown": N_("The shown columns")}


def popover(chosen: Chosen, *, name: str, key: str) -> None:
    """A button that opens the choice of a file of the ticked; of all found when nobody is."""
    with st.popover(_("Export"), icon=":material/download:", key=f"{key}.export"):
        draw(chosen, name=name, key=key)


def draw(chosen: Chosen, *, name: str, key: str) -> None:
    """`name` is the file's, without its ending."""
    which = st.segmented_control(
        _("Columns"),
        list(COLUMNS),
        default="all",
        required=True,
        format_func=lambda one: _(COLUMNS[one]),
        key=f"{key}.export.columns",
        label_visibility="collapsed",
    )
    for format, label in FORMATS.items():
        st.download_button(
            label,
            partial(_made, chosen, which == "shown", format),
            file_name=f"{_safe(name)}.{format}",
            icon=":material/download:",
            on_click="ignore",
            key=f"{key}.export.{format}",
            width="stretch",
        )
    st.caption(_("CSV and Excel can be imported again. No cell of them can run as a formula."))


def _made(chosen: Chosen, shown: bool, format: exporting.Format) -> bytes:
    database = workspace.database()
    ids = chosen.ids or view.ids(database, chosen.view)
    columns = [*NAME, *people_columns.exported(chosen.columns)] if shown else None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"people.{format}"
        exporting.export(database, path, ids=ids, format=format, columns=columns)
        return path.read_bytes()


def _safe(name: str) -> str:
    """A file's name from what somebody called it."""
    kept = "".join(c if c.isalnum() or c in " -_" else " " for c in name)
    return " ".join(kept.split())[:80] or "contacts"
