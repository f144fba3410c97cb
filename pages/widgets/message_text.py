"""A text with variables, our own component: saved while it is typed, variables at the caret."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from pages.widgets.language import _

HERE = Path(__file__).parent
FIRST = 3
"""Variables with a button of their own; all of them are in the list."""


@cache
def _component() -> Any:
    return st.components.v2.component(
        "pregon.message_text",
        html='<div class="message"></div>',
        css=(HERE / "message_text.css").read_text(),
        js=(HERE / "message_text.js").read_text(),
    )


def draw(
    key: str,
    *,
    label: str,
    text: str,
    variables: Sequence[str],
    on_change: Callable[[str], None],
    most: int = 0,
    rows: int = 4,
    placeholder: str = "",
) -> None:
    """The field, starting from `text`; `on_change` gets every later text, in a callback.

    Drawn anew it shows what was typed, also when that could not be saved.
    """
    typed = st.session_state.get(key, {}).get("text")

    def changed() -> None:
        on_change(st.session_state[key]["text"] or "")

    _component()(
        key=key,
        data={
            "label": label,
            "text": text if typed is None else typed,
            "variables": list(variables),
            "first": FIRST,
            "insert": _("Insert a variable"),
            "max": most,
            "rows": rows,
            "placeholder": placeholder,
        },
        on_text_change=changed,
    )
