"""A report counts the ledger, and nothing else, on both databases."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections import Counter

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from engine import audience, db, reports
from engine.errors import NotFound

START = dt.datetime(2026, 3, 1, 9, 0, tzinfo=dt.UTC)
STEPS = ("accepted_at", "delivered_at", "read_at", "replied_at")


def broadcast(session: Session, name: str = "Otoño", **values: object) -> db.Broadcast:
    row = db.Broadcast(key=name, name=name, **values)
    session.add(row)
    session.flush()
    return row


def channels(session: Session, count: int = 2) -> list[int]:
    rows = [
        db.Channel(key=f"c{n}", name=f"Channel {n}", kind="telegram", ceiling=20.0)
        for n in range(count)
    ]
    session.add_all(rows)
    session.flush()
    return [row.id for row in rows]


def message(id: int, contact: int, channel: int, *, part: int = 1, **values: object) -> db.Message:
    return db.Message(
        broadcast_id=id, contact_id=contact, channel_id=channel, part=part, address="x", **values
    )


def sent(session: Session, id: int, channel: int, offsets: list[int]) -> None:
    """One message a moment, in µs after START."""
    session.add_all(
        message(id, contact, channel, sent_at=START + offset * db.MICROSECOND)
        for contact, offset in enumerate(offsets)
    )
    session.flush()


def random_ledger(session: Session, id: int, ids: list[int], seed: int) -> list[db.Message]:
    """Every state, reason and step, of one to three parts a person."""
    dice = random.Random(seed)
    found = []
    for contact in range(60):
        channel = dice.choice(ids)
        for part in range(1, dice.randint(1, 3) + 1):
            state = dice.choice(list(reports.STATES))
            steps = {name: START for name in STEPS if dice.random() < 0.4}
            if dice.random() < 0.7:
                steps["sent_at"] = START + dice.randrange(10**7) * db.MICROSECOND
            reason = dice.choice(["130472", "21610", ""]) if state in ("failed", "unknown") else ""
            row = message(id, contact, channel, part=part, state=state, **steps)
            row.reason_class = "permanent" if reason else ""
            row.reason_code, row.reason_text = reason, reason and f"text of {reason}"
            found.append(row)
    session.add_all(found)
    session.flush()
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_number_is_a_count_of_the_ledger(any_database: db.Database, seed: int) -> None:
    with any_database.write() as session:
        ids = channels(session)
        row = broadcast(session, state="sending", rate_count=5, rate_per="minute")
        other = broadcast(session, "Primavera")
        random_ledger(session, other.id, ids, seed + 100)
        ledger = random_ledger(session, row.id, ids, seed)
        dice = random.Random(seed)
        out = [dice.choice(list(audience.REASONS)) for _ in range(25)]
        session.add_all(
            db.LeftOut(broadcast_id=row.id, contact_id=100 + n, reason=reason)
            for n, reason in enumerate(out)
        )
        session.flush()
        report = reports.report(session, row.id)

    states = Counter(one.state for one in ledger)
    assert report.states == {state: states[state] for state in reports.STATES}
    assert sum(report.states.values()) == report.messages == len(ledger)
    assert report.left_out == {reason: Counter(out)[reason] for reason in audience.REASONS}
    assert report.recipients == len({one.contact_id for one in ledger}) == 60
    assert report.matched == report.recipients + len(out)
    for place, step in enumerate(("accepted", "delivered", "read", "replied")):
        came = [one for one in ledger if any(getattr(one, name) for name in STEPS[place:])]
        assert report.funnel[step] == len(came)
    assert list(report.funnel.values()) == sorted(report.funnel.values(), reverse=True)
    for channel in report.channels:
        of_it = Counter(one.state for one in ledger if one.channel_id == channel.id)
        assert channel.states == {state: of_it[state] for state in reports.STATES}
    assert sum(channel.messages for channel in report.channels) == report.messages
    failed = Counter(
        (one.reason_class, one.reason_code, one.reason_text)
        for one in ledger
        if one.state in ("failed", "unknown")
    )
    told = {(one.reason_class, one.code, one.text): one.count for one in report.failures}
    assert told == failed
    assert [one.count for one in report.failures] == sorted(failed.values(), reverse=True)
    moments = [one.sent_at for one in ledger if one.sent_at]
    assert (report.first_sent_at, report.last_sent_at) == (min(moments), max(moments))
    assert report.rate == reports.Rate(count=5, per="minute")
    assert report.largest_window == reports.Window(seconds=60, count=len(moments))


def test_a_report_before_anything_is_planned_is_all_zeros(any_database: db.Database) -> None:
    with any_database.write() as session:
        report = reports.report(session, broadcast(session).id)
        assert reports.throughput(session, report.id).is_empty()
        assert reports.largest_window(session, report.id, 1.0) == 0
    assert report.matched == report.recipients == report.messages == 0
    assert set(report.states.values()) == set(report.left_out.values()) == {0}
    assert set(report.funnel.values()) == {0}
    assert report.rate is report.largest_window is report.seconds is None
    assert report.channels == report.failures == ()


def test_a_report_on_a_broadcast_that_is_gone_says_so(database: db.Database) -> None:
    with database.read() as session, pytest.raises(NotFound):
        reports.report(session, 7)


def test_a_report_travels_as_json(any_database: db.Database) -> None:
    with any_database.write() as session:
        ids = channels(session)
        row = broadcast(session, rate_count=1, rate_per="hour")
        random_ledger(session, row.id, ids, 9)
        document = reports.report(session, row.id).to_json()
    assert json.loads(json.dumps(document)) == document
    assert list(document) == [
        *("id", "name", "state", "matched", "recipients", "left_out", "messages", "states"),
        *("funnel", "channels", "failures", "rate", "largest_window"),
        *("first_sent_at", "last_sent_at", "seconds"),
    ]
    assert set(document["channels"][0]) == {"id", "name", "messages", *reports.STATES}
    assert set(document["failures"][0]) == {"class", "code", "text", "count"}
    assert document["rate"] == {"count": 1, "per": "hour"}
    assert document["largest_window"]["seconds"] == 3600
    assert dt.datetime.fromisoformat(document["first_sent_at"]).tzinfo == dt.UTC


@given(st.lists(st.integers(0, 40), max_size=25), st.integers(1, 15))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_the_largest_window_is_the_largest_of_all_windows(
    database: db.Database, offsets: list[int], length: int
) -> None:
    with database.read() as session:  # never committed
        channel, row = channels(session, 1)[0], broadcast(session)
        sent(session, row.id, channel, offsets)
        found = reports.largest_window(session, row.id, length / 1e6)
    every = [sum(start <= at < start + length for at in offsets) for start in range(-15, 41)]
    assert found == max(every)


def test_a_window_does_not_hold_its_own_end(any_database: db.Database) -> None:
    with any_database.write() as session:
        channel, row = channels(session, 1)[0], broadcast(session)
        sent(session, row.id, channel, [0, 999_999, 1_000_000, 1_000_001, 5_000_000])
        assert reports.largest_window(session, row.id, 1.0) == 3
        assert reports.largest_window(session, row.id, 0.000_001) == 1
        assert reports.largest_window(session, row.id, 60.0) == 5


@pytest.mark.parametrize("buckets", [1, 3, 120])
def test_throughput_shows_every_message_once_and_the_quiet_times(
    any_database: db.Database, buckets: int
) -> None:
    offsets = [0, 10, 1_500_000, 9_000_000, 9_000_000, 60_999_999]
    with any_database.write() as session:
        channel, row = channels(session, 1)[0], broadcast(session)
        sent(session, row.id, channel, offsets)
        frame = reports.throughput(session, row.id, buckets=buckets)
    assert frame.height <= buckets
    assert frame.schema == reports.THROUGHPUT
    assert frame["messages"].sum() == len(offsets)
    length = frame["seconds"][0]
    assert frame["at"].to_list() == [
        START + dt.timedelta(seconds=length * step) for step in range(frame.height)
    ]
    for at, messages, _ in frame.iter_rows():
        inside = [o for o in offsets if at <= START + o * db.MICROSECOND < at + length * SECOND]
        assert messages == len(inside)


SECOND = dt.timedelta(seconds=1)


def test_the_overview_agrees_with_each_report(any_database: db.Database) -> None:
    with any_database.write() as session:
        ids = channels(session)
        rows = [broadcast(session, name, labels=["vip"]) for name in ("Uno", "Dos", "Tres")]
        for seed, row in enumerate(rows[:2]):
            random_ledger(session, row.id, ids, seed)
            session.add(db.LeftOut(broadcast_id=row.id, contact_id=500, reason="opted_out"))
        session.flush()
        lines = reports.overview(session)
        told = {row.id: reports.report(session, row.id) for row in rows}
        assert reports.overview(session, ids=[rows[0].id]) == lines[2:]
        assert reports.overview(session, ids=[]) == []
    assert [line.name for line in lines] == ["Tres", "Dos", "Uno"]
    assert lines[0].labels == ("vip",)
    assert lines[0].done == 0
    for line in lines:
        report = told[line.id]
        assert (line.recipients, line.messages) == (report.recipients, report.messages)
        assert line.left_out == sum(report.left_out.values())
        assert line.waiting == report.states["planned"] + report.states["claimed"]
        assert line.failed == report.states["failed"]
        assert line.unknown == report.states["unknown"]
        assert (line.delivered, line.read, line.replied) == (
            report.funnel["delivered"],
            report.funnel["read"],
            report.funnel["replied"],
        )
        assert line.done == (1 - line.waiting / line.messages if line.messages else 0)


def test_a_big_ledger_is_counted_to_the_last_message(database: db.Database) -> None:
    offsets = pl.int_range(0, 4_000, eager=True).to_list()
    with database.write() as session:
        channel, row = channels(session, 1)[0], broadcast(session)
        sent(session, row.id, channel, offsets)
        assert reports.largest_window(session, row.id, 0.003) == 3_000
        assert reports.report(session, row.id).messages == 4_000
