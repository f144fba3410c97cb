"""Broadcasts: all of them in a line each, and the way to a new one."""

from __future__ import annotations

import streamlit as st

from engine import broadcast, drafts, overview
from engine.errors import PregonError
from engine.language import N_
from engine.overview import Line
from pages.widgets import language, problems, state, workspace
from pages.widgets.language import _, counted
from pages.widgets.markdown import plain

PAGE = 25
DRAFT_PAGE, REPORT_PAGE = "broadcast.py", "report.py"


def main() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.title(_("Broadcasts"))
        label = _("Add broadcast")
        if st.button(label, key="add_broadcast", type="primary", icon=":material/add:"):
            add()
    with workspace.database().read() as session:
        lines = overview.overview(session)
    if not lines:
        with st.container(border=True):
            st.markdown(_("**No broadcasts yet.** A broadcast tells many people something, once."))
            st.markdown(
                _("Give one a name with *Add broadcast*; it is a draft until you confirm it.")
            )
        return
    chosen = filtered(lines)
    pages = -(-len(chosen) // PAGE) or 1
    at = st.session_state.get("page", 1) if pages > 1 else 1
    first = (min(at, pages) - 1) * PAGE
    for line in chosen[first : first + PAGE]:
        draw(line)
    if pages > 1:
        st.pagination(pages, key="page")


def add() -> None:
    st.dialog(_("Add broadcast"), icon=":material/campaign:")(draw_new)()


def draw_new() -> None:
    with workspace.database().read() as session:
        used = {label for row in drafts.listing(session) for label in row.labels}
    typed = st.session_state.get("new_labels") or []
    name = st.text_input(_("Name"), key="new_name", persist_state="session")
    labels = st.multiselect(
        _("Labels"),
        sorted({*used, *typed}, key=str.casefold),
        key="new_labels",
        accept_new_options=True,
        placeholder=_("Choose or type labels"),
        help=_("Labels group broadcasts, here and in segments."),
        persist_state="session",
    )
    if st.button(_("Create"), key="create", type="primary"):
        try:
            with workspace.database().write() as session:
                id = drafts.create(session, name=name, labels=labels).id
        except PregonError as error:
            problems.show(error)
            return
        for key in ("new_name", "new_labels"):
            st.session_state.pop(key, None)
        st.switch_page(DRAFT_PAGE, query_params={"id": str(id)})


def filtered(lines: list[Line]) -> list[Line]:
    labels = sorted({label for line in lines for label in line.labels}, key=str.casefold)
    if not labels:
        return lines
    wanted = st.pills(
        _("Labels"),
        labels,
        selection_mode="multi",
        format_func=plain,
        key="labels",
        label_visibility="collapsed",
    )
    if not wanted:
        return lines
    return [line for line in lines if set(wanted) & set(line.labels)]


def draw(line: Line) -> None:
    sent = bool(line.messages)
    with st.container(border=True, key=f"broadcast_{line.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link(
                REPORT_PAGE if sent and line.state in broadcast.ENDED else DRAFT_PAGE,
                label=f"**{plain(line.name)}**",
                query_params={"id": str(line.id)},
            )
            st.markdown(state.marked(line.state), width="content")
            if line.labels:
                labels = " ".join(f":gray-badge[{plain(label)}]" for label in line.labels)
                st.markdown(labels, width="content")
        st.caption(told(line))


def told(line: Line) -> str:
    """The numbers that are not zero, and when."""
    counts = [
        (line.recipients, N_("1 recipient"), N_("{count} recipients")),
        (line.messages, N_("1 message"), N_("{count} messages")),
        (line.delivered, N_("1 delivered"), N_("{count} delivered")),
        (line.read, N_("1 read"), N_("{count} read")),
        (line.replied, N_("1 replied"), N_("{count} replied")),
        (line.failed, N_("1 failed"), N_("{count} failed")),
        (line.unknown, N_("1 unknown"), N_("{count} unknown")),
    ]
    said = [counted(count, one, many) for count, one, many in counts if count]
    moment = line.finished_at or line.start_at or line.created_at
    words = N_("Finished {when}") if line.finished_at else N_("Created {when}")
    if line.start_at is not None and line.finished_at is None:
        words = N_("Starts {when}") if line.state == "scheduled" else N_("Started {when}")
    return plain(" · ".join((_(words).format(when=language.moment(moment, format="short")), *said)))


main()
