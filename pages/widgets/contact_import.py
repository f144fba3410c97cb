"""A contact file: uploaded, its columns mapped, imported in the background, and reported."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import streamlit as st

from engine.contacts import attributes, contacts
from engine.importing import importing
from engine.importing.importing import Report, Sheet
from engine.language import N_
from pages.widgets import language, problems, workspace
from pages.widgets.language import _, counted, number
from pages.widgets.markdown import plain

SAMPLE = 3
PHONES_TRIED = 200
PREVIEW = 20
PROBLEMS_SHOWN = 1000
RECOGNISED = N_(
    "A CSV or Excel file is taken as it is: names, phones, emails, birthdays and tags are "
    "recognised, other columns become fields of your own."
)
MODES = {
    "both": N_("Add new people and update known ones"),
    "add": N_("Only add new people"),
    "update": N_("Only update known people"),
}
COUNTS = {
    "created": N_("Added"),
    "updated": N_("Updated"),
    "unchanged": N_("Unchanged"),
    "merged": N_("Repeated"),
    "skipped": N_("Skipped"),
}
DELIMITERS = {",": N_("comma"), ";": N_("semicolon"), "\t": N_("tab"), "|": "|"}


@st.cache_resource(show_spinner=False)
def _background() -> ThreadPoolExecutor:
    """One import at a time; it goes on when its page is left."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="import")


def draw() -> None:
    """The import as far as it is: a file to choose, its columns, the work, the report."""
    job: Future[Report] | None = st.session_state.get("import.job")
    if job is not None and not job.done():
        st.fragment(_wait, run_every="1s")(job)
    elif job is not None:
        _finished(job)
    else:
        _upload()
        if (sheet := st.session_state.get("import.sheet")) is not None:
            _prepare(sheet)


def _upload() -> None:
    file = st.file_uploader(
        _("A CSV or Excel file, as it is"), type=["csv", "tsv", "txt", "xlsx"], key="import.file"
    )
    if file is None and "import.sheet" not in st.session_state:
        st.caption(_(RECOGNISED))
    if file is None or file.file_id == st.session_state.get("import.read"):
        return
    st.session_state["import.read"] = file.file_id
    st.session_state.pop("import.sheet", None)
    with problems.kept("import"):
        st.session_state["import.sheet"] = importing.read(file.getvalue(), name=file.name)
    problems.draw("import")


def _prepare(sheet: Sheet) -> None:
    """What the file holds, where its columns go, and the button."""
    st.markdown(f"**{plain(sheet.name)}** · " + _facts(sheet))
    with st.expander(_("First rows of the file"), icon=":material/table_rows:"):
        st.dataframe(sheet.rows.head(PREVIEW), hide_index=True, placeholder="", key="import.rows")
    country, mode, tags = _choices()
    st.subheader(_("Columns"))
    with problems.shown():
        mapping = _mapping(sheet, country)
        _try_phones(sheet, mapping, country)
        st.button(
            counted(len(sheet), N_("Import 1 row"), N_("Import {count} rows")),
            type="primary",
            icon=":material/upload_file:",
            on_click=_start,
            args=(sheet, mapping, country, mode, tags),
            disabled=not len(sheet),
        )


def _facts(sheet: Sheet) -> str:
    facts = [
        counted(len(sheet), N_("1 row"), N_("{count} rows")),
        counted(len(sheet.columns), N_("1 column"), N_("{count} columns")),
    ]
    if sheet.delimiter:
        between = _(DELIMITERS.get(sheet.delimiter, sheet.delimiter))
        facts.append(_("separated by {delimiter}").format(delimiter=plain(between)))
    if sheet.encoding:
        facts.append(plain(sheet.encoding))
    if sheet.skipped:
        facts.append(
            counted(sheet.skipped, N_("1 unreadable line"), N_("{count} unreadable lines"))
        )
    return " · ".join(facts)


def _choices() -> tuple[str, str, list[str]]:
    with workspace.database().read() as session:
        known = [row.name for row in contacts.tags(session)]
    left, right = st.columns(2)
    country = left.selectbox(
        _("Country of phone numbers without a prefix"),
        language.countries(),
        index=language.countries().index(workspace.settings().country),
        format_func=language.country,
        key=f"import.country.{language.current()}",
        persist_state="session",
    )
    mode = right.selectbox(
        _("People who are here already"),
        list(MODES),
        format_func=lambda key: _(MODES[key]),
        key=f"import.mode.{language.current()}",
        persist_state="session",
    )
    tags = st.multiselect(
        _("Tags for everybody in the file"),
        known,
        accept_new_options=True,
        placeholder=_("Choose or type"),
        key="import.tags",
        persist_state="session",
    )
    return country, mode, tags


