"""Putting people back as they were before a change, except what somebody changed since."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import documents, reach
from engine.contacts.documents import FACTS, Doc

Progress = Callable[[int, int], None]
"""Called with (people done, people in all)."""

BATCH = 2_000
KEPT_SHOWN = 50

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
    """A document's key, or "person" for somebody who stays, or who has been deleted since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    restored: int
    """People who are as they were before, in everything or in something."""
    kept: int
    """Values, and people, that somebody changed since or has now: they stay."""
    some_kept: tuple[Kept, ...] = ()
    """KEPT_SHOWN of them at most."""


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


def _items(session: Session, change_id: int, below: int | None) -> Sequence[db.ChangeItem]:
    """The last noted first: later steps of one change may stand on earlier ones."""
    item = db.ChangeItem
    query = sa.select(item).where(item.change_id == change_id)
    if below is not None:
        query = query.where(item.id < below)
    return session.scalars(query.order_by(item.id.desc()).limit(BATCH)).all()


def _finish(session: Session, change: db.Change, found: _Found) -> Undone:
    if "field" in change.about and not _restore_field(session, **change.about["field"]):
        found.keep(0, ["field"])
    change.undone_at = db.now()
    undone = {"restored": found.restored, "kept": found.kept_count}
    change.about = {**change.about, "undone": undone}
    return Undone(restored=found.restored, kept=found.kept_count, some_kept=tuple(found.kept))


# People


def _restore(
    session: Session, change: db.Change, items: Sequence[db.ChangeItem], found: _Found
) -> None:
    current = documents.read(session, [item.contact_id for item in items])
    target: dict[int, Doc | None] = {}
    kept: dict[int, list[str]] = {}
    for item in items:
        id = item.contact_id
        target[id], kept[id] = restored(current.get(id), item.before, item.after)
    if (keep := change.about.get("keep")) is not None:
        given = _split(keep, items, current, target)
        kept[keep] = [key for key in kept.get(keep, ()) if key.partition(".")[2] not in given]
    refused = documents.write(session, current, target)
    for item in items:
        id = item.contact_id
        _give_back(session, item, keep)
        out = [key for key in kept[id] if key.startswith(("out.", "on."))]
        if not out:
            _unsay(session, item.after or item.before or {})
        found.keep(id, [*kept[id], *sorted(refused.get(id, ()))])
        found.restored += not kept[id] or target[id] != current.get(id)
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
        untouched = current is None or current == _plain(after)
        return (None, []) if untouched else (current, ["person"])
    if after is None:  # deleted by it
        return (_plain(before) if current is None else current), []
    if current is None:
        return None, ["person"]
    return _overlaid(current, _plain(before), _plain(after))


def _plain(doc: Doc | None) -> Doc:
    return {k: v for k, v in (doc or {}).items() if not k.startswith(("log.", "moved."))}


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
    for key in sorted(target):
        fact, _, place = key.partition(".")
        if fact in FACTS and f"on.{place}" not in target:
            if f"on.{place}" in current:  # somebody wrote from it, or left, since
                target[f"on.{place}"] = True
                kept.append(f"on.{place}")
            else:
                del target[key]
                kept.append(key)
    return target, kept


def _split(
    keep: int,
    items: Sequence[db.ChangeItem],
    current: Mapping[int, Doc],
    target: dict[int, Doc | None],
) -> set[str]:
    """After a merge: addresses go back to whose they were, with what became of them since."""
    given: set[str] = set()
    survivor, left = target.get(keep), next((i.after for i in items if i.contact_id == keep), None)
    if survivor is None or keep not in current:
        return given
    for item in items:
        mine = target[item.contact_id]
        if item.after is not None or item.contact_id in current or mine is None:
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


def _give_back(session: Session, item: db.ChangeItem, keep: int | None) -> None:
    """Rows that a merge moved are the person's again, where they are still the survivor's."""
    for name, ids in (item.before or {}).items():
        if not name.startswith("moved.") or keep is None:
            continue
        table = MOVED[name.removeprefix("moved.")]
        key = table.broadcast_id if table is db.LeftOut else table.id
        for chunk in documents.chunks(ids):
            session.execute(
                sa.update(table)
                .where(key.in_(chunk), table.contact_id == keep)
                .values(contact_id=item.contact_id)
                .execution_options(synchronize_session=False)
            )


def _unsay(session: Session, after: Mapping[str, Any]) -> None:
    """Rows of the log that the change wrote never were."""
    ids = [int(key.removeprefix("log.")) for key in after if key.startswith("log.")]
    if ids:
        session.execute(sa.delete(db.OptOut).where(db.OptOut.id.in_(ids)))


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
