"""Where each column of a file goes: guessed, or as a kept mapping says, and changed by hand."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from html import escape

import streamlit as st

from engine.contacts import attributes, contacts
from engine.importing import importing, mappings
from engine.importing.importing import Options, Sheet
from engine.language import N_
from pages.widgets import language, problems, workspace
from pages.widgets.language import _, counted, number
from pages.widgets.markdown import plain

SAMPLE = 3
SHOWN = 40
"""Columns shown at once; the others are behind a fold, and no page draws hundreds of choices."""
PHONES_TRIED = 200


def kept_mapping(sheet: Sheet) -> Options | None:
    """The kept mapping chosen for this file; the one that fits best is proposed."""
    with workspace.database().read() as session:
        fitting = {
            row.id: (row.name, mappings.mapping(session, row.name))
            for row in mappings.mappings(session, sheet)
        }
    if not fitting:
        st.session_state["import.kept"] = 0
        return None
    chosen = st.selectbox(
        _("How its columns are read"),
        [*fitting, 0],
        format_func=lambda id: fitting[id][0] if id else _("As recognised in the file"),
        key=f"import.kept.{st.session_state.get('import.read')}.{language.current()}",
        persist_state="session",
        help=_("Mappings you have kept and that fit this file."),
    )
    st.session_state["import.kept"] = chosen
    return mappings.fitted(fitting[chosen][1], sheet) if chosen else None


def draw(sheet: Sheet, country: str, kept: Options | None) -> dict[str, str]:
    """A row a column: its name, its first values, and where it goes."""
    with workspace.database().read() as session:
        guessed = importing.guess(sheet, session)
        fields = {f"field.{row.key}": row.label for row in contacts.fields(session)}
    if kept is not None:
        guessed = {name: (kept.mapping or {}).get(name, "ignore") for name in sheet.columns}
    types = _types(sheet, guessed, country)
    chosen = dict(guessed)
    for place, column in enumerate(sheet.columns[:SHOWN]):
        chosen[column] = _one(sheet, place, column, guessed[column], fields, types)
    if more := len(sheet.columns) - SHOWN:
        _rest(sheet, more, guessed, fields, types, chosen)
    return {column: _typed(target, types.get(column), fields) for column, target in chosen.items()}


def _typed(target: str, type: str | None, fields: Mapping[str, str]) -> str:
    """A new field with the type it was shown with, so that nobody has to find it again."""
    is_new = target.startswith("field.") and ":" not in target and target not in fields
    return f"{target}:{type}" if is_new and type else target


def _types(sheet: Sheet, guessed: Mapping[str, str], country: str) -> dict[str, str]:
    """The types that new fields would get; found once a file, not at every click."""
    of = (st.session_state.get("import.read"), st.session_state.get("import.kept"), country)
    known = st.session_state.get("import.types")
    if known is None or known[0] != of:
        known = (of, importing.types(sheet, guessed, country=country))
        st.session_state["import.types"] = known
    types: dict[str, str] = known[1]
    return types


def _rest(
    sheet: Sheet,
    more: int,
    guessed: Mapping[str, str],
    fields: Mapping[str, str],
    types: Mapping[str, str],
    chosen: dict[str, str],
) -> None:
    if more <= 0:
        return
    title = counted(more, N_("1 more column"), N_("{count} more columns"))
    with st.expander(title, key="import.more", on_change="rerun") as fold:
        for place, column in enumerate(sheet.columns[SHOWN:], start=SHOWN):
            if fold.open:
                chosen[column] = _one(sheet, place, column, guessed[column], fields, types)
            else:
                chosen[column] = st.session_state.get(_key(place), guessed[column])


def _key(place: int) -> str:
    file, kept = st.session_state.get("import.read"), st.session_state.get("import.kept", 0)
    return f"import.{file}.{kept}.{language.current()}.{place}"


def _one(
    sheet: Sheet,
    place: int,
    column: str,
    guessed: str,
    fields: Mapping[str, str],
    types: Mapping[str, str],
) -> str:
    options = _options(column, guessed, fields)
    name, sample, target = st.columns([2, 3, 3], vertical_alignment="center")
    name.markdown(f"**{plain(column)}**")
    sample.html(f"<small style='opacity:.7'>{escape(_sample(sheet, column))}</small>")
    chosen: str = target.selectbox(
        column,
        list(options),
        index=list(options).index(guessed),
        format_func=partial(_target, options, types.get(column, "")),
        key=_key(place),
        label_visibility="collapsed",
        persist_state="session",
    )
    return chosen


def _options(column: str, guessed: str, fields: Mapping[str, str]) -> dict[str, str]:
    """Target → its name as people see it; a field that does not exist yet in every type."""
    options = {key: _(label) for key, label in importing.TARGETS.items()} | dict(fields)
    bare = guessed.partition(":")[0]
    new = bare if bare.startswith("field.") else f"field.{attributes.key_for(column)}"
    if new not in fields:
        options[new] = column
        options |= {f"{new}:{type}": column for type in attributes.TYPES}
    if guessed not in options:  # a kept mapping may name the type of a field that is there now
        options[guessed] = fields.get(bare, column)
    return options


def _target(options: Mapping[str, str], inferred: str, key: str) -> str:
    """A target's name; of a field also its type, where that is known."""
    type = key.partition(":")[2] or inferred
    if not key.startswith("field.") or type not in attributes.TYPES:
        return options[key]
    return f"{options[key]} · {_(attributes.TYPES[type])}"


