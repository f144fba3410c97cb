"""Our channels against the sandbox, both ways: what they send is taken, what it tells they read."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from channels import KINDS
from channels.base import (
    Channel,
    ChannelError,
    Content,
    Event,
    Hook,
    Kind,
    Misconfigured,
    OptedOut,
    OptOut,
    Outgoing,
    Receipt,
    Rejected,
    Reply,
    Request,
    Response,
    Throttled,
    Unreachable,
)
from engine import accounts
from engine.sandbox import sandbox
from engine.sandbox.population import Population

Run = Callable[..., Any]
Wait = Callable[[Callable[[], object]], object]

ADDRESSES = {"whatsapp": "+573001112233", "telegram": "5501", "twilio_sms": "+573001112233"}


def opened(running: Any, kind: str) -> Channel:
    """The workspace's channel, pointed at the port the sandbox got."""
    with running.database.read() as session:
        row = accounts.by_name(session, kind)
    settings = running.settings.model_copy(
        update={"sandbox_port": int(running.url.rpartition(":")[2])}
    )
    return accounts.open(settings, row)


def ask(running: Any, request: Request) -> Response:
    answer = running.http.request(
        request.method, request.url, headers=dict(request.headers), content=request.body
    )
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Response(status=answer.status_code, headers=headers, body=answer.content)


def send(running: Any, kind: str, content: Content | None = None, *, reference: str = "7") -> str:
    """The provider's id of one message. Raises the channel's error."""
    channel = opened(running, kind)
    content = content or Content(text="Hola {{ first_name }}")
    texts = {
        name: text.replace("{{ first_name }}", "José") for name, text in content.slots().items()
    }
    outgoing = Outgoing(address=ADDRESSES[kind], reference=reference, texts=texts)
    return channel.read(ask(running, channel.prepare(content)(outgoing)))


def events(running: Any, door: Any, kind: str) -> list[Event]:
    """What the channel makes of every call that reached its hook, signatures checked."""
    channel, hook = opened(running, kind), f"/hooks/{running.channels[kind]}"
    found: list[Event] = []
    for told in list(door.taken):
        if told.path.partition("?")[0] == hook:
            url = f"http://127.0.0.1:{door.port}{told.path}"
            call = Hook(method="POST", url=url, headers=told.headers, body=told.body)
            found += channel.events(call)
    return found


every_kind = pytest.mark.parametrize("kind", sorted(KINDS))


@every_kind
def test_a_right_account_is_recognised_and_a_wrong_one_is_not(calm_sandbox: Any, kind: str) -> None:
    assert ask(calm_sandbox, opened(calm_sandbox, kind).account()).status == 200
    wrong = {"whatsapp": "access_token", "telegram": "token", "twilio_sms": "auth_token"}[kind]
    mistaken = dataclasses.replace(opened(calm_sandbox, kind), **{wrong: "1:wrong"})
    assert ask(calm_sandbox, mistaken.account()).status == 401


@every_kind
def test_every_kind_of_message_a_channel_can_carry_is_taken(calm_sandbox: Any, kind: str) -> None:
    url = "https://example.com/a.jpg"
    contents: dict[Kind, Content] = {
        "text": Content(text="Hola {{ first_name }} & <amigos> “ñandú” 👋"),
        "image": Content(kind="image", text="Mira", media_url=url),
        "video": Content(kind="video", text="Mira", media_url=url),
        "audio": Content(kind="audio", media_url=url),
        "document": Content(kind="document", media_url=url, filename="a.pdf"),
        "template": Content(
            kind="template", template="promo", language="es", parameters=("{{ first_name }}",)
        ),
    }
    carried = KINDS[kind].limits.kinds
    ids = {send(calm_sandbox, kind, contents[each]) for each in carried}
    assert len(ids) == len(carried)


