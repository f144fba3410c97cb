"""Putting people back as they were before a change, except what somebody changed since."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import documents, pins, reach, rows, storing
from engine.contacts.documents import FACTS, PARTS, Doc, Part

Progress = Callable[[int, int], None]
"""Called with (people done, people in all)."""

BATCH = 4_000
KEPT_SHOWN = 50
PLACED = ("on.", *(f"{fact}." for fact in FACTS))

MOVED: dict[str, Any] = {
    "message": db.Message,
    "reply": db.Reply,
    "test_send": db.TestSend,
    "opt_out": db.OptOut,
    "left_out": db.LeftOut,
}
"""Tables whose rows a merge gives to the survivor, by the name in "moved.<table>": their ids, of
left_out the broadcasts'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Something that stays as it is now."""

    contact_id: int
    key: str
    """A document's key, "person" for somebody who stays or has been deleted since, or "pin" for
    tests of segments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    restored: int
    """People who are as they were before, in everything or in something."""
    kept: int
    """Values, and people, that somebody changed since or has now: they stay."""
    some_kept: tuple[Kept, ...] = ()
    """KEPT_SHOWN of them at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """A person of a change: documents as `documents.read` gives them, and what stands besides."""

    id: int
    who: int
    before: Doc | None
    after: Doc | None
    logged: tuple[int, ...] = ()
    """Rows of the log that the change wrote."""
    moved: Mapping[str, list[int]]
    """Table → rows that a merge gave to the survivor."""


def undo(database: db.Database, change_id: int, *, progress: Progress | None = None) -> Undone:
    """Undo a change, a transaction a batch; undoing it again does nothing. Raises NotFound.

    What was interrupted goes on when it is called again.
    """
    found = _Found()
    below: int | None = None
    while True:
        with database.write() as session:
            db.touch_contacts(session)
            change = db.get(session, db.Change, change_id)
            if change.undone_at is not None:
                return _earlier(change)
            items = _items(session, change_id, below)
            if not items:
                return _finish(session, change, found)
            _restore(session, change, items, found)
            below, total = items[-1].id, change.people
        found.done += len(items)
        if progress:
            progress(min(found.done, total), total)


class _Found:
    """What came of it so far."""

    def __init__(self) -> None:
        self.done = 0
        self.restored = 0
        self.kept: list[Kept] = []
        self.kept_count = 0

    def keep(self, contact_id: int, keys: Sequence[str]) -> None:
        self.kept_count += len(keys)
        room = KEPT_SHOWN - len(self.kept)
        self.kept += [Kept(contact_id=contact_id, key=key) for key in keys[: max(room, 0)]]


def _earlier(change: db.Change) -> Undone:
    said = change.about.get("undone", {})
    return Undone(restored=said.get("restored", 0), kept=said.get("kept", 0))


def _items(session: Session, change_id: int, below: int | None) -> list[_Item]:
    """The last noted first: later steps of one change may stand on earlier ones."""
    item: Any = db.ChangeItem.__table__.c
    documents_of = (sa.cast(item.before, sa.Text), sa.cast(item.after, sa.Text))
    query = sa.select(item.id, item.contact_id, *documents_of).where(item.change_id == change_id)
    if below is not None:
        query = query.where(item.id < below)
    return [_item(*row) for row in rows.fetch(session, query.order_by(item.id.desc()).limit(BATCH))]


def _item(id: int, who: int, before: str | None, after: str | None) -> _Item:
    was: Doc | None = rows.loaded(before) if before else None
    now: Doc | None = rows.loaded(after) if after else None
    logged: tuple[int, ...] = ()
    moved: dict[str, list[int]] = {}
    for text, doc in ((before, was), (after, now)):
        if doc and text and ('"log.' in text or '"moved.' in text):
            for key in [key for key in doc if key.startswith(("log.", "moved."))]:
                kind, _, name = key.partition(".")
                if kind == "log":
                    logged = (*logged, int(name))
                    del doc[key]
                else:
                    moved[name] = doc.pop(key)
    return _Item(id=id, who=who, before=was, after=now, logged=logged, moved=moved)


def _parts(items: Sequence[_Item], *, all: bool) -> frozenset[Part]:
    """What must be known of the people as they are now."""
    if all or any(item.before is None for item in items):
        return PARTS
    keys = {
        key.partition(".")[0]
        for item in items
        if item.after is not None
        for key in (*(item.before or ()), *item.after)
    }
    channels = not keys.isdisjoint(("on", *FACTS))
    tags, values = "tag" in keys, bool(keys.difference(("tag", "on", *FACTS)))
    known: dict[Part, bool] = {"values": values, "tags": tags, "channels": channels}
    return frozenset(part for part, asked in known.items() if asked)


def _finish(session: Session, change: db.Change, found: _Found) -> Undone:
    if "field" in change.about and not _restore_field(session, **change.about["field"]):
        found.keep(0, ["field"])
    if not pins.give_back(session, change.about.get("pins", [])):
        found.keep(change.about["keep"], ["pin"])
    change.undone_at = db.now()
    undone = {"restored": found.restored, "kept": found.kept_count}
    change.about = {**change.about, "undone": undone}
    return Undone(restored=found.restored, kept=found.kept_count, some_kept=tuple(found.kept))


# People


