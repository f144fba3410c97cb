"""`pregon contacts import` and what has been imported."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli import terminal
from engine.cli.people import contacts
from engine.errors import Invalid

PROBLEMS_SHOWN = 20


class Mode(StrEnum):
    both = "both"
    add = "add"
    update = "update"


def register(app: typer.Typer) -> None:
    """The commands stand in the group of `engine.cli.people`, which is registered there."""


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
