"""Eight bytes a text that tell in one pass over numbers who cannot match.

A Bloom filter of 64 bits over the text's pairs of neighbouring bytes (B. Bloom, 1970). A text that
matches always has the marks asked for; most that do not match lack one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

Marks = np.ndarray[tuple[int], np.dtype[np.uint64]]
_BITS = np.left_shift(np.uint64(1), np.arange(64, dtype=np.uint64))
_BLOCK = 50_000
"""Texts whose pairs are counted at once: some MB."""
OPERATORS = ("is", "is_not", "contains", "not_contains", "starts_with", "ends_with")
"""Whose text stands somewhere in the text of who matches."""


def having(marks: pl.Series, text: str) -> pl.Series | None:
    """Boolean: who may have the text in theirs; None when the marks say nothing."""
    asked = np.frombuffer(text.encode(), dtype=np.uint8)
    if len(asked) < 3:
        return None
    needed = int(np.bitwise_or.reduce(_BITS[_hashes(asked)]))
    return marks & needed == needed


def make(texts: pl.Series) -> pl.Series:
    """UInt64, one a text; a null text has a zero."""
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
