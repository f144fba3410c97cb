"""No window of the stated length ever holds more than the limit."""

from __future__ import annotations

import asyncio
import itertools
import time

import pytest
from redis.asyncio import Redis

from engine.pace import LIFE, Limit, Pace

names = itertools.count()


async def granted(url: str, limits: list[Limit], seconds: float, workers: int) -> list[float]:
    """When each unit was granted, over some processes' worth of clients."""
    times: list[float] = []

    async def work() -> None:
        async with Redis.from_url(url) as client:
            pace = Pace(client)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                before = time.monotonic()
                count, wait = await pace.take(50, limits)
                if time.monotonic() - before <= LIFE:
                    times.extend([time.monotonic()] * count)
                await asyncio.sleep(min(max(wait, 0.001), 0.05))

    await asyncio.gather(*(work() for _ in range(workers)))
    return sorted(times)


def most(times: list[float], window: float) -> int:
    start, best = 0, 0
    for end, at in enumerate(times):
        while at - times[start] >= window:
            start += 1
        best = max(best, end - start + 1)
    return best


@pytest.mark.parametrize(("rate", "workers"), [(7, 1), (80, 2), (1000, 4)])
def test_the_limit_holds_in_every_window(redis_url: str, rate: int, workers: int):
    limit = Limit(name=f"t{next(names)}", count=rate, window=1)
    times = asyncio.run(granted(redis_url, [limit], 3.0, workers))
    assert 0 < most(times, 1.0) <= rate


def test_the_tightest_of_stacked_limits_holds(redis_url: str):
    tight = Limit(name=f"t{next(names)}", count=30, window=1)
    loose = Limit(name=f"t{next(names)}", count=500, window=1)
    times = asyncio.run(granted(redis_url, [loose, tight], 2.0, 2))
    assert 0 < most(times, 1.0) <= 30


def test_a_message_of_three_parts_takes_three_slots(redis_url: str):
    limit = Limit(name=f"t{next(names)}", count=30, window=1).weighing(3)
    times = asyncio.run(granted(redis_url, [limit], 2.0, 1))
    assert 0 < most(times, 1.0) <= 10


def test_a_bucket_starts_empty(redis_url: str):
    """So a Redis that lost everything allows no burst."""

    async def first() -> int:
        async with Redis.from_url(redis_url) as client:
            count, _ = await Pace(client).take(100, [Limit(name="fresh", count=50, window=1)])
            return count

    assert asyncio.run(first()) == 0


def test_a_hold_stops_everybody_until_it_ends(redis_url: str):
    async def during() -> tuple[int, float]:
        async with Redis.from_url(redis_url) as client:
            pace = Pace(client)
            limit = Limit(name="held", count=1000, window=1)
            await pace.take(1, [limit])
            await pace.hold("h", 30)
            await pace.hold("h", 1)
            return await pace.take(10, [limit], ["h"])

    count, wait = asyncio.run(during())
    assert count == 0
    assert 25 < wait <= 30


def test_without_redis_there_are_no_permits(tmp_path):
    async def ask() -> int:
        async with Redis.from_url(f"unix://{tmp_path}/none.sock") as client:
            count, _ = await Pace(client).take(5, [Limit(name="x", count=1, window=1)])
            return count

    assert asyncio.run(ask()) == 0
