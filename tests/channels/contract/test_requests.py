"""What goes out, whichever the channel: what the provider expects, whatever a person is called."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels.base import Content, Outgoing, Rejected, Request

fuzz = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def leaves(value: object) -> Iterator[object]:
    """Every value of a JSON document that is no container."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from leaves(item)
    else:
        yield value


def test_builds_the_request_the_provider_expects(
    provider: Any, request_case: dict[str, Any]
) -> None:
    channel = provider.channel()
    fill = channel.prepare(Content.from_json(request_case["content"]))
    outgoing = Outgoing(
        address=request_case["address"],
        reference=request_case["reference"],
        texts=request_case["texts"],
    )
    request = fill(outgoing)
    assert request.method == "POST"
    assert request.url == request_case["url"].format(root=channel.root, **provider.settings())
    assert body_of(request) == request_case.get("json", request_case.get("form"))


def body_of(request: Request) -> Any:
    if request.headers["content-type"] == "application/json":
        return json.loads(request.body)
    pairs = parse_qsl(request.body.decode("ascii"), keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


@fuzz
@given(text=st.text(st.characters(), min_size=1, max_size=300))
def test_what_a_contact_holds_arrives_as_text_and_nothing_else(provider: Any, text: str) -> None:
    channel = provider.channel()
    fill = channel.prepare(Content(text="Hi {{ first_name }}"))
    outgoing = Outgoing(address="+34600111222", reference='"}&x=1', texts={"text": text})
    plain = fill(dataclasses.replace(outgoing, texts={"text": "Hi"})) if text.strip() else None
    if plain is None:
        with pytest.raises(Rejected):
            fill(outgoing)
        return
    expected = text.encode("utf-8", "replace").decode()
    found = list(leaves(body_of(fill(outgoing))))
    assert expected in found
    assert len(found) == len(list(leaves(body_of(plain))))


def test_messages_of_one_content_do_not_touch_each_other(provider: Any) -> None:
    fill = provider.channel().prepare(Content(text="Hi {{ first_name }}"))
    one, two = (
        Outgoing(address=f"+3460011122{n}", reference=f"1.{n}", texts={"text": f"Hi {n}"})
        for n in (1, 2)
    )
    first_time, other, second_time = fill(one).body, fill(two).body, fill(one).body
    assert first_time == second_time != other
