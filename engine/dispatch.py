"""Claimed messages become requests at the allowed pace, and answers become outcomes.

The only place that talks to providers, waits and retries. It knows no table: the ledger it is given
claims and records (engine/outbox.py), the channel builds and reads (channels/).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

import orjson
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import RequestError

from channels.base import (
    Channel,
    ChannelError,
    Misconfigured,
    OptedOut,
    Outgoing,
    Rejected,
    Request,
    Response,
    Throttled,
    Unclear,
    Unreachable,
)
from engine import pace
from engine.errors import Unavailable
from engine.template import Template

IN_FLIGHT = 100
"""Requests one dispatcher keeps open on one channel."""

TIMEOUT = timedelta(seconds=15)
"""For the whole request; past it the outcome is unclear."""

TRIES = 6
"""Attempts a provider may refuse as temporary before the message fails."""

PATIENCE = 5
"""Unreachable answers in a row after which the channel is left alone for a while."""

ASK_EVERY = 0.3
"""Seconds between two looks at whether the broadcast is still wanted."""

FLUSH_EVERY = 0.05
"""Seconds outcomes gather before they are written."""


PARTING = 30.0
"""Seconds a stopping dispatcher waits for a database that is away."""


# What passes between dispatch and the ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A claimed message."""

    id: int
    part: int
    address: str
    variables: Mapping[str, Any]
    units: int
    attempt: int
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one attempt. Times are epoch microseconds."""

    id: int
    attempt: int
    kind: str
    """accepted | again | failed | opted_out | unknown | unsent"""
    provider_id: str = ""
    code: str = ""
    text: str = ""
    invalid: bool = False
    tries: int = 0
    wait: float = 0.0
    """Seconds until the next attempt (again), or until the person's next part (accepted)."""
    sent_at: int = 0

    def to_json(self) -> bytes:
        return orjson.dumps(
            {name: value for name in self.__slots__ if (value := getattr(self, name))}
        )

    @classmethod
    def from_json(cls, line: bytes) -> Outcome:
        return cls(**orjson.loads(line))


class Ledger(Protocol):
    """What dispatch needs of the outbox; every call blocks and runs in a thread of its own."""

    def claim(self, channel_id: int, wanted: int) -> list[Item]: ...
    def ready_in(self, channel_id: int) -> float | None: ...
    def record(self, outcomes: Sequence[Outcome]) -> None: ...
    def wanted(self) -> bool: ...
    def pause(self, reason: str) -> None: ...


class Diary(Protocol):
    """What dispatch needs of the journal."""

    def fired(self, message: int, attempt: int, at: int) -> None: ...
    def done(self, message: int, attempt: int, outcome: bytes) -> None: ...


class Permits(Protocol):
    """What dispatch needs of pace."""

    async def take(
        self, wanted: int, limits: Sequence[pace.Limit], holds: Sequence[str] = ()
    ) -> tuple[int, float]: ...
    async def hold(self, name: str, seconds: float) -> None: ...


class Transport(Protocol):
    """One request, one answer; never a retry of its own.

    Raises Unreachable when nothing left, Unclear when something may have.
    """

    async def send(self, request: Request) -> Response: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One message of the content, ready to be filled."""

    fill: Callable[[Outgoing], Request]
    texts: Mapping[str, Template]

    def request(self, *, address: str, reference: str, variables: Mapping[str, Any]) -> Request:
        texts = {slot: template.render(variables) for slot, template in self.texts.items()}
        return self.fill(Outgoing(address=address, reference=reference, texts=texts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One channel of one broadcast."""

    channel_id: int
    channel: Channel
    parts: Sequence[Part]
    limits: Sequence[pace.Limit]
    """The broadcast's own rate, counted in messages."""
    ceiling: pace.Limit
    """The channel's, counted in units."""

    @property
    def hold(self) -> str:
        return f"channel:{self.channel_id}"


# The network


class Http:
    """The fast client, one a dispatcher. Measured against others in docs/reliability.md."""

    def __init__(self) -> None:
        self._client: Client = (
            ClientBuilder()
            .timeout(TIMEOUT)
            .follow_redirects(False)
            .http1_only()
            .pool_max_idle_per_host(IN_FLIGHT)
            .pool_idle_timeout(timedelta(seconds=20))
            .no_proxy()
            .build()
        )

    async def __aenter__(self) -> Http:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._client.__aexit__(*error)

    async def send(self, request: Request) -> Response:
        builder = self._client.request(request.method, request.url).headers(dict(request.headers))
        try:
            answer = await builder.body_bytes(request.body).build().send()
            body = await answer.bytes()
        except RequestError as error:
            if _never_left(error):
                raise Unreachable("connect", "The provider cannot be reached.") from error
            raise Unclear("network", "The connection broke before the answer.") from error
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Response(status=answer.status, headers=headers, body=body.to_bytes())


