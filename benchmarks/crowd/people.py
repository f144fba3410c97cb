"""A crowd of contacts, the same for the same number and seed, in blocks that fit in memory."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any

import numpy as np
import polars as pl

from crowd import names

BLOCK = 250_000
TODAY = dt.date(2026, 3, 1)
SEED = 20260301
FIELDS = {
    "city": ("City", "text"),
    "company": ("Company", "text"),
    "tier": ("Tier", "choice"),
    "spent": ("Spent", "number"),
    "visits": ("Visits", "number"),
    "birthday": ("Birthday", "date"),
    "last_purchase": ("Last purchase", "datetime"),
    "consent": ("Consent", "yes_no"),
}
"""Custom field key → (label, type)."""
MOMENT = pl.Datetime("us", "UTC")
_NOW = int(dt.datetime(2026, 3, 1, 15, tzinfo=dt.UTC).timestamp()) * 10**6
_YEAR = 365 * 86_400 * 10**6
_PRIME = 99_999_989
_STEP = 38_742_017

Draw = np.random.Generator
Texts = np.ndarray[Any, Any]


def blocks(rows: int) -> Iterator[pl.DataFrame]:
    """Frames of at most BLOCK rows.

    Columns: id; first_name, last_name ("" when unknown), phone, email, external_id, language,
    country, timezone; created_at, updated_at, last_inbound_at (Datetime µs UTC), last_channel;
    the keys of FIELDS; tags (list of ids); and by channel id "on.N" (has a row there), "inbound.N",
    "out.N", "invalid.N" and "reach.N".
    """
    for start in range(0, rows, BLOCK):
        draw = np.random.default_rng((SEED, start))
        yield block(draw, start, min(BLOCK, rows - start))


def block(draw: Draw, start: int, size: int) -> pl.DataFrame:
    ids = np.arange(start + 1, start + size + 1)
    country = _pick(draw, size, {key: share for key, (share, _, _) in names.PLACES.items()})
    first, last = _names(draw, size)
    written = _NOW - (draw.random(size) ** 2 * 6 * _YEAR).astype(np.int64)
    known = pl.DataFrame(
        {
            "id": ids,
            "first_name": first,
            "last_name": last,
            "phone": _gaps(draw, _phones(ids, country), 0.08),
            "email": _gaps(draw, _emails(draw, ids, first, last), 0.25),
            "external_id": _gaps(draw, np.char.add("crm-", ids.astype(str)), 0.6),
            "language": _gaps(draw, _pick(draw, size, names.LANGUAGES), 0.05),
            "country": _gaps(draw, country, 0.02),
            "timezone": _gaps(draw, _zones(country), 0.3),
            "created_at": written,
            "updated_at": written + 10**6,
        }
    ).with_columns(pl.col("created_at", "updated_at").cast(MOMENT))
    channels = _channels(draw, known)
    return pl.concat(
        [known, _fields(draw, country, last), channels], how="horizontal"
    ).with_columns(_tags(draw, size))


def _pick(draw: Draw, size: int, shares: Mapping[str, float]) -> Texts:
    edges = np.array(list(accumulate(shares.values())))
    places = np.searchsorted(edges / edges[-1], draw.random(size), side="right")
    return np.array(list(shares), dtype=object)[places]


def _skewed(draw: Draw, size: int, text: str) -> Texts:
    """The first words are the most frequent."""
    words = text.split()
    return np.array(words, dtype=object)[(draw.random(size) ** 1.8 * len(words)).astype(int)]


def _gaps(draw: Draw, values: Texts, share: float) -> pl.Series:
    series = pl.Series(values.tolist())
    return series.set(pl.Series(draw.random(len(values)) < share), None)


def _names(draw: Draw, size: int) -> tuple[Texts, Texts]:
    first, second = (_skewed(draw, size, names.FIRST) for _ in "12")
    first = np.where(draw.random(size) < 0.2, first + " " + second, first)
    last = _skewed(draw, size, names.LAST) + " " + _skewed(draw, size, names.LAST)
    loud = draw.random(size)
    first = np.where(loud < 0.02, [name.upper() for name in first], first)
    last = np.where(loud < 0.02, [name.upper() for name in last], last)
    nameless = draw.random(size)
    return np.where(nameless < 0.03, "", first), np.where(nameless < 0.05, "", last)


def _phones(ids: Texts, country: Texts) -> Texts:
    """No number twice: steps that meet every remainder of a prime once."""
    digits = np.char.zfill(((ids * _STEP) % _PRIME).astype(str), 8).astype(object)
    ninth = ((ids * 7) % 10).astype(str).astype(object)
    prefix = np.array([names.NUMBERS[key][0] for key in country], dtype=object)
    long = np.array([names.NUMBERS[key][1] == 9 for key in country])
    return prefix + np.where(long, ninth, "") + digits


def _emails(draw: Draw, ids: Texts, first: Texts, last: Texts) -> Texts:
    plain = str.maketrans("áéíóúüñÁÉÍÓÚÜÑ ", "aeiouunAEIOUUN.")
    who = np.array([f"{a}.{b}".translate(plain) for a, b in zip(first, last, strict=True)], object)
    who = np.where(draw.random(len(ids)) < 0.9, np.array([w.lower() for w in who], object), who)
    return who + ids.astype(str).astype(object) + "@" + _pick(draw, len(ids), names.DOMAINS)


def _zones(country: Texts) -> Texts:
    return np.array([names.PLACES[key][1] for key in country], dtype=object)


# Custom fields


def _fields(draw: Draw, country: Texts, last: Texts) -> pl.DataFrame:
    size = len(country)
    spent = np.round(draw.lognormal(4, 1.3, size), 2)
    bought = _NOW - (draw.random(size) ** 3 * 4 * _YEAR).astype(np.int64) // 10**6 * 10**6
    born = (draw.normal(32, 13, size).clip(16, 95) * 365.25).astype(int)
    return pl.DataFrame(
        {
            "city": _gaps(draw, _cities(draw, country), 0.2),
            "company": _gaps(draw, _companies(draw, last), 0.55),
            "tier": _gaps(draw, _pick(draw, size, names.TIERS), 0.3),
            "spent": _gaps(draw, spent, 0.15),
            "visits": _gaps(draw, draw.geometric(0.08, size).astype(float), 0.1),
            "birthday": _gaps(draw, np.datetime64(TODAY) - born.astype("timedelta64[D]"), 0.35),
            "last_purchase": _gaps(draw, bought, 0.4).cast(MOMENT),
            "consent": _gaps(draw, draw.random(size) < 0.7, 0.25),
        }
    )


def _cities(draw: Draw, country: Texts) -> Texts:
    found = np.empty(len(country), dtype=object)
    for key, (_, _, cities) in names.PLACES.items():
        here = country == key
        found[here] = _skewed(draw, int(here.sum()), cities)
    return np.where(draw.random(len(country)) < 0.04, [city.lower() for city in found], found)


def _companies(draw: Draw, last: Texts) -> Texts:
    trade = _skewed(draw, len(last), names.TRADES)
    number = draw.integers(1, 100_000, len(last)).astype(str).astype(object)
    return trade + " " + last + " N.º " + number


# Tags and channels


def _tags(draw: Draw, size: int) -> pl.Series:
    has = draw.random((size, len(names.TAGS))) < np.array(list(names.TAGS.values()))
    who, tag = np.nonzero(has)
    rows = pl.DataFrame({"row": who, "tag": tag + 1}).group_by("row").agg(pl.col("tag").sort())
    everybody = pl.DataFrame({"row": np.arange(size)}).join(
        rows, on="row", how="left", maintain_order="left"
    )
    return everybody["tag"].fill_null([]).alias("tags")


def _channels(draw: Draw, known: pl.DataFrame) -> pl.DataFrame:
    size = known.height
    columns: dict[str, pl.Series] = {}
    for id, (_, _, share) in enumerate(names.CHANNELS, 1):
        on = draw.random(size) < share
        inbound = _NOW - (draw.random(size) ** 2 * 2 * _YEAR).astype(np.int64)
        wrote = on & (draw.random(size) < 0.8)
        columns[f"on.{id}"] = pl.Series(on)
        columns[f"inbound.{id}"] = pl.Series(inbound).set(pl.Series(~wrote), None).cast(MOMENT)
        columns[f"out.{id}"] = pl.Series(on & (draw.random(size) < 0.06))
        columns[f"invalid.{id}"] = pl.Series(on & (draw.random(size) < 0.02))
        reached = pl.Series(on)
        if id in names.PHONE_CHANNELS:
            reached = reached | known["phone"].is_not_null()
        columns[f"reach.{id}"] = reached & ~columns[f"invalid.{id}"]
    table = pl.DataFrame(columns)
    inbounds = [pl.col(f"inbound.{id}") for id in range(1, len(names.CHANNELS) + 1)]
    latest = pl.max_horizontal(inbounds)
    last = pl.coalesce(pl.when(at == latest).then(id) for id, at in enumerate(inbounds, 1))
    return table.with_columns(last_inbound_at=latest, last_channel=last.cast(pl.Int64))
