"""Steps 7 and 8 of a broadcast: as a real person sees it, and a test on a real phone."""

from __future__ import annotations

import streamlit as st

from engine import accounts, db, jobs, trial
from engine.contacts import contacts
from engine.language import N_
from engine.segments import naming
from pages.steps_messages import chosen_channel, draw_tabs
from pages.widgets import phone_preview, problems, workspace
from pages.widgets.draft import Draft
from pages.widgets.language import _, counted
from pages.widgets.markdown import plain
from pages.widgets.outlook import Outlook

FOUND = 20
"""People offered at a time."""
LOOKED_AT = 200
"""People found who are asked whether they are recipients."""

NO_MESSAGES = N_("Write a message first.")
STEADY = ("accepted", "failed")


def name_of(person: db.Contact) -> str:
    full = f"{person.first_name} {person.last_name}".strip()
    return full or person.phone or person.email or f"#{person.id}"


def _told(person: db.Contact) -> str:
    name = name_of(person)
    return name if person.phone in (None, name) else f"{name} · {person.phone}"


def _find(look: Outlook, text: str, channel_id: int, *, recipients: bool) -> dict[int, str]:
    """People by name, phone or email who can be reached on the channel: id → what is shown."""
    database = workspace.database()
    if recipients and not text.strip():
        ids = look.some_on(channel_id, FOUND)
    else:
        most = LOOKED_AT if recipients else FOUND
        ids = naming.named(database, text, channel_id=channel_id, limit=most)
    with database.read() as session:
        found = contacts.some(session, ids)
    if recipients:
        rows = [(person, look.recipient(person.id)) for person in found]
        found = [person for person, row in rows if row and row["channel_id"] == channel_id]
    return {person.id: _told(person) for person in found[:FOUND]}


def _search(draft: Draft, name: str) -> str:
    key = draft.start(name, "")
    st.text_input(
        _("Find a contact by name or phone number"),
        key=key,
        type="search",
        live=True,
        icon=":material/search:",
        placeholder=_("Name or number"),
    )
    return str(st.session_state[key] or "")


# 7. Preview


def person_in_view(look: Outlook) -> int | None:
    """Whose phone it is: the recipient that was chosen, else the first on the channel in view."""
    if not look.selected:
        return None
    channel = chosen_channel(look)
    chosen = look.recipient(look.draft.person or 0)
    if chosen is not None and chosen["channel_id"] == channel.id:
        return look.draft.person
    return next(iter(look.some_on(channel.id, 1)), None)


def draw_preview(look: Outlook) -> None:
    if not look.content or not look.selected:
        st.caption(_(NO_MESSAGES))
        return
    if len(look.selected) > 1:
        draw_tabs(look, "preview_tab")
    channel, person = chosen_channel(look), person_in_view(look)
    if person is None:
        st.caption(_("Nobody gets it on {channel} yet.").format(channel=plain(channel.name)))
        return
    found = _find(look, _search(look.draft, "preview_search"), channel.id, recipients=True)
    if not found:
        st.caption(_("No recipient of that name or number on this channel."))
        return
    with workspace.database().read() as session:
        options = {person: _told(contacts.get(session, person)), **found}
        values = trial.variables(contacts.get(session, person))
    key = look.draft.key("person")
    st.session_state[key] = person

    def choose() -> None:
        look.draft.person = st.session_state[key]

    st.selectbox(
        _("As this recipient gets it"),
        list(options),
        format_func=lambda id: options.get(id, ""),
        key=key,
        on_change=choose,
    )
    st.caption(_("The phone shows the messages with this person's own values."))
    _draw_units(look, channel, values)


def _draw_units(look: Outlook, channel: db.Channel, values: dict[str, object]) -> None:
    """What the provider will count, where that is more than a message a message."""
    account = accounts.open(workspace.settings(), channel)
    for place, item in enumerate(look.messages(channel.id), 1):
        texts = {name: phone_preview.filled(text, values) for name, text in item.slots().items()}
        units = account.units(texts)
        if units > 1:
            counts = counted(units, N_("1 part"), N_("{count} parts"))
            text = _("Message {number} is sent, and counted, as {parts}.")
            st.caption(text.format(number=place, parts=counts))


