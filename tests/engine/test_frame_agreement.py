"""The frame is what the database holds while many others write, process beside process."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from engine import db
from engine.segments import frame, people, segment
from engine.segments.tree import Condition, Group
from tests.engine import editing
from tests.engine import people_world as world
from tests.engine.segment_oracle import Oracle, look

ROOT = Path(__file__).parents[2]
EDITORS = 3
PARTS = (1_300, 700, 1_300)
"""How many people each editor changes between two looks: 10,000 with the thread in this process."""
OWN_PARTS = (100, 900, 100)
TODAY = world.TODAYS[3]
ASKED = {
    "a tag": Group("all", (Condition("tag", "has_any", (1, 2)),)),
    "no tag": Group("none", (Condition("tag", "has_any", (1, 2, 3, 4)),)),
    "a name": Group("all", (Condition("contact.name", "contains", "an"),)),
    "a city": Group("all", (Condition("field.city", "is_not", "bogotá"),)),
    "a tier": Group("all", (Condition("field.tier", "is_any_of", ("gold", "ñandú")),)),
    "a number": Group("any", (Condition("field.spent", "between", (0, 0.5)),)),
    "a day": Group("all", (Condition("field.birthday", "more_than_days_ago", 365),)),
    "created": Group("all", (Condition("activity.created_at", "before", "2024-03-01"),)),
    "wrote": Group("all", (Condition("activity.last_inbound_at", "is_set"),)),
    "reached": Group("all", (Condition("channel.reachable", "has_all", (1, 2)),)),
    "left": Group("all", (Condition("channel.opted_out", "has_any", (1, 2, 3, 4)),)),
    "last on": Group("all", (Condition("channel.last_interacted", "is_any_of", (1, 3)),)),
    "yes": Group(
        "all", (Condition("field.vip", "is_true"), Condition("contact.country", "is", "mx"))
    ),
}


def test_frame_and_database_agree_after_ten_thousand_concurrent_edits(any_database: db.Database):
    world.fill(any_database)
    own = editing.Editor(any_database, EDITORS + 1)
    with editors(any_database) as others, looking(any_database) as looks:
        changed = 0
        for part in OWN_PARTS:
            changed += own.edit(part)
            changed += sum(int(other.stdout.readline()) for other in others)
            agree(any_database)
            for other in others:
                other.stdin.write("on\n")
                other.stdin.flush()
        assert [other.wait(60) for other in others] == [0] * EDITORS
    assert changed >= 10_000
    assert looks == sorted(looks)  # never an older state after a newer one
    assert len(set(looks)) > 10  # and it moved while they wrote
    agree(any_database)


def agree(database: db.Database) -> None:
    """While nobody writes: this process's frame, a fresh one's, the rows, and the segments."""
    with database.read() as session:
        rows = people.read(session, people.shape(session))
    same(frame.load(database).people, rows)
    again = db.connect(database.settings)
    same(frame.load(again).people, rows)
    again.close()
    oracle = Oracle(look(database), ZoneInfo(database.settings.timezone), TODAY)
    for name, tree in ASKED.items():
        assert segment.count(database, tree, TODAY) == len(oracle.matching(tree)), name


def same(one: pl.DataFrame, other: pl.DataFrame) -> None:
    """Equal whatever the order of columns and the numbers behind categories."""
    few = (pl.selectors.categorical() | pl.selectors.enum()).cast(pl.String)
    assert_frame_equal(one.with_columns(few), other.with_columns(few), check_column_order=False)


@contextmanager
def editors(database: db.Database) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that edit, each with its own connections."""
    plain = database.settings.model_dump(include={"database_url", "sqlite_synchronous"})
    values = plain | {"data": str(database.settings.data)}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.engine.editing"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(EDITORS)
    ]
    try:
        for number, each in enumerate(started, 1):
            orders = {"settings": values, "number": number, "parts": PARTS}
            each.stdin.write(json.dumps(orders) + "\n")
            each.stdin.flush()
        yield started
    finally:
        for each in started:
            each.kill()
            each.communicate()


@contextmanager
def looking(database: db.Database) -> Iterator[list[int]]:
    """A thread that brings the frame up to date all the time; the versions it saw."""
    seen: list[int] = []
    done = threading.Event()

    def look_on() -> None:
        while not done.is_set():
            seen.append(frame.load(database).version)
            done.wait(0.02)

    with ThreadPoolExecutor(1) as pool:
        looker = pool.submit(look_on)
        try:
            yield seen
        finally:
            done.set()
        looker.result()


@pytest.mark.parametrize("way", editing.SHARES, ids=lambda way: way.__name__)
def test_each_way_of_editing_shows_in_the_frame(database: db.Database, way):
    """So that none of the ways above is one that does nothing."""
    world.fill(database)
    editor = editing.Editor(database, 1)
    before = frame.load(database).people["updated_at"].to_list()
    for _ in range(5):
        editor.edit(1, [way])
    assert frame.load(database).people["updated_at"].to_list() != before
    agree(database)
