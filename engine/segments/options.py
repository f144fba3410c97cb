"""How many people have each option of a field: what a picker shows beside it."""

from __future__ import annotations

import polars as pl

from engine.segments.catalogue import Field
from engine.segments.frame import Frame
from engine.segments.sets import SETS
from engine.segments.values import fold

Counts = dict[str | int, int]


def counts(frame: Frame, key: str) -> Counts:
    """Option → people, in the options' order; empty for a field that is not a choice, set or
    channel. Made once a frame. Raises Invalid for an unknown field."""
    field = frame.catalogue.field(key)
    if (found := frame.counted.get(key)) is None or list(found) != [v for v, _ in field.options]:
        found = frame.counted[key] = _counts(frame, field)
    return found


def _counts(frame: Frame, field: Field) -> Counts:
    values = [value for value, _ in field.options]
    match field.type:
        case "set":
            columns = [SETS[field.key](int(value)).sum().alias(str(value)) for value in values]
            row = frame.people.select(columns).row(0) if columns else ()
            return dict(zip(values, row, strict=True))
        case "channel":
            people = dict(frame.people[field.column].value_counts().iter_rows())
            return {value: people.get(value, 0) for value in values}
        case "choice":
            return _choices(frame.people[field.column], [str(value) for value in values])
    return {}


def _choices(column: pl.Series, values: list[str]) -> Counts:
    """Values that fold alike are one answer to `is`."""
    by_value = column.alias("value").value_counts(name="people")
    folded = by_value.select(fold(pl.col("value").cast(pl.String)), "people")
    people = dict(folded.group_by("value").agg(pl.col("people").sum()).iter_rows())
    asked = pl.Series(values, dtype=pl.String).to_frame("value").select(fold(pl.col("value")))
    options = zip(values, asked["value"].to_list(), strict=True)
    return {value: people.get(word, 0) if word is not None else 0 for value, word in options}
