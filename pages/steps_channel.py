"""Step 5 of a broadcast: one channel, or the one each contact last wrote on."""

from __future__ import annotations

import streamlit as st

from channels import KINDS, NOT_BROADCASTABLE
from engine import db
from engine.language import N_
from pages.widgets.language import _
from pages.widgets.markdown import plain
from pages.widgets.outlook import Outlook

MODES = {
    "specific": N_("Specific channel"),
    "last_interacted": N_("Last interacted channel"),
}


def draw_channel(look: Outlook) -> None:
    if not look.channels:
        st.info(
            _("There is no channel yet. `pregon channel add` connects WhatsApp, Telegram or SMS."),
            icon=":material/info:",
        )
        return
    draft = look.draft
    st.segmented_control(
        _("Where does it go out?"),
        list(MODES),
        format_func=lambda mode: _(MODES[mode]),
        key=draft.start("mode", look.row.mode),
        required=True,
        on_change=_save_mode,
        args=(look,),
    )
    if look.row.mode == "specific":
        _draw_specific(look)
    else:
        _draw_last_interacted(look)
    for channel in look.selected:
        if channel.state != "active":
            text = _("The channel **{name}** is paused.").format(name=plain(channel.name))
            st.warning(f"{text} {plain(channel.state_reason)}", icon=":material/pause_circle:")
    _draw_barred(look)


def _save_mode(look: Outlook) -> None:
    """Last interacted starts with every channel selected; specific with the only one there is."""
    mode = look.draft.value("mode")
    every = list(look.channels)
    chosen = every
    if mode == "specific" and len(every) > 1:
        chosen = [channel.id for channel in look.selected]
        chosen = chosen if len(chosen) == 1 else []
    if look.draft.save("step_channel", mode=mode, channels=chosen):
        st.session_state[look.draft.key("channel")] = next(iter(chosen), None)
        st.session_state[look.draft.key("channels")] = chosen


def _draw_specific(look: Outlook) -> None:
    draft = look.draft

    def save() -> None:
        chosen = draft.value("channel")
        draft.save("step_channel", channels=[] if chosen is None else [chosen])

    st.selectbox(
        _("Channel"),
        list(look.channels),
        format_func=lambda id: _channel_name(look.channels[id]),
        key=draft.start("channel", next((channel.id for channel in look.selected), None)),
        index=None,
        placeholder=_("Choose a channel"),
        on_change=save,
    )
    st.caption(_("Contacts without this channel are left out."))


def _draw_last_interacted(look: Outlook) -> None:
    draft = look.draft
    st.multiselect(
        _("Selected channels"),
        list(look.channels),
        format_func=lambda id: _channel_name(look.channels[id]),
        key=draft.start("channels", [channel.id for channel in look.selected]),
        placeholder=_("Choose channels"),
        on_change=lambda: draft.save("step_channel", channels=draft.value("channels")),
    )
    st.caption(
        _(
            "Each contact gets it on the channel they last wrote on. "
            "Who last wrote on a channel that is not selected is left out."
        )
    )


def _channel_name(channel: db.Channel) -> str:
    return _named(channel.name, KINDS[channel.kind].label)


def _named(name: str, kind: str) -> str:
    return kind if kind.casefold().startswith(name.casefold()) else f"{name} · {kind}"


def _draw_barred(look: Outlook) -> None:
    st.caption(
        _(
            "Email, Instagram, Google Business Messages and web chat cannot be broadcast to. "
            "Sending does not change a contact's last interacted channel."
        )
    )
    if look.barred:
        names = ", ".join(
            _named(channel.name, _(NOT_BROADCASTABLE.get(channel.kind, channel.kind)))
            for channel in look.barred
        )
        st.caption(_("Not offered here: {channels}.").format(channels=plain(names)))


def sum_up_channel(look: Outlook) -> str:
    names = ", ".join(channel.name for channel in look.selected)
    if look.row.mode == "specific" or not names:
        return names
    return _("Last interacted: {channels}").format(channels=names)
