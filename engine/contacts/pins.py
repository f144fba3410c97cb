"""Tests of segments that pin somebody who is merged: the pin follows to who stays, and back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db

Pins = list[dict[str, Any]]
"""Of each segment: its id, and its tests before and after."""
SIDES = ("in", "out")


def follow(session: Session, others: Collection[int], keep: int) -> Pins:
    """Pin who stays where the others were pinned, unless they are pinned on the other side."""
    moved: Pins = []
    for segment in session.scalars(sa.select(db.Segment).order_by(db.Segment.id)):
        before = segment.expectations
        after = _followed(before, others, keep)
        if after != before:
            segment.expectations = after
            moved.append({"segment": segment.id, "before": before, "after": after})
    session.flush()
    return moved


def give_back(session: Session, moved: Pins) -> bool:
    """Put the pins where they were; whether nobody has changed those tests since."""
    all_there = True
    for each in moved:
        segment = session.get(db.Segment, each["segment"])
        if segment is None:
            continue
        if segment.expectations == each["after"]:
            segment.expectations = each["before"]
        elif segment.expectations != each["before"]:
            all_there = False
    session.flush()
    return all_there


def _followed(tests: Mapping[str, Any], others: Collection[int], keep: int) -> dict[str, Any]:
    made = dict(tests)
    pinned = {side: list(tests.get(side, ())) for side in SIDES}
    sides = {side for side in SIDES if {keep, *others} & set(pinned[side])}
    if len(sides) == 1:
        side = sides.pop()
        made[side] = list(dict.fromkeys(keep if id in others else id for id in pinned[side]))
    return made
