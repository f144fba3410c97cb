"""Steps 1 to 5 and 9 of a broadcast: its name, whom it is for, and on which channel."""

from __future__ import annotations

import streamlit as st

from channels import KINDS, NOT_BROADCASTABLE
from engine import broadcast, db, frame, segment
from engine.audience import REASONS
from engine.language import N_
from pages.widgets import language, people_table, problems, query_builder, workspace
from pages.widgets.draft import Draft
from pages.widgets.language import _, counted, number
from pages.widgets.markdown import plain
from pages.widgets.outlook import Outlook

MODES = {
    "specific": N_("Specific channel"),
    "last_interacted": N_("Last interacted channel"),
}


# 1–3. Name and labels


def draw_name(look: Outlook) -> None:
    draft = look.draft
    st.text_input(
        _("Name"),
        key=draft.start("name", look.row.name),
        on_change=lambda: draft.save("step_name", name=draft.value("name")),
    )
    with workspace.database().read() as session:
        used = {label for row in broadcast.listing(session) for label in row.labels}
    st.multiselect(
        _("Labels"),
        sorted({*used, *look.row.labels, *(draft.value("labels") or [])}, key=str.casefold),
        key=draft.start("labels", list(look.row.labels)),
        accept_new_options=True,
        placeholder=_("Choose or type labels"),
        help=_("Labels group broadcasts, here and in segments."),
        on_change=lambda: draft.save("step_name", labels=draft.value("labels")),
    )


def sum_up_name(look: Outlook) -> str:
    return " · ".join((look.row.name, *look.row.labels))


# 4. Segment


def draw_segment(look: Outlook) -> None:
    draft = look.draft
    st.markdown(_("Who is it for? Choose a segment, or build one here."))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            _("Segment"),
            list(look.segments),
            format_func=lambda id: look.segments[id].name if id in look.segments else "",
            key=draft.start("segment", look.row.segment_id),
            index=None,
            placeholder=_("Choose a segment"),
            on_change=lambda: draft.save("step_segment", segment_id=draft.value("segment")),
        )
        with st.popover(_("Add segment"), icon=":material/add:", key="add_segment"):
            _draw_new_segment(draft)
    if look.segment is not None:
        _draw_chosen(draft, look.segment)


def _draw_new_segment(draft: Draft) -> None:
    st.text_input(_("Name of the segment"), key=draft.start("new_segment", ""))
    st.button(
        _("Save"), key="save_segment", type="primary", on_click=_create_segment, args=(draft,)
    )
    problems.draw("new_segment")


def _create_segment(draft: Draft) -> None:
    with problems.kept("new_segment"):
        with workspace.database().write() as session:
            made = segment.create(session, name=draft.value("new_segment") or "").id
        if draft.save("step_segment", segment_id=made):
            st.session_state[draft.key("segment")] = made
            st.session_state[draft.key("editing")] = True
            st.session_state[draft.key("new_segment")] = ""


def _draw_chosen(draft: Draft, chosen: db.Segment) -> None:
    with problems.shown():
        catalogue = frame.load(workspace.database()).catalogue
        tree = segment.from_json(chosen.tree)
        st.caption(plain(segment.words(tree, catalogue, language.current())))
    if st.toggle(_("Show and change its conditions"), key=draft.start("editing", False)):
        with problems.shown():
            _draw_builder(chosen)


def _draw_builder(chosen: db.Segment) -> None:
    key = f"segment.{chosen.id}"
    tree = query_builder.build(key, chosen.tree, but=chosen.id)
    changed = not query_builder.same(tree, chosen.tree)
    database = workspace.database()
    group = segment.from_json(tree)
    found = segment.count(database, group)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            _("Update segment"),
            key="update_segment",
            icon=":material/check:",
            disabled=not changed,
            on_click=_save_segment,
            args=(chosen.id, tree),
        )
        st.markdown(counted(found, N_("1 contact"), N_("{count} contacts")), width="content")
        if changed:
            st.badge(_("Not saved yet"), color="orange", icon=":material/edit:")
    people_table.draw(
        segment.people(database, group),
        frame.load(database).catalogue,
        key=f"{key}.matching",
        height=230,
    )


def _save_segment(id: int, tree: query_builder.Tree) -> None:
    with problems.kept("step_segment"), workspace.database().write() as session:
        segment.save(session, id, segment.from_json(tree))


def sum_up_segment(look: Outlook) -> str:
    if look.segment is None:
        return ""
    if look.count is None:
        return look.segment.name
    people = counted(look.count.matched, N_("1 contact"), N_("{count} contacts"))
    return f"{look.segment.name} · {people}"


# 5. Channel


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


# 9. Audience


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
