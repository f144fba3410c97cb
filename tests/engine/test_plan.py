"""When a broadcast starts and how long it takes."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import plan
from engine.errors import Invalid


def test_local_time_becomes_utc():
    assert plan.start_at("2026-12-01T09:30", "America/Bogota") == dt.datetime(
        2026, 12, 1, 14, 30, tzinfo=dt.UTC
    )


def test_a_time_the_clocks_skip_is_the_first_valid_moment_after_it():
    # Madrid, 29 March 2026: 02:00 becomes 03:00 at 01:00 UTC.
    for local in ("2026-03-29T02:00", "2026-03-29T02:30", "2026-03-29T02:59"):
        assert plan.start_at(local, "Europe/Madrid") == dt.datetime(2026, 3, 29, 1, tzinfo=dt.UTC)


def test_a_time_the_clocks_repeat_is_the_first_of_the_two():
    # Madrid, 25 October 2026: 03:00 becomes 02:00 at 01:00 UTC.
    assert plan.start_at("2026-10-25T02:30", "Europe/Madrid") == dt.datetime(
        2026, 10, 25, 0, 30, tzinfo=dt.UTC
    )


@given(
    st.integers(0, 15 * 366 * 24 * 60).map(
        lambda minutes: dt.datetime.fromisoformat("2020-01-01") + minutes * plan.MINUTE
    ),
    st.sampled_from(["America/Santiago", "Europe/Madrid", "Australia/Lord_Howe", "UTC"]),
)
def test_every_wall_time_that_exists_survives_the_way_there_and_back(local: dt.datetime, zone: str):
    moment = plan.start_at(local.isoformat(), zone)
    back = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert dt.timedelta() <= back - local <= dt.timedelta(hours=1)


@pytest.mark.parametrize(
    ("local", "zone", "code"),
    [
        ("tomorrow", "UTC", "plan.bad_time"),
        ("2026-12-01T09:30+01:00", "UTC", "plan.offset"),
        ("2026-12-01T09:30", "Mars/Olympus", "plan.unknown_zone"),
        ("2026-12-01T09:30", "../../etc/passwd", "plan.unknown_zone"),
    ],
)
def test_a_bad_start_is_one_sentence(local: str, zone: str, code: str):
    with pytest.raises(Invalid) as caught:
        plan.start_at(local, zone)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("20 per second", (20, "second")),
        ("600/min", (600, "minute")),
        ("5000 / h", (5000, "hour")),
        ("100 por hora", (100, "hour")),
    ],
)
def test_speeds_are_read_as_people_write_them(text: str, meant: tuple[int, str]):
    assert plan.rate(text) == meant


@pytest.mark.parametrize("text", ["fast", "0 per second", "-3 per minute", "20 per day", "20"])
def test_other_speeds_are_refused(text: str):
    with pytest.raises(Invalid):
        plan.rate(text)


@given(st.integers(1, 10_000_000), st.sampled_from(["second", "minute", "hour"]))
def test_the_smallest_speed_named_fits_and_one_less_does_not(messages: int, per: str):
    try:
        plan.check_rate(messages, 1, per)
        smallest = 1
    except Invalid as refused:
        smallest = int(str(refused.details["smallest"]))
        assert smallest > 1
        with pytest.raises(Invalid):
            plan.check_rate(messages, smallest - 1, per)
    plan.check_rate(messages, smallest, per)
    assert messages * plan.SECONDS[per] / smallest <= plan.LONGEST.total_seconds()


def test_the_slowest_limit_decides_how_long_it_takes():
    assert plan.seconds({1: 100, 2: 50}, {1: 10, 2: 10}, None) == 10
    assert plan.seconds({1: 100, 2: 50}, {1: 10, 2: 1}, None) == 50
    assert plan.seconds({1: 100, 2: 50}, {1: 10, 2: 10}, 2) == 75
