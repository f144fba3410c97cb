"""The people of a broadcast as they were when it started: what held for everybody, as Parquet.

Columns: "id" (what changed from one id to the next, so that it packs well); a boolean column a
condition of the tree, named by its path ("0", "2.1"), for everybody there was; and "matched":
who matched, as the ledger has it.
"""

from __future__ import annotations

import datetime as dt
import io

import polars as pl
import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.segments import truth
from engine.segments.tree import Condition, Group, walk

MATCHED = "matched"


def take(database: db.Database, tree: Group, today: dt.date | None = None) -> pl.DataFrame:
    """Everybody now: id, and what holds for them by path. Raises Invalid."""
    loaded, masks = truth.masks(database, [tree], today)
    columns = [
        masks[node].alias(place.path) for node, place in walk(tree) if isinstance(node, Condition)
    ]
    matching = truth.whole(tree, masks, loaded.people.height).alias(MATCHED)
    return pl.DataFrame([loaded.people["id"], matching, *columns])


def with_matched(table: pl.DataFrame, matched: pl.Series) -> pl.DataFrame:
    """The same with those who matched according to the ledger.

    People that came or went between the two looks are there, with no condition held.
    """
    ids = pl.concat([table["id"], matched]).unique().sort().to_frame("id")
    whole = ids.join(table.drop(MATCHED), on="id", how="left", maintain_order="left")
    return whole.select(
        "id",
        pl.col("id").is_in(matched.implode()).alias(MATCHED),
        pl.exclude("id").fill_null(False),
    )


def store(session: Session, broadcast_id: int, tree: object, packed: bytes) -> None:
    """Keep it with the broadcast; what was kept before stays."""
    known = sa.select(db.FrozenAudience.broadcast_id).filter_by(broadcast_id=broadcast_id)
    if session.scalar(known) is None:
        session.add(db.FrozenAudience(broadcast_id=broadcast_id, tree=tree, people=packed))
        session.flush()


def pack(table: pl.DataFrame) -> bytes:
    """Parquet, packed with zstd."""
    target = io.BytesIO()
    steps = table.with_columns(pl.col("id").diff().fill_null(pl.col("id")))
    steps.write_parquet(target, compression="zstd", statistics=False)
    return target.getvalue()


def unpack(packed: bytes) -> pl.DataFrame:
    """id Int64, and the boolean columns."""
    table = pl.read_parquet(io.BytesIO(packed))
    return table.with_columns(pl.col("id").cum_sum())


def listing(session: Session, segment_id: int | None = None) -> list[tuple[int, str, dt.datetime]]:
    """Broadcasts that have one: (id, name, when), newest first; of one segment, or of all."""
    frozen, broadcast = db.FrozenAudience, db.Broadcast
    statement = (
        sa.select(broadcast.id, broadcast.name, frozen.created_at)
        .join(frozen, frozen.broadcast_id == broadcast.id)
        .order_by(broadcast.id.desc())
    )
    if segment_id is not None:
        statement = statement.where(broadcast.segment_id == segment_id)
    return [(id, name, at) for id, name, at in session.execute(statement)]
