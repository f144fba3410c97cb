"""A broadcast's state as a coloured word."""

from __future__ import annotations

import streamlit as st

from engine import broadcast
from pages.widgets.language import _

COLOURS = {
    "draft": "gray",
    "scheduled": "blue",
    "preparing": "blue",
    "sending": "blue",
    "paused": "orange",
    "completed": "green",
    "completed_with_errors": "orange",
    "cancelled": "gray",
    "failed": "red",
    "missed": "orange",
}


def badge(state: str) -> None:
    st.badge(_(broadcast.STATES[state]), color=COLOURS[state])


def marked(state: str) -> str:
    """The same inside a line of Markdown."""
    return f":{COLOURS[state]}-badge[{_(broadcast.STATES[state])}]"
