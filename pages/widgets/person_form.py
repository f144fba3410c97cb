"""The form of one person, new or known: every field, each mistake told beside its field."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import streamlit as st

from engine import db
from engine.contacts import attributes, contacts
from engine.contacts.attributes import BUILT_IN
from engine.errors import PregonError
from pages.widgets import changes, field_input, language, problems, workspace
from pages.widgets.language import _
from pages.widgets.markdown import plain

ROWS = (
    ("first_name", "last_name"),
    ("phone", "email"),
    ("country", "language"),
    ("timezone", "external_id"),
)
CHOICES = {
    "country": (language.countries, language.country),
    "language": (field_input.tongues, field_input.tongue),
    "timezone": (field_input.zones, str),
}


def draw(place: str, *, contact_id: int | None = None, cancel: Callable[[], None]) -> int | None:
    """The form; gives the person's id in the run in which they were saved.

    What is typed stays while the form is closed, until it is saved or cancelled. An edit writes
    only what was changed here: what somebody else changed meanwhile stays.
    """
    if (saved := st.session_state.pop(f"{place}.saved", None)) is not None:
        _forget(place)
        return int(saved)
    with workspace.database().read() as session:
        defined = contacts.fields(session)
        known = [row.name for row in contacts.tags(session)]
        if f"{place}.before" not in st.session_state:
            st.session_state[f"{place}.before"] = _before(session, contact_id)
    before, key = st.session_state[f"{place}.before"], _key(place)
    errors = st.session_state.get(f"{place}.errors", {})
    with st.form(f"{place}.form", border=False):
        for names in ROWS:
            for name, column in zip(names, st.columns(2), strict=True):
                with column, st.container(gap="xxsmall"):
                    _built_in(name, before[name], key=f"{key}.{name}")
                    _told(errors.get(name))
        _custom(defined, before["fields"], key=key, errors=errors)
        _tags(sorted({*known, *before["tags"]}, key=str.casefold), before["tags"], key=key)
        _told(errors.get("tags"))
        _told(errors.get(""))
        with st.container(horizontal=True):
            st.form_submit_button(
                _("Add contact") if contact_id is None else _("Save"),
                type="primary",
                on_click=_save,
                args=(place, contact_id),
            )
            st.form_submit_button(_("Cancel"), on_click=_cancel, args=(place, cancel))
    return None


def _before(session: Any, contact_id: int | None) -> dict[str, Any]:
    """What the form starts with: the person as they are now, or nobody of this country."""
    if contact_id is None:
        blank = dict.fromkeys(BUILT_IN) | {"country": workspace.settings().country}
        return blank | {"fields": {}, "tags": []}
    contact = contacts.get(session, contact_id)
    values = {name: getattr(contact, name) for name in BUILT_IN}
    tags = list(contacts.tags_of(session, contact_id).values())
    return values | {"fields": dict(contact.fields), "tags": tags}


def _key(place: str) -> str:
    return f"{place}.{st.session_state.setdefault(f'{place}.serial', 0)}"


def _built_in(name: str, value: str | None, *, key: str) -> None:
    label = _(BUILT_IN[name])
    if name in CHOICES:
        options, named = CHOICES[name]
        help = _("It also reads a phone number written without a prefix.")
        field_input.choice(
            label,
            options(),
            value,
            key=key,
            named=named,
            help=help if name == "country" else None,
        )
    else:
        hint = {"phone": "+57 300 123 4567", "email": "ana@example.com"}.get(name)
        kept = {"key": key, "persist_state": "session"}
        st.text_input(label, value=value or "", placeholder=hint, **kept)


def _custom(
    defined: list[db.ContactField], stored: dict[str, Any], *, key: str, errors: dict[str, Any]
) -> None:
    for start in range(0, len(defined), 2):
        for field, column in zip(defined[start : start + 2], st.columns(2), strict=False):
            value = field_input.initial(field.type, stored.get(field.key))
            with column, st.container(gap="xxsmall"):
                field_input.draw(
                    field.type,
                    field.label,
                    value,
                    key=f"{key}.field.{field.key}",
                    options=field.options,
                )
                _told(errors.get(f"field.{field.key}"))


def _tags(known: list[str], held: list[str], *, key: str) -> None:
    st.multiselect(
        _("Tags"),
        known,
        default=held,
        accept_new_options=True,
        placeholder=_("Choose or type"),
        key=f"{key}.tags",
        persist_state="session",
    )


def _told(error: PregonError | None) -> None:
    """The mistake, right below its field."""
    if error is None:
        return
    st.markdown(f":small[:red[{plain(problems.sentence(error))}]]")
    if "contact" in error.details:
        st.page_link(
            "contacts.py",
            label=f":small[{_('Open that person')}]",
            query_params={"person": str(error.details["contact"])},
        )


def _save(place: str, contact_id: int | None) -> None:
    with workspace.database().read() as session:
        fields = contacts.fields(session)
    before = st.session_state[f"{place}.before"]
    given = _given(place, fields)
    errors = _mistakes(given, fields, before)
    if not errors:
        try:
            changed = _changed(given, before)
            st.session_state[f"{place}.saved"] = _write(contact_id, changed, before["tags"])
        except PregonError as error:
            errors[_place(error, given)] = error
    st.session_state[f"{place}.errors"] = errors


def _given(place: str, fields: list[db.ContactField]) -> dict[str, Any]:
    key = _key(place)
    values = {
        name: field_input.typed("choice" if name in CHOICES else "text", f"{key}.{name}")
        for name in BUILT_IN
    }
    custom = {
        field.key: field_input.typed(field.type, f"{key}.field.{field.key}") for field in fields
    }
    return values | {"fields": custom, "tags": st.session_state.get(f"{key}.tags") or []}


def _mistakes(
    given: dict[str, Any], fields: list[db.ContactField], before: dict[str, Any]
) -> dict[str, PregonError]:
    """Everything that cannot be, at once: by the field's name."""
    errors = {}
    for name in BUILT_IN:
        try:
            attributes.clean_built_in(name, given[name] or "", country=given["country"])
        except PregonError as error:
            errors[name] = error
    for field in fields:
        value = given["fields"][field.key]
        if _same(field, value, before["fields"].get(field.key)):
            given["fields"].pop(field.key)
            continue
        try:
            attributes.clean_custom(field, value)
        except PregonError as error:
            errors[f"field.{field.key}"] = error
    return errors


