"""A broadcast's report (`?id=`): every number on it is reports.report, a count over the ledger."""

from __future__ import annotations

import datetime as dt
import json

import streamlit as st

from engine import broadcast, charts, db, reports
from engine.language import N_
from engine.reports import Report
from pages.widgets import problems, state, workspace
from pages.widgets.duration import duration
from pages.widgets.language import _, counted, number, share
from pages.widgets.markdown import plain

BAR = 36
"""Height of a bar of the waterfall in pixels."""

MOVING = ("preparing", "sending")
SETTLING = dt.timedelta(minutes=2)
"""How long after its end receipts are still waited for without a reload."""

CLASSES = {
    "permanent": N_("Refused for good"),
    "retryable": N_("Could not be reached"),
    "opted_out": N_("Opted out"),
    "unclear": N_("No clear answer"),
    "previous_part": N_("An earlier message failed"),
    "deleted": N_("Contact deleted meanwhile"),
    "cancelled": N_("Cancelled"),
}
PER = {"second": N_("second"), "minute": N_("minute"), "hour": N_("hour")}


def main() -> None:
    asked = st.query_params.get("id", "")
    if not asked.isdecimal():
        st.switch_page("broadcasts.py")
    st.page_link("broadcasts.py", label=_("All broadcasts"), icon=":material/arrow_back:")
    with problems.shown():
        with workspace.database().read() as session:
            row = db.get(session, db.Broadcast, int(asked))
        draw_head(row)
        ended = row.finished_at is not None and db.now() - row.finished_at > SETTLING
        moving = row.state in MOVING or (row.finished_at is not None and not ended)
        st.fragment(draw, run_every="3s" if moving else None)(row.id, row.state, moving)


def draw_head(row: db.Broadcast) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(plain(row.name), width="content")
        state.badge(row.state)
        st.space("stretch")
        st.page_link(
            "broadcast.py",
            label=_("Broadcast"),
            icon=":material/campaign:",
            query_params={"id": str(row.id)},
        )
    if row.labels:
        st.markdown(" ".join(f":gray-badge[{plain(label)}]" for label in row.labels))


def draw(id: int, drawn_as: str, moving: bool) -> None:
    with problems.shown():
        with workspace.database().read() as session:
            found = reports.report(session, id)
        over = moving and found.state in broadcast.ENDED and _settled(id)
        if found.state != drawn_as or over:
            st.rerun(scope="app")
        if not found.matched:
            st.info(_("Nothing was sent yet, so there is nothing to report."))
            return
        draw_numbers(found)
        left, right = st.columns(2, gap="large")
        with left:
            draw_people(found)
        with right:
            draw_funnel(found)
        draw_states(found)
        draw_failures(found)
        draw_throughput(found)
        draw_download(found)


def _settled(id: int) -> bool:
    with workspace.database().read() as session:
        finished = db.get(session, db.Broadcast, id).finished_at
    return finished is not None and db.now() - finished > SETTLING


def draw_numbers(found: Report) -> None:
    people = counted(found.recipients, N_("1 recipient"), N_("{count} recipients"))
    left = counted(found.matched - found.recipients, N_("1 left out"), N_("{count} left out"))
    st.markdown(
        _("**{matched}** matched the segment = **{recipients}** + **{left_out}**.").format(
            matched=number(found.matched), recipients=people, left_out=left
        )
    )
    shown = {
        "recipients": (N_("Recipients"), found.recipients, found.matched),
        "messages": (N_("Messages"), found.messages, 0),
        "accepted": (N_("Accepted"), found.funnel["accepted"], found.messages),
        "delivered": (N_("Delivered"), found.funnel["delivered"], found.messages),
        "read": (N_("Read"), found.funnel["read"], found.messages),
        "replied": (N_("Replied"), found.funnel["replied"], found.messages),
        "failed": (N_("Failed"), found.states["failed"], found.messages),
        "unknown": (N_("Unknown"), found.states["unknown"], found.messages),
    }
    cells = st.grid(4, min_column_width=140, key="numbers")
    for key, (label, value, whole) in shown.items():
        with cells.container(key=f"number_{key}", height="stretch"):
            part = share(value, whole) if whole else None
            st.metric(
                _(label),
                number(value),
                part,
                "off",
                delta_arrow="off",
                border=True,
                height="stretch",
            )


