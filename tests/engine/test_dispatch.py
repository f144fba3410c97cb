"""The loop: at most one request an attempt, one action an error, nothing left behind."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from channels.base import (
    Channel,
    ChannelError,
    Content,
    Event,
    Hook,
    Limits,
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
from engine import dispatch, template
from engine.dispatch import TRIES, Dispatcher, Http, Item, Lane, Outcome, Part, outcome_of
from engine.errors import Unavailable
from engine.pace import Limit


@dataclass(frozen=True, kw_only=True)
class Plain(Channel):
    """A provider that takes the address as the URL's path."""

    kind = "plain"
    label = "Plain"
    address = "phone"
    limits = Limits(kinds=("text",), text_max=100, caption_max=100, rate=1000)
    has_receipts = False
    base_url_default = "https://plain.example"

    def prepare(self, content: Content) -> Callable[[Outgoing], Request]:
        return lambda out: Request(
            method="POST", url=out.address, headers={}, body=out.texts["text"].encode()
        )

    def read(self, response: Response) -> str:
        return response.body.decode()

    def events(self, hook: Hook) -> list[Event]:
        return []

    def account(self) -> Request:
        return Request(method="GET", url=self.root, headers={}, body=b"")


@dataclass
class Book:
    """A ledger in memory."""

    items: list[Item]
    outcomes: list[Outcome] = field(default_factory=list)
    running: bool = True
    paused: str = ""
    away: int = 0

    def claim(self, channel_id: int, wanted: int) -> list[Item]:
        taken, self.items = self.items[:wanted], self.items[wanted:]
        return taken if self.running else []

    def ready_in(self, channel_id: int) -> float | None:
        return None

    def record(self, outcomes: Sequence[Outcome]) -> None:
        if self.away:
            self.away -= 1
            raise Unavailable("database.away", "The database does not answer.")
        self.outcomes += outcomes

    def wanted(self) -> bool:
        return self.running

    def pause(self, reason: str) -> None:
        self.paused, self.running = reason, False


@dataclass
class Notes:
    """A journal in memory."""

    left: list[tuple[int, int]] = field(default_factory=list)
    back: list[tuple[int, int]] = field(default_factory=list)

    def fired(self, message: int, attempt: int, at: int) -> None:
        self.left.append((message, attempt))

    def done(self, message: int, attempt: int, outcome: bytes) -> None:
        self.back.append((message, attempt))


@dataclass
class Freely:
    """Permits without a limit."""

    holds: list[tuple[str, float]] = field(default_factory=list)

    async def take(
        self, wanted: int, limits: Sequence[Limit], holds: Sequence[str] = ()
    ) -> tuple[int, float]:
        return wanted, 0.0

    async def hold(self, name: str, seconds: float) -> None:
        self.holds.append((name, seconds))


@dataclass
class Provider:
    """Answers as told: an error to raise, else 200 with the address as id."""

    errors: dict[str, ChannelError] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    slow: float = 0.0

    async def send(self, request: Request) -> Response:
        self.requests.append(request)
        await asyncio.sleep(self.slow)
        if error := self.errors.get(request.url):
            raise error
        return Response(status=200, headers={}, body=request.url.encode())


def items(count: int) -> list[Item]:
    return [
        Item(
            id=n, part=1, address=f"a{n}", variables={"first_name": f"P{n}"},
            units=1, attempt=1, tries=0,
        )
        for n in range(count)
    ]  # fmt: skip


def run(book: Book, provider: Provider, seconds: float = 20.0) -> tuple[Notes, Freely]:
    notes, permits = Notes(), Freely()
    channel = Plain()
    part = Part(
        fill=channel.prepare(Content(text="x")),
        texts={"text": template.parse("Hola {{ first_name }}")},
    )
    lane = Lane(
        channel_id=1,
        channel=channel,
        parts=[part],
        limits=[],
        ceiling=Limit(name="c", count=1000, window=1),
    )

    async def work() -> None:
        dispatcher = Dispatcher(
            ledger=book, diary=notes, permits=permits, transport=provider, lanes=[lane]
        )
        await dispatcher.run(seconds=seconds)

    asyncio.run(work())
    return notes, permits


