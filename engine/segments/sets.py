"""Fields that hold a set of ids: the boolean expression of each id."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl


def _column_of(prefix: str) -> Callable[[int], pl.Expr]:
    return lambda id: pl.col(f"{prefix}.{id}")


SETS: dict[str, Callable[[int], pl.Expr]] = {
    "tag": _column_of("tag"),
    "channel.opted_out": _column_of("out"),
    "channel.reachable": lambda id: pl.col(f"reach.{id}") & ~pl.col(f"invalid.{id}"),
}
