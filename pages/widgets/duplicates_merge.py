"""Several people side by side: who stays, whose value each field takes, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from engine import db
from engine.contacts import contacts, duplicates
from engine.contacts.attributes import BUILT_IN
from engine.contacts.duplicates import Merged
from engine.language import N_
from pages.widgets import changes, field_input, problems, workspace
from pages.widgets.language import _, counted
from pages.widgets.markdown import plain

Fields = dict[str, db.ContactField]


def draw(ids: Sequence[int], *, dismissed: Callable[[tuple[int, ...]], None]) -> None:
    """The choices at the left, the person as they will be at the right."""
    with workspace.database().read() as session:
        people = {id: contacts.get(session, id) for id in ids}
        fields = {f"field.{row.key}": row for row in contacts.fields(session)}
        place = "merge." + "_".join(map(str, ids))
        left, right = st.columns([3, 2], gap="large")
        with left:
            keep = _keep(people, place)
            first = duplicates.preview(session, ids, keep)
            choose = _choices(first, people, fields, f"{place}.{keep}")
        merged = duplicates.preview(session, ids, keep, choose)
    with right:
        _preview(merged, fields)
        problems.draw("merge")
        with st.container(horizontal=True):
            label = counted(len(ids), N_("Merge 1 person"), N_("Merge {count} people"))
            st.button(
                label,
                type="primary",
                icon=":material/merge:",
                key=f"{place}.do",
                on_click=_merge,
                args=(tuple(ids), keep, choose),
            )
            st.button(
                _("Not the same"), key=f"{place}.apart", on_click=dismissed, args=(tuple(ids),)
            )


def _keep(people: dict[int, db.Contact], place: str) -> int:
    kept: int = st.radio(
        _("Who stays"),
        list(people),
        format_func=lambda id: plain(contacts.name_of(people[id])) + f" · #{id}",
        captions=[_known(person) for person in people.values()],
        key=f"{place}.keep",
    )
    st.caption(_("The others' tags, channels, messages and replies go to this person."))
    return kept


def _known(person: db.Contact) -> str:
    return plain(" · ".join(filter(None, (person.phone, person.email, person.external_id))))


def _choices(
    first: Merged, people: dict[int, db.Contact], fields: Fields, place: str
) -> dict[str, int]:
    """Fields in which they differ: whose value is taken."""
    if not first.offers:
        return {}
    st.markdown("**" + _("Where they differ") + "**")
    choose = {}
    for key, offers in first.offers.items():
        by_value = {_shown(key, value, fields): id for id, value in reversed(offers.items())}
        options = sorted(by_value.values(), key=list(people).index)
        names = {id: text for text, id in by_value.items()}
        default = _shown(key, offers[first.chosen[key]], fields)
        choose[key] = st.radio(
            plain(_label(key, fields)),
            options,
            index=options.index(by_value[default]),
            format_func=lambda id, names=names: plain(names[id]),
            horizontal=True,
            key=f"{place}.{key}",
        )
    return choose


def _label(key: str, fields: Fields) -> str:
    return fields[key].label if key in fields else _(BUILT_IN[key])


def _shown(key: str, value: Any, fields: Fields) -> str:
    return field_input.shown(fields[key].type if key in fields else key, value)


def _preview(merged: Merged, fields: Fields) -> None:
    """The person as they will be."""
    with st.container(border=True):
        st.markdown(":small[:gray[" + _("After the merge") + "]]")
        name = " ".join(
            str(merged.values[key]) for key in ("first_name", "last_name") if merged.values.get(key)
        )
        st.markdown(f"##### {plain(name or f'#{merged.keep}')}")
        if merged.tags:
            st.markdown(" ".join(f":primary-badge[{plain(tag)}]" for tag in merged.tags))
        lines = [
            f":small[:gray[{plain(_label(key, fields))}]] {plain(_shown(key, value, fields))}"
            for key, value in merged.values.items()
            if not key.endswith("_name") and (key in fields or key in BUILT_IN)
        ]
        st.markdown("  \n".join(lines))
        for channel, address, out in merged.channels:
            said = f":orange-badge[{_('Opted out')}]" if out else ""
            st.markdown(f":small[{plain(channel)} · {plain(address)}] {said}")
        st.caption(
            counted(merged.messages, N_("1 message sent"), N_("{count} messages sent"))
            + " · "
            + counted(merged.replies, N_("1 message received"), N_("{count} messages received"))
        )


def _merge(ids: tuple[int, ...], keep: int, choose: dict[str, int]) -> None:
    with problems.kept("merge"):
        with workspace.database().write() as session:
            change_id = duplicates.merge(session, ids, keep, choose).id
        changes.remember(change_id)
        st.query_params.pop("ids", None)


def dismiss(ids: tuple[int, ...]) -> None:
    """They are not one; never suggested together again."""
    with problems.kept("merge"):
        with workspace.database().write() as session:
            duplicates.dismiss(session, ids)
        st.query_params.pop("ids", None)
        changes.toast(_("They will not be suggested again."))
