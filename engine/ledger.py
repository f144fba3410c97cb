"""The ledger filled: a confirmed broadcast becomes planned rows, one a message."""

from __future__ import annotations

import datetime as dt
import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from channels.base import Channel, Content
from engine import accounts, audience, broadcast, db, template
from engine.dispatch import Lane, Part
from engine.pace import Limit
from engine.plan import SECONDS
from engine.segments import frozen

BATCH = 5_000
"""Rows a transaction plans: small enough that nobody waits long for the lock."""

MESSAGE = db.Message


def prepare(
    database: db.Database,
    broadcast_id: int,
    who: audience.Audience,
    everybody: pl.DataFrame | None = None,
) -> bool:
    """Write the ledger: a row a message, and who was left out; then the broadcast is sending.

    `everybody` is frozen.take of its tree, kept with it to compare with later. False if it was
    stopped meanwhile. Running it twice, or again after a crash, adds nothing: rows are unique by
    person and part.
    """
    with database.read() as session:
        row = db.get(session, db.Broadcast, broadcast_id)
        units = _unit_counters(database, session, row)
    for rows in _batches(_planned(broadcast_id, who, units)):
        if not _insert(database, broadcast_id, MESSAGE, rows):
            return False
    left = ({"broadcast_id": broadcast_id, **row} for row in who.left_out.iter_rows(named=True))
    if not all(_insert(database, broadcast_id, db.LeftOut, rows) for rows in _batches(left)):
        return False
    packed = None if everybody is None else _packed(database, broadcast_id, everybody)
    with database.write() as session:
        _one_fate(session, broadcast_id)
        moved = broadcast.move(session, broadcast_id, "sending", started_at=db.now())
        if moved and packed is not None:
            tree = db.get(session, db.Broadcast, broadcast_id).tree
            frozen.store(session, broadcast_id, tree, packed)
        return moved


def _packed(database: db.Database, broadcast_id: int, everybody: pl.DataFrame) -> bytes:
    """Who matched is what the ledger says: its recipients and those left out."""
    with database.read() as session:
        ids = [
            pl.Series(
                session.scalars(
                    sa.select(table.contact_id).distinct().filter_by(broadcast_id=broadcast_id)
                ).all(),
                dtype=pl.Int64,
            )
            for table in (MESSAGE, db.LeftOut)
        ]
    return frozen.pack(frozen.with_matched(everybody, pl.concat(ids).unique()))


def _one_fate(session: Session, broadcast_id: int) -> None:
    """Who a first, broken-off run planned and a second one left out is a recipient."""
    planned = sa.select(MESSAGE.contact_id).where(MESSAGE.broadcast_id == broadcast_id)
    session.execute(
        sa.delete(db.LeftOut)
        .where(db.LeftOut.broadcast_id == broadcast_id, db.LeftOut.contact_id.in_(planned))
        .execution_options(synchronize_session=False)
    )


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(itertools.islice(rows, BATCH)):
        yield batch


def _planned(
    broadcast_id: int, who: audience.Audience, units: Mapping[int, Callable[[int, Any], int]]
) -> Iterator[dict[str, Any]]:
    names = [name for name in who.recipients.columns if name.startswith("var.")]
    planned_at = db.now()
    for person in who.recipients.iter_rows(named=True):
        variables = {name[4:]: _plain(person[name]) for name in names}
        for part in range(1, person["parts"] + 1):
            yield {
                "broadcast_id": broadcast_id,
                "contact_id": person["contact_id"],
                "channel_id": person["channel_id"],
                "part": part,
                "address": person["address"],
                "variables": variables,
                "units": units[person["channel_id"]](part, variables),
                "state": "planned",
                "planned_at": planned_at,
                "next_at": planned_at if part == 1 else None,
            }


def _plain(value: Any) -> Any:
    """Dates as ISO text: what JSON can hold and a template reads."""
    return value.isoformat() if isinstance(value, dt.date | dt.datetime) else value


def _unit_counters(
    database: db.Database, session: Session, row: db.Broadcast
) -> dict[int, Callable[[int, Any], int]]:
    """Channel id → (part, variables) → what the provider will count."""
    counters: dict[int, Callable[[int, Any], int]] = {}
    for id in row.channels:
        channel = accounts.open(database.settings, db.get(session, db.Channel, id))
        texts = [
            {slot: template.parse(text) for slot, text in Content.from_json(item).slots().items()}
            for item in row.content.get(str(id), [])
        ]
        if type(channel).units is Channel.units:
            counters[id] = _one
        else:
            counters[id] = functools.partial(_counted, channel, texts)
    return counters


def _one(part: int, variables: Any) -> int:
    return 1


def _counted(
    channel: Channel,
    texts: Sequence[Mapping[str, template.Template]],
    part: int,
    variables: Mapping[str, Any],
) -> int:
    rendered = {slot: text.render(variables) for slot, text in texts[part - 1].items()}
    return max(1, channel.units(rendered))


def _insert(
    database: db.Database, broadcast_id: int, table: Any, rows: list[dict[str, Any]]
) -> bool:
    with database.write() as session:
        state = session.scalar(sa.select(db.Broadcast.state).where(db.Broadcast.id == broadcast_id))
        if state != "preparing":
            return False
        session.execute(_or_ignore(database, table), rows)
    return True


def _or_ignore(database: db.Database, table: Any) -> Any:
    if database.is_sqlite:
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()


def sweep(session: Session) -> None:
    """What came back to planned after its broadcast was cancelled is cancelled too."""
    over = sa.select(db.Broadcast.id).where(db.Broadcast.state == "cancelled")
    session.execute(
        sa.update(MESSAGE)
        .where(MESSAGE.broadcast_id.in_(over), MESSAGE.state == "planned")
        .values(state="cancelled", reason_class="cancelled", next_at=None)
        .execution_options(synchronize_session=False)
    )


# The lanes of one broadcast


def lanes(database: db.Database, broadcast_id: int) -> list[Lane]:
    """One lane a selected channel, its content parsed and its limits known.

    Raises channels.base.BadContent or Invalid when the content no longer fits.
    """
    with database.read() as session:
        row = db.get(session, db.Broadcast, broadcast_id)
        own: list[Limit] = []
        if row.rate_count and row.rate_per:
            window = SECONDS[row.rate_per]
            own.append(Limit(name=f"broadcast:{broadcast_id}", count=row.rate_count, window=window))
        return [_lane(database, session, row, id, own) for id in row.channels]


def _lane(
    database: db.Database, session: Session, row: db.Broadcast, id: int, own: Sequence[Limit]
) -> Lane:
    stored = db.get(session, db.Channel, id)
    channel = accounts.open(database.settings, stored)
    return Lane(
        channel_id=id,
        channel=channel,
        parts=[part_of(channel, Content.from_json(item)) for item in row.content.get(str(id), [])],
        limits=own,
        ceiling=Limit(name=f"channel:{id}", count=stored.ceiling, window=1),
    )


def part_of(channel: Channel, content: Content) -> Part:
    """One message of the content, ready to be filled."""
    texts = {slot: template.parse(text) for slot, text in content.slots().items()}
    return Part(fill=channel.prepare(content), texts=texts)
