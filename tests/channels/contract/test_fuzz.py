"""Whatever a stranger sends, a channel raises its own errors and nothing else."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlencode

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels.base import BadContent, ChannelError

fuzz = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

odd = st.sampled_from(["\x00", "a\x00b", "\ud800", "1e400", "-1", "9" * 30])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | odd,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@st.composite
def mutated(draw: Callable[..., Any], documents: list[Any]) -> Any:
    """A recorded document with one place in it replaced by anything or removed."""
    document = json.loads(json.dumps(draw(st.sampled_from(documents))))
    holder: Any = {"root": document}
    key: Any = "root"
    while isinstance(holder[key], dict | list) and holder[key] and draw(st.integers(0, 4)):
        holder = holder[key]
        places = list(holder) if isinstance(holder, dict) else range(len(holder))
        key = draw(st.sampled_from(places))
    if holder is not None and isinstance(holder, dict) and draw(st.booleans()) and key != "root":
        del holder[key]
    else:
        holder[key] = draw(anything)
    return document


@fuzz
@given(data=st.data(), status=st.sampled_from([200, 201, 204, 302, 400, 401, 403, 429, 500, 503]))
def test_reading_never_raises_anything_else(provider: Any, data: Any, status: int) -> None:
    bodies = [case["body"] for case in provider.recorded("accepted") + provider.recorded("errors")]
    body = data.draw(st.binary(max_size=50) | mutated(bodies) | anything)
    try:
        taken = provider.channel().read(provider.answer(status, body))
    except ChannelError as error:
        kept([error.code, error.text])
    else:
        assert 200 <= status < 300
        kept([taken])


@fuzz
@given(data=st.data())
def test_events_never_raise_anything_else(provider: Any, data: Any) -> None:
    hooks = provider.recorded("webhooks")
    documents = [case.get("json") or case.get("form") for case in hooks]
    document = data.draw(mutated(documents) | anything)
    raw = json.dumps(document).encode()
    if "form" in hooks[0] and isinstance(document, dict):
        raw = urlencode(document, errors="replace").encode()
    body = data.draw(st.just(raw) | st.binary(max_size=50))
    channel = provider.channel()
    hook = provider.sign(body)
    try:
        events = channel.events(hook)
    except BadContent:
        return
    assert isinstance(channel.answer(hook)[0], str)
    for event in events:
        assert event.at.tzinfo is not None
        kept(dataclasses.asdict(event).values())


def test_what_a_database_cannot_keep_is_left_out(provider: Any) -> None:
    channel = provider.channel()
    for case in provider.recorded("webhooks"):
        name = "json" if "json" in case else "form"
        hook = provider.hook({**case, name: spoiled(case[name], "\x00")})
        for event in channel.events(hook):
            kept(dataclasses.asdict(event).values())
    for case in provider.recorded("accepted"):
        taken = channel.read(provider.answer(case["status"], spoiled(case["body"], "\x00\ud800")))
        kept([taken])


def spoiled(document: Any, by: str) -> Any:
    """The document with these characters at the end of every text that is no keyword."""
    if isinstance(document, dict):
        return {name: spoiled(value, by) for name, value in document.items()}
    if isinstance(document, list):
        return [spoiled(value, by) for value in document]
    return document + by if isinstance(document, str) and len(document) > 15 else document


def kept(values: Iterable[object]) -> None:
    """A database can keep these: no lone surrogates, no zero bytes."""
    for value in values:
        if isinstance(value, str):
            assert value == value.encode().decode()
            assert "\x00" not in value
