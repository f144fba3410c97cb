"""`pregon segment test`, `diff` and `overlap`: its tests, what changed, what it shares."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from engine import db
from engine.cli import people, terminal
from engine.errors import Invalid, NotFound

MARKS = {True: "ok ", False: "RED"}
Name = Annotated[str, typer.Argument(help="Name or number.")]


def register(app: typer.Typer) -> None:
    """The commands stand in the group of `engine.cli.people`, which is registered there."""


@people.segments.command("test")
@terminal.guarded
def run_tests(context: terminal.Context, segment: Name, as_json: terminal.Json = False) -> None:
    """Run a segment's tests; exit code 1 when one is red."""
    from engine.segments import expectations, frame, verdicts

    with terminal.workspace(context) as (config, database):
        with database.read() as session:
            id = _find(session, segment).id
        found = expectations.run(database, id)
        catalogue = frame.load(database).catalogue
        told = [verdicts.sentence(one, catalogue, config.language or "en") for one in found]
    data = [
        {
            "kind": one.kind,
            "ok": one.ok,
            "contact": one.contact,
            "people": None if one.contact else one.people,
            "bound": None if one.contact else one.bound,
            "sentence": text,
        }
        for one, text in zip(found, told, strict=True)
    ]
    lines = [f"{MARKS[one.ok]}  {text}" for one, text in zip(found, told, strict=True)]
    terminal.show(data, lines or "This segment has no tests.", as_json=as_json)
    if not all(one.ok for one in found):
        raise typer.Exit(1)


@people.segments.command("diff")
@terminal.guarded
def diff_segment(
    context: terminal.Context,
    segment: Name,
    version: Annotated[
        int | None, typer.Option(help="Number of an earlier version, from 1; else the one before.")
    ] = None,
    broadcast: Annotated[
        str, typer.Option(help="A broadcast that started: its audience then, by name or number.")
    ] = "",
    as_json: terminal.Json = False,
) -> None:
    """Who came in and who left since a version or a broadcast, and which conditions did it."""
    from engine.segments import comparing, frame
    from engine.segments.tree import from_json

    with terminal.workspace(context) as (config, database):
        with database.read() as session:
            row = _find(session, segment)
            before = _before(session, row.id, version, broadcast)
        found = comparing.compare(database, before, from_json(row.tree))
        flips = _flips(found, frame.load(database).catalogue, config.language or "en")
    data = {
        "before": found.before,
        "after": found.after,
        "entered": found.entered["id"].to_list(),
        "left": found.left["id"].to_list(),
        "created": found.created,
        "deleted": found.deleted,
        "flips": flips,
    }
    came, went = found.entered.height, found.left.height
    lines = [f"{found.before:,} before + {came:,} came in - {went:,} left = {found.after:,} now"]
    if flips:
        rows = [(one["words"], one["change"], one["entered"], one["left"]) for one in flips]
        lines += terminal.table(("condition", "change", "came in", "left"), rows)
    terminal.show(data, lines, as_json=as_json)


def _flips(found: Any, catalogue: Any, language: str) -> list[dict[str, Any]]:
    """The conditions that moved people, in words and as they stand in a tree."""
    from engine.segments import wording
    from engine.segments.tree import to_json

    return [
        {
            "condition": to_json(flip.condition),
            "change": flip.change,
            "words": wording.words(flip.condition, catalogue, language),
            "entered": flip.entered,
            "left": flip.left,
        }
        for flip in found.flips
    ]


@people.segments.command("overlap")
@terminal.guarded
def overlap_segments(
    context: terminal.Context,
    names: Annotated[list[str], typer.Argument(help="Up to five segments, by name or number.")],
    as_json: terminal.Json = False,
) -> None:
    """How segments share people: how many are in exactly which of them."""
    from engine.segments import overlap
    from engine.segments.tree import from_json

    with terminal.workspace(context) as (_, database):
        with database.read() as session:
            rows = [_find(session, name) for name in names]
        found = overlap.of(database, [(row.name, from_json(row.tree)) for row in rows])
    parts = [([found.names[place] for place in part.members], part) for part in found.parts]
    data = {
        "sizes": dict(zip(found.names, found.sizes, strict=True)),
        "union": found.union,
        "common": found.common,
        "everybody": found.everybody,
        "parts": [{"in": inside, "people": part.people} for inside, part in parts],
    }
    lines = [
        *(f"{name}: {size:,}" for name, size in zip(found.names, found.sizes, strict=True)),
        f"In at least one: {found.union:,}; in all: {found.common:,}",
        *terminal.table(
            ("only in", "people"), [(" + ".join(inside), part.people) for inside, part in parts]
        ),
    ]
    terminal.show(data, lines, as_json=as_json)


def _find(session: Session, name: str) -> db.Segment:
    from engine.segments import saved

    return saved.get(session, int(name)) if name.isdecimal() else saved.by_name(session, name)


def _before(session: Session, id: int, version: int | None, broadcast: str) -> Any:
    """What to compare with. Raises NotFound, Invalid for two answers at once."""
    from engine import drafts
    from engine.segments import versions

    if version is not None and broadcast:
        raise Invalid("segment.two_befores", "Give --version or --broadcast, not both.")
    if broadcast:
        number = int(broadcast) if broadcast.isdecimal() else drafts.by_name(session, broadcast).id
        row = session.get(db.FrozenAudience, number)
        if row is None:
            raise NotFound(
                "segment.nothing_frozen",
                "“{broadcast}” has not started, so it has no audience to compare with.",
                broadcast=broadcast,
            )
        return row
    last = len(versions.listing(session, id))
    return versions.get(session, id, max(1, last - 1) if version is None else version)
