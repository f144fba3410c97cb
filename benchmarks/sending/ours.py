"""Pregón itself: a workspace with a planned broadcast, sent by dispatcher processes."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from channels.base import Content
from engine import accounts, db, settings
from engine.processes import redis_server

RATE = 1_000_000
"""Messages a second that the channel may: more than can be sent, so that nothing is held back."""


def workspace(folder: Path, port: int, redis_url: str, database_url: str = "") -> db.Database:
    opened = db.connect(
        settings.Settings(
            _env_file=None,
            data=folder,
            database_url=database_url,
            redis_url=redis_url,
            sandbox_port=port,
        )
    )
    db.migrate(opened)
    return opened


def plan(database: db.Database, messages: int) -> int:
    """A broadcast that is being sent to so many people; its id."""
    now = db.now()
    with database.write() as session:
        channel = accounts.add(
            session,
            database.settings,
            kind="whatsapp",
            name=f"Number {now}",
            values={
                "phone_number_id": "1001",
                "access_token": "t",
                "app_secret": "s",
                "verify_token": "v",
            },
            sandbox=True,
            ceiling=RATE,
        )
        content = Content(text="Hola {{ first_name }}, llegó la nueva temporada.").to_json()
        row = db.Broadcast(
            key=str(now),
            name=str(now),
            channels=[channel.id],
            content={str(channel.id): [content]},
            state="sending",
            started_at=now,
        )
        session.add(row)
        session.flush()
        broadcast = row.id
        first = (session.scalar(sa.select(sa.func.max(db.Contact.id))) or 0) + 1
        for part in _parts(range(first, first + messages)):
            session.execute(sa.insert(db.Contact), [_contact(id, now) for id in part])
            planned = [_message(id, broadcast, channel.id, now) for id in part]
            session.execute(sa.insert(db.Message), planned)
    return broadcast


def _parts(ids: range) -> Iterator[range]:
    for start in range(0, len(ids), 5_000):
        yield ids[start : start + 5_000]


def _contact(id: int, now: dt.datetime) -> dict[str, Any]:
    return {"id": id, "first_name": f"Ana {id}", "last_name": "", "phone": f"+5730{id:08}"} | {
        "fields": {},
        "created_at": now,
        "updated_at": now,
    }


def _message(id: int, broadcast: int, channel: int, now: dt.datetime) -> dict[str, Any]:
    return {
        "broadcast_id": broadcast,
        "contact_id": id,
        "channel_id": channel,
        "part": 1,
        "address": f"+5730{id:08}",
        "variables": {"first_name": f"Ana {id}"},
        "state": "planned",
        "planned_at": now,
        "next_at": now,
    }


def send(database: db.Database, broadcast: int, processes: int = 1) -> dict[str, float]:
    """Dispatch until nothing is left; {seconds, rss_mb} from first process start to the end."""
    environment = settings.environment(database.settings)
    program = f"from engine import jobs; jobs.SLICE = 3600; jobs.dispatch({broadcast})"
    began = time.monotonic()
    running = [
        subprocess.Popen([sys.executable, "-c", program], env=environment) for _ in range(processes)
    ]
    usage = [os.wait4(process.pid, 0)[2] for process in running]
    seconds = time.monotonic() - began
    with database.read() as session:
        state = db.get(session, db.Broadcast, broadcast).state
        left = session.scalar(
            sa.select(sa.func.count()).where(
                db.Message.broadcast_id == broadcast, db.Message.state != "accepted"
            )
        )
    assert (state, left) == ("completed", 0), (state, left)
    return {
        "seconds": seconds,
        "rss_mb": max(each.ru_maxrss for each in usage) / 1024,
        "cpu_s": sum(each.ru_utime + each.ru_stime for each in usage),
    }


def redis(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """A private Redis on a socket."""
    socket = folder / "r.sock"
    process = subprocess.Popen(
        redis_server.command(folder=folder, socket=socket, durable=False),
        stdout=subprocess.DEVNULL,
    )
    while not socket.exists():
        time.sleep(0.02)
    return process, f"unix://{socket}"
