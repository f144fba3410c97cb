"""Boolean columns as plain bits, eight people a byte: for many small steps in a row."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

Bits = np.ndarray[tuple[int], np.dtype[np.uint64]]


def packed(mask: pl.Series) -> Bits:
    """64 people a number; past the end there is nobody."""
    rows = len(mask)
    words = np.zeros(-(-rows // 64), dtype=np.uint64)
    array = mask.rechunk().to_arrow()
    held: Any = array.buffers()[1]
    if array.offset % 8:
        found = np.packbits(mask.to_numpy(), bitorder="little")
    else:
        found = np.frombuffer(held, dtype=np.uint8)[array.offset // 8 :][: -(-rows // 8)]
    words.view(np.uint8)[: len(found)] = found
    if rest := rows % 64:
        words[-1] &= np.uint64(2**rest - 1)
    return words


def everybody(rows: int) -> Bits:
    return packed(pl.repeat(True, rows, eager=True))


def count(bits: Bits) -> int:
    return int(np.bitwise_count(bits).sum(dtype=np.int64))
