"""Pregón's side: the same calls the pages make, on a workspace in a real database."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import polars as pl

from crowd import people
from engine import db
from engine.segments import frame, segment, values
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
        """No condition's mask or value is known any more; the frame and its helpers stay."""
        self.frame().masks.clear()
        values._texts.cache_clear()

    def refresh(self) -> frame.Frame:
        return frame.load(self.database)

    def warmed(self) -> None:
        """Wait for what is made in the background after loading."""
        for thread in threading.enumerate():
            if thread.name == "warming":
                thread.join()

    def bytes(self) -> int:
        """The frame in memory with its standing helpers, without masks; what is shared once."""
        self.forget()
        buffers: dict[int, int] = {}
        for column in _columns(self.frame(), set()):
            array = column.to_physical().to_arrow(compat_level=pl.CompatLevel.newest())
            chunks = array.chunks if hasattr(array, "chunks") else [array]
            for buffer in (each for chunk in chunks for each in chunk.buffers() if each):
                buffers[buffer.address] = max(buffer.size, buffers.get(buffer.address, 0))
        return sum(buffers.values())


def _columns(thing: object, seen: set[int]) -> Iterator[pl.Series]:
    """Every column below, each once."""
    if id(thing) in seen:
        return
    seen.add(id(thing))
    below: Iterable[object] = ()
    if isinstance(thing, pl.Series):
        yield thing
    elif isinstance(thing, pl.DataFrame):
        below = thing.get_columns()
    elif isinstance(thing, Mapping):
        below = list(thing.values())
    elif isinstance(thing, list | tuple):
        below = thing
    elif dataclasses.is_dataclass(thing):
        below = [getattr(thing, item.name, None) for item in dataclasses.fields(thing)]
    for each in below:
        yield from _columns(each, seen)


def load_elsewhere(folder: Path) -> float:
    """Seconds until a fresh process has the frame, its imports not counted."""
    ran = subprocess.run(
        [sys.executable, "-m", "figures.loading", str(folder)],
        check=True,
        capture_output=True,
        cwd=HERE,
    )
    return float(json.loads(ran.stdout)["seconds"])
