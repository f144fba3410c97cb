"""A click in the segment builder, in Chromium, over many contacts, until the count is painted.

Beside it a page that does nothing, and the same with simulated people editing segments.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from statistics import median
from typing import Any

import sqlalchemy as sa

from browser import clicks, servers
from crowd import asked, workspace
from engine import db
from engine.segments import segment

CLICKS = 28
"""Fewer than the combinations of both conditions' chips."""
HERE = Path(__file__).resolve().parent
NAME = "Benchmark"
TREE = asked.all_of(
    asked.where("field.tier", "is_any_of", ("Diamante",)),
    asked.where("channel.reachable", "has_any", (asked.MESSENGER,)),
    asked.where("contact.country", "is_any_of", ("CO", "MX", "ES", "PE")),
    asked.where("field.spent", "gte", 10),
    asked.none_of(
        asked.where("contact.last_name", "contains", "muñoz"), asked.tagged("any", "moroso")
    ),
)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="contacts (default 1,000,000)")
    parser.add_argument("--users", type=int, default=20, help="simulated people (default 20)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--data", type=Path, help="folder where the workspace is kept")
    return parser.parse_args()


def main() -> int:
    asked_for = arguments()
    folder = Path(tempfile.mkdtemp(prefix="pregon-bench-", dir="/tmp"))
    try:
        report = measure(asked_for.data or folder / "workspace", asked_for.rows, asked_for.users)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    lines = (f"{name:24} {value}" for name, value in report.items())
    print(json.dumps(report) if asked_for.json else "\n".join(lines))
    return 0


def measure(home: Path, rows: int, users: int) -> dict[str, Any]:
    database = workspace.opened(home, rows)
    place = f"/segments?id={saved(database)}"
    baseline = still(home)
    with servers.studio(home) as url:
        say(f"The page that does nothing takes {median(baseline):.0f} ms")
        with clicks.opened(url + place) as page:
            click = clicks.timed(page, clicks.new_choices(page, CLICKS))
        say(f"A click takes {median(click):.0f} ms")
        with visited(url, place, users) as answers, clicks.opened(url + place) as page:
            loaded = clicks.timed(page, clicks.new_choices(page, CLICKS))
    return {
        "rows": rows,
        "click_ms": round(median(click), 1),
        "baseline_ms": round(median(baseline), 1),
        "ratio": round(median(click) / median(baseline), 2),
        "users": users,
        "loaded_click_ms": round(median(loaded), 1),
        "slowdown": round(median(loaded) / median(click), 2),
        "user_answer_ms": round(median(answers), 1) if answers else None,
        "user_edits": len(answers),
    }


def say(what: str) -> None:
    print(f"{what}.", file=sys.stderr, flush=True)


def saved(database: db.Database) -> int:
    """The id of the segment that is edited here; nobody saves over it."""
    with database.write() as session:
        known = session.scalar(sa.select(db.Segment.id).where(db.Segment.key == NAME))
        return known or segment.create(session, name=NAME, tree=TREE).id


def still(folder: Path) -> list[float]:
    with servers.still(folder) as url, clicks.opened(url) as page:
        return clicks.timed(page, repeat(page.locator(".chip").first, CLICKS))


@contextmanager
def visited(url: str, place: str, users: int) -> Iterator[list[float]]:
    """People who edit meanwhile; afterwards, the milliseconds of their answers."""
    answers: list[float] = []
    seconds = 10 + CLICKS * 1.2
    command = [sys.executable, "-m", "browser.visitors", url, place.rpartition("=")[2]]
    process = subprocess.Popen(
        [*command, str(users), str(seconds)], cwd=HERE, stdout=subprocess.PIPE, text=True
    )
    yield answers
    out, _ = process.communicate()
    if process.returncode:
        raise RuntimeError("The simulated people did not come through.")
    answers += json.loads(out)


if __name__ == "__main__":
    sys.exit(main())
