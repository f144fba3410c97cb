"""Tags as such: given another name, and dropped when nobody has them."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import cleaning
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
    people = session.scalar(
        sa.select(sa.func.count()).select_from(db.ContactTag).filter_by(tag_id=tag_id)
    )
    if people:
        raise Conflict(
            "tag.held",
            "{people} people have the tag “{name}”.",
            people=f"{people:,}",
            name=row.name,
        )
    if users := users_of(session, tag_id):
        raise Conflict(
            "tag.used",
            "“{name}” is asked for by: {names}. Change that first.",
            name=row.name,
            names=", ".join(f"“{user}”" for user in users),
        )
    session.delete(row)
    session.flush()


def users_of(session: Session, tag_id: int) -> list[str]:
    """Names of the segments that ask for the tag."""
    rows = session.execute(sa.select(db.Segment.name, db.Segment.tree).order_by(db.Segment.key))
    return [name for name, tree in rows if tag_id in _asked(tree)]


def _asked(tree: object) -> Iterator[object]:
    """The tags that conditions of a tree, as JSON, ask for."""
    if not isinstance(tree, dict):
        return
    if tree.get("field") == "tag":
        value = tree.get("value")
        yield from value if isinstance(value, list) else [value]
    for member in tree.get("of", ()):
        yield from _asked(member)
