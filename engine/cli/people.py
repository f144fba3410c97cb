"""`pregon contacts` and `pregon segment`."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from engine import db
from engine.cli import terminal
from engine.errors import Invalid

contacts = typer.Typer(no_args_is_help=True, help="Import and export people.")
segments = typer.Typer(no_args_is_help=True, help="Count and read segments.")

PROBLEMS_SHOWN = 20


class Mode(StrEnum):
    both = "both"
    add = "add"
    update = "update"


class Format(StrEnum):
    csv = "csv"
    xlsx = "xlsx"
    parquet = "parquet"


def register(app: typer.Typer) -> None:
    app.add_typer(contacts, name="contacts")
    app.add_typer(segments, name="segment")


@contacts.command("import")
@terminal.guarded
def import_contacts(
    context: terminal.Context,
    file: Annotated[Path, typer.Argument(help="A CSV or XLSX file with a header line.")],
    mode: Annotated[Mode, typer.Option(help="Add new people, update known ones, or both.")] = (
        Mode.both
    ),
    country: Annotated[
        str, typer.Option(help="Country of numbers without a prefix; else PREGON_COUNTRY.")
    ] = "",
    tag: Annotated[list[str] | None, typer.Option(help="Tag everybody; repeatable.")] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="Where a column goes: NAME=contact.phone, =tags, =field.KEY, =ignore; repeatable."
        ),
    ] = None,
    as_json: terminal.Json = False,
) -> None:
    """Read people from a file; one line's problem never stops the others."""
    from engine.importing import importing

    with terminal.workspace(context) as (config, database):
        sheet = importing.read(file)
        with database.read() as session:
            mapping = importing.guess(sheet, session)
        mapping |= dict(_pair(text, names=list(mapping)) for text in column or ())
        report = importing.run(
            database,
            sheet,
            mapping,
            country=country or config.country,
            mode=mode.value,
            tags=tag or (),
        )
    terminal.show(report.to_json(), _imported(report), as_json=as_json)


def _pair(text: str, *, names: list[str]) -> tuple[str, str]:
    name, equals, target = text.rpartition("=")
    if not equals or name not in names:
        raise Invalid(
            "import.column_option",
            "“{text}” is not COLUMN=target; the columns are: {names}.",
            text=text,
            names=", ".join(names),
        )
    return name, target


def _imported(report: Any) -> list[str]:
    lines = [
        f"{report.created:,} created, {report.updated:,} updated,"
        f" {report.unchanged:,} unchanged, {report.skipped:,} skipped."
    ]
    for problem in report.problems[:PROBLEMS_SHOWN]:
        line, column, sentence = problem
        lines.append(f"Line {line}, {column}: {sentence}" if column else f"Line {line}: {sentence}")
    if (more := len(report.problems) - PROBLEMS_SHOWN) > 0:
        lines.append(f"… and {more:,} more; --json lists them all.")
    return lines


@contacts.command("export")
@terminal.guarded
def export_contacts(
    context: terminal.Context,
    file: Annotated[Path, typer.Argument(help="Where to write: .csv, .xlsx or .parquet.")],
    segment: Annotated[str, typer.Option(help="Only the people of this segment.")] = "",
    format: Annotated[Format | None, typer.Option(help="Else the file's ending says.")] = None,
    as_json: terminal.Json = False,
) -> None:
    """Write people to a file that imports again."""
    from engine.contacts import exporting
    from engine.segments import segment as segmenting

    kind = format.value if format else file.suffix.removeprefix(".").lower()
    with terminal.workspace(context) as (_, database):
        ids = None
        if segment:
            with database.read() as session:
                tree = segmenting.from_json(_segment(session, segment).tree)
            ids = segmenting.people(database, tree).collect()["id"].to_list()
        count = exporting.export(database, file, ids=ids, format=kind)  # type: ignore[arg-type]
    terminal.show(
        {"contacts": count, "file": str(file)}, f"{count:,} people → {file}", as_json=as_json
    )


@segments.command("list")
@terminal.guarded
def list_segments(context: terminal.Context, as_json: terminal.Json = False) -> None:
    """All segments, each with its count."""
    from engine.segments import segment as segmenting

    rows = []
    with terminal.workspace(context) as (_, database):
        with database.read() as session:
            listed = [(row.id, row.name, row.tree) for row in segmenting.listing(session)]
        for id, name, tree in listed:
            people = segmenting.count(database, segmenting.from_json(tree))
            rows.append({"id": id, "name": name, "people": people})
    words = terminal.table(("id", "name", "people"), [tuple(row.values()) for row in rows])
    terminal.show(rows, words if rows else "There are no segments yet.", as_json=as_json)


@segments.command("count")
@terminal.guarded
def count_segment(
    context: terminal.Context,
    segment: Annotated[str, typer.Argument(help="Name or number, or a file with a JSON tree.")],
    as_json: terminal.Json = False,
) -> None:
    """How many people are in a segment now."""
    from engine.segments import segment as segmenting

    with terminal.workspace(context) as (_, database):
        tree = _tree(database, segment)
        people = segmenting.count(database, segmenting.from_json(tree))
    terminal.show({"segment": segment, "people": people}, f"{people:,}", as_json=as_json)


@segments.command("show")
@terminal.guarded
def show_segment(
    context: terminal.Context,
    segment: Annotated[str, typer.Argument(help="Name or number.")],
    as_json: terminal.Json = False,
) -> None:
    """A segment in words, with the count of every condition."""
    from engine.segments import frame
    from engine.segments import segment as segmenting

    with terminal.workspace(context) as (config, database):
        with database.read() as session:
            row = _segment(session, segment)
        tree = segmenting.from_json(row.tree)
        counts = segmenting.counts(database, tree)
        catalogue = frame.load(database).catalogue
        words = segmenting.words(tree, catalogue, language=config.language or "en")
    data = {
        "id": row.id,
        "name": row.name,
        "people": counts[""],
        "words": words,
        "tree": row.tree,
        "counts": counts,
    }
    terminal.show(data, [f"{row.name}: {counts['']:,} people", words], as_json=as_json)


def _segment(session: Any, name: str) -> db.Segment:
    """By number or name."""
    from engine.segments import segment as segmenting

    if name.isdecimal():
        return segmenting.get(session, int(name))
    return segmenting.by_name(session, name)


def _tree(database: db.Database, segment: str) -> Any:
    """The tree of a stored segment, or of a .json file."""
    if not segment.endswith(".json"):
        with database.read() as session:
            return _segment(session, segment).tree
    try:
        return json.loads(Path(segment).read_text("utf-8"))
    except ValueError as error:
        raise Invalid("segment.file", "{file} is not JSON.", file=segment) from error