def _restore(session: Session, change: db.Change, items: Sequence[_Item], found: _Found) -> None:
    keep: int | None = change.about.get("keep")
    parts = _parts(items, all=keep is not None)
    current = documents.read(session, [item.who for item in items], parts)
    target: dict[int, Doc | None] = {}
    kept: dict[int, list[str]] = {}
    for item in items:
        target[item.who], kept[item.who] = restored(current.get(item.who), item.before, item.after)
    if keep is not None:
        given = _split(keep, items, current, target)
        kept[keep] = [key for key in kept.get(keep, ()) if key.partition(".")[2] not in given]
    refused = storing.write(session, current, target)
    unsaid: list[int] = []
    for item in items:
        id = item.who
        if keep is not None:
            _give_back(session, item, keep)
        if item.logged and not any(key.startswith(("out.", "on.")) for key in kept[id]):
            unsaid += item.logged
        found.keep(id, [*kept[id], *sorted(refused.get(id, ()))])
        found.restored += not kept[id] or target[id] != current.get(id)
    _unsay(session, unsaid)
    reach.keep_consent(
        session,
        [
            (id, doc["phone"])
            for id, doc in target.items()
            if doc and "phone" in doc and doc["phone"] != current.get(id, {}).get("phone")
        ],
    )


def restored(
    current: Doc | None, before: Doc | None, after: Doc | None
) -> tuple[Doc | None, list[str]]:
    """(the person as they should be, the keys that stay as they are)."""
    if before is None:  # made by the change
        untouched = current is None or current == after
        return (None, []) if untouched else (current, ["person"])
    if after is None:  # deleted by it
        return (before if current is None else current), []
    if current is None:
        return None, ["person"]
    return _overlaid(current, before, after)


def _overlaid(current: Doc, before: Doc, after: Doc) -> tuple[Doc, list[str]]:
    target, kept = dict(current), []
    for key in sorted(before.keys() | after.keys()):
        have = current.get(key)
        if have == before.get(key):
            continue
        if have != after.get(key):
            kept.append(key)
        elif key in before:
            target[key] = before[key]
        else:
            del target[key]
    if any(key.startswith(PLACED) for key in (*before, *after)):
        kept += _without_place(current, target)
    return target, kept


def _without_place(current: Doc, target: Doc) -> list[str]:
    """Facts of an address that would be gone: either it stays or they go, and are named."""
    kept = []
    for key in sorted(target):
        fact, _, place = key.partition(".")
        if fact in FACTS and f"on.{place}" not in target:
            if f"on.{place}" in current:  # somebody wrote from it, or left, since
                target[f"on.{place}"] = True
                kept.append(f"on.{place}")
            else:
                del target[key]
                kept.append(key)
    return kept


def _split(
    keep: int,
    items: Sequence[_Item],
    current: Mapping[int, Doc],
    target: dict[int, Doc | None],
) -> set[str]:
    """After a merge: addresses go back to whose they were, with what became of them since."""
    given: set[str] = set()
    survivor, left = (
        target.get(keep),
        next((item.after for item in items if item.who == keep), None),
    )
    if survivor is None or keep not in current:
        return given
    for item in items:
        mine = target[item.who]
        if item.after is not None or item.who in current or mine is None:
            continue
        for place in documents.places(item.before or {}):
            for key in (f"{fact}.{place}" for fact in FACTS):
                now = current[keep].get(key)
                if f"on.{place}" in current[keep] and now != (left or {}).get(key):
                    mine.pop(key, None)
                    mine |= {key: now} if now is not None else {}
                survivor.pop(key, None)
            survivor.pop(f"on.{place}", None)
            given.add(place)
    return given


def _give_back(session: Session, item: _Item, keep: int) -> None:
    """Rows that a merge moved are the person's again, where they are still the survivor's."""
    for name, ids in item.moved.items():
        table = MOVED[name]
        key = table.broadcast_id if table is db.LeftOut else table.id
        for chunk in rows.chunks(ids):
            session.execute(
                sa.update(table)
                .where(key.in_(chunk), table.contact_id == keep)
                .values(contact_id=item.who)
                .execution_options(synchronize_session=False)
            )


def _unsay(session: Session, ids: Sequence[int]) -> None:
    """Rows of the log that the change wrote never were."""
    log: Any = db.OptOut.__table__
    for chunk in rows.chunks(ids):
        session.execute(sa.delete(log).where(rows.among(session, log.c.id, chunk)))


# Definitions of fields


def _restore_field(
    session: Session, *, id: int, before: Mapping[str, Any], after: Mapping[str, Any] | None
) -> bool:
    """Whether the field could become what it was."""
    field = db.ContactField
    row = session.get(field, id)
    if after is None:
        if row is None and not session.scalar(sa.select(field.id).filter_by(key=before["key"])):
            session.add(field(id=id, **before))
            return True
        return row is not None and definition(row) == before
    if row is None:
        return False
    have = definition(row)
    changed = {name for name in before if before[name] != after[name]}
    if any(have[name] not in (before[name], after[name]) for name in changed):
        return False
    for name in changed:
        setattr(row, name, before[name])
    session.flush()
    return True


def definition(field: db.ContactField) -> dict[str, Any]:
    """A field as changes keep it."""
    return {
        "key": field.key,
        "label": field.label,
        "type": field.type,
        "options": list(field.options),
    }
