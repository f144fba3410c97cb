"""What an import did to every row, why some are not there, and the way back."""

from __future__ import annotations

from functools import partial

import streamlit as st

from engine.contacts import attributes
from engine.importing import history, taking_back
from engine.importing.history import Import
from engine.language import N_
from pages.widgets import import_progress, import_runner, language, problems, workspace
from pages.widgets.language import _, counted, number
from pages.widgets.markdown import plain

PROBLEMS_SHOWN = 500


def draw(item: Import) -> None:
    headline(item)
    if item.state != "failed" or item.done:
        import_progress.counts(item)
    if item.fields_created and item.state != "undone":
        made = ", ".join(
            f"{plain(key)} ({_(attributes.TYPES[type])})"
            for key, type in item.fields_created.items()
        )
        st.markdown(_("New fields: {fields}.").format(fields=made))
    if item.problems:
        _problems(item)


def headline(item: Import) -> None:
    name, seconds = plain(item.name), number(item.seconds, digits=1)
    if item.state == "done":
        text = _("{name} was imported in {seconds} s.").format(name=name, seconds=seconds)
        st.success(text, icon=":material/check:")
    elif item.state == "cancelled":
        text = _("The import of {name} was cancelled after {done} rows. What came in stays.")
        st.warning(text.format(name=name, done=number(item.done)), icon=":material/stop_circle:")
    elif item.state == "undone":
        text = _("The import of {name} was undone: {count} people are as they were before.")
        st.info(
            text.format(name=name, count=number(item.undone.get("restored", 0))),
            icon=":material/undo:",
        )
        if kept := item.undone.get("kept", 0):
            st.caption(
                counted(
                    kept,
                    N_("1 value stayed, because somebody changed it since."),
                    N_("{count} values stayed, because somebody changed them since."),
                )
            )
    elif item.reason is not None:
        problems.show(item.reason)


def _problems(item: Import) -> None:
    with workspace.database().read() as session:
        found = history.problems(session, item.id)
    title = counted(item.problems, N_("1 remark"), N_("{count} remarks"))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(title, anchor=False, width="content")
        st.space("stretch")
        st.download_button(
            _("These rows as CSV"),
            partial(_file, item.id),
            file_name=f"problems-{item.id}.csv",
            icon=":material/download:",
            on_click="ignore",
            help=_("Mend the rows in it and import the file."),
            key=f"import.csv.{item.id}",
        )
    st.dataframe(
        [
            {
                _("Line"): problem.line or None,
                _("Column"): problem.column,
                _("What was found"): problems.sentence(problem.error),
            }
            for problem in found[:PROBLEMS_SHOWN]
        ],
        hide_index=True,
        placeholder="",
        key=f"import.problems.{item.id}",
    )


def _file(id: int) -> bytes:
    with workspace.database().read() as session:
        return history.problem_file(session, id, speaks=language.current())


def undo_button(item: Import, *, place: str) -> None:
    """Undo the whole import, after asking."""
    if not item.undoable:
        return
    with st.popover(_("Undo"), icon=":material/undo:", key=f"import.undo.{place}.{item.id}"):
        st.markdown(
            _("Undo the whole import of **{name}**?").format(name=plain(item.name))
            + " "
            + _("Who came in with it goes, and who was changed is as before.")
        )
        st.button(
            _("Undo the import"),
            type="primary",
            key=f"import.undo.sure.{place}.{item.id}",
            on_click=_undo,
            args=(item.id,),
        )


def _undo(id: int) -> None:
    with problems.kept("import"):
        taking_back.want_undo(workspace.database(), id)
        import_runner.begin(id)
        st.query_params["import"] = str(id)
