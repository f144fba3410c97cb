"""RQ as it serves us: a pool of processes and a wake-up signal. A job is an id; running it twice is
harmless, because the database says what is left to do. Everything in Redis may vanish at any time.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import signal
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import uvloop
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.serializers import JSONSerializer

from channels.base import BadContent
from engine import audience, broadcast, checks, db, drafts, journal, ledger, outbox, pace, trial
from engine import (
    dispatch as sending,
)
from engine import (
    settings as configuration,
)
from engine.errors import PregonError, Unavailable
from engine.importing import history, running, taking_back
from engine.segments import frozen
from engine.settings import Settings

log = logging.getLogger("pregon.worker")

DISPATCH, DESK = "dispatch", "desk"
"""Queues: sending, and the short jobs that must not wait behind it."""

SLICE = 30.0
"""Seconds a dispatch job runs before it lets others in and is queued again."""

TURN = 3.0
"""Seconds after which it gives way when another broadcast waits."""

ALIVE = 6
"""Seconds without a sign after which a worker or a slice counts as gone."""

PR_SET_PDEATHSIG = 1


# Asking for work


def redis(settings: Settings) -> Redis:
    return Redis.from_url(settings.redis, socket_connect_timeout=2)


def _queue(client: Redis, name: str) -> Queue:
    return Queue(name, connection=client, serializer=JSONSerializer)


def _enqueue(client: Redis, queue: str, job: str, id: int, label: str) -> None:
    _queue(client, queue).enqueue(
        f"engine.jobs.{job}",
        id,
        job_id=f"{label}-{uuid.uuid4().hex[:8]}",
        job_timeout=-1,
        result_ttl=0,
        failure_ttl=3600,
    )


def wake(settings: Settings, broadcast_id: int) -> None:
    """Have a broadcast looked at now; without Redis the worker finds it in its next round."""
    database = db.connect(settings)
    client = redis(settings)
    try:
        with database.read() as session:
            state = db.get(session, db.Broadcast, broadcast_id).state
        if state == "preparing":
            want_prepared(client, broadcast_id)
        elif state == "sending":
            fill_slices(client, broadcast_id, settings.workers)
    except (RedisError, OSError):
        log.warning("broadcast %s: Redis is away; it starts when a worker sees it", broadcast_id)
    finally:
        client.close()
        database.close()


def send_test(
    settings: Settings,
    database: db.Database,
    *,
    broadcast_id: int,
    contact_id: int,
    channel_id: int,
) -> int:
    """Send the draft's messages to one person; the id of the test, whose row tells the result.

    Raises Invalid when it cannot be sent, Unavailable when Redis is away.
    """
    with database.write() as session:
        test = trial.plan(
            session, broadcast_id=broadcast_id, contact_id=contact_id, channel_id=channel_id
        )
        id = test.id
    client = redis(settings)
    try:
        _enqueue(client, DESK, "test", id, f"test-{id}")
    except (RedisError, OSError) as error:
        away = Unavailable("redis.away", "Redis does not answer, so the test was not sent.")
        trial.give_up(database, id, away.sentence)
        raise away from error
    finally:
        client.close()
    return id


def ask_import(settings: Settings, id: int) -> bool:
    """Have a waiting import, or one to be undone, worked on; False when no worker can.

    Then whoever asks does it: `run_import` is harmless beside a worker that comes back.
    """
    if not workers(settings):
        return False
    client = redis(settings)
    try:
        want_imported(client, id)
    except (RedisError, OSError):
        return False
    finally:
        client.close()
    return True


def workers(settings: Settings) -> list[str]:
    """Names of the workers that gave a sign of life in the last seconds; [] without Redis."""
    client = redis(settings)
    try:
        names = [key.decode().removeprefix("worker:") for key in client.scan_iter("worker:*")]
    except (RedisError, OSError):
        return []
    finally:
        client.close()
    return sorted(names)


def want_prepared(client: Redis, broadcast_id: int) -> None:
    """Queue the preparation unless it is queued or at work."""
    if not _queued(client, DESK, f"prepare-{broadcast_id}-") and not client.exists(
        f"prepare:{broadcast_id}"
    ):
        _enqueue(client, DESK, "prepare", broadcast_id, f"prepare-{broadcast_id}")


def want_imported(client: Redis, id: int) -> None:
    """Queue an import unless it is queued."""
    if not _queued(client, DESK, f"import-{id}-"):
        _enqueue(client, DESK, "import_people", id, f"import-{id}")


def fill_slices(client: Redis, broadcast_id: int, wanted: int) -> None:
    """As many slices as workers should share the broadcast, counting those queued or at work."""
    queued = _queued(client, DISPATCH, f"dispatch-{broadcast_id}-")
    signs = [key.decode() for key in client.scan_iter(f"slice:{broadcast_id}:*")]
    at_work = sum(_lives(sign.rpartition(":")[2]) for sign in signs)
    for _ in range(wanted - queued - at_work):
        _enqueue(client, DISPATCH, "dispatch", broadcast_id, f"dispatch-{broadcast_id}")


def _lives(token: str) -> bool:
    """Whether the process behind a slice may live; on this machine a dead one is known at once."""
    host, process, _ = token.rsplit("-", 2)
    if host != socket.gethostname():
        return True
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _queued(client: Redis, queue: str, prefix: str) -> int:
    return sum(id.startswith(prefix) for id in _queue(client, queue).job_ids)


# The jobs


@contextmanager
def _workspace() -> Iterator[db.Database]:
    database = db.connect(configuration.load())
    try:
        yield database
    finally:
        database.close()


def prepare(broadcast_id: int) -> None:
    """Freeze who gets it: from here on no segment is evaluated for this broadcast.

    A red test of the segment pauses it before anything is planned: a person puts right the contacts
    or the test and resumes, which asks again, or cancels. Failed would be the end of it.
    """
    with _workspace() as database:
        with database.read() as session:
            if db.get(session, db.Broadcast, broadcast_id).state != "preparing":
                return
            wanted = drafts.plan_of(session, broadcast_id)
        client = redis(database.settings)
        try:
            with _at_work(client, f"prepare:{broadcast_id}"):
                checks.tests_hold(database, broadcast_id)
                who = audience.resolve(database, wanted)
                everybody = frozen.take(database, wanted.tree)
                ready = ledger.prepare(database, broadcast_id, who, everybody)
        except PregonError as error:
            _stop(database, broadcast_id, error.sentence)
            return
        finally:
            client.close()
        log.info("broadcast %s: %d messages planned", broadcast_id, who.messages)
        if ready:
            wake(database.settings, broadcast_id)


def dispatch(broadcast_id: int) -> None:
    """Send for a slice of time; the next slice goes on where the ledger stands."""
    _follow_parent()
    with _workspace() as database:
        with database.read() as session:
            if db.get(session, db.Broadcast, broadcast_id).state != "sending":
                return
        try:
            lanes = ledger.lanes(database, broadcast_id)
        except (PregonError, BadContent) as error:
            _stop(database, broadcast_id, str(error))
            return
        uvloop.run(_dispatch(database, broadcast_id, lanes))
        outbox.recover(database, outbox.journals(database))  # a claim whose commit went unheard
        with database.write() as session:
            ended = broadcast.finish(session, broadcast_id)
        if ended:
            log.info("broadcast %s: %s", broadcast_id, ended)
        else:
            wake(database.settings, broadcast_id)


async def _dispatch(database: db.Database, broadcast_id: int, lanes: list[sending.Lane]) -> None:
    token = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:12]}"
    diary = journal.open_journal(outbox.journals(database), token)
    client = AsyncRedis.from_url(database.settings.redis, socket_timeout=5)
    try:
        async with sending.Http() as transport:
            dispatcher = sending.Dispatcher(
                ledger=outbox.Outbox(database=database, broadcast_id=broadcast_id, token=token),
                diary=diary,
                permits=pace.Pace(client),
                transport=transport,
                lanes=lanes,
            )
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, dispatcher.stopping.set)
            signs = asyncio.create_task(_give_signs(client, broadcast_id, token, dispatcher))
            try:
                await dispatcher.run(seconds=SLICE)
            finally:
                signs.cancel()
                await _forget_signs(client, broadcast_id, token)
    finally:
        diary.close()
        await client.aclose()


async def _give_signs(
    client: AsyncRedis, broadcast_id: int, token: str, dispatcher: sending.Dispatcher
) -> None:
    """Say that this slice lives, and give way when another broadcast waits for a worker."""
    began = time.monotonic()
    while True:
        try:
            await client.set(f"slice:{broadcast_id}:{token}", 1, ex=ALIVE)
            waiting = await client.llen(f"rq:queue:{DISPATCH}")
            if waiting and time.monotonic() - began > TURN:
                dispatcher.stopping.set()
        except (RedisError, OSError):
            log.warning("broadcast %s: Redis is away, so nothing is sent", broadcast_id)
        await asyncio.sleep(1)


async def _forget_signs(client: AsyncRedis, broadcast_id: int, token: str) -> None:
    try:
        await client.delete(f"slice:{broadcast_id}:{token}")
    except (RedisError, OSError):
        return


def _stop(database: db.Database, broadcast_id: int, reason: str) -> None:
    """What a person must look at first: the broadcast pauses and says why."""
    log.warning("broadcast %s paused: %s", broadcast_id, reason)
    with database.write() as session:
        broadcast.move(session, broadcast_id, "paused", reason=reason)


def import_people(id: int) -> None:
    """Import a file, or undo that, until it is done or something shorter waits at the desk."""
    _follow_parent()
    with _workspace() as database:
        client = redis(database.settings)

        def others() -> bool:
            try:
                waiting = _queue(client, DESK).job_ids
            except (RedisError, OSError):
                return False
            return any(not name.startswith("import-") for name in waiting)

        try:
            if not run_import(database, id, give_way=others):
                want_imported(client, id)
        finally:
            client.close()


def run_import(
    database: db.Database, id: int, *, give_way: Callable[[], bool] = lambda: False
) -> bool:
    """Whatever is to be done of an import, done here; whether nothing is left."""
    with database.read() as session:
        state = history.status(session, id).state
    if state == "undoing":
        taking_back.undo_job(database, id)
        return True
    return running.run_job(database, id, give_way=give_way)


def test(test_id: int) -> None:
    """Send one test."""

    async def send() -> None:
        async with sending.Http() as transport:
            await trial.send(database, test_id, transport)

    with _workspace() as database:
        uvloop.run(send())


test.__test__ = False  # type: ignore[attr-defined]  # not a test of ours, whatever pytest thinks


@contextmanager
def _at_work(client: Redis, name: str) -> Iterator[None]:
    """Give a sign every second that a job lives, for as long as it does."""
    ended = threading.Event()

    def sign() -> None:
        while not ended.is_set():
            with suppress(RedisError, OSError):
                client.set(name, 1, ex=ALIVE)
            ended.wait(1)

    thread = threading.Thread(target=sign, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        with suppress(RedisError, OSError):
            client.delete(name)


# The processes that do them


class Horse(Worker):
    """RQ's worker, whose job is asked to stop when it is itself, and does not outlive it."""

    def request_stop(self, signum: Any, frame: Any) -> None:
        if self.horse_pid:
            os.kill(self.horse_pid, signal.SIGTERM)
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]  # RQ has no types


def _follow_parent() -> None:
    """Be asked to stop when the process that started us dies, kill -9 included (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def main(queue: str) -> None:
    """One RQ process on one queue."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("rq").setLevel(logging.WARNING)
    _follow_parent()
    settings = configuration.load()
    client = Redis.from_url(settings.redis)
    worker = Horse(
        [_queue(client, queue)], connection=client, serializer=JSONSerializer, worker_ttl=60
    )
    worker.work(logging_level="WARNING")


if __name__ == "__main__":
    main(sys.argv[1])
