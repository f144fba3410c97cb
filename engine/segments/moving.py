"""From one state of the people to the next: what stayed, and what was read anew."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    fresh: pl.DataFrame
    """The people read anew, by id."""
    rows: pl.Series = field(repr=False)
    """UInt32: where each person of the new state stood in the old one with `fresh` put below."""

    def of(self, old: pl.Series, fresh: pl.Series) -> pl.Series:
        """A column of the new state from the old one's and the fresh people's."""
        return pl.concat([old, fresh]).gather(self.rows)

    def table(self, old: pl.DataFrame) -> pl.DataFrame:
        """The people of the new state; both have the same columns."""
        return pl.concat([old, self.fresh])[self.rows]


def between(old: pl.DataFrame, fresh: pl.DataFrame, gone: list[int]) -> Move:
    """`fresh` replaces whom it names, or adds them; those `gone` go."""
    left = pl.Series([*fresh["id"], *gone], dtype=pl.Int64)
    ids = pl.concat([old.select("id"), fresh.select("id")]).with_row_index("row")
    stay = (pl.col("row") >= old.height) | ~pl.col("id").is_in(left.implode())
    return Move(fresh=fresh, rows=ids.filter(stay).sort("id")["row"])
