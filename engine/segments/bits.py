"""Boolean columns as plain bits, eight people a byte: for many small steps in a row."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

import numpy as np
import polars as pl
import pyarrow as pa

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


def certain(mask: pl.Series) -> pl.Series:
    """Null as no."""
    if not mask.null_count():
        return mask
    array = mask.rechunk().to_arrow()
    known, held = array.buffers()
    if array.offset:
        return mask.fill_null(False)
    size = -(-len(mask) // 8)
    both = [np.frombuffer(part, dtype=np.uint8)[:size] for part in (known, held)]
    return _column(both[0] & both[1], len(mask))


def unpacked(bits: Bits, rows: int) -> pl.Series:
    """Boolean, the first `rows` of the bits."""
    return _column(bits, rows)


def _column(held: np.ndarray[Any, Any], rows: int) -> pl.Series:
    array = pa.BooleanArray.from_buffers(pa.bool_(), rows, [None, pa.py_buffer(held)])
    return cast(pl.Series, pl.from_arrow(array))


@lru_cache(maxsize=4)
def everybody(rows: int) -> Bits:
    words = np.full(-(-rows // 64), 2**64 - 1, dtype=np.uint64)
    if rest := rows % 64:
        words[-1] = np.uint64(2**rest - 1)
    words.flags.writeable = False
    return words


def count(bits: Bits) -> int:
    return int(np.bitwise_count(bits).sum(dtype=np.int64))
