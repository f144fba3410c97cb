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


page = st.navigation(
    [
        st.Page(PAGES / "home.py", title=_("Home"), icon=":material/home:", default=True),
        st.Page(PAGES / "broadcasts.py", title=_("Broadcasts"), icon=":material/campaign:"),
        st.Page(PAGES / "segments.py", title=_("Segments"), icon=":material/filter_alt:"),
        st.Page(PAGES / "contacts.py", title=_("Contacts"), icon=":material/group:"),
        st.Page(PAGES / "broadcast.py", title=_("Broadcast"), visibility="hidden"),
        st.Page(PAGES / "report.py", title=_("Report"), visibility="hidden"),
    ]
)

with st.sidebar:
    language.switch()

with problems.shown():
    workspace.database()
    page.run()
