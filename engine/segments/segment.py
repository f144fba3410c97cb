"""Segments: which people a tree of conditions holds for, in a blink, and the saved ones by name."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import polars as pl

from engine import db
from engine.segments import frame, options, solving
from engine.segments.checking import check as check
from engine.segments.frame import Frame
from engine.segments.saved import by_name as by_name
from engine.segments.saved import create as create
from engine.segments.saved import delete as delete
from engine.segments.saved import get as get
from engine.segments.saved import listing as listing
from engine.segments.saved import rename as rename
from engine.segments.saved import save as save
from engine.segments.saved import used_by as used_by
from engine.segments.solving import Solution as Solution
from engine.segments.tree import EVERYBODY as EVERYBODY
from engine.segments.tree import Condition as Condition
from engine.segments.tree import Group as Group
from engine.segments.tree import Node
from engine.segments.tree import from_json as from_json
from engine.segments.tree import to_json as to_json
from engine.segments.values import Calendar
from engine.segments.wording import name_of as name_of
from engine.segments.wording import words as words


def mask(
    database: db.Database, tree: Node, today: dt.date | None = None, *, stale: float = 0.0
) -> pl.Series:
    """Boolean, a row of `frame.load(database).people` each. Raises Invalid with the place.

    `today` is a day in the workspace's zone; `stale` as in frame.load, also for the ledger.
    """
    return matching(database, tree, today, stale=stale)[1]


def matching(
    database: db.Database, tree: Node, today: dt.date | None = None, *, stale: float = 0.0
) -> tuple[Frame, pl.Series]:
    """The contact frame and the mask of it, which belong together also while others write."""
    loaded = frame.load(database, stale=stale)
    return loaded, _solver(database, loaded, today, stale).mask(tree)


def people(
    database: db.Database, tree: Node, today: dt.date | None = None, *, stale: float = 0.0
) -> pl.LazyFrame:
    """The rows of the contact frame that match, by id."""
    loaded, mask = matching(database, tree, today, stale=stale)
    return loaded.people.lazy().filter(mask)


def count(
    database: db.Database, tree: Node, today: dt.date | None = None, *, stale: float = 0.0
) -> int:
    """How many people match."""
    return _solver(database, frame.load(database, stale=stale), today, stale).count(tree)


def counts(
    database: db.Database, tree: Node, today: dt.date | None = None, *, stale: float = 0.0
) -> dict[str, int]:
    """How many match each node on its own: path → people, "" is the root, "0.2" as in Place."""
    return _solver(database, frame.load(database, stale=stale), today, stale).counts(tree)


def solve(
    database: db.Database, tree: Node, today: dt.date | None = None, *, stale: float = 0.0
) -> Solution:
    """The mask, the count of each node, and of the whole without it, in one pass."""
    return _solver(database, frame.load(database, stale=stale), today, stale).solve(tree)


def option_counts(
    database: db.Database, field_key: str, *, stale: float = 0.0
) -> dict[str | int, int]:
    """People per option of a choice, set or channel field, among everybody; else nothing.

    Each is what `is`, or `has_any`, of that one option finds. Raises Invalid for an unknown field.
    """
    return options.counts(frame.load(database, stale=stale), field_key)


def _solver(
    database: db.Database, loaded: Frame, today: dt.date | None, stale: float
) -> solving.Solver:
    zone = ZoneInfo(database.settings.timezone)
    calendar = Calendar(zone, today or db.now().astimezone(zone).date())
    return solving.Solver(database=database, frame=loaded, calendar=calendar, stale=stale)
