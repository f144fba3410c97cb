"""An import at work: how far it is, and the way to stop it. It is a row of the database."""

from __future__ import annotations

import streamlit as st

from engine.importing import history, running
from engine.importing.history import Import
from engine.language import N_
from pages.widgets import import_runner, problems, workspace
from pages.widgets.language import _, counted, number
from pages.widgets.markdown import plain

COUNTS = {
    "created": N_("Added"),
    "updated": N_("Updated"),
    "unchanged": N_("Unchanged"),
    "merged": N_("Repeated"),
    "skipped": N_("Skipped"),
}


def live(id: int) -> None:
    """The progress, drawn anew every second until it has ended."""
    st.fragment(_draw, run_every="1s")(id)


def _draw(id: int) -> None:
    with problems.shown():
        with workspace.database().read() as session:
            item = history.status(session, id)
        if not item.is_open:
            st.rerun(scope="app")
        import_runner.look_after(item)
        bar(item)
        counts(item)
        _below(item)


def bar(item: Import) -> None:
    name = plain(item.name)
    if item.state == "undoing":
        done, total = item.undoing
        st.progress(done / total if total else 0.0, text=_("Undoing {name}…").format(name=name))
        return
    if item.state == "waiting" or item.rows is None:
        text = (
            _("{name} waits to be imported…") if item.state == "waiting" else _("Reading {name}…")
        )
        st.progress(0.0, text=text.format(name=name))
        return
    text = _("{name}: {done} of {rows} rows").format(
        name=name, done=number(item.done), rows=number(item.rows)
    )
    st.progress(item.done / item.rows if item.rows else 1.0, text=text)


def counts(item: Import) -> None:
    cells = st.grid("auto", min_column_width=130)
    for key, label in COUNTS.items():
        cells.metric(_(label), number(item.counts[key]), border=True)


def _below(item: Import) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if item.state != "undoing":
            st.button(
                _("Stopping…") if item.cancel_wanted else _("Cancel"),
                icon=":material/stop_circle:",
                key=f"import.cancel.{item.id}",
                on_click=_cancel,
                args=(item.id,),
                disabled=item.cancel_wanted,
            )
        said = [_("You can leave this page; it goes on.")]
        if not import_runner.has_worker():
            said = [_("No worker is running, so the studio imports it itself: keep it open.")]
        if item.problems:
            said.append(
                counted(item.problems, N_("1 remark so far."), N_("{count} remarks so far."))
            )
        st.caption(" ".join(said))


def _cancel(id: int) -> None:
    with problems.kept("import"):
        running.cancel(workspace.database(), id)
