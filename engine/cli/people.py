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

contacts = typer.Typer(no_args_is_help=True, help="People: import, export, edit, merge, undo.")
segments = typer.Typer(no_args_is_help=True, help="Count and read segments.")


class Format(StrEnum):
    csv = "csv"
    xlsx = "xlsx"
    parquet = "parquet"


def register(app: typer.Typer) -> None:
    from engine.cli import fields, persons, undoing  # noqa: F401 - they add to `contacts`

    app.add_typer(contacts, name="contacts")
    app.add_typer(fields.fields, name="fields")
    app.add_typer(segments, name="segment")


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

    kind = format.value if format else file.suffix.removeprefix(".").lower()
    with terminal.workspace(context) as (_, database):
        ids = in_segment(database, segment) if segment else None
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


def in_segment(database: db.Database, name: str) -> list[int]:
    """The ids of the people of a stored segment."""
    from engine.segments import segment as segmenting

    with database.read() as session:
        tree = segmenting.from_json(_segment(session, name).tree)
    ids: list[int] = segmenting.people(database, tree).collect()["id"].to_list()
    return ids


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
