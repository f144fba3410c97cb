"""All segments: what each asks, how many it holds now, and who uses it."""

from __future__ import annotations

import streamlit as st

from engine import db
from engine.contacts.cldr import plain as bare
from engine.language import N_
from engine.segments import frame, saved, segment
from engine.segments.saved import Uses
from pages.widgets import language, problems, workspace
from pages.widgets.language import _, counted, number
from pages.widgets.markdown import plain

MANY = 8
"""From so many on, they can be searched."""
PAGE = 40
WORDS = 240
"""Letters of a sentence in the list; its segment has it whole."""


def draw() -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(_("Segments"), width="content")
        st.space("stretch")
        with st.popover(_("New segment"), icon=":material/add:", type="primary"):
            _new()
    problems.draw("segments")
    database = workspace.database()
    with database.read() as session:
        rows, used = segment.listing(session), saved.used(session)
    if not rows:
        _empty()
        return
    if len(rows) >= MANY:
        rows = _searched(rows)
    st.fragment(_lines)(rows, used)


def _empty() -> None:
    with st.container(border=True):
        st.markdown(_("**No segments yet.** A segment says who a broadcast is for."))
        st.markdown(
            _("Give one a name with *New segment*, then add conditions; they are counted live.")
        )


def _new() -> None:
    with st.form("new_segment", border=False):
        name = st.text_input(_("Name"), key="new_segment.name", persist_state="session")
        done = st.form_submit_button(_("Create"), type="primary")
    if done:
        with problems.shown():
            with workspace.database().write() as session:
                made = segment.create(session, name=name).id
            st.session_state.pop("new_segment.name", None)
            st.switch_page("segments.py", query_params={"id": str(made)})


def _searched(rows: list[db.Segment]) -> list[db.Segment]:
    text = st.text_input(
        _("Find a segment"),
        placeholder=_("Find a segment"),
        icon=":material/search:",
        type="search",
        live=True,
        key="segments.search",
        persist_state="session",
        label_visibility="collapsed",
        width=340,
    )
    words = bare(text or "").split()
    found = [row for row in rows if all(word in bare(row.name) for word in words)]
    if not found:
        st.markdown(_("No segment has that name."))
    return found


def _lines(rows: list[db.Segment], used: dict[int, Uses]) -> None:
    place = "segments.shown"
    loaded = frame.load(workspace.database())
    shown = max(PAGE, st.session_state.get(place, PAGE))
    for row in rows[:shown]:
        _line(row, used.get(row.id, Uses()), loaded)
    if len(rows) > shown:
        st.button(
            _("Show more"),
            icon=":material/expand_more:",
            on_click=lambda: st.session_state.update({place: shown + PAGE}),
        )


def _line(row: db.Segment, uses: Uses, loaded: frame.Frame) -> None:
    """One segment: its name, what it asks, who uses it, how many it holds."""
    with st.container(border=True):
        left, right = st.columns([5, 1.2], vertical_alignment="center")
        with left.container(gap="xxsmall"):
            if st.button(f"**{plain(row.name)}**", type="tertiary", key=f"open.{row.id}"):
                st.switch_page("segments.py", query_params={"id": str(row.id)})
            with problems.shown():
                group = segment.from_json(row.tree)
                words = segment.words(group, loaded.catalogue, language.current())
                st.markdown(plain(_short(words)))
                st.caption(_about(row, uses))
                people = segment.count(workspace.database(), group)
                share = language.share(people, loaded.people.height)
                right.metric(
                    _("Contacts"),
                    number(people),
                    _("{share} of all").format(share=share),
                    "off",
                    delta_arrow="off",
                )


def _short(words: str) -> str:
    return words if len(words) <= WORDS else words[:WORDS].rsplit(" ", 1)[0] + " …"


def _about(row: db.Segment, uses: Uses) -> str:
    """Who uses it, its tests, and when it was changed, in one quiet line."""
    said = []
    if uses.broadcasts:
        many = len(uses.broadcasts)
        said.append(counted(many, N_("Used by 1 broadcast"), N_("Used by {count} broadcasts")))
    if uses.segments:
        many = len(uses.segments)
        said.append(counted(many, N_("Used by 1 segment"), N_("Used by {count} segments")))
    when = language.moment(row.updated_at)
    said.append(_("Changed on {when}").format(when=when))
    return " · ".join(map(plain, said))
