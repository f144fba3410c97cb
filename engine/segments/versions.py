"""What a segment asked before: one version a save, which nothing changes afterwards."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.errors import NotFound
from engine.segments import saved


def listing(session: Session, id: int) -> list[db.SegmentVersion]:
    """All versions of a segment, newest first; the newest is how it is saved now.

    Raises NotFound. A segment saved before versions were kept has none but its present one.
    """
    saved.get(session, id)
    version = db.SegmentVersion
    rows = sa.select(version).filter_by(segment_id=id).order_by(version.id.desc())
    return list(session.scalars(rows))


def get(session: Session, id: int, number: int) -> db.SegmentVersion:
    """The version with a number counted from 1, the oldest. Raises NotFound."""
    rows = listing(session, id)
    if not 1 <= number <= len(rows):
        raise NotFound(
            "segment.no_version",
            "There is no version {number}; the segment has {count}.",
            number=number,
            count=len(rows),
        )
    return rows[-number]
