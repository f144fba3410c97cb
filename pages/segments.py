"""Segments: all of them with live counts, and one of them in the builder (`?id=`)."""

from __future__ import annotations

import streamlit as st

from pages.widgets import problems, segment_editor, segment_list


def main() -> None:
    asked = st.query_params.get("id", "")
    if asked.isdecimal():
        with problems.shown():
            segment_editor.draw(int(asked))
    else:
        segment_list.draw()


main()
