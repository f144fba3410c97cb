"""Twelve segments over a crowd of contacts: Pregón, DuckDB twice, SQLite and PostgreSQL in one run.

Fails when they do not all find the same number of people. README.md says what each figure means.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from crowd import asked, workspace
from engine.segments.tree import EVERYBODY
from figures import changing, table
from figures.ours import Ours, load_elsewhere
from figures.timing import Series, geometric, in_turn, seconds
from peers.duck import Duck, ShapedDuck
from peers.lite import Lite
from peers.peer import Peer
from peers.postgres import Postgres, binaries

PEERS: dict[str, type[Peer]] = {
    "duckdb_shaped": ShapedDuck,
    "sqlite": Lite,
    "postgresql": Postgres,
    "duckdb": Duck,
}
"""Plain DuckDB comes last: it then edits its people as ours are edited."""
Report = dict[str, Any]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="contacts (default 1,000,000)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument(
        "--without", nargs="*", default=[], choices=PEERS, help="peers to leave out"
    )
    parser.add_argument(
        "--data", type=Path, help="folder where the workspace is kept for next time"
    )
    return parser.parse_args()


def main() -> int:
    asked_for = arguments()
    folder = Path(tempfile.mkdtemp(prefix="pregon-bench-", dir="/tmp"))
    home = asked_for.data or folder / "workspace"
    try:
        report = measure(home, folder, asked_for.rows, set(asked_for.without))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(table.rounded(report)) if asked_for.json else table.of(report))
    return 0 if report["agree"] else 1


def measure(home: Path, folder: Path, rows: int, without: set[str]) -> Report:
    report: Report = {"rows": rows, "agree": True}
    ours = Ours(database=workspace.opened(home, rows))
    report |= load(ours, home)
    say("Pregón", "is loaded")
    report["people"] = {name: ours.count(tree) for name, tree in asked.SEGMENTS.items()}
    report["bytes_per_contact"] = round(ours.bytes() / rows)
    report |= {"ms": {name: {} for name in asked.SEGMENTS}, "ratios": {}}
    for name, kind in PEERS.items():
        report[f"vs_{name}"] = None
        if name not in without and not (name == "postgresql" and not binaries()):
            against(ours, kind(), folder, report)
    if not report["ratios"].get("duckdb"):
        change(ours, None, report)
    report["slowest_vs_duckdb"] = min(report["ratios"].get("duckdb", {"": None}).values())
    return report


def load(ours: Ours, home: Path) -> Report:
    """Seconds to have the frame: from the database, its text helpers, and in a fresh process."""
    workspace.forget_cache(home)
    from_database = seconds(ours.refresh)
    helpers = seconds(ours.warmed)
    from_cache = (
        load_elsewhere(home) if workspace.await_cache(home, ours.count(EVERYBODY)) else None
    )
    return {
        "load_from_database_s": from_database,
        "helpers_after_loading_s": helpers,
        "load_from_cache_s": from_cache,
    }


def against(ours: Ours, peer: Peer, folder: Path, report: Report) -> None:
    """Ours and one peer in turn, so that they share the machine's moods and its memory."""
    peer.open(folder, report["rows"])
    say(peer.name, "is filled")
    ratios = {}
    for name, tree in asked.SEGMENTS.items():
        agree(peer, name, report)
        cold = Series(partial(ours.count, tree), ours.forget)
        theirs = Series(partial(peer.count, tree))
        in_turn([cold, theirs])
        warm = Series(partial(ours.count, tree))
        in_turn([warm])
        ratios[name] = theirs.ms / cold.ms
        report["ms"][name] |= {"cold": cold.ms, "warm": warm.ms, peer.name: theirs.ms}
    report[f"vs_{peer.name}"] = geometric(list(ratios.values()))
    report["ratios"][peer.name] = ratios
    if isinstance(peer, Duck) and not isinstance(peer, ShapedDuck):
        report["duckdb_bytes_per_contact"] = round(peer.bytes() / report["rows"])
        change(ours, peer, report)
    peer.close()
    say(peer.name, f"took {report[f'vs_{peer.name}']:.1f} times as long")


def agree(peer: Peer, name: str, report: Report) -> None:
    found, expected = peer.count(asked.SEGMENTS[name]), report["people"][name]
    if found != expected:
        report["agree"] = False
        say(peer.name, f"finds {found:,} people for “{name}”, not {expected:,}")


def change(ours: Ours, duck: Duck | None, report: Report) -> None:
    """One condition of thirty, then ten thousand contacts, and the same people afterwards."""
    report |= changing.one_of_thirty(ours, duck)
    with changing.edited(ours.database, report["rows"]) as ids:
        report |= changing.absorbed(ours, duck, ids)
        report["people"] = {name: ours.count(tree) for name, tree in asked.SEGMENTS.items()}
        if duck is not None:
            for name in asked.SEGMENTS:
                agree(duck, name, report)


def say(who: str, what: str) -> None:
    print(f"{who} {what}.", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