def _same(field: db.ContactField, given: Any, stored: Any) -> bool:
    """Whether the widget still shows what is stored; it may show less, no seconds say."""
    if isinstance(given, dt.datetime):
        given = given.replace(tzinfo=None)
    return bool((None if given == "" else given) == field_input.initial(field.type, stored))


def _changed(given: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """What differs from what the form began with."""
    changed = {
        name: given[name] or ""
        for name in BUILT_IN
        if (given[name] or None) != (before[name] or None)
    }
    if given["fields"]:
        changed["fields"] = given["fields"]
    if {db.fold(name) for name in given["tags"]} != {db.fold(name) for name in before["tags"]}:
        changed["tags"] = given["tags"]
    return changed


def _write(contact_id: int | None, changed: dict[str, Any], held: list[str]) -> int:
    with workspace.database().write() as session:
        if contact_id is None:
            country = changed.pop("country", workspace.settings().country)
            contact_id = contacts.create(session, country=country, **changed).id
        elif changed:
            if "tags" in changed:
                changed["tags"] = tags_now(session, contact_id, changed["tags"], held)
            contacts.update(session, contact_id, **changed)
        changes.remember_last(session)
        return contact_id


def tags_now(session: Any, contact_id: int, given: list[str], held: list[str]) -> list[str]:
    """Those given, and what the person got meanwhile from somebody else."""
    shown = {db.fold(name) for name in (*given, *held)}
    now = contacts.tags_of(session, contact_id)
    return [*given, *(name for key, name in now.items() if key not in shown)]


def _place(error: PregonError, given: dict[str, Any]) -> str:
    """The field an error of the engine is about; "" for the whole person."""
    if error.code.startswith("tag."):
        return "tags"
    if error.code == "contact.taken":
        return "external_id" if given["external_id"] == error.details["value"] else "phone"
    return ""


def _cancel(place: str, cancel: Callable[[], None]) -> None:
    _forget(place)
    cancel()


def _forget(place: str) -> None:
    """The next form of this place starts anew."""
    st.session_state[f"{place}.serial"] = st.session_state.get(f"{place}.serial", 0) + 1
    for name in ("before", "errors", "saved"):
        st.session_state.pop(f"{place}.{name}", None)
