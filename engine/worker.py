"""The worker: its processes kept alive, and the periodic rounds that let nothing be forgotten."""

from __future__ import annotations

import datetime as dt
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

import sqlalchemy as sa
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from engine import broadcast, db, inbox, jobs, ledger, outbox, trial
from engine import settings as configuration
from engine.contacts import changes
from engine.importing import history
from engine.settings import Settings

log = logging.getLogger("pregon.worker")

TICK = 0.5
"""Seconds between two rounds of the periodic work."""

FORGOTTEN = dt.timedelta(seconds=10)
"""A stored webhook call that was not applied for so long is applied by the round."""

FORGOT = "changes:forgotten"
"""Redis key that is there for a DAY after all old changes were dropped."""
DAY = 24 * 3600


def work(settings: Settings) -> None:
    """Run the worker: its processes, kept alive, and its periodic rounds. Ends on SIGTERM."""
    database = db.connect(settings)
    client = jobs.redis(settings)
    environment = configuration.environment(settings)
    wanted = [jobs.DESK, *[jobs.DISPATCH] * settings.workers]
    children: list[subprocess.Popen[bytes]] = []
    running = True

    def stop(*_: object) -> None:
        nonlocal running
        running = False

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    try:
        children = [_spawn(queue, environment) for queue in wanted]
        while running:
            for place, child in enumerate(children):
                if child.poll() is not None:
                    log.warning("a worker process ended with %s; starting another", child.poll())
                    children[place] = _spawn(wanted[place], environment)
            tick(database, client)
            time.sleep(TICK)
    finally:
        _end(children)
        with suppress(RedisError, OSError):
            client.delete(sign())
        client.close()
        database.close()


def sign() -> str:
    return f"worker:{socket.gethostname()}:{os.getpid()}"


def _spawn(queue: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "engine.jobs", queue], env=environment, stdin=subprocess.DEVNULL
    )


def _end(children: list[subprocess.Popen[bytes]]) -> None:
    for child in children:
        child.terminate()
    for child in children:
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def tick(database: db.Database, client: Redis) -> None:
    """One round of the periodic work; what cannot be done now is done in a later round."""
    try:
        _begin_due(database)
        if settled := outbox.recover(database, outbox.journals(database)):
            log.warning("%d messages of a worker that died were settled", settled)
        inbox.sweep(database, older_than=FORGOTTEN)
        trial.settle(database)
        with database.read() as session:
            open_ones = session.execute(
                sa.select(db.Broadcast.id, db.Broadcast.state).where(
                    db.Broadcast.state.in_(("preparing", "sending", "cancelled"))
                )
            ).all()
        for id, state in open_ones:
            _look_after(database, client, id, state)
        _look_after_imports(database, client)
        _forget_changes(database, client)
        client.set(sign(), 1, ex=jobs.ALIVE)
    except (DBAPIError, RedisError, OSError) as error:
        log.warning("the periodic round waits: %s", type(error).__name__)


def _begin_due(database: db.Database) -> None:
    now = db.now()
    grace = dt.timedelta(minutes=database.settings.schedule_grace_minutes)
    with database.read() as session:
        due = broadcast.due(session, now)
    for id in due:
        with database.write() as session:
            if began := broadcast.begin(session, id, now=now, grace=grace):
                log.info("broadcast %s: %s", id, began)


def _look_after_imports(database: db.Database, client: Redis) -> None:
    """Go on with imports whose runner died; each knows how far it is."""
    with database.read() as session:
        ids = history.forgotten(session, db.now())
    for id in ids:
        jobs.want_imported(client, id)


def _forget_changes(database: db.Database, client: Redis) -> None:
    """Once a day, a batch a round: what was done too long ago to be undone is dropped."""
    if client.exists(FORGOT):
        return
    if changes.forget_some(database) is None:
        client.set(FORGOT, 1, ex=DAY)


def _look_after(database: db.Database, client: Redis, id: int, state: str) -> None:
    if state == "preparing":
        jobs.want_prepared(client, id)
    elif state == "sending":
        with database.write() as session:
            ended = broadcast.finish(session, id)
        if not ended:
            jobs.fill_slices(client, id, database.settings.workers)
    else:
        with database.write() as session:
            ledger.sweep(session)
