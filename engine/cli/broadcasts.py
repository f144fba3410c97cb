"""`pregon broadcast`: a broadcast from a YAML file to its report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from engine.cli import terminal
from engine.errors import Invalid

broadcasts = typer.Typer(no_args_is_help=True, help="Create, send, follow and judge broadcasts.")

Which = Annotated[str, typer.Argument(metavar="BROADCAST", help="Number or name.")]


def register(app: typer.Typer) -> None:
    app.add_typer(broadcasts, name="broadcast")


@broadcasts.command("list")
@terminal.guarded
def list_broadcasts(context: terminal.Context, as_json: terminal.Json = False) -> None:
    """All broadcasts."""

    from engine import drafts

    with terminal.workspace(context) as (_, database), database.read() as session:
        rows: list[dict[str, Any]] = [
            {"id": row.id, "name": row.name, "state": row.state, "labels": row.labels}
            for row in drafts.listing(session)
        ]
    words = terminal.table(
        ("id", "name", "state", "labels"),
        [(row["id"], row["name"], row["state"], ", ".join(row["labels"])) for row in rows],
    )
    terminal.show(rows, words if rows else "There are no broadcasts yet.", as_json=as_json)


@broadcasts.command("create")
@terminal.guarded
def create(
    context: terminal.Context,
    file: Annotated[Path, typer.Argument(help="A YAML file; see docs/command-line.md.")],
    as_json: terminal.Json = False,
) -> None:
    """Save a draft from a file; says what it still lacks."""

    from engine import broadcast_file, checks

    document = _read(file)
    with terminal.workspace(context) as (_, database):
        with database.write() as session:
            row = broadcast_file.read(session, document)
            id, name = row.id, row.name
        problems = [problem.sentence for problem in checks.problems(database, id)]
    words = [f"“{name}” is saved as draft {id}.", *problems]
    terminal.show({"id": id, "name": name, "problems": problems}, words, as_json=as_json)


def _read(file: Path) -> Any:
    try:
        return yaml.safe_load(file.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        raise Invalid(
            "broadcast.not_yaml",
            "{file} cannot be read as YAML: line {line} is not as expected.",
            file=str(file),
            line=mark.line + 1 if mark else 1,
        ) from error


@broadcasts.command()
@terminal.guarded
def send(context: terminal.Context, which: Which, as_json: terminal.Json = False) -> None:
    """Confirm a draft: it goes out now, or at its start. A missed one goes out now."""
    _confirm(context, which, start=None, zone=None, as_json=as_json)


@broadcasts.command()
@terminal.guarded
def schedule(
    context: terminal.Context,
    which: Which,
    at: Annotated[str, typer.Option(help="Local date and time: “2026-12-01 09:30”.")],
    timezone: Annotated[str, typer.Option(help="Its zone; else PREGON_TIMEZONE.")] = "",
    as_json: terminal.Json = False,
) -> None:
    """Give a draft its start and confirm it."""
    _confirm(context, which, start=at, zone=timezone, as_json=as_json)


def _confirm(
    context: terminal.Context, which: str, *, start: str | None, zone: str | None, as_json: bool
) -> None:
    from engine import broadcast, drafts, jobs, plan

    with terminal.workspace(context) as (config, database):
        row = _find(database, which)
        if start is not None:
            place = zone or config.timezone
            plan.start_at(start, place)
            with database.write() as session:
                local = start.strip().replace(" ", "T", 1)
                drafts.edit(session, row.id, start_local=local, timezone=place)
        if row.state == "missed" and start is None:
            with database.write() as session:
                broadcast.start_missed(session, row.id)
        else:
            broadcast.confirm(database, row.id)
        jobs.wake(config, row.id)
        if not jobs.workers(config):
            terminal.note("No worker is running: start one with `pregon up` or `pregon worker`.")
        _tell(database, row.id, as_json=as_json)


@broadcasts.command()
@terminal.guarded
def unschedule(context: terminal.Context, which: Which, as_json: terminal.Json = False) -> None:
    """Make a scheduled or missed broadcast a draft again."""
    _move(context, which, "unschedule", as_json=as_json)


@broadcasts.command()
@terminal.guarded
def pause(context: terminal.Context, which: Which, as_json: terminal.Json = False) -> None:
    """Stop sending within a second; resume goes on from there."""
    _move(context, which, "pause", as_json=as_json)


@broadcasts.command()
@terminal.guarded
def resume(context: terminal.Context, which: Which, as_json: terminal.Json = False) -> None:
    """Go on where a paused broadcast stands."""
    _move(context, which, "resume", as_json=as_json)


@broadcasts.command()
@terminal.guarded
def cancel(context: terminal.Context, which: Which, as_json: terminal.Json = False) -> None:
    """End it for good; what was sent stays sent."""
    _move(context, which, "cancel", as_json=as_json)


def _move(context: terminal.Context, which: str, verb: str, *, as_json: bool) -> None:
    from engine import broadcast, jobs

    verbs = {
        "unschedule": broadcast.unschedule,
        "pause": broadcast.pause,
        "resume": broadcast.resume,
        "cancel": broadcast.cancel,
    }
    with terminal.workspace(context) as (config, database):
        row = _find(database, which)
        with database.write() as session:
            verbs[verb](session, row.id)
        if verb == "resume":
            jobs.wake(config, row.id)
        _tell(database, row.id, as_json=as_json)


@broadcasts.command()
@terminal.guarded
def status(context: terminal.Context, which: Which, as_json: terminal.Json = False) -> None:
    """Where it stands now."""
    with terminal.workspace(context) as (_, database):
        _tell(database, _find(database, which).id, as_json=as_json)


@broadcasts.command()
@terminal.guarded
def report(context: terminal.Context, which: Which, as_json: terminal.Json = False) -> None:
    """Everything that came of it, counted from the ledger."""
    from engine import reports

    with terminal.workspace(context) as (_, database):
        id = _find(database, which).id
        with database.read() as session:
            counted = reports.report(session, id)
    document = counted.to_json()
    terminal.show(document, _report_words(document), as_json=as_json)


def _report_words(document: dict[str, Any]) -> list[str]:
    left_out = {reason: count for reason, count in document["left_out"].items() if count}
    states = {state: count for state, count in document["states"].items() if count}
    lines = [
        f"“{document['name']}”: {document['state'].replace('_', ' ')}",
        f"{document['matched']:,} matched = {document['recipients']:,} recipients"
        f" + {sum(left_out.values()):,} left out",
        *terminal.table(("left out", "people"), left_out.items()),
        *terminal.table((f"of {document['messages']:,} messages", "now"), states.items()),
        *terminal.table(("came at least to", "messages"), document["funnel"].items()),
    ]
    if document["failures"]:
        rows = [(one["count"], one["code"], one["text"]) for one in document["failures"]]
        lines += terminal.table(("failed", "code", "reason"), rows)
    return lines


def _find(database: Any, which: str) -> Any:
    from engine import db, drafts

    with database.read() as session:
        if which.isdecimal():
            return db.get(session, db.Broadcast, int(which))
        return drafts.by_name(session, which)


def _tell(database: Any, id: int, *, as_json: bool) -> None:
    """One line: its state and its messages by state."""
    from engine import db, reports

    with database.read() as session:
        row = db.get(session, db.Broadcast, id)
        counted = reports.report(session, id)
    states = {state: count for state, count in counted.states.items() if count}
    data = {
        "id": id,
        "name": row.name,
        "state": row.state,
        "state_reason": row.state_reason,
        "start_at": row.start_at,
        "messages": counted.messages,
        "states": dict(counted.states),
    }
    words = f"“{row.name}” is {row.state.replace('_', ' ')}"
    words += f" ({row.state_reason.rstrip('.')})" if row.state_reason else ""
    words += f", starts {row.start_local} {row.timezone}" if row.state == "scheduled" else ""
    words += "".join(f", {count:,} {state}" for state, count in states.items())
    terminal.show(data, words + ".", as_json=as_json)
