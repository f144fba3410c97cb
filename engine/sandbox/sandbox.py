"""A provider to rehearse with: WhatsApp, Telegram and Twilio on loopback, with people who behave.

It checks what a real provider checks, never processes a message that it answers with an error,
tells our door what became of the others, and logs every arrival: the judge of a run.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import os
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, MutableMapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
import uvicorn

from channels import KINDS
from engine import db
from engine.sandbox.accounts import WIRES, Directory, accounts
from engine.sandbox.arrivals import Arrival, Judgement, Log, judge
from engine.sandbox.arrivals import read as arrivals
from engine.sandbox.hooks import Hooks
from engine.sandbox.population import Population, Weather
from engine.sandbox.wire import Account, Answer, Asked, Call, Message, News, Outcome, Refused, Wire
from engine.settings import Settings

__all__ = [
    "Account",
    "Judgement",
    "Population",
    "Sandbox",
    "accounts",
    "arrivals",
    "judge",
    "log_path",
    "serve",
    "server",
]

DEMO = Population()
EARLY_SECONDS = 0.2
"""How long an answer is held back when its first receipt overtakes it."""
KEEP_ALIVE_SECONDS = 3600
BACKLOG = 4096
RARE_COLLECTIONS = 50_000, 20, 50

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def log_path(settings: Settings) -> Path:
    """Where the sandbox of this workspace logs its arrivals."""
    return settings.folder / "sandbox" / "arrivals.jsonl"


def serve(settings: Settings, *, population: Population = DEMO, port: int | None = None) -> None:
    """Run the sandbox of a workspace until it is told to stop."""
    database = db.connect(settings)
    running = server(settings, database=database, population=population, port=port)
    gc.collect()
    gc.freeze()  # a pause to collect garbage would blur the arrival stamps
    gc.set_threshold(*RARE_COLLECTIONS)
    with contextlib.suppress(OSError):  # only root may: the judge's clock goes before the judged
        os.setpriority(os.PRIO_PROCESS, 0, -10)
    try:
        running.run()
    finally:
        database.close()


def server(
    settings: Settings,
    *,
    database: db.Database,
    population: Population = DEMO,
    port: int | None = None,
) -> uvicorn.Server:
    """The server, not yet running; `should_exit` stops it."""
    sandbox = Sandbox(
        load=lambda: accounts(database),
        population=population,
        log=log_path(settings),
        reach=lambda url: _loopback(settings, url),
    )
    config = uvicorn.Config(
        sandbox,
        host="127.0.0.1",
        port=settings.sandbox_port if port is None else port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def _loopback(settings: Settings, url: str) -> str | None:
    """Where to post a call signed for `url`: our door itself, never another host."""
    if url.startswith(settings.door_url + "/"):
        return f"http://127.0.0.1:{settings.door_port}{url[len(settings.door_url) :]}"
    return url if urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1") else None


class Sandbox:
    """The ASGI application."""

    def __init__(
        self,
        *,
        load: Callable[[], Iterable[Account]],
        population: Population,
        log: Path,
        reach: Callable[[str], str | None],
    ) -> None:
        self._population = population
        self._directory = Directory(load)
        self._log = Log(log)
        self._hooks = Hooks(calls=_calls, reach=reach)
        self._background: list[asyncio.Task[None]] = []
        self._numbers = itertools.count(time.time_ns() // 1000)  # goes on above those of any past
        self._tries: Counter[tuple[str, str, str]] = Counter()
        self._left: dict[tuple[str, str], float] = {}
        self._recent: dict[tuple[str, str], deque[float]] = {}
        self._outcomes: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        at = time.time()
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        asked = await _asked(at, scope, receive)
        if asked is None:
            return
        answer = await self._answer(asked)
        if answer is None:
            await _cut(receive, send)
        else:
            await _reply(send, answer)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        running: tuple[Coroutine[Any, Any, None], ...] = (self._hooks.run(), self._log.run())
        self._background = [asyncio.create_task(task) for task in running]
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._hooks.close()
        await self._log.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, asked: Asked) -> Answer | None:
        """What is answered; None cuts the connection."""
        if asked.path == "/healthz":
            well = not any(task.done() for task in self._background)
            return Answer.json(200 if well else 503, {"ok": well})
        if asked.path == "/_sandbox/stats":
            return Answer.json(200, self._stats())
        for kind, wire in WIRES.items():
            if shown := wire.credentials(asked):
                return await self._api(kind, wire, asked, *shown)
        return Answer.json(404, {"error": "There is no such path."})

    def _stats(self) -> dict[str, Any]:
        return {
            "arrivals": self._outcomes.total(),
            "outcomes": dict(sorted(self._outcomes.items())),
            "webhooks": {**self._hooks.counts, "waiting": self._hooks.waiting},
        }

    async def _api(
        self, kind: str, wire: Wire, asked: Asked, account: str, token: str
    ) -> Answer | None:
        outcome: Outcome = "unauthorised"
        try:
            known = await self._directory.find(kind, account, token)
        except sa.exc.SQLAlchemyError:
            known, outcome = None, "unavailable"
        if known is None:
            answer = wire.refused(outcome, 0)
        elif not wire.is_send(asked):
            return wire.about(asked, known)
        else:
            try:
                message = wire.message(asked, known)
            except Refused as refusal:
                answer, outcome = refusal.answer, refusal.outcome
            else:
                return await self._send(wire, known, asked.at, message)
        if wire.is_send(asked):
            self._record(kind, account, asked.at, outcome, answer.status)
        return answer

    async def _send(
        self, wire: Wire, account: Account, at: float, message: Message
    ) -> Answer | None:
        key = (account.account, message.address, message.digest)
        weather, wait = self._population.weather(
            account.kind, message.address, message.digest, attempt=self._tries[key]
        )
        outcome = self._outcome(account, message, weather)
        if outcome in ("throttled", "unavailable", "cut"):
            self._tries[key] += 1  # the next attempt meets weather of its own
        else:
            del self._tries[key]
        provider_id, answer = "", None
        if outcome == "accepted":
            provider_id = wire.provider_id(next(self._numbers), message.address)
            if self._plan(wire, account, message, provider_id):
                wait = max(wait, EARLY_SECONDS)
            answer = wire.accepted(message, account, provider_id)
        elif outcome != "cut":
            answer = wire.refused(outcome, self._population.retry_after)
        if weather == "cut_accepted":
            answer = None
        status = answer.status if answer else 0
        self._record(account.kind, account.account, at, outcome, status, message, provider_id)
        if wait:
            await asyncio.sleep(wait)
        return answer

    def _outcome(self, account: Account, message: Message, weather: Weather) -> Outcome:
        if weather in ("cut", "throttled", "unavailable"):
            return weather
        if self._population.enforce_rates and not self._within_rate(account):
            return "throttled"
        standing = self._population.standing(account.kind, message.address)
        if standing == "invalid":
            return "invalid"
        left = self._left.get((account.account, message.address))
        if standing == "blocked" or (left is not None and left <= time.time()):
            return "opted_out"
        return "accepted"

    def _within_rate(self, account: Account) -> bool:
        """Whether one more request stays inside the provider's rate for any second."""
        now = time.monotonic()
        recent = self._recent.setdefault((account.kind, account.account), deque())
        while recent and recent[0] <= now - 1:
            recent.popleft()
        if len(recent) >= KINDS[account.kind].limits.rate:
            return False
        recent.append(now)
        return True

    def _plan(self, wire: Wire, account: Account, message: Message, provider_id: str) -> bool:
        """Line up what comes back; whether its first receipt overtakes the answer."""
        now = time.time()
        course = self._population.course(
            account.kind,
            message.address,
            message.digest,
            tells=wire.TELLS,
            buttons=len(message.buttons),
        )
        for step in course.steps:
            news = News(
                what=step.what,
                at=now + step.after,
                number=next(self._numbers),
                provider_id=provider_id,
                message=message,
                text=step.text,
                button=step.button,
                quotes=step.quotes,
                lasting=step.lasting,
            )
            self._hooks.add(account, news)
            if wire.leaves(news):
                self._left.setdefault((account.account, message.address), news.at)
        return course.early

    def _record(
        self,
        kind: str,
        account: str,
        at: float,
        outcome: Outcome,
        status: int,
        message: Message | None = None,
        provider_id: str = "",
    ) -> None:
        self._outcomes[outcome] += 1
        self._log.add(
            Arrival(
                at=at,
                kind=kind,
                account=account,
                address=message.address if message else "",
                reference=message.reference if message else "",
                digest=message.digest if message else "",
                outcome=outcome,
                status=status,
                provider_id=provider_id,
                units=message.units if message else 1,
            )
        )


def _calls(account: Account, news: Sequence[News]) -> Iterable[Call]:
    return WIRES[account.kind].calls(account, news)


async def _asked(at: float, scope: Scope, receive: Receive) -> Asked | None:
    """The whole request; None when the caller hung up half-way."""
    body, more = b"", True
    while more:
        part = await receive()
        if part["type"] == "http.disconnect":
            return None
        body += part.get("body", b"")
        more = part.get("more_body", False)
    return Asked(
        at=at,
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers={
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        },
        body=body,
    )


async def _reply(send: Send, answer: Answer) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(answer.body)).encode()),
        *((name.lower().encode(), value.encode()) for name, value in answer.headers.items()),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _cut(receive: Receive, send: Send) -> None:
    """Close the connection without a byte, which ASGI has no word for: uvicorn's own transport."""
    with contextlib.suppress(AttributeError):
        send.__self__.transport.abort()  # type: ignore[attr-defined]
    while (await receive())["type"] != "http.disconnect":
        pass
