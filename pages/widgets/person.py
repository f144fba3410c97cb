"""One person in a drawer: who they are, where they can be reached, what they were sent."""

from __future__ import annotations

import datetime as dt
from typing import Any

import streamlit as st

from engine import reports
from engine.contacts import profile
from engine.contacts.attributes import BUILT_IN
from engine.contacts.profile import OnChannel, Profile, Sent
from engine.language import N_
from pages.widgets import language, problems, workspace
from pages.widgets.language import _, counted
from pages.widgets.markdown import plain

DETAILS = ("phone", "email", "language", "country", "timezone", "external_id")


def show(contact_id: int) -> None:
    """Open the drawer."""
    with problems.shown():
        with workspace.database().read() as session:
            person = profile.profile(session, contact_id)
        name = f"{person.contact.first_name} {person.contact.last_name}".strip()
        title = plain(name) or _("No name")
        st.dialog(title, width="medium", position="right", icon=":material/person:")(_draw)(person)


def _draw(person: Profile) -> None:
    _who(person)
    _channels(person.channels)
    _messages(person.messages)


def _who(person: Profile) -> None:
    contact = person.contact
    if person.tags:
        st.markdown(" ".join(f":primary-badge[{plain(tag)}]" for tag in person.tags))
    facts = [(_(BUILT_IN[key]), _built_in(key, getattr(contact, key))) for key in DETAILS]
    facts += [(label, _value(type, value)) for label, type, value in person.fields]
    facts.append((_("Created"), language.moment(contact.created_at)))
    cells = st.grid(2, min_column_width=180, gap="small")
    for label, value in facts:
        if value:
            cells.markdown(f":small[:gray[{plain(label)}]]  \n{plain(str(value))}")


def _built_in(key: str, value: str | None) -> str:
    if key == "country" and value:
        return language.country(value)
    return value or ""


def _value(type: str, value: Any) -> str:
    match type:
        case "yes_no":
            return _("Yes") if value else _("No")
        case "number":
            return language.number(value, digits=0 if float(value).is_integer() else 2)
        case "date":
            return language.day(dt.date.fromisoformat(value))
        case "datetime":
            return language.moment(dt.datetime.fromisoformat(value))
        case _:
            return str(value)


def _channels(channels: tuple[OnChannel, ...]) -> None:
    st.markdown("**" + _("Channels") + "**")
    if not channels:
        st.caption(_("No channel of this workspace reaches this person."))
    for item in channels:
        with st.container(border=True):
            st.markdown(f"**{plain(item.channel)}** · {plain(item.address)}  {_standing(item)}")
            if item.last_inbound_at:
                when = language.moment(item.last_inbound_at)
                st.caption(_("Last wrote on {when}").format(when=when))


def _standing(item: OnChannel) -> str:
    if item.opted_out_at:
        return f":orange-badge[{_('Opted out')}]"
    if item.invalid_at:
        return f":red-badge[{_('Address does not work')}] {plain(item.invalid_why)}"
    return f":green-badge[{_('Reachable')}]"


def _messages(messages: tuple[Sent, ...]) -> None:
    st.markdown("**" + _("Messages") + "**")
    if not messages:
        st.caption(_("Nothing was sent to this person yet."))
        return
    if len(messages) == profile.MESSAGES_SHOWN:
        st.caption(counted(len(messages), N_("The last message"), N_("The last {count} messages")))
    st.dataframe(
        [
            {
                _("When"): language.moment(item.at, format="short"),
                _("Broadcast"): item.broadcast,
                _("Channel"): item.channel,
                _("State"): _(reports.STATES[item.state]),
                _("Reason"): item.reason,
                _("Replied"): language.moment(item.replied_at, format="short"),
            }
            for item in messages
        ],
        hide_index=True,
        key=f"messages.{messages[0].broadcast_id}",
    )
