"""To be drawn."""

import streamlit as st

from pages.widgets.language import _

st.title(_("contacts".capitalize()))
