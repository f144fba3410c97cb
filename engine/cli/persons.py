"""`pregon contacts add`, `edit`, `delete`, `tag` …: what is done to people, and undone."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import typer

from engine import db
from engine.cli import terminal
from engine.cli.people import contacts, in_segment
from engine.errors import Invalid

Ids = Annotated[list[int] | None, typer.Argument(help="Numbers of contacts.")]
Segment = Annotated[str, typer.Option(help="Instead of numbers: everybody of this segment.")]
Values = Annotated[
    list[str] | None,
    typer.Option("--set", help="FIELD=VALUE; an empty value clears. Repeatable."),
]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="A tag; repeatable.")]
Channel = Annotated[str, typer.Option(help="Name or number of the channel.")]
Reason = Annotated[str, typer.Option(help="Why, for the log.")]


def _values(given: list[str] | None) -> dict[str, Any]:
    """FIELD=VALUE as contacts.create takes them."""
    from engine.contacts import attributes

    values: dict[str, Any] = {}
    for text in given or ():
        key, equals, value = text.partition("=")
        if not equals:
            raise Invalid("contact.option", "“{text}” is not FIELD=VALUE.", text=text)
        if key in attributes.BUILT_IN or key == "name":
            values[key] = value
        else:
            values.setdefault("fields", {})[key.removeprefix("field.")] = value
    return values


def _who(database: db.Database, ids: list[int] | None, segment: str) -> list[int]:
    """The people a command is about. Raises Invalid when nobody, or twice, is named."""
    if bool(ids) == bool(segment):
        raise Invalid("contact.who", "Give numbers of contacts, or --segment with a name.")
    return list(ids) if ids else in_segment(database, segment)


def _channel(session: Any, name: str) -> db.Channel:
    from engine import accounts

    if name.isdecimal():
        return db.get(session, db.Channel, int(name))
    return accounts.by_name(session, name)


def _progress(done: int, total: int) -> None:
    if total > 20_000:
        terminal.note(f"{done:,} of {total:,}")


def _changed(database: db.Database, change_id: int, *, as_json: bool) -> None:
    from engine.contacts import changes

    with database.read() as session:
        row = db.get(session, db.Change, change_id)
    words = f"{changes.sentence(row, 'en')}. Undo: pregon contacts undo {row.id}"
    terminal.show({"change": row.id, "people": row.people}, words, as_json=as_json)


@contacts.command("add")
@terminal.guarded
def add(
    context: terminal.Context,
    values: Values = None,
    tag: Tags = None,
    as_json: terminal.Json = False,
) -> None:
    """Add a person."""
    from engine.contacts import contacts as people

    with terminal.workspace(context) as (_, database):
        with database.write() as session:
            given = _values(values)
            made = people.create(session, **given, tags=tag or [])
            name = people.name_of(made)
        terminal.show({"id": made.id}, f"{name} is contact {made.id}.", as_json=as_json)


@contacts.command("edit")
@terminal.guarded
def edit(
    context: terminal.Context,
    id: Annotated[int, typer.Argument(help="Number of the contact.")],
    values: Values = None,
    as_json: terminal.Json = False,
) -> None:
    """Change what is known of a person."""
    from engine.contacts import changes
    from engine.contacts import contacts as people

    with terminal.workspace(context) as (_, database):
        with database.write() as session:
            people.update(session, id, **_values(values))
            change = changes.last(session)
            assert change is not None
        _changed(database, change.id, as_json=as_json)


@contacts.command("show")
@terminal.guarded
def show(
    context: terminal.Context,
    id: Annotated[int, typer.Argument(help="Number of the contact.")],
    as_json: terminal.Json = False,
) -> None:
    """Everything kept about a person, and what happened with them."""
    from engine.contacts import attributes, profile

    with terminal.workspace(context) as (_, database), database.read() as session:
        found = profile.profile(session, id)
        known = {
            name: getattr(found.contact, name)
            for name in ("id", *attributes.BUILT_IN)
            if getattr(found.contact, name)
        }
    rows = [(event.at, event.kind, event.channel, _event(event)) for event in found.timeline]
    data = {
        **known,
        "fields": {label: value for label, _, value in found.fields},
        "tags": found.tags,
        "channels": [dataclasses.asdict(on) for on in found.channels],
        "opt_outs": [dataclasses.asdict(said) for said in found.opt_outs],
        "timeline": [dataclasses.asdict(event) for event in found.timeline],
    }
    words = [f"{name}: {value}" for name, value in known.items()]
    words += [f"{label}: {value}" for label, _, value in found.fields]
    words += [f"tags: {', '.join(found.tags)}"] if found.tags else []
    words += terminal.table(("when", "what", "channel", ""), rows)
    terminal.show(data, words, as_json=as_json)


def _event(event: Any) -> str:
    from engine.contacts import changes

    if event.change is not None:
        return changes.sentence(event.change, "en")
    return " ".join(filter(None, (event.broadcast, event.state, event.source, event.text)))


@contacts.command("delete")
@terminal.guarded
def delete(
    context: terminal.Context,
    ids: Ids = None,
    segment: Segment = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: terminal.Json = False,
) -> None:
    """Delete people; opt-outs stay with their addresses, the ledger stays."""
    from engine.contacts import bulk

    with terminal.workspace(context) as (_, database):
        people = _who(database, ids, segment)
        if not (yes or as_json):
            typer.confirm(f"Delete {len(people):,} contacts?", abort=True, err=True)
        change = bulk.delete(database, people, progress=_progress)
        _changed(database, change, as_json=as_json)


@contacts.command("tag")
@terminal.guarded
def tag(
    context: terminal.Context,
    ids: Ids = None,
    tag: Tags = None,
    segment: Segment = "",
    as_json: terminal.Json = False,
) -> None:
    """Give people tags."""
    from engine.contacts import bulk

    with terminal.workspace(context) as (_, database):
        people = _who(database, ids, segment)
        change = bulk.tag(database, people, tag or [], progress=_progress)
        _changed(database, change, as_json=as_json)


@contacts.command("untag")
@terminal.guarded
def untag(
    context: terminal.Context,
    ids: Ids = None,
    tag: Tags = None,
    segment: Segment = "",
    as_json: terminal.Json = False,
) -> None:
    """Take tags from people."""
    from engine.contacts import bulk

    with terminal.workspace(context) as (_, database):
        people = _who(database, ids, segment)
        change = bulk.untag(database, people, tag or [], progress=_progress)
        _changed(database, change, as_json=as_json)


@contacts.command("set")
@terminal.guarded
def set_field(
    context: terminal.Context,
    field: Annotated[str, typer.Argument(help="Key of a field: city, language …")],
    value: Annotated[str, typer.Argument(help="Its value for everybody; empty clears it.")],
    ids: Ids = None,
    segment: Segment = "",
    as_json: terminal.Json = False,
) -> None:
    """Give people one value of a field."""
    from engine.contacts import bulk

    with terminal.workspace(context) as (_, database):
        people = _who(database, ids, segment)
        change = bulk.set_field(database, people, field, value, progress=_progress)
        _changed(database, change, as_json=as_json)


@contacts.command("opt-out")
@terminal.guarded
def opt_out(
    context: terminal.Context,
    channel: Channel,
    ids: Ids = None,
    segment: Segment = "",
    reason: Reason = "",
    as_json: terminal.Json = False,
) -> None:
    """Nothing more is sent to people on a channel."""
    from engine.contacts import bulk

    with terminal.workspace(context) as (_, database):
        people = _who(database, ids, segment)
        with database.read() as session:
            on = _channel(session, channel).id
        change = bulk.opt_out(database, people, on, reason=reason, progress=_progress)
        _changed(database, change, as_json=as_json)


@contacts.command("opt-in")
@terminal.guarded
def opt_in(
    context: terminal.Context,
    channel: Channel,
    ids: Ids = None,
    segment: Segment = "",
    reason: Reason = "",
    as_json: terminal.Json = False,
) -> None:
    """People come back to a channel they left."""
    from engine.contacts import bulk

    with terminal.workspace(context) as (_, database):
        people = _who(database, ids, segment)
        with database.read() as session:
            on = _channel(session, channel).id
        change = bulk.opt_in(database, people, on, reason=reason, progress=_progress)
        _changed(database, change, as_json=as_json)
