"""Who is meant by what somebody types to choose one person: over the frame, the best first."""

from __future__ import annotations

from functools import reduce
from operator import and_, or_

import polars as pl

from engine import db
from engine.segments import finding, frame, texts, values
from engine.segments.frame import Frame
from engine.segments.operators import OPERATORS

IN_ORDER = 10_000
"""Of more people than this only those whose names come first as written are put in order."""


def named(
    database: db.Database,
    text: str,
    *,
    channel_id: int | None = None,
    limit: int = 20,
    stale: float = 0.0,
) -> list[int]:
    """Ids of people by name, phone or email as `Frame.found`; nothing typed finds everybody.

    Those first who have every word as a name of theirs, not a part of one; then by name. With
    `channel_id` only those who can be reached there and have not opted out; of a channel that is
    not there, nobody.
    """
    loaded = frame.load(database, stale=stale)
    found = loaded.found(text)
    if channel_id is not None:
        found &= _reached(loaded, channel_id)
    whole = found & _whole(loaded, text)
    exact = _first(loaded, whole, limit)
    if len(exact) == limit or not text.strip():
        return exact
    return exact + _first(loaded, found & ~whole, limit - len(exact))


def _reached(loaded: Frame, channel_id: int) -> pl.Series:
    if f"reach.{channel_id}" not in loaded.people.columns:
        return pl.repeat(False, loaded.people.height, eager=True)
    reach, invalid, out = (loaded.people[f"{k}.{channel_id}"] for k in ("reach", "invalid", "out"))
    return reach & ~invalid & ~out


def _whole(loaded: Frame, text: str) -> pl.Series:
    """Boolean: every word is one of the person's names."""
    everybody = pl.repeat(True, loaded.people.height, eager=True)
    return reduce(and_, (_is_name(loaded, word) for word in text.split()), everybody)


def _is_name(loaded: Frame, word: str) -> pl.Series:
    plain = pl.select(values.plain(pl.lit(word))).item()
    if plain is None:
        return pl.repeat(False, loaded.people.height, eager=True)
    names = [loaded.text(f"{texts.PLAIN}{name}") for name in finding.NAMES]
    asked = (("is", plain), ("starts_with", f"{plain} "), ("ends_with", f" {plain}"))
    return reduce(or_, (name.where(OPERATORS[key], part) for name in names for key, part in asked))


def _first(loaded: Frame, who: pl.Series, limit: int) -> list[int]:
    """The first ids of these people by name, accents and case ignored, the nameless last."""
    people = loaded.people.select("id", *finding.NAMES).filter(who)
    if people.height > IN_ORDER:
        known = people.filter(pl.col("first_name") != "")
        people = known if known.height >= limit else people
        people = people.bottom_k(IN_ORDER, by=list(finding.NAMES))
    keys = [values.plain(pl.col(name)) for name in finding.NAMES]
    ids = people.select(pl.col("id").sort_by(*keys, "id", nulls_last=True).head(limit))["id"]
    return [int(id) for id in ids]
