"""Everything a database holds about people, as plain values that can be compared."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from engine import db

TABLES = (
    db.Contact,
    db.ContactTag,
    db.ContactChannel,
    db.ContactField,
    db.OptOut,
    db.Reply,
    db.Message,
    db.LeftOut,
    db.TestSend,
)


def of(database: db.Database) -> dict[str, list[dict[str, Any]]]:
    """Every row, sorted; without updated_at, which always moves, and contact_channel's own ids."""
    with database.read() as session:
        return {
            table.__tablename__: sorted(
                (_row(row, table.__tablename__) for row in session.scalars(sa.select(table))),
                key=repr,
            )
            for table in TABLES
        }


def _row(row: Any, table: str) -> dict[str, Any]:
    left_out = {"updated_at"} | ({"id"} if table == "contact_channel" else set())
    names = sorted(column.key for column in sa.inspect(type(row)).columns)
    values = {name: getattr(row, name) for name in names if name not in left_out}
    if isinstance(values.get("fields"), dict):
        values["fields"] = dict(sorted(values["fields"].items()))
    return values
