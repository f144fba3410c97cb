"""What every session of this process shares: the settings and the open database."""

from __future__ import annotations

import streamlit as st

from engine import db
from engine.settings import Settings, load


@st.cache_resource(show_spinner=False)
def settings() -> Settings:
    """The settings of this process. Raises Invalid in a sentence that names what is wrong."""
    return load()


@st.cache_resource(show_spinner=False)
def database() -> db.Database:
    """The workspace's database with its tables up to date."""
    opened = db.connect(settings())
    db.migrate(opened)
    return opened
