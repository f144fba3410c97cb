"""Tells our door what became of messages: signed calls, few at a time, again until it answers."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError

from engine.sandbox.wire import Account, Call, News

TICK_SECONDS = 0.05
NEWS_AT_ONCE = 50
CALLS_AT_ONCE = 8
"""A door: more would only queue inside it."""
ANSWER_SECONDS = 30
PAUSE_SECONDS = 0.25, 5.0
"""First and longest pause after a call that was not answered with 2xx."""
KEPT_SECONDS = 3600.0
"""How long a call is tried; then it is dropped and counted."""
CLOSING_SECONDS = 1.0


@dataclass(slots=True, kw_only=True)
class Door:
    """The calls waiting for one account's webhook."""

    waiting: deque[tuple[float, Call]] = field(default_factory=deque)
    callers: set[asyncio.Task[None]] = field(default_factory=set)
    failures: int = 0
    """In a row; the next pause grows with it."""


class Hooks:
    """News become calls when they are due; each door has a queue of its own."""

    def __init__(
        self,
        *,
        calls: Callable[[Account, Sequence[News]], Iterable[Call]],
        reach: Callable[[str], str | None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`reach` turns a signed URL into the loopback one to post to; None drops the call."""
        self._calls = calls
        self._reach = reach
        self._clock = clock
        self._due: list[tuple[float, int, Account, News]] = []
        self._order = itertools.count()
        self._doors: dict[tuple[str, str], Door] = {}
        self._client: Client | None = None
        self._on_the_way = 0
        self.counts: Counter[str] = Counter()

    def add(self, account: Account, news: News) -> None:
        """Tell it at `news.at`."""
        heapq.heappush(self._due, (news.at, next(self._order), account, news))

    @property
    def waiting(self) -> int:
        """News not yet taken by their door."""
        calls = (call.news for door in self._doors.values() for _, call in door.waiting)
        return len(self._due) + sum(calls) + self._on_the_way

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            while self._send_due():
                await asyncio.sleep(0)

    async def close(self) -> None:
        """Post what is due now, for a second; what is left is dropped."""
        while self._send_due():
            pass
        callers = [task for door in self._doors.values() for task in door.callers]
        if callers:
            await asyncio.wait(callers, timeout=CLOSING_SECONDS)
        for task in callers:
            task.cancel()
        await asyncio.gather(*callers, return_exceptions=True)
        if self._client:
            await self._client.close()

    def _send_due(self) -> bool:
        """Hand some of what is due to its doors; whether more is due.

        A slice at a time: a request that arrives meanwhile is stamped without delay.
        """
        now = self._clock()
        ready: dict[tuple[str, str], tuple[Account, list[News]]] = {}
        for _ in range(NEWS_AT_ONCE):
            if not self._is_due(now):
                break
            _, _, account, news = heapq.heappop(self._due)
            ready.setdefault((account.kind, account.account), (account, []))[1].append(news)
        for key, (account, several) in ready.items():
            door = self._doors.setdefault(key, Door())
            door.waiting.extend((now, call) for call in self._calls(account, several))
            while len(door.callers) < min(CALLS_AT_ONCE, len(door.waiting)):
                task = asyncio.create_task(self._call_all(door))
                door.callers.add(task)
                task.add_done_callback(door.callers.discard)
        return self._is_due(now)

    def _is_due(self, now: float) -> bool:
        return bool(self._due) and self._due[0][0] <= now

    async def _call_all(self, door: Door) -> None:
        """One of a door's callers: takes calls until none wait."""
        while door.waiting:
            since, call = door.waiting.popleft()
            url = self._reach(call.url)
            if url is None:
                self.counts["not_loopback"] += call.news
            elif await self._post(url, call):
                door.failures = 0
                self.counts["told"] += call.news
            elif self._clock() - since > KEPT_SECONDS:
                self.counts["given_up"] += call.news
            else:
                door.waiting.append((since, call))
                door.failures += 1
                self.counts["repeated"] += call.news
                first, longest = PAUSE_SECONDS
                await asyncio.sleep(min(longest, first * 2 ** min(door.failures, 10)))

    async def _post(self, url: str, call: Call) -> bool:
        """Whether the door answered 2xx."""
        request = self._open().post(url).headers(dict(call.headers)).body_bytes(call.body)
        self._on_the_way += call.news
        try:
            response = await request.build().send()
        except PyreqwestError:
            return False
        finally:
            self._on_the_way -= call.news
        return 200 <= response.status < 300

    def _open(self) -> Client:
        if self._client is None:
            timeout = timedelta(seconds=ANSWER_SECONDS)
            self._client = (
                ClientBuilder().no_proxy().timeout(timeout).follow_redirects(False).build()
            )
        return self._client
