"""A person's channels: where they are reached, and whether they agreed to be."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from engine import accounts
from engine.contacts import bulk, timeline
from engine.contacts.profile import OnChannel, Profile
from pages.widgets import changes, language, problems, workspace
from pages.widgets.language import _
from pages.widgets.markdown import plain


def draw(person: Profile, *, place: str) -> None:
    if not person.channels:
        st.caption(_("No channel of this workspace reaches this person."))
    with workspace.database().read() as session:
        ids = {row.name: row.id for row in accounts.listing(session)}
    for item in person.channels:
        _channel(person, item, ids[item.channel], place=f"{place}.channel.{ids[item.channel]}")


def _channel(person: Profile, item: OnChannel, channel_id: int, *, place: str) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**{plain(item.channel)}** · {plain(item.address)}  {_standing(item)}",
                width="stretch",
            )
            _consent(person.contact.id, item, channel_id, place=place)
        problems.draw(place)
        for line in _facts(person, item):
            st.caption(plain(line))


def _standing(item: OnChannel) -> str:
    if item.opted_out_at:
        return f":orange-badge[{_('Opted out')}]"
    if item.invalid_at:
        return f":red-badge[{_('Address does not work')}]"
    return f":green-badge[{_('Reachable')}]"


def _facts(person: Profile, item: OnChannel) -> list[str]:
    facts = []
    if item.opted_out_at:
        facts.append(_("Opted out on {when}").format(when=language.moment(item.opted_out_at)))
        said = next(
            (
                each
                for each in person.opt_outs
                if each.channel == item.channel and each.kind == "out"
            ),
            None,
        )
        if said is not None:
            facts[-1] += f" · {_(timeline.SOURCES[said.source])}"
        if item.opted_out_why and item.opted_out_why not in timeline.SOURCES:
            facts.append(_("Reason: {reason}").format(reason=item.opted_out_why))
    if item.invalid_at:
        when = language.moment(item.invalid_at)
        facts.append(_("Does not work since {when}").format(when=when) + f" · {item.invalid_why}")
    if item.last_inbound_at:
        when = language.moment(item.last_inbound_at)
        facts.append(_("Last wrote on {when}").format(when=when))
    return facts


def _consent(contact_id: int, item: OnChannel, channel_id: int, *, place: str) -> None:
    """The way out of the channel, or back in, with the reason."""
    kind: Literal["out", "in"] = "in" if item.opted_out_at else "out"
    label = _("Opt in again") if kind == "in" else _("Opt out")
    key = f"{place}.{kind}"
    with st.popover(label, key=key):
        st.text_input(
            _("Reason"),
            key=f"{key}.reason",
            placeholder=_("Asked for it on the phone"),
            help=_("Kept with the date, and shown here."),
        )
        st.button(
            label,
            type="primary",
            key=f"{key}.do",
            on_click=_said,
            args=(contact_id, channel_id, kind, place),
        )


def _said(contact_id: int, channel_id: int, kind: Literal["out", "in"], place: str) -> None:
    say = bulk.opt_in if kind == "in" else bulk.opt_out
    reason = st.session_state.get(f"{place}.{kind}.reason", "")
    with problems.kept(place):
        changes.remember(say(workspace.database(), [contact_id], channel_id, reason=reason))
