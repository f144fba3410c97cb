"""Many people at once, up to all of them: in batches of one transaction each, as one Change.

Nobody else waits long for the database meanwhile; what was cut off can be undone as far as it came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import attributes, changes, contacts, reach, storing, tags
from engine.contacts.attributes import BUILT_IN
from engine.contacts.documents import Part
from engine.contacts.undoing import Progress
from engine.errors import Invalid

BATCH = 5_000
Work = Callable[[Session, db.Change, list[int]], None]
"""Does one batch and notes it in the change."""

SETTABLE = ("first_name", "last_name", "email", "language", "country", "timezone")
"""Built-in fields that many people can share."""


def tag(
    database: db.Database,
    ids: Sequence[int],
    names: Sequence[str],
    *,
    progress: Progress | None = None,
) -> int:
    """Give people tags, made where new; the change's id. Raises Invalid for a bad name."""

    def work(session: Session, change: db.Change, some: list[int]) -> None:
        _noted(session, change, some, {"tags"}, lambda: tags.tag(session, some, names))

    with database.write() as session:
        tags.tag_ids(session, names)
    return _run(database, ids, "tag", {"names": list(names)}, work, progress)


def untag(
    database: db.Database,
    ids: Sequence[int],
    names: Sequence[str],
    *,
    progress: Progress | None = None,
) -> int:
    """Take tags from people; the change's id. Unknown names are passed over."""

    def work(session: Session, change: db.Change, some: list[int]) -> None:
        _noted(session, change, some, {"tags"}, lambda: tags.untag(session, some, names))

    return _run(database, ids, "untag", {"names": list(names)}, work, progress)


def retag(
    database: db.Database,
    ids: Sequence[int],
    was: str,
    into: str,
    *,
    progress: Progress | None = None,
) -> int:
    """Give people one tag in place of another; the change's id. See tag_names.merge."""

    def work(session: Session, change: db.Change, some: list[int]) -> None:
        def act() -> None:
            tags.tag(session, some, [into])
            tags.untag(session, some, [was])

        _noted(session, change, some, {"tags"}, act)

    return _run(database, ids, "tag_merge", {"was": was, "into": into}, work, progress)


def set_field(
    database: db.Database,
    ids: Sequence[int],
    key: str,
    value: object,
    *,
    progress: Progress | None = None,
) -> int:
    """Give everybody one value of a field; the change's id.

    `key`: a custom field's, or one of SETTABLE. Raises NotFound, Invalid.
    """
    with database.read() as session:
        label, of_type, cleaned = _cleaned(session, key, value)
    if cleaned is None:
        return clear_field(database, ids, key, progress=progress)
    about = {"key": key, "label": label, "of_type": of_type, "value": cleaned}
    return _set(database, ids, key, cleaned, "set_field", about, progress)


def clear_field(
    database: db.Database, ids: Sequence[int], key: str, *, progress: Progress | None = None
) -> int:
    """Empty a field of everybody; the change's id. Raises NotFound, Invalid."""
    with database.read() as session:
        label, *_ = _cleaned(session, key, None)
    about = {"key": key, "label": label}
    return _set(database, ids, key, None, "clear_field", about, progress)


def opt_out(
    database: db.Database,
    ids: Sequence[int],
    channel_id: int,
    *,
    reason: str = "",
    source: reach.Source = "person",
    progress: Progress | None = None,
) -> int:
    """Nothing more is sent to these people on a channel; who is not on it is passed over.

    The change's id. Raises NotFound for the channel.
    """
    return _consent(database, ids, channel_id, "opt_out", reason, source, progress)


def opt_in(
    database: db.Database,
    ids: Sequence[int],
    channel_id: int,
    *,
    reason: str = "",
    source: reach.Source = "person",
    progress: Progress | None = None,
) -> int:
    """Back on a channel, as `opt_out`; who is not out is passed over."""
    return _consent(database, ids, channel_id, "opt_in", reason, source, progress)


def delete(database: db.Database, ids: Sequence[int], *, progress: Progress | None = None) -> int:
    """Remove people as contacts.delete does; the change's id."""
    return _run(database, ids, "delete", {}, contacts.delete_in, progress)


# One batch after the other


def _run(
    database: db.Database,
    ids: Sequence[int],
    kind: str,
    about: Mapping[str, Any],
    work: Work,
    progress: Progress | None,
) -> int:
    unique = list(dict.fromkeys(ids))
    with database.write() as session:
        if len(unique) == 1 and (one := session.get(db.Contact, unique[0])):
            about = {**about, "name": contacts.name_of(one)}
        change_id = changes.begin(session, kind, about).id
    for start in range(0, len(unique), BATCH):
        some = unique[start : start + BATCH]
        with database.write() as session:
            db.touch_contacts(session)
            work(session, db.get(session, db.Change, change_id), some)
        if progress:
            progress(start + len(some), len(unique))
    return change_id


def _noted(
    session: Session,
    change: db.Change,
    ids: list[int],
    parts: Iterable[Part],
    act: Callable[[], object],
) -> None:
    before = changes.snapshot(session, ids, parts)
    act()
    changes.note(session, change, before, changes.snapshot(session, ids, parts))


def _set(
    database: db.Database,
    ids: Sequence[int],
    key: str,
    value: object,
    kind: str,
    about: Mapping[str, Any],
    progress: Progress | None,
) -> int:
    place = key if key in BUILT_IN else f"field.{key}"

    def work(session: Session, change: db.Change, some: list[int]) -> None:
        before = changes.snapshot(session, some, {"values"})
        after = {id: dict(doc) for id, doc in before.items()}
        for doc in after.values():
            doc.pop(place, None)
            if value is not None:
                doc[place] = value
        storing.write(session, before, after)
        changes.note(session, change, before, after)

    return _run(database, ids, kind, about, work, progress)


def _cleaned(session: Session, key: str, value: object) -> tuple[str, str, object]:
    """(the field's label, its type, the value as stored)."""
    if key in SETTABLE:
        text = attributes.tidy(value or "")
        return BUILT_IN[key], "text", attributes.clean_built_in(key, text)
    if key in BUILT_IN:
        raise Invalid(
            "field.unique", "“{label}” is one person's: it cannot be set for many.",
            label=BUILT_IN[key],
        )  # fmt: skip
    field = session.scalar(sa.select(db.ContactField).filter_by(key=key))
    if field is None:
        raise attributes.unknown(key)
    return field.label, field.type, attributes.clean_custom(field, value)


def _consent(
    database: db.Database,
    ids: Sequence[int],
    channel_id: int,
    kind: str,
    reason: str,
    source: reach.Source,
    progress: Progress | None,
) -> int:
    def work(session: Session, change: db.Change, some: list[int]) -> None:
        before = changes.snapshot(session, some, {"channels"})
        said = reach.say(
            session,
            some,
            channel=db.get(session, db.Channel, channel_id),
            kind="out" if kind == "opt_out" else "in",
            source=source,
            reason=reason,
        )
        after = changes.snapshot(session, some, {"channels"})
        for id, rows in said.items():
            after[id] |= {f"log.{row}": True for row in rows}
        changes.note(session, change, before, after)

    with database.read() as session:
        name = db.get(session, db.Channel, channel_id).name
    about = {"channel": name, "reason": reason}
    return _run(database, ids, kind, about, work, progress)
