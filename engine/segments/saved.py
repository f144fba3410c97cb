"""Saved segments: named trees. Names are unique whatever their case and outer spaces."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.errors import Conflict, Invalid, NotFound
from engine.segments import catalogue
from engine.segments.checking import check
from engine.segments.tree import EVERYBODY, Node, conditions, from_json, to_json

IN_USE = ("scheduled", "preparing", "sending", "paused")
"""States of a broadcast that still needs its segment."""


def create(session: Session, *, name: str, tree: Node | None = None) -> db.Segment:
    """Save a new segment. Raises Conflict for a taken name, Invalid as `checking.check`."""
    db.touch_contacts(session)
    node = EVERYBODY if tree is None else tree
    check(node, catalogue.read(session))
    row = db.Segment(**_named(session, name), tree=to_json(node))
    session.add(row)
    session.flush()
    return row


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
    row.tree, row.updated_at = to_json(tree), db.now()
    session.flush()
    return row


def delete(session: Session, id: int) -> None:
    """Forget a segment; drafts that had it have none. Raises NotFound, Conflict while in use."""
    db.touch_contacts(session)
    row = get(session, id)
    for broadcast in used_by(session, id):
        if broadcast.state in IN_USE:
            raise Conflict(
                "segment.in_use",
                "The segment “{segment}” is used by the broadcast “{broadcast}”.",
                segment=row.name,
                broadcast=broadcast.name,
            )
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
    rows = session.scalars(sa.select(db.Broadcast).order_by(db.Broadcast.id.desc()))
    return [row for row in rows if id in _needed(session, row)]


def _named(session: Session, name: str, besides: int | None = None) -> dict[str, str]:
    """The columns of a free name."""
    if not name.strip():
        raise Invalid("segment.no_name", "A segment needs a name.")
    taken = session.scalar(sa.select(db.Segment.id).where(db.Segment.key == name))
    if taken is not None and taken != besides:
        raise Conflict("segment.taken", "A segment named “{name}” exists already.", name=name)
    return {"key": name, "name": name.strip()}


def _needed(session: Session, broadcast: db.Broadcast) -> set[int]:
    """Every segment a broadcast refers to, also through others."""
    found: set[int] = set()
    waiting = _referred(from_json(broadcast.tree)) if broadcast.tree else set()
    waiting |= {broadcast.segment_id} if broadcast.segment_id else set()
    while waiting:
        found |= waiting
        rows = session.scalars(sa.select(db.Segment.tree).where(db.Segment.id.in_(waiting)))
        waiting = {id for tree in rows for id in _referred(from_json(tree))} - found
    return found


def _referred(tree: Node) -> set[int]:
    return {
        node.value
        for node in conditions(tree)
        if node.field == "segment" and isinstance(node.value, int)
    }
