"""Pregón's side: the same calls the pages make, on a workspace in a real database."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl
from crowd import people

from engine import db
from engine.segments import frame, segment
from engine.segments.tree import Group

STALE = 1e9
"""The database is not asked whether something changed: as within a page's run."""
HERE = Path(__file__).resolve().parent.parent


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ours:
    database: db.Database

    def count(self, tree: Group) -> int:
        return segment.count(self.database, tree, people.TODAY, stale=STALE)

    def solve(self, tree: Group) -> segment.Solution:
        """The counts of every node, and of the whole without it, as beside the builder."""
        return segment.solve(self.database, tree, people.TODAY, stale=STALE)

    def frame(self) -> frame.Frame:
        return frame.load(self.database, stale=STALE)

    def forget(self) -> None:
        """No condition's mask is known any more; the frame and its standing helpers stay."""
        self.frame().masks.clear()

    def refresh(self) -> frame.Frame:
        return frame.load(self.database)

    def bytes(self) -> int:
        """The frame in memory with its helpers, without masks."""
        self.forget()
        return sum(dict(_sizes(self.frame())).values())


def _sizes(thing: object, seen: set[int] | None = None) -> Iterator[tuple[int, int]]:
    """(id, bytes) of every column below, each once."""
    seen = set() if seen is None else seen
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, pl.DataFrame | pl.Series):
        yield id(thing), int(thing.estimated_size())
    elif isinstance(thing, Mapping):
        for each in list(thing.values()):
            yield from _sizes(each, seen)
    elif isinstance(thing, list | tuple):
        for each in thing:
            yield from _sizes(each, seen)
    elif hasattr(thing, "__dict__") or dataclasses.is_dataclass(thing):
        names = (
            [item.name for item in dataclasses.fields(thing)]
            if dataclasses.is_dataclass(thing)
            else list(vars(thing))
        )
        for name in names:
            yield from _sizes(getattr(thing, name, None), seen)


def load_elsewhere(folder: Path) -> float:
    """Seconds until a fresh process has the frame, its imports not counted."""
    ran = subprocess.run(
        [sys.executable, "-m", "figures.loading", str(folder)],
        check=True,
        capture_output=True,
        cwd=HERE,
    )
    return float(json.loads(ran.stdout)["seconds"])
