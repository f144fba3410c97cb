"""`pregon contacts merge`, `duplicates`, `changes`, `undo`: people made one, and put back."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import typer

from engine.cli import terminal
from engine.cli.people import contacts
from engine.errors import Invalid


@contacts.command("duplicates")
@terminal.guarded
def duplicates(
    context: terminal.Context,
    by: Annotated[
        list[str] | None, typer.Option(help="phone, email or name_birthday; repeatable.")
    ] = None,
    birthday: Annotated[str, typer.Option(help="Key of the field with the birthday.")] = "",
    limit: Annotated[int, typer.Option(help="How many groups.")] = 50,
    as_json: terminal.Json = False,
) -> None:
    """People who may be one, those with most in common first."""
    from engine.contacts import duplicates as doubles

    if unknown := set(by or ()) - set(doubles.REASONS):
        raise Invalid("duplicates.by", "“{by}” is nothing to suggest by.", by=unknown.pop())
    with terminal.workspace(context) as (_, database):
        groups = doubles.suggested(
            database,
            by=by or tuple(doubles.REASONS),
            birthday=birthday or None,
            limit=limit,
        )
    rows = [
        (" ".join(map(str, group.ids)), "; ".join(f"{r.kind} {r.value}" for r in group.reasons))
        for group in groups
    ]
    words = terminal.table(("contacts", "share"), rows) if rows else "Nobody is here twice."
    terminal.show([dataclasses.asdict(group) for group in groups], words, as_json=as_json)


@contacts.command("merge")
@terminal.guarded
def merge(
    context: terminal.Context,
    ids: Annotated[list[int], typer.Argument(help="Numbers of the contacts; the first stays.")],
    choose: Annotated[
        list[str] | None,
        typer.Option(help="FIELD=CONTACT: whose value it takes; repeatable."),
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Only say what would be.")] = False,
    as_json: terminal.Json = False,
) -> None:
    """Make several contacts the first of them."""
    from engine.contacts import changes
    from engine.contacts import duplicates as doubles

    chosen = dict(_choice(text) for text in choose or ())
    with terminal.workspace(context) as (_, database):
        if preview:
            with database.read() as session:
                seen = doubles.preview(session, ids, ids[0], chosen)
            words = [f"{key}: {value}" for key, value in seen.values.items()]
            words += [f"lost: {key}: {value}" for key, value in seen.lost.items()]
            terminal.show(dataclasses.asdict(seen), words, as_json=as_json)
            return
        with database.write() as session:
            change = doubles.merge(session, ids, ids[0], chosen)
    words = [f"{changes.sentence(change, 'en')}. Undo: pregon contacts undo {change.id}"]
    terminal.show({"change": change.id, "keep": ids[0]}, words, as_json=as_json)


def _choice(text: str) -> tuple[str, int]:
    key, _, id = text.partition("=")
    if not id.isdecimal():
        raise Invalid("merge.option", "“{text}” is not FIELD=CONTACT.", text=text)
    return key, int(id)


@contacts.command("distinct")
@terminal.guarded
def distinct(
    context: terminal.Context,
    ids: Annotated[list[int], typer.Argument(help="Numbers of the contacts.")],
    as_json: terminal.Json = False,
) -> None:
    """These are not one person: never suggest them together again."""
    from engine.contacts import duplicates as doubles

    with terminal.workspace(context) as (_, database), database.write() as session:
        doubles.dismiss(session, ids)
    terminal.show({"distinct": ids}, "They stay apart.", as_json=as_json)


@contacts.command("changes")
@terminal.guarded
def list_changes(
    context: terminal.Context,
    limit: Annotated[int, typer.Option(help="How many.")] = 20,
    contact: Annotated[int | None, typer.Option(help="Only of this contact.")] = None,
    as_json: terminal.Json = False,
) -> None:
    """What was done to contacts, the newest first."""
    from engine.contacts import changes

    with terminal.workspace(context) as (_, database), database.read() as session:
        listed = changes.listing(session, limit=limit, contact_id=contact)
    rows: list[dict[str, Any]] = [
        {
            "id": row.id,
            "at": row.at,
            "people": row.people,
            "what": changes.sentence(row, "en"),
            "undone_at": row.undone_at,
        }
        for row in listed
    ]
    table = terminal.table(
        ("id", "at", "people", "what", "undone"), [tuple(row.values()) for row in rows]
    )
    terminal.show(rows, table if rows else "Nothing was changed yet.", as_json=as_json)


@contacts.command("undo")
@terminal.guarded
def undo(
    context: terminal.Context,
    change: Annotated[int, typer.Argument(help="Number of the change.")],
    as_json: terminal.Json = False,
) -> None:
    """Put people back as they were, save for what somebody changed since."""
    from engine.importing import taking_back

    with terminal.workspace(context) as (_, database):
        undone = taking_back.undo_change(database, change)
    words = f"{undone.restored:,} contacts are as they were; {undone.kept:,} values stay."
    terminal.show(dataclasses.asdict(undone), words, as_json=as_json)


@contacts.command("forget")
@terminal.guarded
def forget(
    context: terminal.Context,
    change: Annotated[int, typer.Argument(help="Number of the change.")],
    as_json: terminal.Json = False,
) -> None:
    """Drop what a change keeps, deleted people included; it cannot be undone any more."""
    from engine.contacts import changes

    with terminal.workspace(context) as (_, database):
        changes.forget(database, change)
    terminal.show({"forgotten": change}, "It is forgotten.", as_json=as_json)
