"""What was said to a person and by them, and what was done to their record: the newest first."""

from __future__ import annotations

import streamlit as st

from engine import reports
from engine.contacts import changes, timeline
from engine.contacts.timeline import Event
from pages.widgets import language, workspace
from pages.widgets.language import _
from pages.widgets.markdown import plain

MESSAGES = ("sent", "got")
ICONS = {
    "sent": ":material/outbox:",
    "got": ":material/inbox:",
    "opt_out": ":material/notifications_off:",
    "opt_in": ":material/notifications_active:",
    "change": ":material/edit:",
    "created": ":material/person_add:",
}
TONES = {"failed": "red", "unknown": "orange", "read": "green", "delivered": "green"}


def messages(contact_id: int, *, place: str) -> None:
    """What they were sent and what they wrote."""
    _list(contact_id, f"{place}.messages", kinds=MESSAGES, nothing=_("No messages yet."))


def everything(contact_id: int, *, place: str) -> None:
    _list(contact_id, f"{place}.timeline", kinds=tuple(timeline.KINDS), nothing=_("Nothing yet."))


def _list(contact_id: int, place: str, *, kinds: tuple[str, ...], nothing: str) -> None:
    most = st.session_state.setdefault(f"{place}.most", timeline.PAGE)
    with workspace.database().read() as session:
        found = timeline.timeline(session, contact_id, limit=most)
    events = [event for event in found if event.kind in kinds and not _told_twice(event)]
    if not events:
        st.caption(nothing)
    for event in events:
        _line(event)
    if len(found) == most:
        st.button(_("Show more"), key=f"{place}.more", on_click=_more, args=(place,))


def _told_twice(event: Event) -> bool:
    """Changes that stand in the list as what they did, too."""
    return event.change is not None and event.change.kind in ("create", "opt_out", "opt_in")


def _more(place: str) -> None:
    st.session_state[f"{place}.most"] += timeline.PAGE


def _line(event: Event) -> None:
    facts = [language.moment(event.at, format="short")]
    facts += [plain(event.channel)] if event.channel else []
    if event.replied_at and event.kind == "sent":
        facts.append(_("answered {when}").format(when=language.moment(event.replied_at)))
    head = f"{ICONS[event.kind]} {_what(event)}"
    if event.kind == "sent":
        tone = TONES.get(event.state, "gray")
        head += f" :{tone}-badge[{_(reports.STATES[event.state])}]"
    text = f"  \n{plain(event.text)}" if event.text and event.kind != "change" else ""
    st.markdown(f"{head}  \n:small[:gray[{' · '.join(facts)}]]{text}")


def _what(event: Event) -> str:
    """The event in a few words; what people wrote is shown as they wrote it, never as markup."""
    if event.kind == "change" and event.change is not None:
        said = plain(changes.sentence(event.change, language.current()))
        return f"{said} :gray-badge[{_('undone')}]" if event.change.undone_at else said
    named = f"**{_(timeline.KINDS[event.kind])}**"
    if event.broadcast_id is not None:
        link = f"/report?id={event.broadcast_id}"
        return f"{named} · [{plain(event.broadcast)}]({link})"
    if event.source:
        return f"{named} {_(timeline.SOURCES[event.source])}"
    return named
