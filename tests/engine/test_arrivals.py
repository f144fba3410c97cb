"""The sandbox's log: nothing lost, nothing torn, and a judge that counts exactly."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from pathlib import Path

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.sandbox import arrivals
from engine.sandbox.arrivals import SCHEMA, Arrival, Judgement, Log


def arrival(at: float = 1.0, **values: object) -> Arrival:
    known = {"kind": "whatsapp", "account": "1", "address": "57300", "digest": "d"}
    return Arrival(at=at, **{**known, "outcome": "accepted", "status": 200, **values})  # type: ignore[arg-type]


def write(path: Path, *lines: Arrival) -> None:
    async def run() -> None:
        log = Log(path)
        for line in lines:
            log.add(line)
        await log.close()

    asyncio.run(run())


def test_no_log_yet_is_no_arrivals(tmp_path: Path) -> None:
    frame = arrivals.read(tmp_path / "none.jsonl")
    assert frame.schema == SCHEMA
    judgement = arrivals.judge(tmp_path / "none.jsonl")
    assert (judgement.arrivals, judgement.accepted, judgement.doubled) == (0, 0, 0)
    assert judgement.max_in_window(1) == 0


def test_a_log_goes_on_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "arrivals.jsonl"
    write(path, arrival(1.0, reference="a"))
    write(path, arrival(2.0, reference="ñ\n"))
    assert arrivals.read(path)["reference"].to_list() == ["a", "ñ\n"]


def test_a_line_torn_by_a_crash_is_cut_and_the_rest_kept(tmp_path: Path) -> None:
    path = tmp_path / "arrivals.jsonl"
    write(path, arrival(1.0), arrival(2.0))
    with path.open("ab") as file:
        file.write(b'{"at":3.0,"kind":"wh')
    assert arrivals.read(path).height == 2
    write(path, arrival(4.0))
    assert arrivals.read(path)["at"].to_list() == [1.0, 2.0, 4.0]


def test_a_long_torn_line_is_cut_too(tmp_path: Path) -> None:
    path = tmp_path / "arrivals.jsonl"
    write(path, arrival(1.0))
    with path.open("ab") as file:
        file.write(b"x" * 200_000)
    write(path, arrival(2.0))
    assert arrivals.read(path)["at"].to_list() == [1.0, 2.0]


def test_lines_reach_the_file_while_the_server_runs(tmp_path: Path) -> None:
    path = tmp_path / "arrivals.jsonl"

    async def run() -> None:
        log = Log(path)
        task = asyncio.create_task(log.run())
        log.add(arrival())
        while not path.stat().st_size:
            await asyncio.sleep(0.01)
        log.add(arrival())
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await log.close()

    asyncio.run(run())
    assert arrivals.read(path).height == 2


def test_a_message_accepted_twice_is_doubled_and_one_refused_first_is_not(tmp_path: Path) -> None:
    path = tmp_path / "arrivals.jsonl"
    write(
        path,
        arrival(1.0, outcome="throttled"),
        arrival(2.0, reference="first"),
        arrival(3.0, reference="another reference, the same message"),
        arrival(4.0),
        arrival(5.0, digest="another part"),
        arrival(6.0, address="57301"),
        arrival(7.0, kind="telegram"),
        arrival(8.0, account="2"),
    )
    judgement = arrivals.judge(path)
    assert (judgement.arrivals, judgement.accepted, judgement.doubled) == (8, 7, 2)
    assert judgement.outcomes == {"accepted": 7, "throttled": 1}


def test_a_run_is_judged_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "arrivals.jsonl"
    write(path, arrival(10.0), arrival(20.0), arrival(30.0, kind="telegram"))
    assert arrivals.judge(path, since=20.0).arrivals == 2
    assert arrivals.judge(path, since=dt.datetime.fromtimestamp(20, dt.UTC)).arrivals == 2
    assert arrivals.judge(path, since=20.0, kind="telegram").arrivals == 1
    assert arrivals.judge(path, account="2").arrivals == 0


def judgement(moments: list[float], units: list[int] | None = None) -> Judgement:
    weights = units or [1] * len(moments)
    frame = pl.DataFrame({"at": moments, "units": weights}).sort("at")
    return Judgement(arrivals=len(moments), accepted=0, doubled=0, outcomes={}, frame=frame)


def test_a_window_is_half_open() -> None:
    assert judgement([100.0, 100.5, 101.0]).max_in_window(1) == 2
    assert judgement([100.0, 100.5, 100.999999]).max_in_window(1) == 3
    assert judgement([1_790_000_000.1, 1_790_000_001.1]).max_in_window(1) == 1
    assert judgement([1_790_000_000.1, 1_790_000_001.099999]).max_in_window(1) == 2


@settings(deadline=None, max_examples=150)
@given(
    micros=st.lists(st.integers(0, 3_000_000), min_size=1, max_size=40),
    seconds=st.sampled_from([0.05, 0.5, 1.0, 2.5]),
    data=st.data(),
)
def test_the_fullest_window_is_what_plain_counting_finds(
    micros: list[int], seconds: float, data: st.DataObject
) -> None:
    base = 1_790_000_000
    units = data.draw(st.lists(st.integers(1, 4), min_size=len(micros), max_size=len(micros)))
    pairs = sorted(zip(micros, units, strict=True))
    width = round(seconds * 1e6)
    inside = [[unit for at, unit in pairs if start <= at < start + width] for start, _ in pairs]
    judged = judgement([base + at / 1e6 for at, _ in pairs], [unit for _, unit in pairs])
    assert judged.max_in_window(seconds) == max(len(window) for window in inside)
    assert judged.max_in_window(seconds, units=True) == max(sum(window) for window in inside)
