"""An import as a job: asked for, found by the worker's round when forgotten, never in the way."""

from __future__ import annotations

from typing import Any

import pytest
import redis
import sqlalchemy as sa

from engine import db, jobs, settings, worker
from engine.importing import history, running, taking_back, work
from engine.importing.options import Options

FILE = b"name,phone\n" + b"".join(b"P%d,+57 300 %07d\n" % (n, n) for n in range(50))


@pytest.fixture
def workspace(
    database: db.Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> db.Database:
    """A workspace whose jobs find a Redis with nothing in it."""
    redis.Redis.from_url(redis_url).flushall()
    monkeypatch.setenv("PREGON_DATA", str(database.settings.folder))
    monkeypatch.setenv("PREGON_REDIS_URL", redis_url)
    monkeypatch.setenv("PREGON_SQLITE_SYNCHRONOUS", "NORMAL")
    database.settings = settings.load(_env_file=None)
    return database


@pytest.fixture
def client(workspace: db.Database) -> Any:
    return jobs.redis(workspace.settings)


def queued(client: Any) -> list[str]:
    return [name.rpartition("-")[0] for name in jobs._queue(client, jobs.DESK).job_ids]


def started(database: db.Database) -> int:
    return running.start(database, FILE, name="people.csv", options=Options())


def status(database: db.Database, id: int) -> history.Import:
    with database.read() as session:
        return history.status(session, id)


def forgotten(database: db.Database) -> None:
    """Nobody has given a sign for long."""
    with database.write() as session:
        long_ago = db.now() - 2 * history.SILENT
        session.execute(sa.update(db.ContactImport).values(seen_at=long_ago, created_at=long_ago))


def test_without_a_worker_whoever_asks_does_it(workspace: db.Database, client: Any) -> None:
    id = started(workspace)
    assert not jobs.ask_import(workspace.settings, id)
    assert queued(client) == []
    assert jobs.run_import(workspace, id)
    assert status(workspace, id).counts["created"] == 50


def test_a_worker_is_asked_once(workspace: db.Database, client: Any) -> None:
    client.set(worker.sign(), 1, ex=60)
    id = started(workspace)
    assert jobs.ask_import(workspace.settings, id)
    assert jobs.ask_import(workspace.settings, id)
    assert queued(client) == [f"import-{id}"]
    jobs.import_people(id)
    jobs.import_people(id)  # a job that runs twice is harmless
    assert status(workspace, id).counts["created"] == 50


def test_the_round_goes_on_with_an_import_whose_runner_died(
    workspace: db.Database, client: Any
) -> None:
    id = started(workspace)
    worker.tick(workspace, client)
    assert queued(client) == []
    forgotten(workspace)
    worker.tick(workspace, client)
    worker.tick(workspace, client)
    assert queued(client) == [f"import-{id}"]
    jobs.import_people(id)
    taking_back.want_undo(workspace, id)
    forgotten(workspace)
    client.delete(f"rq:queue:{jobs.DESK}")
    worker.tick(workspace, client)
    assert queued(client) == [f"import-{id}"]
    jobs.import_people(id)
    assert status(workspace, id).state == "undone"
    forgotten(workspace)
    client.delete(f"rq:queue:{jobs.DESK}")
    worker.tick(workspace, client)
    assert queued(client) == []


def test_an_import_gives_way_to_a_broadcast_that_waits(
    workspace: db.Database, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "BATCH", 10)
    id = started(workspace)
    jobs.want_prepared(client, 7)
    jobs.import_people(id)
    assert status(workspace, id).done == 10
    assert queued(client) == ["prepare-7", f"import-{id}"]
    client.delete(f"rq:queue:{jobs.DESK}")
    jobs.import_people(id)
    assert (status(workspace, id).state, status(workspace, id).done) == ("done", 50)
