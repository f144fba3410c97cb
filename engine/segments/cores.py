"""Work on long columns, shared by the cores: polars and numpy let go of Python's lock."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import polars as pl

WORTH = 100_000
"""Rows below which one core is faster than telling two."""


def split(
    columns: list[pl.Series], make: Callable[..., pl.Series], *, worth: int = WORTH
) -> pl.Series:
    """`make(*columns)`, where each row's result needs no other row. Not from inside `make`."""
    rows, cores = len(columns[0]), pl.thread_pool_size()
    if cores == 1 or rows < worth:
        return make(*columns)
    size = -(-rows // cores)
    parts = [[column.slice(at, size) for column in columns] for at in range(0, rows, size)]
    return pl.concat(
        list(_pool(os.getpid(), "rows").map(lambda part: make(*part), parts)), rechunk=True
    )


def together(makes: list[Callable[[], object]]) -> None:
    """Call each, side by side. Inside one `split` may be used, but not `together`."""
    list(_pool(os.getpid(), "columns").map(lambda make: make(), makes))


@cache
def _pool(_process: int, name: str) -> ThreadPoolExecutor:
    """Two a process: a fork takes no threads along."""
    return ThreadPoolExecutor(pl.thread_pool_size(), thread_name_prefix=name)