def _sample(sheet: Sheet, column: str) -> str:
    values = sheet.cells(column).drop_nulls().head(SAMPLE).to_list()
    return ", ".join(value if len(value) <= 40 else value[:40] + "…" for value in values)


def try_phones(sheet: Sheet, mapping: Mapping[str, str], country: str) -> None:
    """Most numbers unreadable with this country: said before anything is imported."""
    phones = [column for column, target in mapping.items() if target == "contact.phone"]
    if not phones or "contact.country" in mapping.values():
        return
    tried = sheet.cells(phones[0]).drop_nulls().head(PHONES_TRIED).to_list()
    read = sum(attributes.normalise_phone(phone, country) is not None for phone in tried)
    if 2 * read < len(tried):
        text = _("Only {read} of the first {tried} phones can be read as numbers of {country}.")
        st.warning(
            text.format(
                read=number(read), tried=number(len(tried)), country=language.country(country)
            ),
            icon=":material/phone_disabled:",
        )


def keep(options: Options) -> None:
    """Keep the mapping under a name for the next file of this kind, and drop kept ones."""
    with st.popover(_("Keep this mapping"), icon=":material/bookmark_add:"):
        st.text_input(_("Name"), placeholder=_("For example: shop export"), key="import.keep.name")
        st.button(_("Keep"), on_click=_keep, args=(options,), icon=":material/check:")
        problems.draw("import.keep")
        with workspace.database().read() as session:
            rows = [(row.id, row.name) for row in mappings.mappings(session)]
        for id, name in rows:
            left, right = st.columns([5, 1], vertical_alignment="center")
            left.markdown(plain(name))
            right.button(
                "",
                icon=":material/delete:",
                help=_("Forget “{name}”").format(name=name),
                key=f"import.drop.{id}",
                on_click=_drop,
                args=(id,),
                type="tertiary",
            )


def _keep(options: Options) -> None:
    with problems.kept("import.keep"), workspace.database().write() as session:
        name = mappings.keep_mapping(session, st.session_state["import.keep.name"], options).name
        st.toast(_("The mapping “{name}” was kept.").format(name=plain(name)))


def _drop(id: int) -> None:
    with problems.kept("import.keep"), workspace.database().write() as session:
        mappings.drop_mapping(session, id)
