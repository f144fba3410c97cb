"""Who got what before: the ledger's answer to a condition on broadcasts, as contact ids."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db

_message = db.Message
MOMENTS: dict[str, Any] = {
    "broadcast.sent": sa.func.coalesce(
        _message.accepted_at, _message.delivered_at, _message.read_at
    ),
    "broadcast.delivered": sa.func.coalesce(_message.delivered_at, _message.read_at),
    "broadcast.read": _message.read_at,
    "broadcast.failed": _message.failed_at,
    "broadcast.replied": _message.replied_at,
}
"""When it happened to a message. What was read was delivered, and what was delivered was sent."""


def in_broadcasts(session: Session, field: str, broadcasts: Sequence[int]) -> pl.Series:
    """Ids of the people it happened to in one of these broadcasts."""
    happened = MOMENTS[field].is_not(None)
    who = sa.select(_message.contact_id).where(_message.broadcast_id.in_(broadcasts), happened)
    return pl.Series("id", session.scalars(who.distinct()).all(), dtype=pl.Int64)


def latest(session: Session, field: str, *, start: dt.datetime, end: dt.datetime) -> pl.DataFrame:
    """[id, at Datetime µs UTC]: the last time it happened to a person in [start, end)."""
    at = sa.type_coerce(MOMENTS[field], sa.BigInteger)
    statement = (
        sa.select(_message.contact_id, sa.func.max(at))
        .where(at >= db.micros(start), at < db.micros(end))
        .group_by(_message.contact_id)
    )
    rows = session.connection().execute(statement).cursor.fetchall()
    frame = pl.DataFrame(rows, schema={"id": pl.Int64, "at": pl.Int64}, orient="row")
    return frame.with_columns(pl.col("at").cast(pl.Datetime("us", "UTC")))
