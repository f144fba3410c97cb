"""From one state of the people to the next: what stayed, and what was read anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A column that is the same for everybody in both states is carried over as it is."""

    fresh: pl.DataFrame
    """The people read anew, by id: those known before first."""
    places: pl.Series = field(repr=False)
    """UInt32: where the first of the fresh people stood in the old state; the others are new."""
    rows: pl.Series | None = field(repr=False)
    """UInt32: where each person of the new state stood in the old one with `fresh` put below; None
    when nobody moved: each stands where they stood, with the new ones after them."""

    def of(self, old: pl.Series, fresh: pl.Series) -> pl.Series:
        """A column of the new state from the old one's and the fresh people's."""
        if self.rows is not None:
            return pl.concat([old, fresh]).gather(self.rows)
        known = fresh.head(len(self.places))
        changed = old.gather(self.places).ne_missing(known)
        if changed.any():
            old = scattered(old, self.places.filter(changed), known.filter(changed))
        added = fresh.slice(len(self.places))
        return pl.concat([old, added], rechunk=True) if len(added) else old

    def table(self, old: pl.DataFrame) -> pl.DataFrame:
        """The people of the new state; both have the same columns."""
        if self.rows is not None:
            return pl.concat([old, self.fresh])[self.rows]
        return pl.DataFrame([self.of(column, self.fresh[column.name]) for column in old])


def scattered(old: pl.Series, places: pl.Series, values: pl.Series) -> pl.Series:
    """A copy of the column with other values in some places."""
    rows = pl.int_range(len(old), dtype=pl.UInt32, eager=True)
    below = pl.int_range(len(old), len(old) + len(values), dtype=pl.UInt32, eager=True)
    return pl.concat([old, values]).gather(rows.scatter(places, below))


def between(old: pl.DataFrame, fresh: pl.DataFrame, gone: Sequence[int]) -> Move:
    """`fresh` replaces whom it names, or adds them; those `gone` go. Both are in order of id."""
    ids = old["id"]
    places = ids.search_sorted(fresh["id"]).cast(pl.UInt32)
    known = ids.gather(places.clip(upper_bound=max(0, len(ids) - 1))) if len(ids) else ids
    there = known == fresh["id"] if len(ids) else pl.repeat(False, len(fresh), eager=True)
    newest = ids[-1] if len(ids) else 0
    behind = fresh["id"].filter(~there)
    if not gone and (behind > newest).all():
        return Move(fresh=fresh, places=places.filter(there), rows=None)
    left = pl.Series([*fresh["id"], *gone], dtype=pl.Int64)
    both = pl.concat([old.select("id"), fresh.select("id")]).with_row_index("row")
    stay = (pl.col("row") >= old.height) | ~pl.col("id").is_in(left.implode())
    rows = both.filter(stay).sort("id")["row"]
    return Move(fresh=fresh, places=places.filter(there), rows=rows)
