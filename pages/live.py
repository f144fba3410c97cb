"""A broadcast that is no draft any more: what it does now, and what a person can do about it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from engine import broadcast, charts, db, jobs, overview, plan, reports
from engine.language import N_
from engine.overview import Line
from pages import beside, steps_sending
from pages.widgets import language, problems, workspace
from pages.widgets.language import _, counted, number
from pages.widgets.markdown import plain
from pages.widgets.outlook import Outlook
from pages.widgets.state import badge

MOVING = ("preparing", "sending")
CANCELLABLE = ("scheduled", "missed", "preparing", "sending", "paused")
BUCKETS = 90
CHART = 230
"""Height of the chart in pixels."""


def draw(look: Outlook) -> None:
    row = look.row
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(plain(row.name), width="content")
        badge(row.state)
        st.space("stretch")
        _draw_actions(row)
    problems.draw("live")
    if row.state_reason:
        st.warning(plain(row.state_reason), icon=":material/info:")
    now, content = st.columns([7, 4], gap="large")
    with now:
        _draw_state(row)
        st.subheader(_("Broadcast"), anchor=False)
        steps_sending.draw_facts(look)
    with content:
        beside.draw_phone(look)


def _draw_state(row: db.Broadcast) -> None:
    when = plain(language.moment(row.start_at, format="long"))
    if row.state == "scheduled":
        st.info(_("It starts on {when}.").format(when=when), icon=":material/schedule:")
    elif row.state == "missed":
        text = _("Its start on {when} was missed: start it now, or take it back to a draft.")
        st.warning(text.format(when=when), icon=":material/running_with_errors:")
    else:
        _draw_progress(row)


def _draw_actions(row: db.Broadcast) -> None:
    offered: list[tuple[str, str, str, Callable[[int], None]]] = []
    if row.state in MOVING:
        offered.append(("pause", _("Pause"), "pause", _pause))
    if row.state == "paused":
        offered.append(("resume", _("Resume"), "play_arrow", _resume))
    if row.state == "missed":
        offered.append(("start_now", _("Start now"), "send", _start))
    if row.state in ("scheduled", "missed"):
        offered.append(("to_draft", _("Back to draft"), "edit", _unschedule))
    for key, label, icon, act in offered:
        st.button(label, key=key, icon=f":material/{icon}:", on_click=act, args=(row.id,))
    if row.state in CANCELLABLE:
        with st.popover(_("Cancel"), icon=":material/cancel:", key="cancel_menu"):
            st.markdown(_("Nothing more goes out, and it cannot be taken up again."))
            st.button(
                _("Cancel broadcast"),
                key="cancel",
                type="primary",
                on_click=_cancel,
                args=(row.id,),
            )
    if row.started_at is not None:
        st.page_link(
            "report.py",
            label=_("Report"),
            icon=":material/monitoring:",
            query_params={"id": str(row.id)},
        )


def _pause(id: int) -> None:
    with problems.kept("live"), workspace.database().write() as session:
        broadcast.pause(session, id)


def _resume(id: int) -> None:
    with problems.kept("live"):
        with workspace.database().write() as session:
            broadcast.resume(session, id)
        jobs.wake(workspace.settings(), id)


def _start(id: int) -> None:
    with problems.kept("live"):
        with workspace.database().write() as session:
            broadcast.start_missed(session, id)
        jobs.wake(workspace.settings(), id)


def _unschedule(id: int) -> None:
    with problems.kept("live"), workspace.database().write() as session:
        broadcast.unschedule(session, id)


def _cancel(id: int) -> None:
    with problems.kept("live"), workspace.database().write() as session:
        broadcast.cancel(session, id)


# Progress


def _draw_progress(row: db.Broadcast) -> None:
    every = "1s" if row.state in MOVING else None
    st.fragment(_draw_now, run_every=every)(row.id, row.state, _limit(row))


def _limit(row: db.Broadcast) -> float | None:
    """The chosen speed in messages a second."""
    if not row.rate_count or row.rate_per not in plan.SECONDS:
        return None
    return row.rate_count / plan.SECONDS[row.rate_per]


def _draw_now(id: int, drawn_as: str, limit: float | None) -> None:
    """One tick. When the state has moved on the whole page is drawn anew, and the ticking ends."""
    with problems.shown():
        with workspace.database().read() as session:
            line = overview.overview(session, ids=[id])[0]
        if line.state != drawn_as:
            st.rerun(scope="app")
        _draw_line(line)
        sent = _throughput(workspace.database(), id)
        st.caption(_("Messages per second") if limit is None else _told_limit(limit))
        if sent.is_empty():
            st.space(CHART)
            return
        st.echarts_chart(
            charts.throughput(sent, limit, _),
            key="live_throughput",
            height=CHART,
            alt=charts.throughput_alt(sent, limit, _),
        )


def _told_limit(limit: float) -> str:
    digits = 0 if float(limit).is_integer() else 2
    return _("Messages per second, at most {limit}").format(limit=number(limit, digits=digits))


@st.cache_data(ttl="1s", max_entries=16, show_spinner=False)
def _throughput(_database: db.Database, id: int):
    with _database.read() as session:
        return reports.throughput(session, id, buckets=BUCKETS)


def _draw_line(line: Line) -> None:
    if line.state == "preparing":
        st.progress(0.0, text=_("Writing down who gets it…"))
    else:
        messages = counted(line.messages, N_("1 message"), N_("{count} messages"))
        done = number(line.messages - line.waiting)
        text = _("{done} of {messages} done").format(done=done, messages=messages)
        st.progress(min(1.0, line.done), text=text)
    cells = st.grid(4, min_column_width=110)
    shown = {
        N_("Recipients"): line.recipients,
        N_("Messages"): line.messages,
        N_("Waiting"): line.waiting,
        N_("Delivered"): line.delivered,
        N_("Read"): line.read,
        N_("Replied"): line.replied,
        N_("Failed"): line.failed,
        N_("Unknown"): line.unknown,
    }
    for label, value in shown.items():
        cells.metric(_(label), number(value), border=True)
    if line.state in MOVING and not jobs.workers(workspace.settings()):
        st.warning(
            _("No worker is running, so nothing is sent. Start one with `pregon worker`."),
            icon=":material/power_off:",
        )
