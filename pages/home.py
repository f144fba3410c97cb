"""Home: what needs a person, what is running, what is scheduled, and how much there is."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine import accounts, broadcast, db, jobs, overview
from engine.language import N_
from engine.overview import Line
from engine.segments import frame, segment
from pages.widgets import language, problems, workspace
from pages.widgets.language import _, counted, number
from pages.widgets.markdown import plain

RUNNING = ("preparing", "sending")
WAITING_FOR_A_PERSON = {
    "missed": N_("Its start was missed. Start it now, or choose another time."),
    "paused": N_("It is paused."),
    "failed": N_("It stopped."),
}
RECENT = 5


def main() -> None:
    st.title(_("Home"))
    database = workspace.database()
    people = frame.load(database).people.height
    with database.read() as session:
        lines = overview.overview(session)
        channels = accounts.listing(session)
        segments = len(segment.listing(session))
    if not people and not lines:
        welcome(len(channels))
        return
    totals(people=people, segments=segments, channels=len(channels), lines=lines)
    attention(lines, [row for row in channels if row.state == "paused"])
    running([line.id for line in lines if line.state in RUNNING])
    scheduled([line for line in lines if line.state == "scheduled"])
    drafts([line for line in lines if line.state == "draft"][:RECENT])
    recent([line for line in lines if line.state in broadcast.ENDED][:RECENT])


def welcome(channels: int) -> None:
    """A newcomer's three steps, and the demo."""
    st.markdown(
        _("**Tell many people something, once, on the channel where they are.** Three steps:")
    )
    steps = st.grid(3, min_column_width=240, gap="medium")
    with steps.container(border=True, height="stretch"):
        st.markdown(":material/upload_file: **" + _("1. Bring your contacts") + "**")
        st.markdown(_("A CSV or Excel file as it is: the columns are recognised."))
        st.page_link(
            "contacts.py",
            label=_("Import contacts"),
            icon=":material/arrow_forward:",
            query_params={"view": "import"},
        )
    with steps.container(border=True, height="stretch"):
        st.markdown(":material/filter_alt: **" + _("2. Choose who") + "**")
        st.markdown(_("A segment is a question about your contacts, counted while you ask it."))
        st.page_link("segments.py", label=_("Build a segment"), icon=":material/arrow_forward:")
    with steps.container(border=True, height="stretch"):
        st.markdown(":material/campaign: **" + _("3. Send a broadcast") + "**")
        st.markdown(_("Compose, test, see exactly who gets it, and send at your own pace."))
        st.page_link("broadcasts.py", label=_("Write a broadcast"), icon=":material/arrow_forward:")
    with st.container(border=True):
        st.markdown(":material/explore: **" + _("Or look around first") + "**")
        st.markdown(_("A demo shop with 100,000 contacts and channels that only pretend to send:"))
        st.code("pregon up --demo", language="bash")
    if not channels:
        st.caption(
            _("There is no channel yet. `pregon channel add` connects WhatsApp, Telegram or SMS.")
        )


def totals(*, people: int, segments: int, channels: int, lines: list[Line]) -> None:
    cells = st.grid(6, min_column_width=130)
    shown = {
        N_("Contacts"): people,
        N_("Segments"): segments,
        N_("Channels"): channels,
        N_("Messages"): sum(line.messages for line in lines),
        N_("Delivered"): sum(line.delivered for line in lines),
        N_("Replies"): sum(line.replied for line in lines),
    }
    for label, value in shown.items():
        cells.metric(_(label), number(value), border=True)


def attention(lines: Iterable[Line], paused_channels: list[db.Channel]) -> None:
    """Everything that will not move on by itself."""
    waiting = [line for line in lines if line.state in WAITING_FOR_A_PERSON]
    idle = not jobs.workers(workspace.settings())
    if not (waiting or paused_channels or idle):
        return
    st.subheader(_("Needs you"))
    if idle:
        st.warning(
            _("No worker is running, so nothing is sent. Start one with `pregon worker`."),
            icon=":material/power_off:",
        )
    for row in paused_channels:
        reason = plain(row.state_reason)
        text = _("The channel **{name}** is paused.").format(name=plain(row.name))
        st.warning(f"{text} {reason}", icon=":material/pause_circle:")
    for line in waiting:
        with card(line, page="report.py" if line.messages else "broadcast.py"):
            what = line.state_reason or _(WAITING_FOR_A_PERSON[line.state])
            st.markdown(f":orange-badge[{_(broadcast.STATES[line.state])}] {plain(what)}")


def running(ids: list[int]) -> None:
    """Counts of what is being sent, kept up to date while it is."""
    if ids:
        st.subheader(_("Sending now"))
        st.fragment(live, run_every="2s")(ids)


def live(ids: list[int]) -> None:
    with problems.shown(), workspace.database().read() as session:
        lines = overview.overview(session, ids=ids)
    if any(line.state not in RUNNING for line in lines):
        st.rerun(scope="app")
    for line in lines:
        with card(line, page="report.py"):
            sent = line.messages - line.waiting
            text = _("{sent} of {messages} messages · {delivered} delivered").format(
                sent=number(sent),
                messages=number(line.messages),
                delivered=number(line.delivered),
            )
            st.progress(min(1.0, line.done), text=text)


def scheduled(lines: list[Line]) -> None:
    if not lines:
        return
    st.subheader(_("Scheduled"))
    for line in sorted(lines, key=lambda line: (line.start_at is None, line.start_at)):
        with card(line, page="broadcast.py"):
            st.markdown(":material/schedule: " + language.moment(line.start_at, format="long"))


def drafts(lines: list[Line]) -> None:
    if not lines:
        return
    st.subheader(_("Drafts"))
    for line in lines:
        with card(line, page="broadcast.py"):
            when = language.moment(line.created_at)
            st.caption(_("Created {when}").format(when=when))


def recent(lines: list[Line]) -> None:
    if not lines:
        return
    st.subheader(_("Finished"))
    for line in lines:
        with card(line, page="report.py"):
            counts = [
                (line.messages, N_("1 message"), N_("{count} messages")),
                (line.delivered, N_("1 delivered"), N_("{count} delivered")),
                (line.read, N_("1 read"), N_("{count} read")),
                (line.replied, N_("1 replied"), N_("{count} replied")),
                (line.failed, N_("1 failed"), N_("{count} failed")),
                (line.unknown, N_("1 unknown"), N_("{count} unknown")),
            ]
            said = [counted(count, one, many) for count, one, many in counts if count]
            st.markdown(" · ".join((_(broadcast.STATES[line.state]), *said)))


def card(line: Line, *, page: str) -> DeltaGenerator:
    """A bordered row that opens the broadcast and takes what is drawn in it."""
    box = st.container(border=True)
    if box.button(f"**{plain(line.name)}**", type="tertiary", key=f"open.{line.id}"):
        st.switch_page(page, query_params={"id": str(line.id)})
    return box


main()
