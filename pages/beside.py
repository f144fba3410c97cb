"""What stays in view beside the notebook: who gets it, why others do not, and the phone."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from engine import charts, trial
from engine.contacts import contacts
from engine.errors import PregonError
from pages import steps_audience
from pages.steps_messages import chosen_channel
from pages.steps_trial import person_in_view
from pages.widgets import phone_preview, problems, workspace
from pages.widgets.language import _, number
from pages.widgets.markdown import plain
from pages.widgets.outlook import Count, Outlook

STAY = """
<style>
@media (min-width: 641px) {
  [data-testid="stColumn"]:has(.st-key-beside) > div { height: 100%; }
  [data-testid="stLayoutWrapper"]:has(> .st-key-beside) {
    position: sticky; top: 3.5rem; max-height: calc(100vh - 4.5rem); overflow-y: auto;
  }
}
</style>
"""
"""The one thing Streamlit has no setting for."""

BAR = 26
"""Height of a bar of the waterfall in pixels."""


def draw(look: Outlook) -> None:
    st.html(STAY)
    with st.container(key="beside"):
        with st.container(border=True):
            _draw_audience(look)
        draw_phone(look)


def _draw_audience(look: Outlook) -> None:
    count = _last_count(look)
    if count is None:
        st.markdown("**" + _("Who gets it") + "**")
        if look.problem is None:
            st.caption(_("Choose a segment and a channel, and it is counted here."))
    else:
        st.markdown(f"**{count.sentence}**")
        _draw_waterfall(count)
    if look.problem is not None:
        st.caption(":material/error: " + plain(problems.sentence(look.problem)))
    steps_audience.draw_switch(look, "only_interacted_beside")


def _last_count(look: Outlook) -> Count | None:
    """While a text is half typed nobody can be counted: the last numbers stay meanwhile."""
    key = look.draft.key("last_count")
    if look.problem is None:
        st.session_state[key] = look.count
    count: Count | None = st.session_state.get(key)
    return count


def _draw_waterfall(count: Count) -> None:
    told: dict[str, Any] = {
        "matched": count.matched,
        "reasons": count.reasons,
        "recipients": count.recipients,
        "t": _,
        "number": number,
    }
    bars = 2 + sum(1 for people in count.reasons.values() if people)
    st.echarts_chart(
        charts.waterfall(**told),
        key="waterfall",
        height=24 + BAR * bars,
        alt=charts.waterfall_alt(**told),
    )


def draw_phone(look: Outlook) -> None:
    if not look.selected:
        return
    channel, person = chosen_channel(look), person_in_view(look)
    values = None
    try:
        if person is not None:
            with workspace.database().read() as session:
                values = trial.variables(contacts.get(session, person))
    except PregonError as error:
        problems.show(error)
    clock = dt.datetime.now(ZoneInfo(workspace.settings().timezone))
    phone_preview.draw(
        "phone",
        kind=channel.kind,
        sender=channel.name,
        messages=look.messages(channel.id),
        values=values,
        time=f"{clock:%H:%M}",
    )
