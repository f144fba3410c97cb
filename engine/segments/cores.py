"""Work on long columns, shared by the cores: polars and numpy let go of Python's lock."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import polars as pl

WORTH = 100_000
"""Rows below which one core is faster than telling two."""


def split(column: pl.Series, make: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """`make(column)`, where each row's result needs no other row."""
    cores = pl.thread_pool_size()
    if cores == 1 or len(column) < WORTH:
        return make(column)
    rows = -(-len(column) // cores)
    parts = [column.slice(start, rows) for start in range(0, len(column), rows)]
    return pl.concat(list(_pool(os.getpid()).map(make, parts)), rechunk=True)


@cache
def _pool(_process: int) -> ThreadPoolExecutor:
    """One a process: a fork takes no threads along."""
    return ThreadPoolExecutor(pl.thread_pool_size(), thread_name_prefix="cores")