def _mapping(sheet: Sheet, country: str) -> dict[str, str]:
    """A row a column: its name, its first values, and where it goes."""
    with workspace.database().read() as session:
        guessed = importing.guess(sheet, session)
        fields = {f"field.{row.key}": row.label for row in contacts.fields(session)}
    types = importing.types(sheet, guessed, country=country)
    chosen = {}
    for place, column in enumerate(sheet.columns):
        options = _options(column, guessed[column], fields)
        name, sample, target = st.columns([2, 3, 3], vertical_alignment="center")
        name.markdown(f"**{plain(column)}**")
        sample.caption(plain(_sample(sheet, column)))
        chosen[column] = target.selectbox(
            column,
            list(options),
            index=list(options).index(guessed[column]),
            format_func=partial(_target, options, types.get(column, "")),
            key=f"import.{st.session_state.get('import.read')}.{language.current()}.{place}",
            label_visibility="collapsed",
            persist_state="session",
        )
    return chosen


def _try_phones(sheet: Sheet, mapping: Mapping[str, str], country: str) -> None:
    """Most numbers unreadable with this country: said before anything is imported."""
    phones = [column for column, target in mapping.items() if target == "contact.phone"]
    if not phones or "contact.country" in mapping.values():
        return
    tried = sheet.rows[phones[0]].drop_nulls().head(PHONES_TRIED).to_list()
    read = sum(attributes.normalise_phone(phone, country) is not None for phone in tried)
    if 2 * read < len(tried):
        text = _("Only {read} of the first {tried} phones can be read as numbers of {country}.")
        st.warning(
            text.format(
                read=number(read), tried=number(len(tried)), country=language.country(country)
            ),
            icon=":material/phone_disabled:",
        )


def _options(column: str, guessed: str, fields: Mapping[str, str]) -> dict[str, str]:
    """Target → its name as people see it; a field that does not exist yet in every type."""
    options = {key: _(label) for key, label in importing.TARGETS.items()} | dict(fields)
    new = guessed if guessed.startswith("field.") else f"field.{attributes.key_for(column)}"
    if new not in fields:
        options[new] = column
        options |= {f"{new}:{type}": column for type in attributes.TYPES}
    return options


def _target(options: Mapping[str, str], inferred: str, key: str) -> str:
    """A target's name; of a field also its type, where that is known."""
    type = key.partition(":")[2] or inferred
    if not key.startswith("field.") or type not in attributes.TYPES:
        return options[key]
    return f"{options[key]} · {_(attributes.TYPES[type])}"


def _sample(sheet: Sheet, column: str) -> str:
    values = sheet.rows[column].drop_nulls().head(SAMPLE).to_list()
    return ", ".join(value if len(value) <= 40 else value[:40] + "…" for value in values)


def _start(sheet: Sheet, mapping: dict[str, str], country: str, mode: Any, tags: list[str]) -> None:
    st.session_state["import.job"] = _background().submit(
        importing.run,
        workspace.database(),
        sheet,
        mapping,
        country=country,
        mode=mode,
        tags=tags,
    )


def _wait(job: Future[Report]) -> None:
    if job.done():
        st.rerun(scope="app")
    st.status(_("Importing… You can leave this page; it goes on."), state="running")


def _finished(job: Future[Report]) -> None:
    with problems.shown():
        _report(job.result())
    with st.container(horizontal=True):
        if st.button(_("See the contacts"), icon=":material/group:", type="primary"):
            st.switch_page("contacts.py")
        st.button(_("Import another file"), on_click=_again)


def _again() -> None:
    failed = st.session_state["import.job"].exception() is not None
    del st.session_state["import.job"]
    if not failed:
        st.session_state.pop("import.sheet", None)


def _report(report: Report) -> None:
    """What happened to every row, and why some are not there."""
    st.success(
        _("{name} was imported in {seconds} s.").format(
            name=plain(report.name), seconds=number(report.seconds, digits=1)
        ),
        icon=":material/check:",
    )
    cells = st.grid("auto", min_column_width=130)
    cells.metric(_("Rows"), number(report.rows), border=True)
    for key, label in COUNTS.items():
        cells.metric(_(label), number(getattr(report, key)), border=True)
    if report.fields_created:
        made = ", ".join(
            f"{plain(key)} ({_(attributes.TYPES[type])})"
            for key, type in report.fields_created.items()
        )
        st.markdown(_("New fields: {fields}.").format(fields=made))
    if report.problems:
        st.subheader(
            counted(len(report.problems), N_("1 remark"), N_("{count} remarks")), anchor=False
        )
        st.dataframe(
            [
                {
                    _("Line"): item.line or None,
                    _("Column"): item.column,
                    _("What was found"): problems.sentence(item.error),
                }
                for item in report.problems[:PROBLEMS_SHOWN]
            ],
            hide_index=True,
            placeholder="",
            key="import.problems",
        )