def test_every_message_is_sent_once_filled_and_recorded():
    book, provider = Book(items(700)), Provider()
    notes, _ = run(book, provider)
    assert sorted(request.url for request in provider.requests) == sorted(
        f"a{n}" for n in range(700)
    )
    assert provider.requests[0].body == f"Hola P{provider.requests[0].url[1:]}".encode()
    assert sorted(outcome.id for outcome in book.outcomes) == list(range(700))
    assert {outcome.kind for outcome in book.outcomes} == {"accepted"}
    assert len(notes.left) == len(notes.back) == 700


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Throttled("429", retry_after=7), "again"),
        (Unreachable("503"), "again"),
        (Rejected("131026", invalid=True), "failed"),
        (OptedOut("131050"), "opted_out"),
        (Unclear("timeout"), "unknown"),
    ],
)
def test_each_error_has_one_action(error: ChannelError, kind: str):
    book = Book(items(1))
    _, permits = run(book, Provider(errors={"a0": error}))
    [outcome] = book.outcomes
    assert outcome.kind == kind
    assert outcome.invalid == (kind == "failed")
    assert (permits.holds == [("channel:1", 7)]) == isinstance(error, Throttled)


def test_a_throttled_person_waits_alone():
    book = Book(items(1))
    _, permits = run(
        book, Provider(errors={"a0": Throttled("131056", retry_after=40, scope="person")})
    )
    assert (book.outcomes[0].kind, book.outcomes[0].wait, permits.holds) == ("again", 40, [])


def test_temporary_refusals_end_after_some_tries_and_throttling_never_counts():
    [item] = items(1)
    last = Item(**{name: getattr(item, name) for name in item.__slots__} | {"tries": TRIES - 1})
    assert outcome_of(last, Unreachable("503")).kind == "failed"
    assert outcome_of(last, Throttled("429")).tries == TRIES - 1
    assert outcome_of(item, Unreachable("503")).kind == "again"


def test_a_wrong_token_pauses_the_broadcast_and_fails_nobody():
    book = Book(items(50))
    run(book, Provider(errors={f"a{n}": Misconfigured("190", "Bad token") for n in range(50)}))
    assert book.paused == "190: Bad token"
    assert {outcome.kind for outcome in book.outcomes} <= {"again", "unsent"}


def test_a_provider_that_is_away_is_left_alone_for_growing_whiles():
    book = Book(items(30))
    _, permits = run(book, Provider(errors={f"a{n}": Unreachable("connect") for n in range(30)}))
    assert len(permits.holds) > 5
    assert permits.holds[-1][1] == 60


def test_stopping_gives_back_what_was_not_sent_and_waits_for_what_was():
    book, provider = Book(items(2000)), Provider(slow=0.2)
    notes, _ = run(book, provider, seconds=0.3)
    kinds = dict.fromkeys(("accepted", "unsent"), 0)
    for outcome in book.outcomes:
        kinds[outcome.kind] += 1
    assert kinds["accepted"] == len(provider.requests) == len(notes.left) == len(notes.back)
    assert kinds["accepted"] + kinds["unsent"] + len(book.items) == 2000
    assert len({outcome.id for outcome in book.outcomes}) == len(book.outcomes)


def test_pausing_is_noticed_soon():
    book, provider = Book(items(100_000)), Provider(slow=0.05)

    original = provider.send

    async def send(request: Request) -> Response:
        if len(provider.requests) == 50:
            book.running = False
        return await original(request)

    provider.send = send  # type: ignore[method-assign]
    run(book, provider)
    assert len(provider.requests) < 50_000


def test_a_database_that_is_away_is_asked_again_and_nothing_is_lost():
    book = Book(items(20), away=2)
    run(book, Provider())
    assert sorted(outcome.id for outcome in book.outcomes) == list(range(20))


def test_a_refused_connection_provably_sent_nothing():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers
        port = taken.getsockname()[1]

        async def knock() -> None:
            async with Http() as http:
                await http.send(
                    Request(method="POST", url=f"http://127.0.0.1:{port}/x", headers={}, body=b"")
                )

        with pytest.raises(Unreachable):
            asyncio.run(knock())


@pytest.mark.parametrize("how", ["close", "reset", "half an answer", "no answer"])
def test_a_connection_lost_after_the_request_is_unclear(how: str, monkeypatch: pytest.MonkeyPatch):
    """Never "unreachable": that would send it again."""
    monkeypatch.setattr(dispatch, "TIMEOUT", dt.timedelta(seconds=0.5))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if how == "half an answer":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc")
            await writer.drain()
        if how == "no answer":
            await reader.read()  # until the other side gives up
        if how == "reset":
            writer.transport.abort()
        writer.close()

    async def knock() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, Http() as http:
            await http.send(
                Request(method="POST", url=f"http://127.0.0.1:{port}/x", headers={}, body=b"hi")
            )

    with pytest.raises(Unclear):
        asyncio.run(knock())
