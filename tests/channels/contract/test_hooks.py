"""What comes back, whichever the channel: nobody but the provider is heard."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest

from channels import base
from channels.base import BadContent, BadSignature

PAGE = b"<html><body>Hi</body></html>"


def as_recorded(event: base.Event) -> dict[str, Any]:
    """An event as the payload files write it: its type and what is not the default."""
    plain: dict[str, Any] = {"type": type(event).__name__}
    for item in dataclasses.fields(event):
        value = getattr(event, item.name)
        if value != item.default:
            plain[item.name] = value.isoformat() if isinstance(value, dt.datetime) else value
    return plain


def test_reads_the_events_of_a_signed_call(provider: Any, webhook_case: dict[str, Any]) -> None:
    events = provider.channel().events(provider.hook(webhook_case))
    assert [as_recorded(event) for event in events] == webhook_case["events"]


def test_a_forged_call_is_refused(provider: Any, webhook_case: dict[str, Any]) -> None:
    channel, hook = provider.channel(), provider.hook(webhook_case)
    [(name, good)] = hook.headers.items()
    forged = [good[:-1], good[1:], good + "x", good.swapcase(), "", "ñ", "sha256=", "\ud800"]
    for value in forged:
        with pytest.raises(BadSignature):
            channel.events(dataclasses.replace(hook, headers={name: value}))
    with pytest.raises(BadSignature):
        channel.events(dataclasses.replace(hook, headers={}))
    if provider.signs_the_body():
        middle = len(hook.body) // 2
        changed = hook.body[:middle] + bytes([hook.body[middle] ^ 1]) + hook.body[middle + 1 :]
        for body in (hook.body + b"&x=1", hook.body[:-2], b"", changed):
            with pytest.raises(BadSignature):
                channel.events(dataclasses.replace(hook, body=body))


def test_an_empty_secret_lets_nobody_in(provider: Any) -> None:
    secrets = dict.fromkeys(provider.type.secret_names(), "")
    channel = dataclasses.replace(provider.channel(), **secrets)
    hook = provider.hook(provider.recorded("webhooks")[0])
    forged = provider.sign(hook.body, url=hook.url, **secrets)
    for headers in (forged.headers, {}):
        with pytest.raises(BadSignature):
            channel.events(dataclasses.replace(hook, headers=headers))


def test_a_signed_call_that_cannot_be_read_is_said_to_be(provider: Any) -> None:
    channel = provider.channel()
    for body in (b"", b"{", PAGE, b"[]", b"\xff", b"[" * 100_000):
        hook = provider.sign(body)
        if provider.signs_json():
            with pytest.raises(BadContent, match=r"hook\.unreadable"):
                channel.events(hook)
        else:
            assert channel.events(hook) == []


def test_a_call_whose_address_cannot_be_read_is_refused(provider: Any) -> None:
    hook = dataclasses.replace(provider.sign(b"a=1"), url="https://[::1/hooks", headers={})
    with pytest.raises(BadSignature):
        provider.channel().events(hook)
