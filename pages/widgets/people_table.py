"""People in a table that loads its rows as they are looked at."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from engine.contacts import profile
from engine.language import N_
from engine.segments.catalogue import Catalogue
from pages.widgets.language import _
from pages.widgets.markdown import plain

BEFORE = {
    "first_name": N_("First name"),
    "last_name": N_("Last name"),
    "phone": N_("Phone"),
    "email": N_("Email"),
    "country": N_("Country"),
    "language": N_("Language"),
}
AFTER = {
    "last_inbound_at": N_("Last incoming message"),
    "created_at": N_("Created"),
}


def draw(
    people: profile.People,
    catalogue: Catalogue,
    *,
    key: str,
    height: int = 420,
    ids: list[int] | None = None,
    opened: Callable[[int], None] | None = None,
) -> None:
    """`people` has the contact frame's columns; with `ids` only those are shown.

    `opened` takes the id of the person chosen.
    """
    if ids is not None:
        people = profile.those(people, ids)
    custom = {item.column: item for item in catalogue.fields if item.custom}
    config = {name: st.column_config.Column(_(label)) for name, label in BEFORE.items()}
    for name, item in custom.items():
        config[name] = _column(item.type, plain(item.label))
    for name, label in AFTER.items():
        config[name] = st.column_config.DatetimeColumn(_(label), format="localized")
    if opened is not None:
        config["id"] = st.column_config.ButtonColumn(
            _("Open"),
            type="secondary",
            width="small",
            pinned=True,
            key=f"{key}.opened",
            # the label is the person's id: a row's place may mean somebody else by now
            on_click=lambda: opened(int(st.session_state[f"{key}.opened"]["label"])),
        )
    names = [*(["id"] if opened else []), *BEFORE, *custom, *AFTER]
    st.dataframe(
        people.select(names),
        column_config=config,
        hide_index=True,
        height=height,
        placeholder="",
        key=key,
    )


def _column(type: str, label: str) -> dict:
    match type:
        case "number":
            return st.column_config.NumberColumn(label, format="localized")
        case "date":
            return st.column_config.DateColumn(label, format="localized")
        case "datetime":
            return st.column_config.DatetimeColumn(label, format="localized")
        case _:
            return st.column_config.Column(label)
