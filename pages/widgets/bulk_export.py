"""People as a file: made when its button is pressed, in the format chosen."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import streamlit as st

from engine.contacts import exporting
from pages.widgets import workspace
from pages.widgets.language import _

FORMATS = {"csv": "CSV", "xlsx": "Excel", "parquet": "Parquet"}


def draw(ids: Sequence[int]) -> None:
    st.markdown(_("With all their fields and tags."))
    for format, label in FORMATS.items():
        st.download_button(
            label,
            partial(_made, ids, format),
            file_name=f"contacts.{format}",
            icon=":material/download:",
            on_click="ignore",
            key=f"export.{format}",
            width="stretch",
        )


def _made(ids: Sequence[int], format: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"contacts.{format}"
        exporting.export(workspace.database(), path, ids=ids, format=format)
        return path.read_bytes()
