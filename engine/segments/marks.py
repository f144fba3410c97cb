"""Eight bytes a text that tell in one pass over numbers who cannot match.

heads and tails: the first and the last eight bytes as a number. pairs: a Bloom filter of 64 bits
over the text's pairs of neighbouring bytes (B. Bloom, 1970). A text that matches always has the
marks asked for; most that do not match lack one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import polars as pl

Marks = np.ndarray[tuple[int], np.dtype[np.uint64]]
Kind = Literal["heads", "tails", "pairs"]
WIDTH = 8
_ZEROS = pl.lit(bytes(WIDTH))
_BITS = np.left_shift(np.uint64(1), np.arange(64, dtype=np.uint64))
_BLOCK = 50_000
"""Texts whose pairs are counted at once: some MB."""
KIND_OF: Mapping[str, Kind] = {
    "is": "pairs",
    "is_not": "pairs",
    "contains": "pairs",
    "not_contains": "pairs",
    "starts_with": "heads",
    "ends_with": "tails",
}
"""Operator → the marks that help it."""


def make(kind: Kind, texts: pl.Series) -> pl.Series:
    """UInt64, one a text; a null text has a zero."""
    if kind == "pairs":
        return _pairs(texts)
    raw = pl.col(texts.name).fill_null("").cast(pl.Binary)
    part = (raw + _ZEROS).bin.slice(0, WIDTH) if kind == "heads" else (_ZEROS + raw).bin.tail(WIDTH)
    numbers = part.bin.reinterpret(dtype=pl.UInt64, endianness="big")
    return texts.to_frame().select(numbers).to_series()


def having(kind: Kind, marks: pl.Series, text: str) -> tuple[pl.Series | None, bool]:
    """(who may match, whether they surely do); None for who when the marks say nothing."""
    asked = text.encode()
    if kind == "pairs":
        if len(asked) < 3:
            return None, False
        needed = int(np.bitwise_or.reduce(_BITS[_hashes(np.frombuffer(asked, dtype=np.uint8))]))
        return marks & needed == needed, False
    known = min(len(asked), WIDTH)
    part = asked[:known] if kind == "heads" else asked[-known:]
    shift = 8 * (WIDTH - known)
    exact = len(asked) <= WIDTH and b"\0" not in asked
    number = int.from_bytes(part, "big")
    if kind == "tails":
        return marks & (2 ** (8 * known) - 1) == number, exact
    low = number << shift
    return (marks >= low) & (marks <= low + 2**shift - 1), exact


def _pairs(texts: pl.Series) -> pl.Series:
    blocks = [_pairs_of(texts.slice(start, _BLOCK)) for start in range(0, len(texts), _BLOCK)]
    empty = np.zeros(0, dtype=np.uint64)
    return pl.Series(texts.name, np.concatenate([empty, *blocks]))


def _pairs_of(texts: pl.Series) -> Marks:
    """A pair across the end of a text only adds a bit: it never hides a match."""
    sizes = texts.str.len_bytes().fill_null(0).to_numpy().astype(np.int64) + 1
    ended = texts.fill_null("").cast(pl.Binary).rename("text").to_frame()
    letters = np.frombuffer(b"\n".join(ended["text"].to_list()) + b"\n\n", dtype=np.uint8)
    found: Marks = np.bitwise_or.reduceat(_BITS[_hashes(letters)], np.cumsum(sizes) - sizes)
    return found


def _hashes(letters: Any) -> Any:
    """0 to 63 for each pair of neighbours."""
    first = letters[:-1].astype(np.uint16) * np.uint16(0x9E37)
    second = letters[1:].astype(np.uint16) * np.uint16(0x85EB)
    return (first ^ second) >> np.uint16(10)
