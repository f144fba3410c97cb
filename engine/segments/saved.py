"""Saved segments: named trees. Names are unique whatever their case and outer spaces.

Every tree a segment was saved with stays as a db.SegmentVersion, as long as the segment does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.errors import Conflict, Invalid, NotFound
from engine.segments import catalogue
from engine.segments.checking import check
from engine.segments.tree import EVERYBODY, Node, conditions, from_json, to_json

IN_USE = ("scheduled", "preparing", "sending", "paused")
"""States of a broadcast that still needs its segment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uses:
    """Who refers to a segment, itself or through others."""

    broadcasts: tuple[db.Broadcast, ...] = ()
    """The newest first."""
    segments: tuple[db.Segment, ...] = ()
    """Those whose own tree names it, by name."""


def create(session: Session, *, name: str, tree: Node | None = None) -> db.Segment:
    """Save a new segment. Raises Conflict for a taken name, Invalid as `checking.check`."""
    db.touch_contacts(session)
    node = EVERYBODY if tree is None else tree
    check(node, catalogue.read(session))
    row = db.Segment(**_named(session, name), tree=to_json(node))
    session.add(row)
    session.flush()
    _keep(session, row)
    return row


def copy(session: Session, id: int, *, name: str, tree: Node | None = None) -> db.Segment:
    """Save a segment (or `tree`, as it was edited from it) under another name, with its tests.

    Raises NotFound, Conflict for a taken name, Invalid as `checking.check`.
    """
    row = get(session, id)
    made = create(session, name=name, tree=from_json(row.tree) if tree is None else tree)
    made.expectations = dict(row.expectations)
    session.flush()
    return made


def rename(session: Session, id: int, name: str) -> db.Segment:
    """Raises NotFound, Conflict for a taken name."""
    db.touch_contacts(session)
    row = get(session, id)
    for key, value in _named(session, name, besides=id).items():
        setattr(row, key, value)
    row.updated_at = db.now()
    session.flush()
    return row


def save(session: Session, id: int, tree: Node) -> db.Segment:
    """Replace the tree. Raises NotFound, Invalid as `checking.check`, a cycle included."""
    db.touch_contacts(session)
    row = get(session, id)
    known = catalogue.read(session)
    check(tree, replace(known, trees={**known.trees, id: to_json(tree)}))
    _keep(session, row)
    row.tree, row.updated_at = to_json(tree), db.now()
    session.flush()
    _keep(session, row)
    return row


def delete(session: Session, id: int) -> None:
    """Forget a segment and its versions; drafts that had it have none.

    Raises NotFound, Conflict while a broadcast that is on its way or another segment uses it.
    """
    db.touch_contacts(session)
    row = get(session, id)
    uses = used(session).get(id, Uses())
    for broadcast in uses.broadcasts:
        if broadcast.state in IN_USE:
            raise Conflict(
                "segment.in_use",
                "The segment “{segment}” is used by the broadcast “{broadcast}”.",
                segment=row.name,
                broadcast=broadcast.name,
            )
    for other in uses.segments:
        raise Conflict(
            "segment.in_segment",
            "The segment “{segment}” is used by the segment “{other}”.",
            segment=row.name,
            other=other.name,
        )
    session.execute(sa.delete(db.SegmentVersion).filter_by(segment_id=id))
    for broadcast in session.scalars(sa.select(db.Broadcast).filter_by(segment_id=id)):
        broadcast.segment_id = None
    session.flush()
    session.delete(row)
    session.flush()


def get(session: Session, id: int) -> db.Segment:
    """Raises NotFound."""
    return db.get(session, db.Segment, id)


def by_name(session: Session, name: str) -> db.Segment:
    """The segment of that name, whatever its case. Raises NotFound."""
    row = session.scalar(sa.select(db.Segment).where(db.Segment.key == name))
    if row is None:
        raise NotFound("segment.unknown", "There is no segment named “{name}”.", name=name)
    return row


def listing(session: Session) -> list[db.Segment]:
    """All segments by name."""
    return list(session.scalars(sa.select(db.Segment).order_by(db.Segment.key)))


def used_by(session: Session, id: int) -> list[db.Broadcast]:
    """The broadcasts that go to this segment, themselves or through another, newest first."""
    return list(used(session).get(id, Uses()).broadcasts)


def used(session: Session) -> dict[int, Uses]:
    """Who uses each segment, for all that are used."""
    segments = listing(session)
    named = {row.id: _referred(from_json(row.tree)) for row in segments}
    broadcasts: dict[int, list[db.Broadcast]] = {}
    for broadcast in session.scalars(sa.select(db.Broadcast).order_by(db.Broadcast.id.desc())):
        for id in _needed(broadcast, named):
            broadcasts.setdefault(id, []).append(broadcast)
    users: dict[int, list[db.Segment]] = {}
    for row in segments:
        for id in named[row.id]:
            users.setdefault(id, []).append(row)
    return {
        id: Uses(broadcasts=tuple(broadcasts.get(id, ())), segments=tuple(users.get(id, ())))
        for id in {*broadcasts, *users}
    }


def _named(session: Session, name: str, besides: int | None = None) -> dict[str, str]:
    """The columns of a free name."""
    if not name.strip():
        raise Invalid("segment.no_name", "A segment needs a name.")
    taken = session.scalar(sa.select(db.Segment.id).where(db.Segment.key == name))
    if taken is not None and taken != besides:
        raise Conflict("segment.taken", "A segment named “{name}” exists already.", name=name)
    return {"key": name, "name": name.strip()}


def _keep(session: Session, row: db.Segment) -> None:
    """Remember the tree as it is saved now, unless the newest version is the same."""
    version = db.SegmentVersion
    newest = session.scalar(
        sa.select(version).filter_by(segment_id=row.id).order_by(version.id.desc()).limit(1)
    )
    if newest is None or newest.tree != row.tree:
        session.add(version(segment_id=row.id, tree=row.tree, created_at=row.updated_at))
        session.flush()


def _needed(broadcast: db.Broadcast, named: Mapping[int, set[int]]) -> set[int]:
    """Every segment a broadcast refers to, also through others."""
    found: set[int] = set()
    waiting = _referred(from_json(broadcast.tree)) if broadcast.tree else set()
    waiting |= {broadcast.segment_id} if broadcast.segment_id else set()
    while waiting:
        found |= waiting
        waiting = {other for id in waiting for other in named.get(id, ())} - found
    return found


def _referred(tree: Node) -> set[int]:
    return {
        node.value
        for node in conditions(tree)
        if node.field == "segment" and isinstance(node.value, int)
    }
