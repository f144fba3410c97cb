"""How a file is imported, apart from its columns: who is known, what everybody gets."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine.contacts import contacts
from engine.importing.importing import Options
from engine.importing.options import MATCHES, MODES
from pages.widgets import language, workspace
from pages.widgets.language import _


def draw(kept: Options | None) -> dict[str, Any]:
    """What Options takes besides the mapping; a kept mapping brings its own choices."""
    with workspace.database().read() as session:
        known = [row.name for row in contacts.tags(session)]
    start = kept or Options()
    countries = language.countries()
    country = start.country if start.country in countries else workspace.settings().country
    left, right = st.columns(2)
    return {
        "mode": left.selectbox(
            _("People in the file"),
            list(MODES),
            index=list(MODES).index(start.mode),
            format_func=lambda key: _(MODES[key]),
            **_kept("mode"),
        ),
        "match": right.selectbox(
            _("Who is here already is known by"),
            list(MATCHES),
            index=list(MATCHES).index(start.match),
            format_func=lambda key: _(MATCHES[key]),
            **_kept("match"),
        ),
        "country": left.selectbox(
            _("Country of phone numbers without a prefix"),
            countries,
            index=countries.index(country),
            format_func=language.country,
            **_kept("country"),
        ),
        "tags": tuple(
            right.multiselect(
                _("Tags for everybody in the file"),
                list(dict.fromkeys([*known, *start.tags])),
                default=list(start.tags),
                accept_new_options=True,
                placeholder=_("Choose or type"),
                **_kept("tags"),
            )
        ),
        "keep_problems": not st.checkbox(
            _("Leave out every row with a problem"),
            value=not start.keep_problems,
            help=_("Otherwise such a row comes in without the cell that has the problem."),
            **_kept("strict"),
        ),
    }


def _kept(name: str) -> dict[str, Any]:
    kept = st.session_state.get("import.kept", 0)
    return {"key": f"import.{name}.{language.current()}.{kept}", "persist_state": "session"}
