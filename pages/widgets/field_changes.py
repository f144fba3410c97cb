"""What is done to one custom field: what would be lost is shown, and agreed to, before it is."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine import db
from engine.contacts import attributes
from engine.contacts.attributes import TYPES, Conversion
from engine.errors import PregonError
from engine.language import N_
from pages.widgets import background, changes, language, problems, workspace
from pages.widgets.language import _, counted
from pages.widgets.markdown import plain


def ask(action: str, key: str, people: int) -> None:
    """The body of the dialog of one action."""
    with problems.shown():
        with workspace.database().read() as session:
            field = attributes.get(session, key)
        ASKED[action](field, people)


def variable(key: str) -> str:
    """A field as messages name it, never broken over two lines."""
    return f"`{{{{\u00a0{key}\u00a0}}}}`"


def _rename(field: db.ContactField, people: int) -> None:
    label = st.text_input(_("Name"), value=field.label, key=f"field.{field.key}.label")
    shown = variable(field.key)
    st.caption(_("In messages it stays {variable}.").format(variable=shown))
    if st.button(_("Save"), type="primary", key="field.do", disabled=not label.strip()):
        with workspace.database().write() as session:
            change_id = attributes.rename(session, field.key, label).id
        _done(change_id)


def _options(field: db.ContactField, people: int) -> None:
    column = _("Choice")
    key = f"field.{field.key}.options.{language.current()}"
    st.caption(_("A choice that gets another name keeps its people. Empty a row to remove it."))
    rows: list[dict[str, Any]] = st.data_editor(
        [{column: option} for option in field.options],
        num_rows="dynamic",
        column_config={column: st.column_config.TextColumn(column, required=False)},
        key=key,
        width="stretch",
    )
    edited = st.session_state[key]["edited_rows"]
    renamed = {
        field.options[int(place)]: str(row[column])
        for place, row in edited.items()
        if row.get(column)
    }
    wanted = [str(row[column]) for row in rows if row.get(column)]
    agreed = _refused(f"field.{field.key}.options")
    if st.button(_("Save"), type="primary", key="field.do", disabled=not wanted):
        try:
            change_id = attributes.set_options(
                workspace.database(), field.key, wanted, renamed=renamed, drop_lost=agreed
            )
        except PregonError as error:
            if error.code != "field.choice_held":
                raise
            st.session_state[f"problem.field.{field.key}.options"] = error
            st.rerun(scope="fragment")
        _done(change_id)


def _refused(place: str) -> bool:
    """The sentence that says what would be lost, with the way to agree to it."""
    error = st.session_state.get(f"problem.{place}")
    if error is None:
        return False
    st.warning(plain(problems.sentence(error)), icon=":material/warning:")
    return st.checkbox(_("Remove those values. It can be undone."), key=f"{place}.agreed")


def _type(field: db.ContactField, people: int) -> None:
    to = st.selectbox(
        _("New type"),
        [type for type in TYPES if type != field.type],
        index=None,
        format_func=lambda type: _(TYPES[type]),
        placeholder=_("Choose…"),
        key=f"field.{field.key}.type.{language.current()}",
    )
    if to is None:
        return
    found = attributes.convertible(workspace.database(), field.key, to)
    agreed = _weighed(found)
    if st.button(_("Change type"), type="primary", key="field.do", disabled=not agreed):

        def work(progress: background.Progress) -> int:
            database = workspace.database()
            return attributes.change_type(
                database, field.key, to, drop_lost=bool(found.lost), progress=progress
            )

        label = _("Change type") + f": {field.label}"
        background.run(label, people, work, finished=changes.remember)
        st.rerun()


def _weighed(found: Conversion) -> bool:
    """What would stay and what would go; whether that is agreed to."""
    st.markdown(
        ":green[:material/check:] "
        + counted(
            found.fits, N_("1 person keeps their value."), N_("{count} people keep their value.")
        )
    )
    if not found.lost:
        return True
    st.markdown(
        ":orange[:material/warning:] "
        + counted(
            found.lost, N_("1 person loses theirs, or a part."),
            N_("{count} people lose theirs, or a part."),
        )
    )  # fmt: skip
    st.dataframe(
        [
            {_("Value"): value, _("Becomes"): left or "—", _("People"): language.number(people)}
            for value, left, people in found.samples
        ],
        hide_index=True,
        key="field.samples",
    )
    return st.checkbox(_("Go on and lose them. It can be undone."), key="field.agreed")


def _delete(field: db.ContactField, people: int) -> None:
    st.markdown(
        counted(
            people, N_("1 person has a value, which goes with it."),
            N_("{count} people have a value, which goes with it."),
        )
        + " "
        + _("It can be undone.")
    )  # fmt: skip
    if st.button(_("Delete field"), type="primary", key="field.do"):
        with workspace.database().write() as session:
            change_id = attributes.delete(session, field.key).id
        _done(change_id)


def _done(change_id: int) -> None:
    changes.remember(change_id)
    st.rerun()


ASKED = {"rename": _rename, "options": _options, "type": _type, "delete": _delete}
