"""A contact file: uploaded, its columns mapped, previewed, imported in the background, reported.

`?view=import` is a new import and the earlier ones; with `&import=ID` it is that one.
"""

from __future__ import annotations

import streamlit as st

from engine.importing import history, running
from engine.importing.importing import Options, Sheet
from engine.language import N_
from pages.widgets import (
    import_columns,
    import_history,
    import_options,
    import_preview,
    import_progress,
    import_report,
    import_runner,
    import_upload,
    problems,
    workspace,
)
from pages.widgets.import_upload import RECOGNISED as RECOGNISED
from pages.widgets.language import _, counted


def draw() -> None:
    asked = st.query_params.get("import", "")
    with problems.shown():
        if asked.isdecimal():
            _known(int(asked))
            return
    sheet = import_upload.draw()
    if sheet is None:
        import_history.draw()
        return
    _prepare(sheet)


def _known(id: int) -> None:
    """An import that has begun."""
    problems.draw("import")
    with workspace.database().read() as session:
        item = history.status(session, id)
    if item.is_open:
        import_progress.live(id)
    else:
        import_report.draw(item)
        _ways_on(item)


def _ways_on(item: history.Import) -> None:
    with st.container(horizontal=True):
        if st.button(_("See the contacts"), icon=":material/group:", type="primary"):
            st.switch_page("contacts.py")
        st.button(_("Import another file"), on_click=_another)
        import_report.undo_button(item, place="report")


def _another() -> None:
    import_upload.another()
    st.query_params.pop("import", None)


def _prepare(sheet: Sheet) -> None:
    """What the file holds, where its columns go, what will become of it, and the button."""
    import_upload.facts(sheet)
    kept = import_columns.kept_mapping(sheet)
    chosen = import_options.draw(kept)
    st.subheader(_("Columns"), anchor=False)
    mapping = import_columns.draw(sheet, chosen["country"], kept)
    import_columns.try_phones(sheet, mapping, chosen["country"])
    options = Options(mapping=mapping, **chosen)
    st.subheader(_("Preview"), anchor=False)
    fits = import_preview.draw(sheet, options)
    with st.container(horizontal=True):
        st.button(
            counted(len(sheet), N_("Import 1 row"), N_("Import {count} rows")),
            type="primary",
            icon=":material/upload_file:",
            on_click=_start,
            args=(sheet.name, options),
            disabled=not fits or not len(sheet),
        )
        import_columns.keep(options)


def _start(name: str, options: Options) -> None:
    with problems.kept("import"):
        data = st.session_state["import.data"]
        id = running.start(workspace.database(), data, name=name, options=options)
        import_runner.begin(id)
        st.query_params["import"] = str(id)
        import_upload.another()
