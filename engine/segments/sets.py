"""Fields that hold a set of ids: which boolean columns say who has one of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import polars as pl


def member(key: str, id: int, column: Callable[[str], Any]) -> Any:
    """Who has the id, from boolean columns as `column(name)` gives them: expressions or series."""
    if key == "channel.reachable":
        return column(f"reach.{id}") & ~column(f"invalid.{id}")
    return column(f"{_PREFIX[key]}.{id}")


_PREFIX = {"tag": "tag", "channel.opted_out": "out"}

SETS: dict[str, Callable[[int], pl.Expr]] = {
    key: partial(member, key, column=pl.col) for key in (*_PREFIX, "channel.reachable")
}
"""Field key → the expression of one of its ids."""
