"""How the columns of a kind of file are read, kept under a name and proposed for the next one."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.errors import Invalid, NotFound
from engine.importing.options import Options, from_json
from engine.importing.sheet import Sheet

NAME_MAX = 100


def keep_mapping(session: Session, name: str, options: Options) -> db.ImportMapping:
    """Keep the options under a name; one that was kept under it before is replaced."""
    tidy = " ".join(name.split())
    if not tidy or len(tidy) > NAME_MAX:
        raise Invalid(
            "mapping.bad_name", "A mapping needs a name of up to {most} letters.", most=NAME_MAX
        )
    row = session.scalar(sa.select(db.ImportMapping).where(db.ImportMapping.key == tidy))
    if row is None:
        row = db.ImportMapping(key=tidy, name=tidy, options={})
        session.add(row)
    row.name, row.options = tidy, options.to_json()
    session.flush()
    return row


def mappings(session: Session, sheet: Sheet | None = None) -> list[db.ImportMapping]:
    """The mappings kept, by name; with a sheet those that fit it, the most telling first.

    A mapping fits when the file has every column it sends anywhere.
    """
    rows = list(session.scalars(sa.select(db.ImportMapping).order_by(db.ImportMapping.key)))
    if sheet is None:
        return rows
    columns = set(sheet.columns)
    fitting = [row for row in rows if _wanted(row) and _wanted(row) <= columns]
    return sorted(fitting, key=lambda row: -len(_wanted(row)))


def _wanted(row: db.ImportMapping) -> set[str]:
    mapping = row.options.get("mapping") or {}
    return {column for column, target in mapping.items() if target != "ignore"}


def mapping(session: Session, name: str) -> Options:
    """The options kept under a name. Raises NotFound."""
    row = session.scalar(sa.select(db.ImportMapping).where(db.ImportMapping.key == name))
    if row is None:
        raise NotFound("mapping.not_found", "There is no mapping named “{name}”.", name=name)
    return from_json(row.options)


def fitted(options: Options, sheet: Sheet) -> Options:
    """The options for this very file: columns it has not are left out of the mapping."""
    kept = {k: v for k, v in (options.mapping or {}).items() if k in sheet.columns}
    return from_json(options.to_json() | {"mapping": kept})


def drop_mapping(session: Session, id: int) -> None:
    """Raises NotFound."""
    session.delete(db.get(session, db.ImportMapping, id))
    session.flush()