def sum_up_preview(look: Outlook) -> str:
    person = person_in_view(look)
    if person is None or not look.written:
        return ""
    with workspace.database().read() as session:
        return _("As {name} gets it").format(name=name_of(contacts.get(session, person)))


# 8. Test


def draw_test(look: Outlook) -> None:
    if not look.content or not look.selected:
        st.caption(_(NO_MESSAGES))
        return
    st.markdown(_("Send it to one person first. A test is never counted in the broadcast."))
    if len(look.selected) > 1:
        draw_tabs(look, "test_tab")
    channel = chosen_channel(look)
    found = _find(look, _search(look.draft, "test_search"), channel.id, recipients=False)
    if not found:
        text = _("Nobody of that name or number can be reached on {channel}.")
        st.caption(text.format(channel=plain(channel.name)))
    else:
        _draw_sender(look, channel, found)
    problems.draw("test")
    _draw_results(look.draft)


def _draw_sender(look: Outlook, channel: db.Channel, found: dict[int, str]) -> None:
    key = look.draft.key("test_person")
    if st.session_state.get(key) not in found:
        st.session_state[key] = next(iter(found)) if len(found) == 1 else None
    idle = not jobs.workers(workspace.settings())
    bad = any(look.message_problem(channel, item) for item in look.messages(channel.id))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            _("Contact"),
            list(found),
            index=None,
            format_func=lambda id: found.get(id, ""),
            key=key,
            placeholder=_("Choose…"),
        )
        chosen = st.session_state[key]
        st.button(
            _("Send test"),
            key="send_test",
            icon=":material/science:",
            disabled=idle or bad or chosen is None or not look.messages(channel.id),
            on_click=_send,
            args=(look.draft, channel.id, chosen, look.draft.value("test_search")),
        )
    if idle:
        st.caption(_("No worker is running, so nothing is sent. Start one with `pregon worker`."))
    elif bad:
        st.caption(_("Mend the messages in step 6 first."))


def _send(draft: Draft, channel_id: int, contact_id: int, searched: str) -> None:
    """To the person in view when it was pressed, unless the search was changed meanwhile."""
    if draft.value("test_person") != contact_id or draft.value("test_search") != searched:
        return
    with problems.kept("test"):
        draft.tests.append(
            jobs.send_test(
                workspace.settings(),
                workspace.database(),
                broadcast_id=draft.id,
                contact_id=contact_id,
                channel_id=channel_id,
            )
        )


def _draw_results(draft: Draft) -> None:
    if draft.tests:
        waiting = _state(draft.tests[-1])[1] not in STEADY
        st.fragment(_draw_result, run_every="1s" if waiting else None)(draft.tests[-1], waiting)


def _draw_result(test_id: int, waiting: bool) -> None:
    row, state = _state(test_id)
    if waiting and state in STEADY:
        st.rerun(scope="app")
    with workspace.database().read() as session:
        about = {
            "name": plain(name_of(contacts.get(session, row.contact_id))),
            "channel": plain(db.get(session, db.Channel, row.channel_id).name),
        }
    with st.container(key="test_result"):
        if state == "accepted":
            text = _("{channel} accepted the test for {name}.").format(**about)
            st.success(text, icon=":material/check_circle:")
        elif state == "failed":
            text = _("The test for {name} failed: {reason}")
            st.error(text.format(**about, reason=plain(_(row.reason))), icon=":material/error:")
        else:
            text = _("The test for {name} is on its way…").format(**about)
            st.info(text, icon=":material/hourglass_top:")


def _state(test_id: int) -> tuple[db.TestSend, str]:
    with workspace.database().read() as session:
        row = db.get(session, db.TestSend, test_id)
    return row, row.state


def sum_up_test(look: Outlook) -> str:
    if not look.draft.tests:
        return _("No test sent yet") if look.written else ""
    row, state = _state(look.draft.tests[-1])
    with workspace.database().read() as session:
        name = name_of(contacts.get(session, row.contact_id))
    told = {"accepted": N_("Sent to {name}"), "failed": N_("Failed for {name}")}
    return _(told.get(state, N_("On its way to {name}"))).format(name=name)
