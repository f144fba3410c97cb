"""The start of a scheduled broadcast, by the real job: a red test stops it before anything goes."""

from __future__ import annotations

import datetime as dt

import pytest

from engine import broadcast, db, jobs, reports, settings
from engine.contacts import contacts
from engine.segments import comparing, segment
from tests.engine.test_expectations import TREE, draft, expect, people, saved


@pytest.fixture
def workspace(
    database: db.Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> db.Database:
    """The database of a workspace whose jobs find this Redis."""
    for name, value in settings.environment(database.settings).items():
        if name.startswith("PREGON_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("PREGON_REDIS_URL", redis_url)
    return database


def test_a_red_test_at_the_scheduled_start_pauses_it_and_says_which(
    workspace: db.Database,
) -> None:
    known = people(workspace)
    id = saved(workspace)
    expect(workspace, id, inside=[known["Luis"]])
    start = db.now() + dt.timedelta(hours=1)
    wall = start.strftime("%Y-%m-%dT%H:%M")
    news = draft(workspace, id, start_local=wall, timezone="UTC")
    assert broadcast.confirm(workspace, news) == "scheduled"
    with workspace.write() as session:
        contacts.update(session, known["Luis"], country="PE")
    with workspace.write() as session:
        assert broadcast.begin(session, news, now=start, grace=dt.timedelta(minutes=30))
    jobs.prepare(news)
    with workspace.read() as session:
        row = db.get(session, db.Broadcast, news)
        assert row.state == "paused"
        assert row.state_reason == (
            "A test of the segment “Colombia” is red: Luis Pérez must be in and is not."
        )
        assert reports.report(session, news).messages == 0
        assert session.get(db.FrozenAudience, news) is None


def test_once_put_right_and_resumed_it_goes_and_keeps_who_matched(workspace: db.Database) -> None:
    known = people(workspace)
    id = saved(workspace)
    expect(workspace, id, inside=[known["Luis"]])
    news = draft(workspace, id)
    broadcast.confirm(workspace, news)
    with workspace.write() as session:
        contacts.update(session, known["Luis"], country="PE")
    jobs.prepare(news)
    with workspace.write() as session:
        broadcast.resume(session, news)
    jobs.prepare(news)  # still red: the same again
    with workspace.write() as session:
        assert db.get(session, db.Broadcast, news).state == "paused"
        contacts.update(session, known["Luis"], country="CO")
        broadcast.resume(session, news)
    for _ in range(2):  # a job that runs twice is harmless
        jobs.prepare(news)
    with workspace.read() as session:
        assert db.get(session, db.Broadcast, news).state == "sending"
        row = db.get(session, db.FrozenAudience, news)
    assert row.tree == segment.to_json(TREE)
    diff = comparing.compare(workspace, row, TREE)
    assert (diff.before, diff.entered.height, diff.left.height, diff.after) == (1, 0, 0, 1)
