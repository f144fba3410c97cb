"""Custom fields: defined, renamed, given other choices, deleted; each a Change to undo."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import changes, holdings
from engine.contacts.cldr import plain
from engine.contacts.cleaning import RESERVED, TYPES, tidy
from engine.contacts.undoing import Progress, definition
from engine.errors import Conflict, Invalid, NotFound


def listing(session: Session) -> list[db.ContactField]:
    """Custom fields by label."""
    rows = session.scalars(sa.select(db.ContactField))
    return sorted(rows, key=lambda row: (plain(row.label), row.key))


def key_for(label: str) -> str:
    """The key a label suggests: "Fecha de nacimiento" → "fecha_de_nacimiento"."""
    key = re.sub(r"[^a-z0-9]+", "_", plain(label)).strip("_")[:60].strip("_")
    if not key or not key[0].isalpha():
        key = f"field_{key}".rstrip("_")
    return f"{key}_field" if key in RESERVED else key


def define(
    session: Session, *, key: str, label: str, type: str, options: Sequence[str] = ()
) -> db.ContactField:
    """Add a custom field. Raises Invalid for a bad key or type, Conflict for a taken key."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", key):
        raise Invalid(
            "field.bad_key",
            "“{key}” cannot name a field: use lower-case letters, digits and _.",
            key=key,
        )
    if key in RESERVED:
        raise Invalid("field.reserved", "“{key}” is the name of a built-in field.", key=key)
    if type not in TYPES:
        raise Invalid("field.bad_type", "There is no field type “{type}”.", type=type)
    db.touch_contacts(session)
    if session.scalar(sa.select(db.ContactField.id).where(db.ContactField.key == key)):
        raise Conflict("field.taken", "A field named “{key}” exists already.", key=key)
    chosen = list(dict.fromkeys(tidy(option) for option in options)) if type == "choice" else []
    row = db.ContactField(key=key, label=tidy(label) or key, type=type, options=chosen)
    session.add(row)
    session.flush()
    return row


def get(session: Session, key: str) -> db.ContactField:
    """Raises NotFound."""
    row = session.scalar(sa.select(db.ContactField).where(db.ContactField.key == key))
    if row is None:
        raise unknown(key)
    return row


def delete(session: Session, key: str) -> db.Change:
    """Remove a custom field and everybody's value of it.

    Raises NotFound, and Conflict while a segment asks for it.
    """
    db.touch_contacts(session)
    row = get(session, key)
    refuse_users(session, key)
    about = {"label": row.label, "field": {"id": row.id, "before": definition(row), "after": None}}
    change = changes.begin(session, "field_delete", about)
    session.delete(row)
    session.flush()
    holdings.remove(session, change, row.key)
    return change


def rename(session: Session, key: str, label: str) -> db.Change:
    """Give a field another label; its key, which stands in messages, stays. Raises NotFound."""
    db.touch_contacts(session)
    row = get(session, key)
    was = definition(row)
    row.label = tidy(label) or row.key
    return begin(session, "field_label", row, was, {"was": was["label"]})


def begin(
    session: Session,
    kind: str,
    row: db.ContactField,
    was: Mapping[str, Any],
    about: Mapping[str, Any],
) -> db.Change:
    """The change of a definition that was just made."""
    session.flush()
    field = {"id": row.id, "before": dict(was), "after": definition(row)}
    return changes.begin(session, kind, {"label": row.label, "field": field, **about})


def set_options(
    database: db.Database,
    key: str,
    options: Sequence[str],
    *,
    renamed: Mapping[str, str] | None = None,
    drop_lost: bool = False,
    progress: Progress | None = None,
) -> int:
    """The choices of a field, in order; the change's id. Values follow `renamed` {old: new}.

    Raises Conflict while people hold a choice that goes (unless `drop_lost`: they lose it), or
    while a segment asks for one that goes or gets another name.
    """
    wanted = list(dict.fromkeys(filter(None, map(tidy, options))))
    new = {old: tidy(name) for old, name in (renamed or {}).items() if tidy(name) != old}
    with database.write() as session:
        db.touch_contacts(session)
        row = get(session, key)
        if row.type != "choice":
            raise Invalid("field.no_choices", "“{label}” is not a choice.", label=row.label)
        held = dict(holdings.distinct(session, key))
        moving = {old: name for old, name in new.items() if name in wanted}
        lost = [value for value in held if value not in wanted and value not in moving]
        gone = {*moving, *(set(row.options) - set(wanted)), *lost}
        refuse_users(session, key, values=gone)
        if lost and not drop_lost:
            raise _held(row, lost, sum(held[value] for value in lost))
        was = definition(row)
        row.options = wanted
        change_id = begin(session, "field_options", row, was, {}).id
    targets: dict[Any, Any] = dict(moving) | dict.fromkeys(lost)
    holdings.rewrite(database, change_id, key, targets, progress=progress)
    return change_id


def _held(row: db.ContactField, lost: Sequence[object], people: int) -> Conflict:
    return Conflict(
        "field.choice_held",
        "Somebody has a choice of “{label}” that would go: {choices}.",
        people=people,
        label=row.label,
        choices=", ".join(str(value) for value in lost[:5]),
    )


def unknown(key: str) -> NotFound:
    return NotFound("field.unknown", "There is no field named “{key}”.", key=key)


# Who asks for a field

WAITING = ("scheduled", "preparing")
"""States of broadcasts whose segment is still to be evaluated."""


def refuse_users(
    session: Session,
    key: str,
    *,
    values: set[Any] | None = None,
    allowed: frozenset[str] = frozenset(),
) -> None:
    """Raises Conflict when a segment, or the frozen one of a waiting broadcast, asks for the field.

    With `values` only when it asks for one of these; conditions with an operator of `allowed` pass.
    """
    trees = [*session.execute(sa.select(db.Segment.name, db.Segment.tree).order_by(db.Segment.key))]
    waiting = sa.select(db.Broadcast.name, db.Broadcast.tree).where(
        db.Broadcast.state.in_(WAITING), db.Broadcast.tree.is_not(None)
    )
    users = [
        name
        for name, tree in [*trees, *session.execute(waiting)]
        for op, value in _asked(tree, f"field.{key}")
        if op not in allowed and (values is None or values & set(_listed(value)))
    ]
    if users:
        raise Conflict(
            "field.used",
            "“{key}” is asked for by: {names}. Change that first.",
            key=key,
            names=", ".join(f"“{name}”" for name in dict.fromkeys(users)),
        )


def _asked(tree: object, field: str) -> Iterator[tuple[str, object]]:
    """(operator, value) of the conditions on a field, in a tree as JSON."""
    if not isinstance(tree, dict):
        return
    if tree.get("field") == field:
        yield str(tree.get("op")), tree.get("value")
    for member in tree.get("of", ()):
        yield from _asked(member, field)


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]
