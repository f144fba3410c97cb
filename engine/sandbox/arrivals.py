"""What reached the sandbox and when: written without blocking, read by the judge of a run."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import polars as pl

FLUSH_SECONDS = 0.1

SCHEMA = pl.Schema(
    {
        "at": pl.Float64,
        "kind": pl.String,
        "account": pl.String,
        "address": pl.String,
        "reference": pl.String,
        "digest": pl.String,
        "outcome": pl.String,
        "status": pl.Int64,
        "provider_id": pl.String,
        "units": pl.Int64,
    }
)
SAME_MESSAGE = ("kind", "account", "address", "digest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One API call that asked for a message to be sent."""

    at: float
    """Seconds since 1970, when the request reached the sandbox."""
    kind: str
    account: str
    address: str = ""
    reference: str = ""
    digest: str = ""
    """SHA-256 of the body without our reference."""
    outcome: str
    """accepted | throttled | unavailable | invalid | opted_out | rejected | unauthorised | cut"""
    status: int
    """HTTP status answered; 0 where the connection was cut."""
    provider_id: str = ""
    units: int = 1


class Log:
    """Appends arrivals to a file of JSON lines. Whole lines only, also after a crash."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")
        _drop_torn_line(path)
        self._lines: list[bytes] = []
        self._writing: asyncio.Future[None] | None = None

    def add(self, arrival: Arrival) -> None:
        self._lines.append(orjson.dumps(arrival, option=orjson.OPT_APPEND_NEWLINE))

    async def run(self) -> None:
        """Flush until cancelled; a slow disk never holds the event loop."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            if self._lines:
                self._writing = asyncio.ensure_future(asyncio.to_thread(self._write, self._take()))
                await asyncio.shield(self._writing)

    async def close(self) -> None:
        """Write what is left; `run` must have been cancelled."""
        if self._writing:
            await self._writing
        self._write(self._take())
        self._file.close()

    def _take(self) -> bytes:
        lines, self._lines = self._lines, []
        return b"".join(lines)

    def _write(self, lines: bytes) -> None:
        self._file.write(lines)
        self._file.flush()


def _drop_torn_line(path: Path) -> None:
    """Cut what follows the last line break: a crash may have torn the last line."""
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        while size:
            start = max(0, size - 65_536)
            file.seek(start)
            end = file.read(size - start).rfind(b"\n")
            if end >= 0:
                file.truncate(start + end + 1)
                return
            size = start
        file.truncate(0)


def read(path: Path) -> pl.DataFrame:
    """Every arrival logged so far, in order of arrival; columns as SCHEMA. No file is no rows."""
    content = b""
    with contextlib.suppress(FileNotFoundError):
        content = path.read_bytes()
    if not content.endswith(b"\n"):
        content = content[: content.rfind(b"\n") + 1]
    if not content:
        return SCHEMA.to_frame()
    return pl.read_ndjson(content, schema=SCHEMA).sort("at", maintain_order=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the provider saw of a run, counted from its own log."""

    arrivals: int
    accepted: int
    doubled: int
    """Acceptances beyond the first of the same message to the same address."""
    outcomes: dict[str, int]
    frame: pl.DataFrame = field(repr=False, compare=False)

    def max_in_window(self, seconds: float, *, units: bool = False) -> int:
        """The most arrivals of any outcome in any half-open window of that many seconds.

        With `units`, SMS parts count each. Exact to the microsecond.
        """
        moments = (self.frame["at"] * 1e6).round().cast(pl.Int64)
        if moments.is_empty():
            return 0
        weights = self.frame["units"] if units else pl.repeat(1, len(moments), eager=True)
        before = pl.concat([pl.Series([0], dtype=pl.Int64), weights.cast(pl.Int64).cum_sum()])
        ends = moments.search_sorted(moments + round(seconds * 1e6), side="left")
        most = (before.gather(ends) - before.head(len(moments))).max()
        assert isinstance(most, int)
        return most


def judge(
    path: Path,
    *,
    since: dt.datetime | float | None = None,
    kind: str | None = None,
    account: str | None = None,
) -> Judgement:
    """Count a run since a moment (aware, or epoch seconds), of one kind or account on request."""
    frame = read(path)
    if since is not None:
        moment = since.timestamp() if isinstance(since, dt.datetime) else since
        frame = frame.filter(pl.col("at") >= moment)
    if kind is not None:
        frame = frame.filter(pl.col("kind") == kind)
    if account is not None:
        frame = frame.filter(pl.col("account") == account)
    accepted = frame.filter(pl.col("outcome") == "accepted")
    return Judgement(
        arrivals=frame.height,
        accepted=accepted.height,
        doubled=accepted.height - accepted.n_unique(subset=SAME_MESSAGE) if accepted.height else 0,
        outcomes=dict(frame["outcome"].value_counts().sort("outcome").iter_rows()),
        frame=frame,
    )
