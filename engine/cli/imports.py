"""`pregon contacts import`, what has been imported, and the way back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from engine import db
from engine.cli import terminal
from engine.cli.people import contacts
from engine.errors import Invalid

PROBLEMS_SHOWN = 20
HEAD = ("id", "state", "name", "rows", "created", "updated", "unchanged", "merged", "skipped")


class Mode(StrEnum):
    both = "both"
    add = "add"
    update = "update"


class Match(StrEnum):
    auto = "auto"
    phone = "phone"
    email = "email"
    external_id = "external_id"
    contact_id = "contact_id"


def register(app: typer.Typer) -> None:
    """The commands stand in the group of `engine.cli.people`, which is registered there."""


@contacts.command("import")
@terminal.guarded
def import_contacts(
    context: terminal.Context,
    file: Annotated[Path, typer.Argument(help="A CSV or XLSX file with a header line.")],
    mode: Annotated[
        Mode | None, typer.Option(help="Add new people, update known ones, or both.")
    ] = None,
    match: Annotated[
        Match | None, typer.Option(help="What makes a row somebody who is here already.")
    ] = None,
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
    mapping: Annotated[str, typer.Option(help="Read the columns as a kept mapping says.")] = "",
    strict: Annotated[
        bool, typer.Option("--strict", help="Leave out every row with a problem.")
    ] = False,
    as_json: terminal.Json = False,
) -> None:
    """Read people from a file; one line's problem never stops the others."""
    from engine.importing import importing, mappings, running

    with terminal.workspace(context) as (_, database):
        sheet = importing.read(file)
        with database.read() as session:
            kept = mappings.mapping(session, mapping) if mapping else importing.Options()
            guessed = importing.guess(sheet, session)
        columns = {**(mappings.fitted(kept, sheet).mapping or {} if mapping else guessed)}
        columns |= dict(_pair(text, names=list(sheet.columns)) for text in column or ())
        options = importing.Options(
            mapping=columns,
            mode=mode.value if mode else kept.mode,
            match=match.value if match else kept.match,
            country=country or kept.country,
            tags=(*kept.tags, *(tag or ())),
            keep_problems=kept.keep_problems and not strict,
        )
        id = running.start(database, file.read_bytes(), name=file.name, options=options)
        with _bar(as_json=as_json) as seen:
            running.run_job(database, id, seen=seen)
        data, found = _outcome(database, id)
    terminal.show(data, _imported(data, found), as_json=as_json)


@contextmanager
def _bar(*, as_json: bool) -> Iterator[Any]:
    """A progress bar on stderr where a person looks at it; else nothing."""
    if as_json or not sys.stderr.isatty():
        yield None
        return
    done = 0
    with typer.progressbar(length=1, label="Importing", file=sys.stderr) as bar:

        def seen(now: int, total: int) -> None:
            nonlocal done
            bar.length = total
            bar.update(now - done)
            done = now

        yield seen


def _outcome(database: db.Database, id: int) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The import as JSON, its problems in it, and the same problems as (place, sentence).

    Raises what made it fail.
    """
    from engine.importing import history

    with database.read() as session:
        item = history.status(session, id)
        problems = history.problems(session, id)
    if item.reason is not None:
        raise item.reason
    data = _row(item) | {
        "problems": [problem.to_json() for problem in problems],
        "fields_created": dict(item.fields_created),
        "encoding": item.encoding,
        "delimiter": item.delimiter,
        "seconds": item.seconds,
    }
    said = [
        (f"Line {p.line}, {p.column}" if p.column else f"Line {p.line}", p.sentence)
        for p in problems
    ]
    return data, said


def _row(item: Any) -> dict[str, Any]:
    return {
        "id": item.id,
        "name": item.name,
        "state": item.state,
        "rows": item.rows,
        **item.counts,
        "created_at": item.created_at,
    }


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


def _imported(data: dict[str, Any], problems: list[tuple[str, str]]) -> list[str]:
    lines = [
        f"{data['created']:,} created, {data['updated']:,} updated,"
        f" {data['unchanged']:,} unchanged, {data['skipped']:,} skipped."
        f" Undo: pregon contacts import-undo {data['id']}"
    ]
    lines += [f"{place}: {sentence}" for place, sentence in problems[:PROBLEMS_SHOWN]]
    if (more := len(problems) - PROBLEMS_SHOWN) > 0:
        lines.append(f"… and {more:,} more; --json lists them all.")
    return lines


@contacts.command("imports")
@terminal.guarded
def list_imports(context: terminal.Context, as_json: terminal.Json = False) -> None:
    """The files imported so far, the newest first."""
    from engine.importing import history

    with terminal.workspace(context) as (_, database), database.read() as session:
        rows = [_row(item) for item in history.listing(session)]
    words = terminal.table(HEAD, [tuple(row[name] for name in HEAD) for row in rows])
    terminal.show(rows, words if rows else "Nothing has been imported yet.", as_json=as_json)


@contacts.command("import-undo")
@terminal.guarded
def undo_import(
    context: terminal.Context,
    id: Annotated[int, typer.Argument(help="Its number, as `contacts imports` lists it.")],
    as_json: terminal.Json = False,
) -> None:
    """Take a whole import back; what somebody changed since stays."""
    from engine.importing import taking_back

    with terminal.workspace(context) as (_, database), _bar(as_json=as_json) as seen:
        undone = taking_back.undo(database, id, seen=seen)
    data = {"id": id, "restored": undone.restored, "kept": undone.kept}
    terminal.show(
        data,
        f"{undone.restored:,} people are as they were before; {undone.kept:,} values stayed.",
        as_json=as_json,
    )
