"""Several contacts made one: who stays takes over tags, addresses, replies and the ledger.

Everything is kept in the change, so that undoing it splits them again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import changes, documents, pins, storing, tags
from engine.contacts.contacts import name_of
from engine.contacts.documents import COLUMNS, Doc
from engine.contacts.rows import chunks
from engine.contacts.undoing import MOVED
from engine.errors import Invalid

PEOPLE_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The person as they would be."""

    keep: int
    values: dict[str, Any]
    """Built-in fields, and custom ones as "field.<key>": only what has a value."""
    offers: dict[str, dict[int, Any]]
    """Fields in which they differ: contact id → their value. What `choose` can choose from."""
    chosen: dict[str, int]
    """Whose value each field takes."""
    lost: dict[str, list[Any]]
    """Values of `offers` that will be nobody's: undoing the merge brings them back."""
    tags: tuple[str, ...]
    channels: tuple[tuple[str, str, bool], ...]
    """(channel's name, address, whether they are out of the channel)."""
    messages: int
    replies: int


def preview(
    session: Session, ids: Sequence[int], keep: int, choose: Mapping[str, int] | None = None
) -> Merged:
    """The person `keep` as they will be. `choose`: field → the id of whose value it takes.

    Without a choice it is the survivor's value, or that of the first of `ids` who has one. Raises
    Invalid, NotFound.
    """
    current, order = _people(session, ids, keep)
    doc, chosen = _united(current, order, choose or {})
    offers = _offers(current, order)
    names = {row.id: row.name for row in tags.tags(session)}
    channels = {row.id: row.name for row in session.scalars(sa.select(db.Channel))}
    places = [(documents.split(place), place) for place in documents.places(doc)]
    counts = [
        session.scalar(sa.select(sa.func.count()).where(table.contact_id.in_(order))) or 0
        for table in (db.Message, db.Reply)
    ]
    return Merged(
        keep=keep,
        values={key: doc[key] for key in doc if key in COLUMNS or key.startswith("field.")},
        offers=offers,
        chosen=chosen,
        lost={
            key: rest
            for key, values in offers.items()
            if (rest := [v for v in dict.fromkeys(values.values()) if v != doc.get(key)])
        },
        tags=tuple(name for id, name in names.items() if f"tag.{id}" in doc),
        channels=tuple(
            (channels[channel], address, f"out.{place}" in doc)
            for (channel, address), place in places
        ),
        messages=counts[0],
        replies=counts[1],
    )


def merge(
    session: Session, ids: Sequence[int], keep: int, choose: Mapping[str, int] | None = None
) -> db.Change:
    """Make `ids` the one person `keep`; the others are gone. Undoing the change splits them.

    What an opted-out person left, the one who stays has left. Messages and replies become theirs,
    save in broadcasts that have both: there every row stays whose it is, so no report changes.
    Raises Invalid, NotFound.
    """
    db.touch_contacts(session)
    current, order = _people(session, ids, keep)
    doc, _ = _united(current, order, choose or {})
    others = [id for id in order if id != keep]
    name = name_of(db.get(session, db.Contact, keep))
    pinned = pins.follow(session, others, keep)
    about = {"name": name, "keep": keep, "others": others, "pins": pinned}
    change = changes.begin(session, "merge", about)
    moved = {id: _move(session, id, keep) for id in others}
    logged = _say(session, keep, current[keep], doc)
    target: dict[int, Doc | None] = {**dict.fromkeys(others), keep: doc}
    storing.write(session, current, target)
    before = {id: {**current[id], **moved.get(id, {})} for id in order}
    after = documents.read(session, [keep])
    after[keep] |= {f"log.{row}": True for row in logged}
    changes.note(session, change, before, after)
    return change


def _people(session: Session, ids: Sequence[int], keep: int) -> tuple[dict[int, Doc], list[int]]:
    """Their documents, and their ids with the survivor first."""
    order = list(dict.fromkeys([keep, *ids]))
    if not 2 <= len(order) <= PEOPLE_MAX:
        raise Invalid("merge.people", "Between 2 and {most} people can be merged.", most=PEOPLE_MAX)
    current = changes.snapshot(session, order)
    for id in order:
        if id not in current:
            db.get(session, db.Contact, id)  # raises NotFound
    return current, order


def _offers(current: Mapping[int, Doc], order: Sequence[int]) -> dict[str, dict[int, Any]]:
    offers: dict[str, dict[int, Any]] = {}
    for id in order:
        for key, value in current[id].items():
            if key in COLUMNS or key.startswith("field."):
                offers.setdefault(key, {})[id] = value
    return {key: values for key, values in offers.items() if len(set(values.values())) > 1}


def _united(
    current: Mapping[int, Doc], order: Sequence[int], choose: Mapping[str, int]
) -> tuple[Doc, dict[str, int]]:
    """(the survivor's new document, whose value each field takes)."""
    doc: Doc = {}
    chosen: dict[str, int] = {}
    for key, id in choose.items():
        if id not in current:
            raise Invalid("merge.choice", "“{key}” cannot be taken from {id}.", key=key, id=id)
        chosen[key] = id
        if (value := current[id].get(key)) is not None:
            doc[key] = value
    for id in order:
        for key, value in current[id].items():
            if key not in doc and key not in choose:
                doc[key] = value
                if key in COLUMNS or key.startswith("field."):
                    chosen[key] = id
    _leave(doc)
    return doc, chosen


def _leave(doc: Doc) -> None:
    """Out with one address of a channel is out with all of them."""
    out: dict[int, list[Any]] = {}
    for place in documents.places(doc):
        channel, _ = documents.split(place)
        said: list[Any] = doc.get(f"out.{place}", [0, ""])
        if said[0] > out.get(channel, [0])[0]:
            out[channel] = said
    for place in documents.places(doc):
        channel, _ = documents.split(place)
        if channel in out:
            doc[f"out.{place}"] = list(out[channel])


def _say(session: Session, keep: int, before: Doc, doc: Doc) -> list[int]:
    """The log says now that the survivor left, where only another of them had."""
    rows = []
    for place in documents.places(doc):
        out = doc.get(f"out.{place}")
        if out and before.get(f"out.{place}") != out:
            channel, address = documents.split(place)
            rows.append(
                db.OptOut(
                    contact_id=keep,
                    channel_id=channel,
                    address=address,
                    kind="out",
                    source="person",
                    reason=out[1],
                )
            )
    session.add_all(rows)
    session.flush()
    return [row.id for row in rows]


def _move(session: Session, id: int, keep: int) -> dict[str, list[int]]:
    """Give the survivor somebody's rows in other tables: "moved.<table>" → which ones."""
    moved: dict[str, list[int]] = {}
    theirs = {
        broadcast
        for table in (db.Message, db.LeftOut)
        for broadcast in session.scalars(
            sa.select(table.broadcast_id).where(table.contact_id == keep).distinct()
        )
    }
    for name, table in MOVED.items():
        key = table.broadcast_id if table is db.LeftOut else table.id
        where = [table.contact_id == id]
        if name in ("message", "left_out"):
            where.append(table.broadcast_id.not_in(theirs))
        if found := list(session.scalars(sa.select(key).where(*where).order_by(key))):
            moved[f"moved.{name}"] = found
    for name, rows in moved.items():
        table = MOVED[name.removeprefix("moved.")]
        key = table.broadcast_id if table is db.LeftOut else table.id
        for chunk in chunks(rows):
            session.execute(
                sa.update(table)
                .where(key.in_(chunk), table.contact_id == id)
                .values(contact_id=keep)
                .execution_options(synchronize_session=False)
            )
    return moved