def _never_left(error: RequestError) -> bool:
    """Whether the connection was never made, so that no byte of the request can have left.

    The class does not tell: pyreqwest 0.15 calls a connection cut after the request ConnectError,
    and a late answer ConnectTimeoutError. Of its causes, hyper's "client error (Connect)" does.
    """
    causes = (error.details or {}).get("causes") or []
    return any(cause["message"] == "client error (Connect)" for cause in causes)


async def send_one(transport: Transport, channel: Channel, request: Request) -> str:
    """Send and read; the provider's id, or one of the channel errors."""
    return channel.read(await transport.send(request))


# The loop


@dataclass(slots=True)
class Dispatcher:
    """Sends one broadcast, all its lanes side by side, until nothing is left or it should stop."""

    ledger: Ledger
    diary: Diary
    permits: Permits
    transport: Transport
    lanes: Sequence[Lane]
    clock: Callable[[], float] = time.time
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _outcomes: list[Outcome] = field(default_factory=list)
    _database: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self, *, seconds: float) -> None:
        """Work for at most so long. On return every claim of ours is recorded or given back."""
        timer = asyncio.get_running_loop().call_later(seconds, self.stopping.set)
        try:
            async with asyncio.TaskGroup() as tasks:
                lanes = [tasks.create_task(self._drive(lane)) for lane in self.lanes]
                flushing = tasks.create_task(self._flush_until(lanes))
                asking = tasks.create_task(self._ask(flushing))
                await flushing
                asking.cancel()
        finally:
            timer.cancel()

    async def _drive(self, lane: Lane) -> None:
        state = _LaneState()
        try:
            while not self.stopping.is_set() and state.broken is None:
                if not state.buffer and not await self._refill(lane, state):
                    break
                await self._send_some(lane, state)
        finally:
            self._give_back(state)
            while state.in_flight:
                await asyncio.wait(state.in_flight)
            self._give_back(state)
        if state.broken:
            raise state.broken

    async def _refill(self, lane: Lane, state: _LaneState) -> bool:
        """Claim the next batch. False when nothing of this lane will ever be ready again."""
        state.buffer.extend(await self._blocking(self.ledger.claim, lane.channel_id, _batch(lane)))
        while not state.buffer and not self.stopping.is_set():
            wait = await self._blocking(self.ledger.ready_in, lane.channel_id)
            if wait is None and not state.in_flight and not self._outcomes:
                return False
            await self._pause(min(wait if wait is not None else 0.05, 1.0))
            batch = await self._blocking(self.ledger.claim, lane.channel_id, _batch(lane))
            state.buffer.extend(batch)
        return bool(state.buffer)

    async def _send_some(self, lane: Lane, state: _LaneState) -> None:
        room = IN_FLIGHT - len(state.in_flight)
        if room <= 0:
            await asyncio.wait(state.in_flight, return_when=asyncio.FIRST_COMPLETED)
            return
        if not state.buffer:
            return
        units, alike = _alike(state.buffer, room)
        limits = [*lane.limits, lane.ceiling.weighing(units)]
        fresh_until = time.monotonic() + pace.LIFE
        granted, wait = await self.permits.take(alike, limits, [lane.hold])
        for _ in range(granted):
            item = state.buffer.popleft()
            task = asyncio.create_task(self._fire(lane, state, item, fresh_until))
            state.in_flight.add(task)
            task.add_done_callback(state.ended)
        if granted < alike:
            await self._pause(min(max(wait, 0.001), ASK_EVERY))

    async def _fire(self, lane: Lane, state: _LaneState, item: Item, fresh_until: float) -> None:
        """One attempt, from the permit to the outcome."""
        try:
            request = lane.parts[item.part - 1].request(
                address=item.address, reference=str(item.id), variables=item.variables
            )
        except ChannelError as error:
            await self._settle(lane, state, item, error, sent=False)
            return
        if self.stopping.is_set() or time.monotonic() > fresh_until:
            state.buffer.appendleft(item)  # nothing left the process; the permit is lost
            return
        sent_at = int(self.clock() * 1e6)
        self.diary.fired(item.id, item.attempt, sent_at)
        try:
            provider_id = await send_one(self.transport, lane.channel, request)
        except ChannelError as error:
            await self._settle(lane, state, item, error, sent=True, sent_at=sent_at)
            return
        state.unreachable = 0
        self._note(
            Outcome(
                id=item.id,
                attempt=item.attempt,
                kind="accepted",
                provider_id=provider_id,
                wait=lane.channel.limits.person_seconds,
                sent_at=sent_at,
            )
        )

    async def _settle(
        self,
        lane: Lane,
        state: _LaneState,
        item: Item,
        error: ChannelError,
        *,
        sent: bool,
        sent_at: int = 0,
    ) -> None:
        """One error, one action."""
        state.unreachable = state.unreachable + 1 if isinstance(error, Unreachable) else 0
        if state.unreachable >= PATIENCE:
            await self.permits.hold(lane.hold, min(60.0, 0.5 * 2 ** (state.unreachable - PATIENCE)))
        if isinstance(error, Throttled) and error.scope != "person":
            await self.permits.hold(lane.hold, error.retry_after or 1.0)
        outcome = outcome_of(item, error, sent_at=sent_at)
        if sent:
            self._note(outcome)
        else:
            self._outcomes.append(outcome)
        if isinstance(error, Misconfigured):
            self.stopping.set()
            await self._blocking(self.ledger.pause, f"{error.code}: {error.text}".rstrip(": "))

    def _note(self, outcome: Outcome) -> None:
        self.diary.done(outcome.id, outcome.attempt, outcome.to_json())
        self._outcomes.append(outcome)

    def _give_back(self, state: _LaneState) -> None:
        for item in state.buffer:
            self._outcomes.append(
                Outcome(id=item.id, attempt=item.attempt, kind="unsent", tries=item.tries)
            )
        state.buffer.clear()

    async def _flush_until(self, lanes: Sequence[asyncio.Task[None]]) -> None:
        while not all(lane.done() for lane in lanes):
            await asyncio.wait(lanes, timeout=FLUSH_EVERY)
            await self._flush()
        await self._flush()

    async def _flush(self) -> None:
        while self._outcomes:
            batch = self._outcomes[:500]
            await self._blocking(self.ledger.record, batch)
            del self._outcomes[: len(batch)]

    async def _ask(self, until: asyncio.Task[None]) -> None:
        while not until.done():
            await asyncio.sleep(ASK_EVERY)
            if not await self._blocking(self.ledger.wanted):
                self.stopping.set()

    async def _blocking(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """The ledger's calls one after another in a thread, so that answers are read meanwhile.

        A database that is away is asked again; past PARTING seconds of that after we should stop,
        the journal keeps what was not written.
        """
        gave_up = 0.0
        while True:
            try:
                async with self._database:
                    return await asyncio.to_thread(call, *arguments)
            except Unavailable:
                if self.stopping.is_set() and (gave_up := gave_up + 0.5) > PARTING:
                    raise
                await asyncio.sleep(0.5)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return


@dataclass(slots=True)
class _LaneState:
    buffer: deque[Item] = field(default_factory=deque)
    in_flight: set[asyncio.Task[None]] = field(default_factory=set)
    unreachable: int = 0
    broken: BaseException | None = None
    """A mistake of ours: the lane ends, the journal settles what was under way."""

    def ended(self, task: asyncio.Task[None]) -> None:
        self.in_flight.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.broken = error


def outcome_of(item: Item, error: ChannelError, *, sent_at: int = 0) -> Outcome:
    """The closed table of design: what a channel's error means for the message."""
    kind, tries, wait, invalid = "failed", item.tries, 0.0, False
    if isinstance(error, Throttled):
        kind = "again"
        wait = error.retry_after or (30.0 if error.scope == "person" else 1.0)
    elif isinstance(error, Unreachable):
        tries += 1
        kind = "again" if tries < TRIES else "failed"
        wait = backoff(tries)
    elif isinstance(error, OptedOut):
        kind = "opted_out"
    elif isinstance(error, Rejected):
        invalid = error.invalid
    elif isinstance(error, Misconfigured):
        kind = "again"
    elif isinstance(error, Unclear):
        kind = "unknown"
    return Outcome(
        id=item.id,
        attempt=item.attempt,
        kind=kind,
        code=error.code,
        text=error.text[:500],
        invalid=invalid,
        tries=tries,
        wait=wait,
        sent_at=sent_at,
    )


def backoff(tries: int) -> float:
    """Seconds before the next attempt: growing, jittered, at most a quarter of an hour."""
    return random.uniform(0.5, 1.0) * min(900.0, 3.0 ** (tries - 1))


def _batch(lane: Lane) -> int:
    """How many to claim at once: about half a second's worth, so that a pause gives back little."""
    rates = [limit.count / limit.window for limit in (*lane.limits, lane.ceiling)]
    return max(4, min(256, round(min(rates) / 2)))


def _alike(buffer: deque[Item], most: int) -> tuple[int, int]:
    """(units of the first, how many at the head cost the same)."""
    units, count = buffer[0].units, 0
    for item in buffer:
        if item.units != units or count == most:
            break
        count += 1
    return units, count