@every_kind
@pytest.mark.parametrize(
    ("share", "error"),
    [
        ("throttled", Throttled),
        ("unavailable", Unreachable),
        ("invalid", Rejected),
        ("blocked", OptedOut),
    ],
)
def test_each_refusal_means_to_the_channel_what_it_meant_here(
    run_sandbox: Run, kind: str, share: str, error: type[ChannelError]
) -> None:
    running = run_sandbox(Population(**{share: 1.0, "retry_after": 3}))
    with pytest.raises(error) as raised:
        send(running, kind)
    assert type(raised.value) is error
    if isinstance(raised.value, Throttled):
        assert raised.value.retry_after == 3
    if isinstance(raised.value, Rejected):
        assert raised.value.invalid


@every_kind
def test_a_wrong_token_stops_the_broadcast_not_the_person(run_sandbox: Run, kind: str) -> None:
    running = run_sandbox()
    with running.database.write() as session:
        accounts.by_name(session, kind).sandbox = False  # its credentials are unknown here now
    channel = dataclasses.replace(opened(running, kind), base_url=running.url)
    fill = channel.prepare(Content(text="Hola"))
    outgoing = Outgoing(address=ADDRESSES[kind], reference="1", texts={"text": "Hola"})
    with pytest.raises(Misconfigured):
        channel.read(ask(running, fill(outgoing)))


@every_kind
def test_receipts_and_replies_find_their_message(
    run_sandbox: Run, door: Any, eventually: Wait, kind: str
) -> None:
    running = run_sandbox(
        Population(
            **dict.fromkeys(("invalid", "blocked", "throttled", "unavailable", "failed"), 0.0),
            **dict.fromkeys(("stops", "early", "late"), 0.0),
            **dict.fromkeys(("delivered", "read", "replies", "leaves"), 1.0),
            **dict.fromkeys(("twice", "disordered"), 1.0),
            **dict.fromkeys(("receipt_seconds", "read_seconds", "reply_seconds"), (0.02, 0.1)),
        )
    )
    content = Content(
        text="¿Vienes?", buttons=("Sí", "No") if KINDS[kind].limits.buttons_max else ()
    )
    taken = send(running, kind, content, reference="42 ñ&=")
    told = KINDS[kind].has_receipts
    expected = {"whatsapp": 5, "telegram": 2, "twilio_sms": 4}[kind]
    eventually(lambda: len(events(running, door, kind)) == expected)
    found = events(running, door, kind)
    receipts = [event for event in found if isinstance(event, Receipt)]
    replies = [event for event in found if isinstance(event, Reply)]
    assert bool(receipts) is told
    assert {receipt.provider_id for receipt in receipts} == ({taken} if told else set())
    assert {receipt.reference for receipt in receipts} == ({"42 ñ&="} if told else set())
    assert [reply.address for reply in replies] == [ADDRESSES[kind]]
    assert replies[0].text
    assert replies[0].context_id in ("", taken)
    left = [event for event in found if isinstance(event, OptOut)]
    assert len(left) == (1 if kind == "telegram" else 0)


@every_kind
def test_the_log_names_a_message_as_the_ledger_does(run_sandbox: Run, kind: str) -> None:
    running = run_sandbox()
    taken = send(running, kind, reference="42")
    running.stop()
    row = sandbox.arrivals(running.log).row(0, named=True)
    running.start()
    assert row["provider_id"] == taken
    assert row["kind"] == kind
    assert row["address"].lstrip("+") == ADDRESSES[kind].lstrip("+")
    assert row["reference"] == ("" if kind == "telegram" else "42")


def test_sms_parts_are_counted_as_the_sender_counts_them(run_sandbox: Run) -> None:
    running = run_sandbox()
    text = "á" * 71
    send(running, "twilio_sms", Content(text=text))
    running.stop()
    units = sandbox.arrivals(running.log)["units"].to_list()
    judged = sandbox.judge(running.log)
    running.start()
    assert units == [opened(running, "twilio_sms").units({"text": text})] == [2]
    assert (judged.max_in_window(1), judged.max_in_window(1, units=True)) == (1, 2)
