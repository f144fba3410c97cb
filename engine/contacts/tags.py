"""Tags: made where they are first used, given to people and taken from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import addresses, cldr, cleaning, rows
from engine.errors import Invalid


def tags(session: Session) -> list[db.Tag]:
    """All tags by name."""
    return sorted(session.scalars(sa.select(db.Tag)), key=lambda row: cldr.plain(row.name))


def tags_of(session: Session, contact_id: int) -> dict[str, str]:
    """A person's tags: folded name → name, in order."""
    found = session.scalars(
        sa.select(db.Tag)
        .join(db.ContactTag, db.ContactTag.tag_id == db.Tag.id)
        .where(db.ContactTag.contact_id == contact_id)
        .order_by(db.Tag.key)
    )
    return {row.key: row.name for row in found}


def tag_ids(session: Session, names: Iterable[str]) -> dict[str, int]:
    """Folded name → id; tags that do not exist are made. Raises Invalid for a bad name."""
    wanted: dict[str, str] = {}
    for name in names:
        wanted.setdefault(db.fold(name), cleaning.tidy(" ".join(name.split())))
    if not wanted:
        return {}
    for name in wanted.values():
        if not name or len(name) > 100 or set(name) & set(",;|"):
            raise Invalid(
                "tag.bad_name",
                "“{name}” cannot be a tag: use up to 100 characters without , ; or |.",
                name=name[:60],
            )
    every = session.execute(sa.select(db.Tag.key, db.Tag.id))
    known = {row.key: row.id for row in every if row.key in wanted}
    for key, name in wanted.items():
        if key not in known:
            row = db.Tag(key=key, name=name)
            session.add(row)
            session.flush()
            known[key] = row.id
    return known


def tag(session: Session, contact_ids: Sequence[int], names: Sequence[str]) -> int:
    """Give people tags, made where new; returns how many people gained one. Raises Invalid."""
    db.touch_contacts(session)
    ids = set(tag_ids(session, names).values())
    gained: set[int] = set()
    for chunk in rows.chunks(contact_ids):
        there = links(session, chunk)
        new = [(who, what) for who in chunk for what in ids if (who, what) not in there]
        link(session, new)
        gained |= {who for who, _ in new}
    addresses.stamp(session, gained)
    return len(gained)


def links(session: Session, contact_ids: Iterable[int]) -> set[tuple[int, int]]:
    """The people's tags: (contact id, tag id)."""
    held: set[tuple[int, int]] = set()
    link = db.ContactTag
    for chunk in rows.chunks(contact_ids):
        pairs = sa.select(link.contact_id, link.tag_id)
        mine = rows.among(session, link.contact_id, chunk)
        held.update(map(tuple, rows.fetch(session, pairs.where(mine))))
    return held


def link(session: Session, pairs: Sequence[tuple[int, int]]) -> None:
    """Write (contact id, tag id) rows; those that are there stay."""
    statement = "INSERT INTO contact_tag (contact_id, tag_id) VALUES (?, ?) ON CONFLICT DO NOTHING"
    rows.write(session, statement, pairs)


def untag(session: Session, contact_ids: Sequence[int], names: Sequence[str]) -> int:
    """Take tags from people; returns how many people lost one. Unknown names are passed over."""
    db.touch_contacts(session)
    keys = [db.fold(name) for name in names]
    ids = list(session.scalars(sa.select(db.Tag.id).where(db.Tag.key.in_(keys))))
    lost: set[int] = set()
    for chunk in rows.chunks(contact_ids):
        where = (
            rows.among(session, db.ContactTag.contact_id, chunk),
            db.ContactTag.tag_id.in_(ids),
        )
        lost |= set(session.scalars(sa.select(db.ContactTag.contact_id).where(*where)))
        session.execute(sa.delete(db.ContactTag).where(*where))
    addresses.stamp(session, lost)
    return len(lost)
