"""Medians of short runs, two sides in turn, so that a busy moment of the machine hits both."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from statistics import median

RUNS = 9
RUNS_MIN = 3
BUDGET = 2.5
"""Seconds for one thing; a slow one is run less often, but RUNS_MIN times."""


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


class Series:
    """The runs of one thing: `before` is done each time, and not timed."""

    def __init__(self, run: Callable[[], object], before: Callable[[], object] = int) -> None:
        self.run, self.before = run, before
        self.taken: list[float] = []
        before()
        run()  # caches of the machine and of the engine are warm, as they are for everybody

    @property
    def done(self) -> bool:
        enough = RUNS_MIN if sum(self.taken) > BUDGET else RUNS
        return len(self.taken) >= enough

    def once(self) -> None:
        self.before()
        self.taken.append(seconds(self.run))

    @property
    def ms(self) -> float:
        return median(self.taken) * 1000


def in_turn(series: Sequence[Series]) -> None:
    """All of them until each is done."""
    while waiting := [each for each in series if not each.done]:
        for each in waiting:
            each.once()


def geometric(ratios: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, ratios)) / len(ratios))