def draw_people(found: Report) -> None:
    st.subheader(_("Who got it, and why others did not"), anchor=False)
    told = {
        "matched": found.matched,
        "reasons": found.left_out,
        "recipients": found.recipients,
        "t": _,
        "number": number,
    }
    bars = 2 + sum(1 for people in found.left_out.values() if people)
    st.echarts_chart(
        charts.waterfall(**told),
        key="waterfall",
        height=24 + BAR * bars,
        alt=charts.waterfall_alt(**told),
    )


def draw_funnel(found: Report) -> None:
    st.subheader(_("How far the messages came"), anchor=False)
    figure = charts.funnel(found, _, number)
    if colours := st.get_option("theme.chartCategoricalColors"):  # Plotly 7 misses the theme's own
        figure.update_traces(marker_color=colours[0])
    st.plotly_chart(figure, key="funnel", config={"displayModeBar": False})


def draw_states(found: Report) -> None:
    st.subheader(_("Messages by channel and state"), anchor=False)
    kept = [key for key, count in found.states.items() if count]
    rows = [(plain(channel.name), channel.messages, channel.states) for channel in found.channels]
    if len(rows) != 1:
        rows.append((f"**{_('Together')}**", found.messages, found.states))
    st.table(
        [
            {
                _("Channel"): name,
                _("Messages"): number(messages),
                **{_(reports.STATES.get(key, key)): number(states[key]) for key in kept},
            }
            for name, messages, states in rows
        ],
        border="horizontal",
        hide_index=True,
    )
    st.caption(_("The states add up to the messages planned."))


def draw_failures(found: Report) -> None:
    if not found.failures:
        return
    st.subheader(_("What failed, in the provider's words"), anchor=False)
    st.dataframe(
        [
            {
                _("Kind"): _(CLASSES.get(one.reason_class, one.reason_class)),
                _("Code"): one.code,
                _("Text"): one.text,
                _("Messages"): one.count,
            }
            for one in found.failures
        ],
        hide_index=True,
        key="failures",
    )


def draw_throughput(found: Report) -> None:
    if found.largest_window is None or found.seconds is None:
        return
    st.subheader(_("How fast it went out"), anchor=False)
    limit = None
    if found.rate is not None:
        limit = found.rate.count / reports.SECONDS[found.rate.per]
    with workspace.database().read() as session:
        sent = reports.throughput(session, found.id)
    st.echarts_chart(
        charts.throughput(sent, limit, _),
        key="throughput",
        height=260,
        alt=charts.throughput_alt(sent, limit, _),
    )
    st.caption(plain(told_pace(found)))


def told_pace(found: Report) -> str:
    """The proof: the most that left in any stretch of the unit, against what was allowed."""
    assert found.largest_window is not None
    most = counted(found.largest_window.count, N_("1 message"), N_("{count} messages"))
    per = _(PER[found.rate.per if found.rate else "second"])
    told = [_("The most in any {per}: {messages}.").format(per=per, messages=most)]
    if found.rate is not None:
        count = number(found.rate.count)
        told.append(_("The limit: {count} per {per}.").format(count=count, per=per))
    told.append(_("From the first to the last: {time}.").format(time=duration(found.seconds or 0)))
    return " ".join(told)


def draw_download(found: Report) -> None:
    st.download_button(
        _("Download as JSON"),
        lambda: json.dumps(found.to_json(), ensure_ascii=False, indent=2),
        file_name=f"report-{found.id}.json",
        mime="application/json",
        key="download",
        icon=":material/download:",
        on_click="ignore",
    )
    st.caption(_("Times are in {zone}.").format(zone=workspace.settings().timezone))


main()
