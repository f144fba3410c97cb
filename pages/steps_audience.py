"""Step 9 of a broadcast: how many get it on which channel, and why others do not."""

from __future__ import annotations

import streamlit as st

from engine.audience import REASONS
from engine.language import N_
from pages.widgets.language import _, counted, number
from pages.widgets.markdown import plain
from pages.widgets.outlook import Outlook


def draw_audience(look: Outlook) -> None:
    draw_switch(look, "only_interacted")
    if look.count is None:
        st.caption(_("Choose a segment and a channel, and it is counted here."))
        return
    count = look.count
    st.markdown(f"**{count.sentence}**")
    st.caption(
        _("{matched} match the segment = {recipients} recipients + {left_out} left out").format(
            matched=number(count.matched),
            recipients=number(count.recipients),
            left_out=number(count.left_out),
        )
    )
    st.table(_recipient_rows(look), border="horizontal", hide_index=True)
    if count.left_out:
        st.table(_left_out_rows(look), border="horizontal", hide_index=True)
    st.warning(
        _(
            "Make sure the numbers are valid and that these people expect messages from you: "
            "many spam reports can get your account blocked."
        ),
        icon=":material/verified_user:",
    )


def draw_switch(look: Outlook, name: str) -> None:
    """Only people who wrote before. Two places show it; both stay alike."""
    draft = look.draft

    def save() -> None:
        chosen = bool(draft.value(name))
        if draft.save("step_audience", only_interacted=chosen):
            for other in ("only_interacted", "only_interacted_beside"):
                st.session_state[draft.key(other)] = chosen

    st.toggle(
        _("Only to contacts who have interacted on this channel before"),
        key=draft.start(name, look.row.only_interacted),
        on_change=save,
    )


def _recipient_rows(look: Outlook) -> list[dict[str, str]]:
    assert look.count is not None
    return [
        {
            _("Channel"): plain(look.channels[id].name),
            _("Recipients"): number(people),
            _("Messages"): number(people * len(look.messages(id))),
        }
        for id, people in look.count.channels.items()
        if id in look.channels
    ]


def _left_out_rows(look: Outlook) -> list[dict[str, str]]:
    assert look.count is not None
    return [
        {_("Left out because"): _(REASONS[reason]), _("Contacts"): number(people)}
        for reason, people in look.count.reasons.items()
        if people
    ]


def sum_up_audience(look: Outlook) -> str:
    if look.count is None:
        return ""
    left = counted(look.count.left_out, N_("1 left out"), N_("{count} left out"))
    return f"{look.count.sentence} · {left}"
