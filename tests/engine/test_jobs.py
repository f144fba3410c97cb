"""The jobs, run here against a real Redis and the sandbox over HTTP."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest

from channels.base import Content
from engine import accounts, broadcast, db, drafts, jobs, reports, settings, trial
from engine.contacts import contacts
from engine.errors import Unavailable
from engine.sandbox import sandbox
from engine.segments import segment
from tests.engine import sending
from tests.engine.conftest import CHANNELS, Running

PEOPLE = 6


@pytest.fixture
def provider(run_sandbox: Callable[..., Running]) -> Running:
    return run_sandbox()


@pytest.fixture
def workspace(
    database: db.Database,
    provider: Running,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> db.Database:
    """The database of a workspace whose jobs find this Redis and this sandbox."""
    config = database.settings.model_copy(
        update={"redis_url": redis_url, "sandbox_port": provider.http.base_url.port}
    )
    for name, value in settings.environment(config).items():
        if name.startswith("PREGON_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("PREGON_REDIS_URL", redis_url)
    database.settings = settings.load(_env_file=None)
    return database


def confirmed(database: db.Database, **other: str) -> int:
    """A broadcast by SMS to some people, confirmed; `other` replaces the account's settings."""
    with database.write() as session:
        channel = accounts.add(
            session,
            database.settings,
            kind="twilio_sms",
            name="SMS",
            values=CHANNELS["twilio_sms"] | other,
            sandbox=True,
            ceiling=200,
        )
        for place in range(PEOPLE):
            contacts.create(session, first_name=f"Ana{place}", phone=f"+57300123000{place}")
        everybody = segment.create(session, name="Everybody")
        row = drafts.create(session, name="News")
        drafts.edit(
            session,
            row.id,
            segment_id=everybody.id,
            channels=[channel.id],
            content={channel.id: [Content(text="Hola {{ first_name }}")]},
        )
        id = row.id
    broadcast.confirm(database, id)
    return id


def judged(provider: Running) -> sandbox.Judgement:
    return sandbox.judge(sandbox.log_path(provider.settings))


def test_prepare_and_dispatch_send_everything_once(
    workspace: db.Database, provider: Running, eventually
):
    id = confirmed(workspace)
    for _ in range(2):  # a job that runs twice is harmless
        jobs.prepare(id)
    for _ in range(2):
        jobs.dispatch(id)
    with workspace.read() as session:
        report = reports.report(session, id)
    assert report.state == "completed"
    assert report.messages == report.states["accepted"] == PEOPLE
    eventually(lambda: judged(provider).arrivals >= PEOPLE)  # its log is written a moment later
    assert (judged(provider).accepted, judged(provider).doubled) == (PEOPLE, 0)
    assert not list((workspace.settings.folder / "journal").iterdir())


def test_a_wrong_token_pauses_the_broadcast_with_the_reason_and_nobody_is_lost(
    workspace: db.Database,
):
    id = confirmed(workspace, auth_token="wrong-token")
    jobs.prepare(id)
    jobs.dispatch(id)
    with workspace.read() as session:
        row = db.get(session, db.Broadcast, id)
        report = reports.report(session, id)
    assert row.state == "paused"
    assert row.state_reason
    assert "wrong-token" not in row.state_reason
    assert report.states["planned"] == report.messages == PEOPLE


def test_a_test_reaches_one_person_and_is_not_counted(
    workspace: db.Database, provider: Running, eventually
):
    id = confirmed(workspace)
    with workspace.write() as session:
        planned = trial.plan(session, broadcast_id=id, contact_id=1, channel_id=1)
        number = planned.id
    for _ in range(2):
        jobs.test(number)
    with workspace.read() as session:
        assert db.get(session, db.TestSend, number).state == "accepted"
        assert reports.report(session, id).messages == 0
    eventually(lambda: judged(provider).arrivals)  # its log is written a moment later
    assert judged(provider).accepted == 1


def test_without_redis_a_test_says_so_and_nothing_is_left_waiting(
    workspace: db.Database, monkeypatch: pytest.MonkeyPatch
):
    id = confirmed(workspace)
    away = workspace.settings.model_copy(update={"redis_url": settings.SecretStr("unix:///none")})
    with pytest.raises(Unavailable):
        jobs.send_test(away, workspace, broadcast_id=id, contact_id=1, channel_id=1)
    with workspace.read() as session:
        assert [row.state for row in session.query(db.TestSend)] == ["failed"]


def test_without_redis_a_confirmed_broadcast_waits_for_the_worker(workspace: db.Database):
    id = confirmed(workspace)
    away = workspace.settings.model_copy(update={"redis_url": settings.SecretStr("unix:///none")})
    jobs.wake(away, id)
    with workspace.read() as session:
        assert db.get(session, db.Broadcast, id).state == "preparing"


def test_a_test_whose_worker_stopped_ends_and_says_what_is_known(any_database: db.Database):
    with any_database.write() as session:
        shop = sending.channel(session, any_database)
        session.add(broadcast := db.Broadcast(key="a", name="a"))
        session.flush()
        for age, state in ((0, "claimed"), (300, "claimed"), (300, "planned"), (300, "accepted")):
            made = db.now() - dt.timedelta(seconds=age)
            session.add(
                db.TestSend(
                    broadcast_id=broadcast.id,
                    contact_id=1,
                    channel_id=shop.id,
                    address="+57",
                    content=[],
                    state=state,
                    created_at=made,
                )
            )
    assert trial.settle(any_database) == 2
    assert trial.settle(any_database) == 0
    with any_database.read() as session:
        found = [(row.state, row.reason) for row in session.query(db.TestSend).order_by("id")]
    assert [state for state, _ in found] == ["claimed", "failed", "failed", "accepted"]
    assert "may have arrived" in found[1][1]
    assert "was not sent" in found[2][1]
