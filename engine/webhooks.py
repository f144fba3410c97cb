"""The door: providers call in, the signature is checked, the call is stored, answered, applied.

Mounted in the studio and run alone as `pregon door`; both serve the same routes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import uvicorn
from sqlalchemy.exc import DBAPIError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from channels.base import BadContent, BadSignature, Channel, Event, Hook
from engine import accounts, db, inbox
from engine.errors import PregonError
from engine.settings import Settings

log = logging.getLogger("pregon.door")

BODY_MAX = 1_000_000
"""Bytes of one call; Meta's batches stay far below."""

BATCH = 200
"""Calls stored in one transaction."""

KNOWN_FOR = 5.0
"""Seconds a channel's settings are kept before they are read again."""


@dataclass(slots=True)
class _Call:
    channel_id: int
    hook: Hook
    events: Sequence[Event]
    problem: str
    stored: asyncio.Future[bool]


@dataclass(slots=True)
class Door:
    """One process's way in: calls gather while the last ones are being written."""

    database: db.Database
    _queue: asyncio.Queue[_Call] = field(default_factory=asyncio.Queue)
    _writer: asyncio.Task[None] | None = None
    _channels: dict[int, tuple[float, Channel]] = field(default_factory=dict)

    async def receive(self, request: Request) -> Response:
        """401 for what the provider did not sign, 503 when it could not be stored, else its 200."""
        channel_id = int(request.path_params["channel_id"])
        channel = await self._channel(channel_id)
        if channel is None:
            return PlainTextResponse("There is no such channel.", 404)
        body = await request.body()
        if len(body) > BODY_MAX:
            return PlainTextResponse("The call is too large.", 413)
        hook = _hook(request, body, self.database.settings)
        events: Sequence[Event] = ()
        answer, media_type, problem = "", "text/plain", ""
        try:
            if hook.method == "GET":
                answer, media_type = channel.answer(hook)
                if answer:
                    return Response(answer, media_type=media_type)
            events = channel.events(hook)
            answer, media_type = channel.answer(hook)
        except BadSignature:
            return PlainTextResponse("The signature is not right.", 401)
        except BadContent as error:
            problem = f"{error.code}: {error.text}"
        if not await self._stored(channel_id, hook, events, problem):
            return PlainTextResponse("Not stored: try again.", 503)
        return Response(answer, media_type=media_type)

    async def _channel(self, id: int) -> Channel | None:
        read_at, channel = self._channels.get(id, (0.0, None))
        if channel is not None and time.monotonic() - read_at < KNOWN_FOR:
            return channel
        try:
            channel = await asyncio.to_thread(self._open, id)
        except PregonError:
            return None
        self._channels[id] = time.monotonic(), channel
        return channel

    def _open(self, id: int) -> Channel:
        with self.database.read() as session:
            row = db.get(session, db.Channel, id)
        return accounts.open(self.database.settings, row)

    async def _stored(
        self, channel_id: int, hook: Hook, events: Sequence[Event], problem: str
    ) -> bool:
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_always())
        stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        await self._queue.put(_Call(channel_id, hook, events, problem, stored))
        return await stored

    async def _write_always(self) -> None:
        while True:
            calls = [await self._queue.get()]
            while len(calls) < BATCH and not self._queue.empty():
                calls.append(self._queue.get_nowait())
            await self._write(calls)

    async def _write(self, calls: list[_Call]) -> None:
        try:
            await asyncio.to_thread(
                inbox.store, self.database, [(call.channel_id, call.hook) for call in calls]
            )
        except DBAPIError:
            log.warning("the database does not answer; %d calls were sent away", len(calls))
            _answer(calls, stored=False)
            return
        _answer(calls, stored=True)
        good = [(call.channel_id, call.hook, call.events) for call in calls if not call.problem]
        try:
            if good:
                await asyncio.to_thread(inbox.apply, self.database, good)
            for call in calls:
                if call.problem:
                    await asyncio.to_thread(
                        inbox.note_problem, self.database, call.channel_id, call.hook, call.problem
                    )
        except DBAPIError:
            log.warning("%d stored calls wait for the next sweep", len(calls))


def _answer(calls: Sequence[_Call], *, stored: bool) -> None:
    for call in calls:
        with suppress(asyncio.InvalidStateError):  # the caller hung up meanwhile
            call.stored.set_result(stored)


def _hook(request: Request, body: bytes, settings: Settings) -> Hook:
    """The call with the URL the provider used, whatever proxy stands between."""
    query = f"?{request.url.query}" if request.url.query else ""
    return Hook(
        method=request.method,
        url=f"{settings.door_url}{request.url.path}{query}",
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
    )


def routes(database: db.Database) -> list[Route]:
    """The door's routes, for the studio and for a process of its own."""
    door = Door(database)

    async def healthy(_: Request) -> Response:
        return PlainTextResponse("ok")

    return [
        Route("/hooks/{channel_id:int}", door.receive, methods=["GET", "POST"]),
        Route("/healthz", healthy),
    ]


def serve(settings: Settings) -> None:
    """Run the door until it is told to stop."""
    database = db.connect(settings)
    uvicorn.run(
        Starlette(routes=routes(database)),
        host="127.0.0.1",
        port=settings.door_port,
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
    )
