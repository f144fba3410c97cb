"""Steps 10 to 12 of a broadcast: when it goes out, how fast, and the last look before it does."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from functools import cache

import streamlit as st

from channels.base import Content
from engine import broadcast, checks, jobs
from engine.language import N_
from pages.widgets import language, problems, workspace
from pages.widgets.draft import Draft
from pages.widgets.duration import duration
from pages.widgets.language import _, number
from pages.widgets.markdown import plain
from pages.widgets.outlook import Outlook
from pages.widgets.phone_preview import KINDS as KIND_NAMES

STARTS = {"now": N_("Now"), "later": N_("At a date and time")}
SPEEDS = {"free": N_("As fast as possible"), "limited": N_("At most")}
PER = {"second": N_("per second"), "minute": N_("per minute"), "hour": N_("per hour")}
FIRST_TIME = dt.time(9, 0)
FIRST_RATE = 20
EXCERPT = 90


# 10. When


def draw_start(look: Outlook) -> None:
    draft = look.draft
    st.segmented_control(
        _("When does it start?"),
        list(STARTS),
        format_func=lambda start: _(STARTS[start]),
        key=draft.start("start", "later" if look.row.start_local else "now"),
        required=True,
        on_change=_save_start,
        args=(draft,),
    )
    if look.row.start_local is None:
        return
    chosen = dt.datetime.fromisoformat(look.row.start_local)
    fields = st.grid(3, min_column_width=150)
    about = {"on_change": _save_start, "args": (draft,)}
    fields.date_input(
        _("Date"),
        key=draft.start("date", chosen.date()),
        format="DD/MM/YYYY" if language.current() == "es" else "YYYY-MM-DD",
        **about,
    )
    fields.time_input(
        _("Time"), key=draft.start("time", chosen.time()), step=dt.timedelta(minutes=5), **about
    )
    fields.selectbox(
        _("Time zone"),
        zones(),
        key=draft.start("zone", look.row.timezone or workspace.settings().timezone),
        **about,
    )
    _draw_start(look)


@cache
def zones() -> list[str]:
    """Every IANA zone a person could mean, by name."""
    return sorted(
        name for name in zoneinfo.available_timezones() if "/" in name or name in ("UTC", "GMT")
    )


def _save_start(draft: Draft) -> None:
    if draft.value("start") == "now":
        draft.save("step_start", start_local=None, timezone=None)
        return
    zone = st.session_state.get(draft.key("zone"), workspace.settings().timezone)
    tomorrow = dt.datetime.now(zoneinfo.ZoneInfo(zone)).date() + dt.timedelta(days=1)
    date = st.session_state.get(draft.key("date"), tomorrow)
    time = st.session_state.get(draft.key("time"), FIRST_TIME)
    if date is None or time is None:  # emptied while another is typed
        return
    local = dt.datetime.combine(date, time).isoformat(timespec="minutes")
    draft.save("step_start", start_local=local, timezone=zone)


def _draw_start(look: Outlook) -> None:
    with problems.shown():
        start = look.start
        zone, own = look.row.timezone or "UTC", workspace.settings().timezone
        told = f"{language.moment(start, zone=zone, format='long')}"
        if zone != own:
            told += f" = {language.moment(start, zone=own)} ({own})"
        if look.in_time:
            st.caption(plain(told))
        else:
            text = _("{start} is in the past: choose a later time.")
            st.error(plain(text.format(start=told)), icon=":material/error:")


def sum_up_start(look: Outlook) -> str:
    if look.row.start_local is None:
        return _(STARTS["now"])
    zone = look.row.timezone or "UTC"
    wall = dt.datetime.fromisoformat(look.row.start_local).replace(tzinfo=zoneinfo.ZoneInfo(zone))
    return f"{language.moment(wall, zone=zone, format='short')} ({zone})"


# 11. Speed


def draw_speed(look: Outlook) -> None:
    draft = look.draft
    st.segmented_control(
        _("How fast?"),
        list(SPEEDS),
        format_func=lambda speed: _(SPEEDS[speed]),
        key=draft.start("speed", "limited" if look.row.rate_count else "free"),
        required=True,
        on_change=_save_speed,
        args=(draft,),
    )
    if look.row.rate_count:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.number_input(
                _("Messages"),
                min_value=1,
                step=1,
                key=draft.start("rate", look.row.rate_count),
                width=160,
                on_change=_save_speed,
                args=(draft,),
            )
            st.segmented_control(
                _("Per"),
                list(PER),
                format_func=lambda per: _(PER[per]),
                key=draft.start("per", look.row.rate_per),
                required=True,
                label_visibility="collapsed",
                on_change=_save_speed,
                args=(draft,),
            )
    _draw_speed(look)


def _save_speed(draft: Draft) -> None:
    if draft.value("speed") == "free":
        draft.save("step_speed", rate_count=None, rate_per=None)
        return
    count = st.session_state.get(draft.key("rate"), FIRST_RATE)
    if count is not None:  # emptied while another is typed
        per = draft.value("per") or "second"
        draft.save("step_speed", rate_count=int(count), rate_per=per)


def _draw_speed(look: Outlook) -> None:
    if problem := look.rate_problem:
        problems.show(problem)
    elif look.seconds is not None:
        st.caption(_("It takes about {time}.").format(time=duration(look.seconds)))
    for channel in look.slower:
        text = _(
            "{channel} may send at most {ceiling} per second; it sends at that speed, "
            "and the others at yours."
        )
        told = {"channel": plain(channel.name), "ceiling": number(channel.ceiling)}
        st.warning(text.format(**told), icon=":material/speed:")
    if not look.row.rate_count:
        st.caption(_("Each channel sends as fast as its own limit lets it."))


def told_speed(look: Outlook) -> str:
    if not look.row.rate_count or look.row.rate_per not in PER:
        return _(SPEEDS["free"])
    return f"{number(look.row.rate_count)} {_(PER[look.row.rate_per])}"


def sum_up_speed(look: Outlook) -> str:
    if look.seconds is None or look.rate_problem:
        return told_speed(look)
    about = _("about {time}").format(time=duration(look.seconds))
    return f"{told_speed(look)} · {about}"


# 12. Confirm and send


def draw_confirm(look: Outlook) -> None:
    found = checks.problems(workspace.database(), look.draft.id)
    draw_facts(look)
    if found:
        lines = "\n".join(f"- {plain(problems.sentence(problem))}" for problem in found)
        st.error(_("Before it can go out:") + f"\n{lines}", icon=":material/error:")
    later = look.row.start_local is not None
    st.button(
        _("Schedule broadcast") if later else _("Send broadcast"),
        key="send",
        type="primary",
        icon=":material/schedule_send:" if later else ":material/send:",
        disabled=bool(found) or look.draft.behind,
        on_click=_send,
        args=(look.draft,),
    )


def draw_facts(look: Outlook) -> None:
    """The broadcast at a glance."""
    st.table(_facts(look), border="horizontal", hide_index=True, hide_header=True)


def _facts(look: Outlook) -> list[dict[str, str]]:
    """What is about to happen, a line a fact; the texts as they were written."""
    facts = [(_("Segment"), look.segment.name if look.segment else "")]
    if look.count is not None:
        facts.append((_("Recipients"), look.count.sentence))
    for channel in look.selected:
        for place, item in enumerate(look.messages(channel.id), 1):
            facts.append((f"{channel.name} {place}", excerpt(item)))
    facts += [(_("When"), sum_up_start(look)), (_("Speed"), sum_up_speed(look))]
    return [{"fact": plain(name), "value": plain(value) or "–"} for name, value in facts]


def excerpt(item: Content) -> str:
    """A message in one line."""
    text = " ".join((item.template or item.text or item.media_url).split())
    if len(text) > EXCERPT:
        text = text[: EXCERPT - 1] + "…"
    return text if item.kind == "text" else f"{_(KIND_NAMES[item.kind])}: {text}"


def _send(draft: Draft) -> None:
    """What goes out is what this tab has seen: an edit elsewhere in between stops it."""
    if not draft.save("step_confirm"):
        return
    with problems.kept("step_confirm"):
        broadcast.confirm(workspace.database(), draft.id, version=draft.version)
        jobs.wake(workspace.settings(), draft.id)


def sum_up_confirm(look: Outlook) -> str:
    return ""


def ready(look: Outlook) -> bool:
    """Whether the steps before the last leave nothing to do."""
    return bool(look.count and look.count.messages and look.written and look.in_time) and (
        look.rate_problem is None
    )
