"""The file: chosen, read, and what it holds."""

from __future__ import annotations

import streamlit as st

from engine.importing import importing
from engine.importing.importing import Sheet
from engine.language import N_
from pages.widgets import problems
from pages.widgets.language import _, counted
from pages.widgets.markdown import plain

RECOGNISED = N_(
    "A CSV or Excel file is taken as it is: names, phones, emails, birthdays and tags are "
    "recognised, other columns become fields of your own."
)
FIRST_ROWS = 20
DELIMITERS = {",": N_("comma"), ";": N_("semicolon"), "\t": N_("tab"), "|": "|"}


def draw() -> Sheet | None:
    """The uploader; the sheet once there is one that can be read."""
    serial = st.session_state.setdefault("import.serial", 0)
    file = st.file_uploader(
        _("A CSV or Excel file, as it is"),
        type=["csv", "tsv", "txt", "xlsx"],
        key=f"import.file.{serial}",
    )
    if file is not None and file.file_id != st.session_state.get("import.read"):
        st.session_state["import.read"] = file.file_id
        forget()
        with problems.kept("import"), st.spinner(_("Reading the file…")):
            data = file.getvalue()
            st.session_state["import.sheet"] = importing.read(data, name=file.name)
            st.session_state["import.data"] = data
    problems.draw("import")
    sheet: Sheet | None = st.session_state.get("import.sheet")
    if sheet is None:
        st.caption(_(RECOGNISED))
    return sheet


def forget() -> None:
    for name in ("sheet", "data", "preview"):
        st.session_state.pop(f"import.{name}", None)


def another() -> None:
    """Ready for the next file."""
    forget()
    st.session_state["import.serial"] = st.session_state.get("import.serial", 0) + 1


def facts(sheet: Sheet) -> None:
    """Its size and form in one line, and its first rows as they came."""
    said = [
        counted(len(sheet), N_("1 row"), N_("{count} rows")),
        counted(len(sheet.columns), N_("1 column"), N_("{count} columns")),
    ]
    if sheet.delimiter:
        between = _(DELIMITERS.get(sheet.delimiter, sheet.delimiter))
        said.append(_("separated by {delimiter}").format(delimiter=plain(between)))
    if sheet.encoding:
        said.append(plain(sheet.encoding))
    if sheet.skipped:
        said.append(counted(sheet.skipped, N_("1 unreadable line"), N_("{count} unreadable lines")))
    st.markdown(f"**{plain(sheet.name)}** · " + " · ".join(said))
    with st.expander(_("First rows of the file"), icon=":material/table_rows:"):
        st.dataframe(
            sheet.rows.head(FIRST_ROWS), hide_index=True, placeholder="", key="import.rows"
        )
