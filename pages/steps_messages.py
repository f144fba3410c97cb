"""Step 6 of a broadcast: one to ten messages a channel, each what that channel can carry."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import streamlit as st

from channels import KINDS
from channels.base import Content
from engine import checks, db, drafts
from engine.language import N_
from pages.widgets import message_fields, problems
from pages.widgets.language import _, counted
from pages.widgets.markdown import plain
from pages.widgets.outlook import Outlook
from pages.widgets.phone_preview import KINDS as KIND_NAMES

PLACE = "step_messages"


def draw_messages(look: Outlook) -> None:
    if not look.selected:
        st.caption(_("Choose a channel first: what a message can be depends on it."))
        return
    channel = chosen_channel(look)
    if len(look.selected) > 1:
        st.markdown(_("Each channel has its own messages, as each has its own limits."))
        draw_tabs(look, "tab")
    limits = KINDS[channel.kind].limits
    if limits.window_hours and "template" in limits.kinds:
        st.caption(
            _(
                "Free messages reach who wrote in the last {hours} hours; "
                "an approved template reaches everybody."
            ).format(hours=limits.window_hours)
        )
    messages = look.messages(channel.id)
    for place in range(len(messages)):
        _draw_message(look, channel, place)
    if len(messages) < checks.MESSAGES_MAX:
        st.button(
            _("Add a message") if messages else _("Write the first message"),
            key="add_message",
            icon=":material/add:",
            on_click=_add,
            args=(look, channel),
        )


def chosen_channel(look: Outlook) -> db.Channel:
    """The channel whose messages are in view, here and on the phone."""
    return next((row for row in look.selected if row.id == look.draft.shown), look.selected[0])


def draw_tabs(look: Outlook, name: str) -> None:
    """Which channel is in view; every step that asks shows the same one."""
    names = {row.id: row.name for row in look.selected}
    key = look.draft.key(name)
    st.session_state[key] = chosen_channel(look).id

    def choose() -> None:
        look.draft.shown = st.session_state[key]

    st.segmented_control(
        _("Channel"),
        list(names),
        format_func=lambda id: f"{plain(names.get(id, ''))} · {len(look.messages(id))}",
        key=key,
        required=True,
        label_visibility="collapsed",
        on_change=choose,
    )


# The list


def _numbers(look: Outlook, channel_id: int) -> list[int]:
    """A lasting number for each message, so that its fields stay its own when the order changes."""
    numbers = look.draft.lists.setdefault(channel_id, [])
    while len(numbers) < len(look.messages(channel_id)):
        numbers.append(look.draft.next_number())
    del numbers[len(look.messages(channel_id)) :]
    return numbers


def _stored(look: Outlook, channel_id: int) -> list[Content]:
    """As they are now: another field of the same run may have saved just before."""
    return list(drafts.content(look.draft.row).get(channel_id, ()))


def _store(look: Outlook, channel_id: int, messages: list[Content]) -> bool:
    stored = drafts.content(look.draft.row)
    return look.draft.save(PLACE, content={**stored, channel_id: tuple(messages)})


def _add(look: Outlook, channel: db.Channel) -> None:
    _store(look, channel.id, [*_stored(look, channel.id), Content()])


def _remove(look: Outlook, channel: db.Channel, number: int) -> None:
    messages, numbers = _stored(look, channel.id), look.draft.lists[channel.id]
    if number not in numbers:
        return
    place = numbers.index(number)
    del messages[place]
    if _store(look, channel.id, messages):
        del numbers[place]


def _raise(look: Outlook, channel: db.Channel, number: int, by: int) -> None:
    """Swap with the one above (by = 1) or below (by = -1)."""
    messages, numbers = _stored(look, channel.id), look.draft.lists[channel.id]
    here = numbers.index(number)
    there = here - by
    messages[here], messages[there] = messages[there], messages[here]
    if _store(look, channel.id, messages):
        numbers[here], numbers[there] = numbers[there], numbers[here]


def _change(look: Outlook, channel: db.Channel, number: int, **values: object) -> None:
    messages, numbers = _stored(look, channel.id), look.draft.lists[channel.id]
    if number in numbers:
        place = numbers.index(number)
        messages[place] = replace(messages[place], **values)
        _store(look, channel.id, messages)


# One message


def _draw_message(look: Outlook, channel: db.Channel, place: int) -> None:
    item, number = look.messages(channel.id)[place], _numbers(look, channel.id)[place]
    with st.container(border=True, key=f"message_{place + 1}"):
        _draw_head(look, channel, place, item, number)
        message_fields.draw(
            message_fields.Editor(
                draft=look.draft,
                item=item,
                number=number,
                limits=KINDS[channel.kind].limits,
                variables=look.variables,
                change=partial(_change, look, channel, number),
            )
        )
        if problem := look.message_problem(channel, item):
            problems.show(problem)


def _draw_head(look: Outlook, channel: db.Channel, place: int, item: Content, number: int) -> None:
    kinds = KINDS[channel.kind].limits.kinds
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{_('Message {number}').format(number=place + 1)}**", width="content")
        st.selectbox(
            _("Kind"),
            kinds,
            format_func=lambda kind: _(KIND_NAMES[kind]),
            key=look.draft.start(f"kind.{number}", item.kind),
            label_visibility="collapsed",
            width=150,
            on_change=_change_kind,
            args=(look, channel, number),
        )
        st.space("stretch")
        with st.container(horizontal=True, width="content", gap="xxsmall"):
            _draw_tools(look, channel, place, number)


def _draw_tools(look: Outlook, channel: db.Channel, place: int, number: int) -> None:
    last = len(look.messages(channel.id)) - 1
    tools = (
        ("up", "arrow_upward", _("Move up"), place == 0, _raise, (1,)),
        ("down", "arrow_downward", _("Move down"), place == last, _raise, (-1,)),
        ("remove", "delete", _("Remove this message"), False, _remove, ()),
    )
    for name, icon, label, off, act, how in tools:
        st.button(
            f":material/{icon}:",
            key=f"{name}_{place + 1}",
            type="tertiary",
            help=label,
            disabled=off,
            on_click=act,
            args=(look, channel, number, *how),
        )


def _change_kind(look: Outlook, channel: db.Channel, number: int) -> None:
    """What the new kind cannot carry waits, and is there again when the kind is changed back."""
    draft, kind = look.draft, look.draft.value(f"kind.{number}")
    now = _stored(look, channel.id)[draft.lists[channel.id].index(number)]
    typed = {name: value for name in message_fields.NAMES if (value := getattr(now, name))}
    whole = draft.waiting[number] = replace(draft.waiting.get(number, Content()), **typed)
    carried = message_fields.names(kind, KINDS[channel.kind].limits)
    given = {
        name: getattr(whole if name in carried else Content(), name)
        for name in message_fields.NAMES
    }
    _change(look, channel, number, kind=kind, **given)


def sum_up_messages(look: Outlook) -> str:
    told = []
    for channel in look.selected:
        written = len(look.messages(channel.id))
        count = counted(written, N_("1 message"), N_("{count} messages"))
        told.append(f"{channel.name}: {count}" if len(look.selected) > 1 else count)
    return " · ".join(told)
