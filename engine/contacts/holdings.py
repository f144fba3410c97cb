"""What people hold of one custom field, all of them: counted, rewritten, removed; each noted.

Values stand in contact.fields, a JSON object; here they are Python's: str, int, float, bool.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import changes, storing
from engine.contacts.documents import CONTACT, Doc
from engine.contacts.undoing import Progress

BATCH = 5_000
Value = str | int | float | bool


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _value(session: Session, key: str) -> sa.ColumnElement[Any]:
    """The value as JSON text; null when there is none. Keys are plain words."""
    fields = CONTACT.c.fields
    found: sa.ColumnElement[Any]
    if _is_sqlite(session):
        found = fields.op("->", return_type=sa.Text())(f"$.{key}")
    else:
        found = sa.cast(sa.cast(fields, JSONB)[key], sa.Text)
    return found


def text_of(session: Session, key: str) -> sa.ColumnElement[Any]:
    """A text, date or datetime field's value, to select or compare."""
    found: sa.ColumnElement[Any] = sa.func.json_extract(CONTACT.c.fields, f"$.{key}")
    if not _is_sqlite(session):
        found = CONTACT.c.fields.op("->>", return_type=sa.Text())(key)
    return found


def distinct(session: Session, key: str) -> list[tuple[Value, int]]:
    """Every different value with how many people hold it, the most first."""
    value = _value(session, key).label("value")
    inner = sa.select(value).subquery()
    count = sa.func.count()
    query = (
        sa.select(inner.c.value, count).where(inner.c.value.is_not(None)).group_by(inner.c.value)
    )
    rows = session.execute(query.order_by(count.desc(), inner.c.value))
    return [(json.loads(text), people) for text, people in rows if text != "null"]


def rewrite(
    database: db.Database,
    change_id: int,
    key: str,
    targets: Mapping[Any, Any],
    *,
    progress: Progress | None = None,
) -> None:
    """Turn values into others (None: none), a transaction a batch, noted in the change.

    `targets` {value: new value}; True and 1 are not told apart, a field holds one type.
    """
    after, done = 0, 0
    if not targets:
        return
    with database.read() as session:
        total = session.scalar(sa.select(sa.func.count()).select_from(CONTACT)) or 0
    while True:
        with database.write() as session:
            db.touch_contacts(session)
            query = sa.select(CONTACT.c.id, _value(session, key)).where(CONTACT.c.id > after)
            rows = session.execute(query.order_by(CONTACT.c.id).limit(BATCH)).all()
            held = {id: json.loads(text) for id, text in rows if text is not None}
            moving = {id: value for id, value in held.items() if value in targets}
            _write(session, key, {id: targets[value] for id, value in moving.items()})
            change = db.get(session, db.Change, change_id)
            changes.note(
                session,
                change,
                {id: {f"field.{key}": value} for id, value in moving.items()},
                {id: _doc(key, targets[value]) for id, value in moving.items()},
            )
        done += len(rows)
        if progress:
            progress(done, max(done, total))
        if len(rows) < BATCH:
            return
        after = rows[-1][0]


def _doc(key: str, value: object) -> Doc:
    return {} if value is None else {f"field.{key}": value}


def _write(session: Session, key: str, values: Mapping[int, Any]) -> None:
    now = db.micros(db.now())
    if _is_sqlite(session):
        put, drop = "json_set(fields, '$.' || :key, json(:value))", _REMOVE["sqlite"]
    else:
        put = (
            "CAST(jsonb_set(CAST(fields AS jsonb), ARRAY[CAST(:key AS text)],"
            " CAST(:value AS jsonb)) AS json)"
        )
        drop = _REMOVE["postgresql"]
    for expression, some in (
        (put, {id: value for id, value in values.items() if value is not None}),
        (drop, {id: None for id, value in values.items() if value is None}),
    ):
        if some:
            rows = [
                {"key": key, "id": id, "now": now}
                | ({} if value is None else {"value": json.dumps(value)})
                for id, value in some.items()
            ]
            text = f"UPDATE contact SET fields = {expression}, updated_at = :now WHERE id = :id"  # noqa: S608 - the literals above
            session.connection().execute(sa.text(text), rows)


_REMOVE = {
    "sqlite": "json_remove(fields, '$.' || :key)",
    "postgresql": "(CAST(fields AS jsonb) - CAST(:key AS text))::json",
}
_HAS = {
    "sqlite": "json_type(fields, '$.' || :key) IS NOT NULL",
    "postgresql": "jsonb_exists(CAST(fields AS jsonb), :key)",
}
_ITEM = {
    "sqlite": "json_object('field.' || :key, fields -> ('$.' || :key)), json('{}')",
    "postgresql": "json_build_object('field.' || CAST(:key AS text),"
    " CAST(fields AS jsonb) -> CAST(:key AS text)), CAST('{}' AS json)",
}
"""before, after."""


def remove(session: Session, change: db.Change, key: str) -> None:
    """Take the field from everybody, noted in the change: two statements, whatever the number."""
    kind = session.get_bind().dialect.name
    values = {"key": key, "now": db.micros(db.now()), "change": change.id}
    noted = session.execute(
        sa.text(
            "INSERT INTO change_item (change_id, contact_id, before, after)"  # noqa: S608 - the literals above
            f" SELECT :change, id, {_ITEM[kind]} FROM contact WHERE {_HAS[kind]}"
        ),
        {"key": key, "change": change.id},
    )
    change.people += noted.rowcount  # type: ignore[attr-defined]
    session.execute(
        sa.text(
            f"UPDATE contact SET fields = {_REMOVE[kind]}, updated_at = :now WHERE {_HAS[kind]}"  # noqa: S608 - the literals above
        ),
        values,
    )
    session.flush()
    storing.expire(session)
