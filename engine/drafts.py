"""A broadcast before it is confirmed: a draft, edited by one window at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from channels.base import Content
from engine import audience, db, plan
from engine.errors import Conflict, Invalid, NotFound
from engine.segments import segment

EDITABLE = frozenset(
    {
        "name", "labels", "segment_id", "mode", "channels", "content",
        "only_interacted", "start_local", "timezone", "rate_count", "rate_per",
    }
)  # fmt: skip
"""What a draft's editor may change."""


def create(session: Session, *, name: str, labels: Iterable[str] = ()) -> db.Broadcast:
    """A new draft. Raises Conflict for a taken name, Invalid for an empty one."""
    row = db.Broadcast(key=name, name=_free_name(session, name), labels=_labels(labels))
    row.channels, row.content = [], {}
    session.add(row)
    session.flush()
    return row


def edit(session: Session, id: int, *, version: int | None = None, **changes: Any) -> db.Broadcast:
    """Change a draft. `version` is the one the editor saw: Conflict if somebody edited since."""
    row = db.get(session, db.Broadcast, id)
    if row.state != "draft":
        raise Conflict(
            "broadcast.not_draft",
            "“{name}” is no longer a draft, so it cannot be changed.",
            name=row.name,
        )
    if version is not None and version != row.version:
        raise edited_elsewhere(row)
    if unknown := set(changes) - EDITABLE:
        raise Invalid(
            "broadcast.unknown_field", "A broadcast has no “{field}”.", field=min(unknown)
        )
    for field, value in _cleaned(session, row, changes).items():
        setattr(row, field, value)
    row.version += 1
    row.updated_at = db.now()
    session.flush()
    return row


def edited_elsewhere(row: db.Broadcast) -> Conflict:
    """What the second of two windows is told."""
    return Conflict(
        "broadcast.edited_elsewhere",
        "“{name}” was changed in another window; reload to go on from there.",
        name=row.name,
    )


def delete(session: Session, id: int) -> None:
    """Remove a draft with its tests. What was once confirmed stays for ever."""
    row = db.get(session, db.Broadcast, id)
    if row.state != "draft":
        raise Conflict(
            "broadcast.not_draft",
            "“{name}” is no longer a draft, so it cannot be changed.",
            name=row.name,
        )
    session.execute(sa.delete(db.TestSend).where(db.TestSend.broadcast_id == id))
    session.delete(row)


def listing(session: Session) -> list[db.Broadcast]:
    """All broadcasts, the newest first."""
    return list(session.scalars(sa.select(db.Broadcast).order_by(db.Broadcast.id.desc())))


def by_name(session: Session, name: str) -> db.Broadcast:
    """The broadcast of that name, whatever its case. Raises NotFound."""
    row = session.scalar(sa.select(db.Broadcast).where(db.Broadcast.key == name))
    if row is None:
        raise NotFound("broadcast.unknown", "There is no broadcast named “{name}”.", name=name)
    return row


def _free_name(session: Session, name: str, but: int | None = None) -> str:
    if not name.strip():
        raise Invalid("broadcast.no_name", "A broadcast needs a name.")
    taken = session.scalar(sa.select(db.Broadcast.id).where(db.Broadcast.key == name))
    if taken and taken != but:
        raise Conflict(
            "broadcast.taken", "A broadcast named “{name}” exists already.", name=name.strip()
        )
    return " ".join(name.split())


def _labels(labels: Iterable[str]) -> list[str]:
    folded = {db.fold(label): " ".join(label.split()) for label in labels if label.strip()}
    return sorted(folded.values(), key=str.casefold)


def _cleaned(session: Session, row: db.Broadcast, changes: Mapping[str, Any]) -> dict[str, Any]:
    clean = dict(changes)
    if "name" in clean:
        clean["name"] = _free_name(session, clean["name"], but=row.id)
        clean["key"] = clean["name"]
    if "labels" in clean:
        clean["labels"] = _labels(clean["labels"])
    if clean.get("segment_id") is not None and "segment_id" in clean:
        db.get(session, db.Segment, clean["segment_id"])
    if clean.get("mode", "specific") not in ("specific", "last_interacted"):
        raise Invalid(
            "broadcast.mode", "A broadcast goes to one channel or to the last interacted."
        )
    if "channels" in clean:
        clean["channels"] = [int(id) for id in clean["channels"]]
        for id in clean["channels"]:
            db.get(session, db.Channel, id)
    if "content" in clean:
        clean["content"] = {
            str(id): [item.to_json() for item in messages]
            for id, messages in clean["content"].items()
        }
    if clean.get("rate_per") is not None and clean["rate_per"] not in plan.SECONDS:
        raise Invalid("plan.rate_unit", "A speed is a whole number per second, minute or hour.")
    return clean


def content(row: db.Broadcast) -> dict[int, tuple[Content, ...]]:
    """Messages in order by channel id."""
    return {
        int(id): tuple(Content.from_json(item) for item in messages)
        for id, messages in row.content.items()
    }


def plan_of(session: Session, id: int) -> audience.Plan:
    """What audience.resolve needs. After confirming, the segment is the frozen one."""
    row = db.get(session, db.Broadcast, id)
    if row.tree is not None:
        tree = row.tree
    elif row.segment_id is None:
        raise Invalid("broadcast.no_segment", "Step 4: choose the segment that gets it.")
    else:
        tree = db.get(session, db.Segment, row.segment_id).tree
    return audience.Plan(
        tree=segment.from_json(tree),
        mode=row.mode,
        channels=tuple(row.channels),
        content=content(row),
        only_interacted=row.only_interacted,
    )
