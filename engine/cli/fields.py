"""`pregon fields`: what contacts can hold besides the built-in fields."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from engine.cli import terminal

fields = typer.Typer(no_args_is_help=True, help="Custom fields of contacts.")
Key = Annotated[str, typer.Argument(help="The field's key.")]
DropLost = Annotated[bool, typer.Option("--drop-lost", help="Even if people lose a value by it.")]


@fields.command("list")
@terminal.guarded
def list_fields(context: terminal.Context, as_json: terminal.Json = False) -> None:
    """Every custom field."""
    from engine.contacts import attributes

    with terminal.workspace(context) as (_, database), database.read() as session:
        rows = [
            {"key": row.key, "label": row.label, "type": row.type, "options": row.options}
            for row in attributes.listing(session)
        ]
    cells = [(r["key"], r["label"], r["type"], ", ".join(r["options"])) for r in rows]
    table = terminal.table(("key", "label", "type", "choices"), cells)
    terminal.show(rows, table if rows else "There are no custom fields yet.", as_json=as_json)


@fields.command("add")
@terminal.guarded
def add(
    context: terminal.Context,
    label: Annotated[str, typer.Argument(help="What people read.")],
    type: Annotated[str, typer.Option(help="text, number, date, datetime, yes_no, choice.")] = (
        "text"
    ),
    key: Annotated[str, typer.Option(help="Its name in messages; else made of the label.")] = "",
    option: Annotated[list[str] | None, typer.Option(help="A choice; repeatable.")] = None,
    as_json: terminal.Json = False,
) -> None:
    """Add a field."""
    from engine.contacts import attributes

    with terminal.workspace(context) as (_, database), database.write() as session:
        row = attributes.define(
            session,
            key=key or attributes.key_for(label),
            label=label,
            type=type,
            options=option or (),
        )
    terminal.show({"key": row.key}, f"{row.label} is {row.key}.", as_json=as_json)


@fields.command("rename")
@terminal.guarded
def rename(
    context: terminal.Context,
    key: Key,
    label: Annotated[str, typer.Argument(help="What people read from now on.")],
    as_json: terminal.Json = False,
) -> None:
    """Give a field another label; its key stays."""
    from engine.contacts import attributes

    with terminal.workspace(context) as (_, database), database.write() as session:
        change = attributes.rename(session, key, label)
    terminal.show({"change": change.id}, f"{key} is {label} now.", as_json=as_json)


@fields.command("type")
@terminal.guarded
def change_type(
    context: terminal.Context,
    key: Key,
    to: Annotated[str, typer.Argument(help="text, number, date, datetime, yes_no, choice.")],
    preview: Annotated[bool, typer.Option("--preview", help="Only say what would be.")] = False,
    drop_lost: DropLost = False,
    as_json: terminal.Json = False,
) -> None:
    """Make a field another type, everybody's value with it."""
    from engine.contacts import attributes

    with terminal.workspace(context) as (_, database):
        if preview:
            seen = attributes.convertible(database, key, to)
            words = [f"{seen.fits:,} values fit, {seen.lost:,} would be lost."]
            words += [f"{value} → {left or '—'} ({n:,})" for value, left, n in seen.samples]
            terminal.show(dataclasses.asdict(seen), words, as_json=as_json)
            return
        change = attributes.change_type(database, key, to, drop_lost=drop_lost)
    words = [f"{key} is of type {to} now. Undo: pregon contacts undo {change}"]
    terminal.show({"change": change}, words, as_json=as_json)


@fields.command("options")
@terminal.guarded
def set_options(
    context: terminal.Context,
    key: Key,
    options: Annotated[list[str], typer.Argument(help="The choices; OLD=NEW renames one.")],
    drop_lost: DropLost = False,
    as_json: terminal.Json = False,
) -> None:
    """Give a field these choices, in this order."""
    from engine.contacts import attributes

    renamed = dict(pair.split("=", 1) for pair in options if "=" in pair)
    wanted = [option.partition("=")[2] or option for option in options]
    with terminal.workspace(context) as (_, database):
        change = attributes.set_options(database, key, wanted, renamed=renamed, drop_lost=drop_lost)
    words = f"{key}: {', '.join(wanted)}. Undo: pregon contacts undo {change}"
    terminal.show({"change": change}, words, as_json=as_json)


@fields.command("delete")
@terminal.guarded
def delete(context: terminal.Context, key: Key, as_json: terminal.Json = False) -> None:
    """Remove a field and everybody's value of it."""
    from engine.contacts import attributes

    with terminal.workspace(context) as (_, database), database.write() as session:
        change = attributes.delete(session, key)
    words = f"{key} is gone. Undo: pregon contacts undo {change.id}"
    terminal.show({"change": change.id, "people": change.people}, words, as_json=as_json)
