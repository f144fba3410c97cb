"""The worker's round drops what was done too long ago, a batch a round, then rests for a day."""

from __future__ import annotations

import datetime as dt

import pytest
import redis
import sqlalchemy as sa

from engine import db, worker
from engine.contacts import bulk, changes, contacts


def count(database: db.Database) -> tuple[int, int]:
    with database.read() as session:
        tables = (db.Change, db.ChangeItem)
        changed, items = (
            session.scalars(sa.select(sa.func.count()).select_from(table)).one() for table in tables
        )
    return changed, items


def test_old_changes_go_batch_by_batch_once_a_day(
    database: db.Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = redis.Redis.from_url(redis_url)
    client.flushall()
    monkeypatch.setattr(changes, "CHUNK", 3)
    with database.write() as session:
        ids = [contacts.create(session, first_name=f"P{n}").id for n in range(4)]
    bulk.tag(database, ids, ["vip"])
    long_ago = db.now() - changes.KEPT_FOR - dt.timedelta(minutes=1)
    with database.write() as session:
        session.execute(sa.update(db.Change).values(at=long_ago))
    bulk.untag(database, ids[:1], ["vip"])
    left = []
    for _ in range(8):
        worker.tick(database, client)
        left.append(count(database))
    assert left == [(5, 8), (4, 7), (3, 6), (2, 5), (2, 2), (1, 1), (1, 1), (1, 1)]
    assert client.ttl(worker.FORGOT) > 23 * 3600
    with database.write() as session:
        session.execute(sa.update(db.Change).values(at=long_ago))
    worker.tick(database, client)
    assert count(database) == (1, 1)
    client.delete(worker.FORGOT)
    worker.tick(database, client)
    assert count(database) == (0, 0)
    client.close()
