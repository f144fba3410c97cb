"""Tags as such: given another name, merged into another, and dropped when nobody has them."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import bulk, cleaning
from engine.contacts.definitions import WAITING
from engine.contacts.undoing import Progress
from engine.errors import Conflict, Invalid


def rename(session: Session, tag_id: int, name: str) -> db.Tag:
    """People and segments keep the tag, under its new name. Raises NotFound, Invalid, Conflict."""
    db.touch_contacts(session)
    row = db.get(session, db.Tag, tag_id)
    name = cleaning.tidy(" ".join(name.split()))
    if not name or len(name) > 100 or set(name) & set(",;|"):
        raise Invalid(
            "tag.bad_name",
            "“{name}” cannot be a tag: use up to 100 characters without , ; or |.",
            name=name[:60],
        )
    taken = sa.select(db.Tag.id).where(db.Tag.key == name, db.Tag.id != tag_id)
    if session.scalar(taken) is not None:
        raise Conflict("tag.taken", "There is a tag “{name}” already: merge them.", name=name)
    row.key = row.name = name
    session.flush()
    return row


def drop(session: Session, tag_id: int) -> None:
    """Delete a tag that nobody has. Raises NotFound, and Conflict while somebody or a segment
    has it."""
    db.touch_contacts(session)
    row = db.get(session, db.Tag, tag_id)
    held = sa.select(db.ContactTag.contact_id).filter_by(tag_id=tag_id).limit(1)
    if session.scalar(held) is not None:
        raise Conflict(
            "tag.held",
            "Somebody has the tag “{name}”: take it from everybody first.",
            name=row.name,
        )
    refuse_users(session, row)
    session.delete(row)
    session.flush()


def merge(
    database: db.Database, tag_id: int, into_id: int, *, progress: Progress | None = None
) -> int:
    """Whoever has the tag has the other one instead; the change's id. The tag stays, with nobody.

    Raises NotFound, Invalid for one tag, Conflict while a segment or a broadcast that waits asks
    for the tag.
    """
    with database.read() as session:
        row, into = db.get(session, db.Tag, tag_id), db.get(session, db.Tag, into_id)
        if tag_id == into_id:
            raise Invalid("tag.itself", "A tag cannot be merged into itself.")
        refuse_users(session, row)
        link = db.ContactTag
        holders = sa.select(link.contact_id).where(link.tag_id == tag_id)
        ids = list(session.scalars(holders.order_by(link.contact_id)))
    return bulk.retag(database, ids, row.name, into.name, progress=progress)


def refuse_users(session: Session, row: db.Tag) -> None:
    """Raises Conflict when a segment, or a broadcast that waits, asks for the tag."""
    if users := users_of(session, row.id):
        raise Conflict(
            "tag.used",
            "“{name}” is asked for by: {names}. Change that first.",
            name=row.name,
            names=", ".join(f"“{user}”" for user in users),
        )


def users_of(session: Session, tag_id: int) -> list[str]:
    """Names of the segments, and of broadcasts whose people are still to be found, that ask for
    the tag."""
    segments = session.execute(sa.select(db.Segment.name, db.Segment.tree).order_by(db.Segment.key))
    waiting = sa.select(db.Broadcast.name, db.Broadcast.tree).where(
        db.Broadcast.state.in_(WAITING), db.Broadcast.tree.is_not(None)
    )
    every = [*segments, *session.execute(waiting)]
    return list(dict.fromkeys(name for name, tree in every if tag_id in _asked(tree)))


def _asked(tree: object) -> Iterator[object]:
    """The tags that conditions of a tree, as JSON, ask for."""
    if not isinstance(tree, dict):
        return
    if tree.get("field") == "tag":
        value = tree.get("value")
        yield from value if isinstance(value, list) else [value]
    for member in tree.get("of", ()):
        yield from _asked(member)
