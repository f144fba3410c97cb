"""Tests of a segment: people pinned in or out, and how many it may hold; run on what is shown."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine import db
from engine.contacts import contacts
from engine.language import N_
from engine.segments import expectations, frame, naming, segment, verdicts
from engine.segments.expectations import Expectations
from engine.segments.verdicts import Verdict
from pages.widgets import language, problems, workspace
from pages.widgets.language import _, counted
from pages.widgets.markdown import plain

FOUND_MAX = 5
SIDES = {"inside": N_("Must be in"), "outside": N_("Must be out")}
ICONS = {True: ":green[:material/check_circle:]", False: ":red[:material/cancel:]"}


def draw(id: int, tree: dict[str, Any]) -> None:
    """`tree` is the segment as it stands in the builder, saved or not."""
    problems.draw(_key(id))
    with problems.shown():
        database = workspace.database()
        with database.read() as session:
            wanted = expectations.get(session, id)
        found = expectations.run(database, id, segment.from_json(tree))
        _draw_summary(found)
        for place, verdict in enumerate(found):
            _draw_verdict(id, place, verdict)
        left, right = st.columns([1.4, 1], gap="large")
        with left:
            _draw_search(id, wanted)
        with right:
            _draw_size(id, wanted)


def _key(id: int) -> str:
    return f"segment.{id}.tests"


def _draw_summary(found: tuple[Verdict, ...]) -> None:
    red = sum(not one.ok for one in found)
    with st.container(horizontal=True, vertical_alignment="center"):
        if red:
            text = counted(red, N_("1 test is red"), N_("{count} tests are red"))
            st.badge(text, color="red", icon=":material/cancel:")
        elif found:
            text = counted(len(found), N_("1 test, green"), N_("{count} tests, all green"))
            st.badge(text, color="green", icon=":material/check_circle:")
    if not found:
        st.markdown(
            _(
                "Pin people who must be in or out (yourself, a test account, a customer you know), "
                "and say how many there should be."
            )
        )
    st.caption(
        _(
            "Tests run on every change, before a broadcast is confirmed, and again when a "
            "scheduled one starts. A red test stops it."
        )
    )


def _draw_verdict(id: int, place: int, verdict: Verdict) -> None:
    catalogue = frame.load(workspace.database(), stale=5).catalogue
    told = verdicts.sentence(verdict, catalogue, language.current())
    with st.container(
        horizontal=True, wrap=False, vertical_alignment="center", key=f"{_key(id)}.line.{place}"
    ):
        st.markdown(f"{ICONS[verdict.ok]} {plain(told)}", width="stretch")
        what = verdict.contact if verdict.contact is not None else verdict.kind
        st.button(
            "",
            key=f"{_key(id)}.remove.{what}",
            icon=":material/close:",
            type="tertiary",
            help=_("Remove this test"),
            on_click=_remove,
            args=(id, verdict),
        )


def _draw_search(id: int, wanted: Expectations) -> None:
    text = st.text_input(
        _("Pin a person"),
        placeholder=_("Name, phone or email"),
        icon=":material/search:",
        type="search",
        live=True,
        key=f"{_key(id)}.search",
    )
    if not (text or "").strip():
        return
    database = workspace.database()
    ids = naming.named(database, text, limit=FOUND_MAX)
    with database.read() as session:
        people = contacts.some(session, ids)
    if not people:
        st.caption(_("Nobody found."))
    for person in people:
        _draw_person(id, person, wanted)


def _draw_person(id: int, person: db.Contact, wanted: Expectations) -> None:
    name = expectations.name_of(person)
    known = [part for part in (person.phone, person.email) if part and part != name]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{plain(name)}**" + "".join(f"  \n:gray[{plain(part)}]" for part in known[:1]),
            width="stretch",
        )
        for side, label in SIDES.items():
            st.button(
                _(label),
                key=f"{_key(id)}.{side}.{person.id}",
                disabled=person.id in getattr(wanted, side),
                on_click=_pin,
                args=(id, person.id, side),
            )


def _draw_size(id: int, wanted: Expectations) -> None:
    left, right = st.columns(2)
    for place, name, label in (
        (left, "least", N_("At least")),
        (right, "most", N_("At most")),
    ):
        place.number_input(
            _(label),
            min_value=0,
            value=getattr(wanted, name),
            step=1,
            format="%d",
            placeholder=_("Contacts"),
            key=f"{_key(id)}.{name}",
            on_change=_size,
            args=(id, name),
        )


# What a click does


def _put(id: int, **changed: Any) -> None:
    with problems.kept(_key(id)), workspace.database().write() as session:
        wanted = expectations.get(session, id)
        stored = {name: getattr(wanted, name) for name in ("inside", "outside", "least", "most")}
        expectations.put(session, id, **(stored | changed))


def _pin(id: int, contact: int, side: str) -> None:
    """Pin somebody on one side, and no longer on the other."""
    with workspace.database().read() as session:
        wanted = expectations.get(session, id)
    sides = {name: tuple(one for one in getattr(wanted, name) if one != contact) for name in SIDES}
    _put(id, **{**sides, side: (*sides[side], contact)})


def _size(id: int, name: str) -> None:
    value = st.session_state[f"{_key(id)}.{name}"]
    _put(id, **{name: None if value is None else int(value)})


def _remove(id: int, verdict: Verdict) -> None:
    if verdict.contact is None:
        st.session_state.pop(f"{_key(id)}.{verdict.kind}", None)
        _put(id, **{verdict.kind: None})
        return
    side = "inside" if verdict.kind == "in" else "outside"
    with workspace.database().read() as session:
        pinned = getattr(expectations.get(session, id), side)
    _put(id, **{side: tuple(one for one in pinned if one != verdict.contact)})
