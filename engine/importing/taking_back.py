"""A whole import undone: people as they were, and what it added to the workspace taken away."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import changes
from engine.errors import Conflict
from engine.importing import history
from engine.importing.running import alive

TRIES = 5
"""How often the end of an undo waits for a moment in which no contact changes."""

Seen = Callable[[int, int], None]
"""Called with (people put back, people in all) after each batch."""

Held = Mapping[str, set[Any]]
"""Key of a field → the different values that people have in it."""


def want_undo(database: db.Database, id: int) -> None:
    """Have an import undone; somebody must `undo_job` it then. Raises Conflict, NotFound."""
    with database.write() as session:
        row = history.row(session, id)
        if row.state in ("undoing", "undone"):
            return
        if row.state in history.OPEN:
            raise Conflict("import.running", "The import is running: cancel it first.")
        if row.change_id is None:
            raise Conflict("import.nothing_to_undo", "There is nothing of this import to undo.")
        row.state, row.seen_at = "undoing", db.now()


def undo(database: db.Database, id: int, *, seen: Seen | None = None) -> changes.Undone:
    """Undo an import now. What somebody changed since stays as they made it.

    Raises Conflict while it runs and when nothing of it is left to undo, NotFound.
    """
    want_undo(database, id)
    return undo_job(database, id, seen=seen)


def undo_change(
    database: db.Database, change_id: int, *, seen: Seen | None = None
) -> changes.Undone:
    """Undo whatever was done; of an import also what it added besides people.

    Raises NotFound, Conflict while the import runs.
    """
    run = sa.select(db.ContactImport.id).where(db.ContactImport.change_id == change_id)
    with database.read() as session:
        id = session.scalar(run)
    if id is None:
        return changes.undo(database, change_id, progress=seen)
    return undo(database, id, seen=seen)


def undo_job(database: db.Database, id: int, *, seen: Seen | None = None) -> changes.Undone:
    """Undo, or go on undoing, an import that is to be undone; harmless when it is already."""
    with database.write() as session:
        row = history.row(session, id)
        if row.state != "undoing" or row.change_id is None:
            found = row.report.get("undone", {})
            return changes.Undone(restored=found.get("restored", 0), kept=found.get("kept", 0))
        change_id, row.seen_at = row.change_id, db.now()
    with alive(database, id):

        def tell(done: int, total: int) -> None:
            with database.write() as session:
                row = history.row(session, id)
                row.report, row.seen_at = {**row.report, "undoing": [done, total]}, db.now()
            if seen:
                seen(done, total)

        undone = changes.undo(database, change_id, progress=tell)
        if not any(_finish(database, id, undone) for _ in range(TRIES)):
            _finish(database, id, undone, locked=True)
    return undone


def _finish(
    database: db.Database, id: int, undone: changes.Undone, *, locked: bool = False
) -> bool:
    """Take away what the import made besides people; False when contacts moved meanwhile.

    Looking through everybody takes a while: unless `locked`, it is done before the lock is taken.
    """
    with database.read() as session:
        report, version = history.row(session, id).report, _version(session)
        held = {} if locked else _held(session, report)
    with database.write() as session:
        db.touch_contacts(session)
        if locked:
            held = _held(session, report)
        elif _version(session) != version + 1:
            return False
        _take_away(session, report, held)
        row = history.row(session, id)
        found = {"restored": undone.restored, "kept": undone.kept}
        row.state, row.report = "undone", {**row.report, "undone": found}
    return True


def _version(session: Session) -> int:
    return session.scalars(sa.select(db.Workspace.contacts_version)).one()


def _held(session: Session, report: Mapping[str, Any]) -> Held:
    """Of fields that the import made only whether there is any value."""
    held: dict[str, set[Any]] = {}
    if report.get("fields_created"):
        held |= {key: {True} for key in _keys(session)}
    return held | {key: _values(session, key) for key in report.get("options_added", {})}


def _keys(session: Session) -> list[str]:
    """The custom fields that anybody has, in one look through everybody."""
    keys = "SELECT DISTINCT json_object_keys(fields) FROM contact"
    if session.get_bind().dialect.name == "sqlite":
        keys = "SELECT DISTINCT key FROM contact, json_each(contact.fields)"
    return list(session.scalars(sa.text(keys)))


def _values(session: Session, key: str) -> set[Any]:
    value = db.Contact.fields[key].as_string()
    return set(session.scalars(sa.select(value).distinct().where(value.is_not(None))))


def _take_away(session: Session, report: Mapping[str, Any], held: Held) -> None:
    """Tags, fields and options that the import made, where nobody uses them now."""
    said = _said(session)
    for name in report.get("tags_created", ()):
        _drop_tag(session, name, said)
    for key in report.get("fields_created", {}):
        _drop_field(session, key, said, held)
    for key, options in report.get("options_added", {}).items():
        _drop_options(session, key, options, said, held.get(key, set()))


def _said(session: Session) -> str:
    """Everything that may name a tag, a field or an option: segments and broadcasts, as text."""
    segments = session.execute(sa.select(db.Segment.tree))
    broadcasts = session.execute(sa.select(db.Broadcast.tree, db.Broadcast.content))
    rows = [*map(tuple, segments), *map(tuple, broadcasts)]
    return json.dumps(rows, ensure_ascii=False)


def _names(said: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", said) is not None


def _drop_tag(session: Session, name: str, said: str) -> None:
    tag = session.scalar(sa.select(db.Tag).where(db.Tag.key == db.fold(name)))
    if tag is None or ('"tag"' in said and _names(said, str(tag.id))):
        return
    held = sa.select(db.ContactTag.tag_id).where(db.ContactTag.tag_id == tag.id).limit(1)
    if session.scalar(held) is None:
        session.delete(tag)
        session.flush()


def _drop_field(session: Session, key: str, said: str, held: Held) -> None:
    field = session.scalar(sa.select(db.ContactField).where(db.ContactField.key == key))
    if field is not None and not _names(said, key) and not held.get(key):
        session.delete(field)
        session.flush()


def _drop_options(
    session: Session, key: str, added: Sequence[str], said: str, held: set[Any]
) -> None:
    field = session.scalar(sa.select(db.ContactField).where(db.ContactField.key == key))
    if field is None:
        return
    field.options = [
        option
        for option in field.options
        if option not in added or option in held or _names(said, option)
    ]
