"""What was done to contacts, kept to be undone: one Change an action, one item a person.

An item holds only what differs, before and after, as documents (see `documents`). Two kinds of keys
stand in items besides: "log.<id>" in `after` (in `before` of who was deleted), a row of opt_out
that the change wrote, and "moved.<table>" in `before`, the rows a merge gave to the survivor.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import documents, rows
from engine.contacts.documents import PARTS, Doc, Part
from engine.contacts.undoing import Kept as Kept
from engine.contacts.undoing import Undone as Undone
from engine.contacts.undoing import undo as undo
from engine.contacts.wording import KINDS as KINDS
from engine.contacts.wording import sentence as sentence
from engine.errors import Invalid

KEPT_FOR = dt.timedelta(days=30)
"""After that a change cannot be undone: what was deleted must not stay for ever."""

CHUNK = 5_000
ITEM: Any = db.ChangeItem.__table__


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A change as a list shows it."""

    id: int
    kind: str
    about: dict[str, Any]
    people: int
    at: dt.datetime
    undone_at: dt.datetime | None


def begin(session: Session, kind: str, about: Mapping[str, Any] | None = None) -> db.Change:
    """A change to note people in. `about` fills the kind's sentence. Raises Invalid."""
    if kind not in KINDS:
        raise Invalid("change.bad_kind", "There is no kind of change “{kind}”.", kind=kind)
    change = db.Change(kind=kind, about=dict(about or {}), people=0)
    session.add(change)
    session.flush()
    session.info["change"] = change
    return change


def last(session: Session) -> db.Change | None:
    """The change that this session began last."""
    found = session.info.get("change")
    return found if isinstance(found, db.Change) else None


def snapshot(session: Session, ids: Iterable[int], parts: Iterable[Part] = PARTS) -> dict[int, Doc]:
    """People as they are now, by id; who is not there is left out. Flush before."""
    session.flush()
    return documents.read(session, ids, frozenset(parts))


def note(
    session: Session, change: db.Change, before: Mapping[int, Doc], after: Mapping[int, Doc]
) -> int:
    """Keep what became of people; ids only in `after` were made, only in `before` deleted.

    Returns how many differ. A person noted again in the same change stays one item.
    """
    items: dict[int, tuple[Doc | None, Doc | None]] = {}
    for id in sorted(before.keys() | after.keys()):
        was, now = before.get(id), after.get(id)
        if was is not None and now is not None:
            was, now = documents.differ(was, now)
            if not was and not now:
                continue
        items[id] = (was, now)
    known = _join(session, change, items)
    _insert(session, change.id, {id: item for id, item in items.items() if id not in known})
    session.execute(
        sa.update(db.Change)
        .where(db.Change.id == change.id)
        .values(people=db.Change.people + len(items) - len(known))
        .execution_options(synchronize_session=False)
    )
    if change in session:
        session.refresh(change)
    return len(items)


def _insert(
    session: Session, change_id: int, items: Mapping[int, tuple[Doc | None, Doc | None]]
) -> None:
    dumped = {
        id: [None if doc is None else rows.dumped(doc) for doc in pair]
        for id, pair in items.items()
    }
    rows.write(
        session,
        "INSERT INTO change_item (change_id, contact_id, before, after) VALUES (?, ?, ?, ?)",
        [(change_id, id, was, now) for id, (was, now) in dumped.items()],
    )


def _join(
    session: Session, change: db.Change, items: Mapping[int, tuple[Doc | None, Doc | None]]
) -> set[int]:
    """Items of people noted before in this change take up the new ones; who they are."""
    known: set[int] = set()
    if session.scalar(sa.select(ITEM.c.id).where(ITEM.c.change_id == change.id).limit(1)) is None:
        return known
    item = db.ChangeItem
    for chunk in rows.chunks(items):
        again = rows.among(session, item.contact_id, chunk)
        for row in session.scalars(sa.select(item).where(item.change_id == change.id, again)):
            row.before, row.after = joined((row.before, row.after), items[row.contact_id])
            known.add(row.contact_id)
    session.flush()
    return known


def joined(
    first: tuple[Doc | None, Doc | None], then: tuple[Doc | None, Doc | None]
) -> tuple[Doc | None, Doc | None]:
    """Two steps of one person as one."""
    (was, between), (back, now) = first, then
    before = None if was is None else _over(back, {**was, **(between or {})}, was)
    after = None if now is None else _over(between, {**(back or {}), **now}, now)
    if before is None or after is None:
        return before, after
    return documents.differ(before, after)


def _over(under: Doc | None, touched: Mapping[str, Any], over: Doc) -> Doc:
    """`over`, and what of `under` the other step did not touch."""
    return {key: value for key, value in (under or {}).items() if key not in touched} | over


# Reading


def listing(session: Session, *, limit: int = 50, contact_id: int | None = None) -> list[Listed]:
    """The newest first, those that changed nothing left out; of one person if given."""
    change = db.Change
    fields = change.kind.startswith("field_")
    query = sa.select(change).where(sa.or_(change.people > 0, fields)).order_by(change.id.desc())
    if contact_id is not None:
        mine = sa.select(ITEM.c.change_id).where(ITEM.c.contact_id == contact_id)
        query = query.where(change.id.in_(mine))
    return [
        Listed(
            id=row.id,
            kind=row.kind,
            about=row.about,
            people=row.people,
            at=row.at,
            undone_at=row.undone_at,
        )
        for row in session.scalars(query.limit(limit))
    ]


# Forgetting


def forget(
    database: db.Database, change_id: int | None = None, *, older: dt.timedelta = KEPT_FOR
) -> int:
    """Drop a change at once, or all that are older; they cannot be undone any more. How many."""
    if change_id is not None:
        while not _drop(database, change_id):
            pass
        return 1
    gone = 0
    while (dropped := forget_some(database, older=older)) is not None:
        gone += dropped
    return gone


def forget_some(database: db.Database, *, older: dt.timedelta = KEPT_FOR) -> int | None:
    """Drop a batch of the oldest; how many changes went with it, None when none is that old."""
    with database.read() as session:
        old = sa.select(db.Change.id).where(db.Change.at < db.now() - older)
        id = session.scalar(old.order_by(db.Change.at).limit(1))
    return None if id is None else int(_drop(database, id))


def forget_person(session: Session, contact_id: int) -> int:
    """Drop what every change keeps of one person: nothing of it can be undone for them any more."""
    return len(
        session.execute(
            sa.delete(db.ChangeItem)
            .where(db.ChangeItem.contact_id == contact_id)
            .returning(db.ChangeItem.id)
        ).all()
    )


def _drop(database: db.Database, id: int) -> bool:
    """A batch of its people, so that nobody else waits long; whether the change itself went."""
    some = sa.select(ITEM.c.id).where(ITEM.c.change_id == id).limit(CHUNK)
    runs = db.ContactImport
    with database.write() as session:
        gone = session.execute(sa.delete(ITEM).where(ITEM.c.id.in_(some)).returning(ITEM.c.id))
        if len(gone.all()) == CHUNK:
            return False
        session.execute(sa.update(runs).where(runs.change_id == id).values(change_id=None))
        session.execute(sa.delete(db.Change).where(db.Change.id == id))
    return True
