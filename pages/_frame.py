"""The frame around every page: the way to each of them, the language, and what is not running."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.widgets import language, problems, workspace
from pages.widgets.language import _

PAGES = Path(__file__).parent
STATIC = PAGES.parent / "static"

st.set_page_config(page_title="Pregón", page_icon=STATIC / "logo.svg", layout="wide")
st.logo(STATIC / "wordmark.svg", size="large", icon_image=STATIC / "logo.svg")


def _there(file: str, **about: object) -> list[st.Page]:
    path = PAGES / file
    return [st.Page(path, **about)] if path.exists() else []


everywhere = [
    st.Page(PAGES / "home.py", title=_("Home"), icon=":material/home:", default=True),
    *_there(
        "broadcasts.py",
        title=_("Broadcasts"),
        icon=":material/campaign:",
        url_path="broadcasts",
    ),
    st.Page(
        PAGES / "segments.py",
        title=_("Segments"),
        icon=":material/filter_alt:",
        url_path="segments",
    ),
    st.Page(
        PAGES / "contacts.py",
        title=_("Contacts"),
        icon=":material/group:",
        url_path="contacts",
    ),
    *_there(
        "broadcast.py",
        title=_("Broadcast"),
        url_path="broadcast",
        visibility="hidden",
    ),
    *_there(
        "report.py",
        title=_("Report"),
        url_path="report",
        visibility="hidden",
    ),
]
page = st.navigation(everywhere)

with st.sidebar:
    language.switch()

with problems.shown():
    workspace.database()
    page.run()
