"""A batch of rows into the database: one transaction, a few statements, whatever its size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import changes, contacts, reach
from engine.contacts.documents import Doc
from engine.errors import Invalid
from engine.importing import merging
from engine.importing.batch import Batch, Progress
from engine.importing.merging import Person
from engine.importing.rows import Row
from engine.importing.sheet import Problem

_CONTACT: Any = db.Contact.__table__


@dataclass(slots=True, kw_only=True)
class Written:
    """What a batch did, said in the transaction that did it."""

    counts: Mapping[str, int]
    problems: Sequence[Problem]
    tags_created: list[str] = field(default_factory=list)
    rows: int
    before: Mapping[int, Doc] = field(default_factory=dict)
    after: Mapping[int, Doc] = field(default_factory=dict)


Note = Callable[[Session, Written], None]
Open = Callable[[Session], None]


def store(
    database: db.Database,
    rows: Sequence[Row],
    progress: Progress,
    *,
    opened: Open | None = None,
    note: Note | None = None,
) -> None:
    """Write a batch. Rows that clash with what others write meanwhile are found by halving it.

    `opened` is called first in each transaction and may raise, `note` last with what was done.
    """
    batch = Batch(rows, progress)
    try:
        with database.write() as session:
            if opened:
                opened(session)
            written = _write(session, batch, noted=note is not None)
            if note:
                note(session, written)
    except IntegrityError:
        if len(rows) > 1:
            half = len(rows) // 2
            store(database, rows[:half], progress, opened=opened, note=note)
            store(database, rows[half:], progress, opened=opened, note=note)
            return
        _pass_over(database, rows[0], progress, opened=opened, note=note)
    else:
        progress.take(batch, written.counts, written.problems)


def _pass_over(
    database: db.Database, row: Row, progress: Progress, *, opened: Open | None, note: Note | None
) -> None:
    error = Invalid("import.clash", "Somebody else changed this person just now.")
    problems = [Problem(line=row.line, error=error)]
    written = Written(counts={"skipped": 1}, problems=problems, rows=1)
    if note:
        with database.write() as session:
            if opened:
                opened(session)
            note(session, written)
    progress.take(None, written.counts, written.problems)


def _write(session: Session, batch: Batch, *, noted: bool) -> Written:
    db.touch_contacts(session)  # the lock: nobody else changes contacts from here on
    batch.match(merging.load(session, batch.rows))
    known = {row.key for row in session.scalars(sa.select(db.Tag))} if batch.tagged else set()
    links = _links(session, batch)
    edited = [person for person in batch.touched if person.changed and person.id]
    before = changes.snapshot(session, [p.id for p in edited]) if noted else {}
    _update(session, edited)
    _insert(session, batch.new)
    contacts.link(session, [(person.id, tag) for person, tag in links])
    changed = [*edited, *batch.new]
    reach.keep_consent(
        session,
        [
            (person.id, person.values["phone"])
            for person in changed
            if person.values["phone"] and (person.phone_moved or person in batch.fresh)
        ],
    )
    names = dict.fromkeys(name for _, name in batch.tagged)
    return Written(
        counts=batch.counts(),
        problems=batch.problems,
        tags_created=[name for name in names if db.fold(name) not in known],
        rows=len(batch.rows),
        before=before,
        after=changes.snapshot(session, [p.id for p in changed]) if noted else {},
    )


def _links(session: Session, batch: Batch) -> list[tuple[Person, int]]:
    """Tags that people do not have yet; who gains one has changed."""
    ids = contacts.tag_ids(session, dict.fromkeys(name for _, name in batch.tagged))
    wanted = dict.fromkeys((person, ids[db.fold(name)]) for person, name in batch.tagged)
    held = contacts.links(session, {p.id for p, _ in wanted if p.id})
    missing = [(person, tag) for person, tag in wanted if (person.id, tag) not in held]
    for person, _ in missing:
        person.changed = True
    return missing


def _update(session: Session, people: Sequence[Person]) -> None:
    if not people:
        return
    now = db.now()
    names = (*merging.COLUMNS, "fields", "updated_at")
    statement = (
        sa.update(_CONTACT)
        .where(_CONTACT.c.id == sa.bindparam("of_id"))
        .values({name: sa.bindparam(f"to_{name}") for name in names})
    )
    _free(session, people)
    session.connection().execute(
        statement,
        [
            {"of_id": person.id, "to_fields": person.fields, "to_updated_at": now}
            | {f"to_{name}": value for name, value in person.values.items()}
            for person in people
        ],
    )
    moved = [(p.id, p.phone_was, p.values["phone"]) for p in people if p.phone_was]
    reach.follow_phone(session, [move for move in moved if move[2]])


def _free(session: Session, people: Iterable[Person]) -> None:
    """Unique values that move are let go first, so that people of one batch may swap them."""
    for name, moving in (
        ("phone", [p.id for p in people if p.phone_moved and p.phone_was]),
        ("external_id", [p.id for p in people if p.external_id_moved]),
    ):
        for start in range(0, len(moving), merging.CHUNK):
            chunk = moving[start : start + merging.CHUNK]
            session.execute(
                sa.update(_CONTACT).where(_CONTACT.c.id.in_(chunk)).values({name: None})
            )


def _insert(session: Session, people: Sequence[Person]) -> None:
    """Store new people; each gets its id."""
    if not people:
        return
    now = db.now()
    for person, id in zip(people, _next_ids(session, len(people)), strict=True):
        person.id = id
    session.connection().execute(
        sa.insert(_CONTACT),
        [
            {"id": person.id, **person.values, "fields": person.fields}
            | {"created_at": now, "updated_at": now}
            for person in people
        ],
    )


def _next_ids(session: Session, count: int) -> Sequence[int]:
    """Ids for new contacts, taken beforehand: asking for them row by row is slower twice over.

    SQLite remembers the highest id ever given in sqlite_sequence and raises it with each insert
    (sqlite.org/autoinc.html); whoever inserts holds the write lock.
    """
    if session.get_bind().dialect.name == "sqlite":
        given = session.scalar(sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'contact'"))
        last = max(given or 0, session.scalar(sa.select(sa.func.max(_CONTACT.c.id))) or 0)
        return range(last + 1, last + 1 + count)
    sequence = sa.func.nextval(sa.func.pg_get_serial_sequence("contact", "id"))
    every = sa.select(sequence).select_from(sa.func.generate_series(1, count))
    return session.scalars(every).all()
