"""An account's settings: asked for, checked, and its secrets never shown."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest

from channels.base import BadContent, BadSignature, ChannelError, Content, Outgoing

FILES = ("settings", "requests", "accepted", "errors", "webhooks")


def leaves(value: object) -> Iterator[object]:
    """Every value of a JSON document that is no container."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from leaves(item)
    else:
        yield value


def test_every_payload_file_is_there_and_states_its_source(provider: Any) -> None:
    for name in FILES:
        document = provider.document(name)
        assert document["source"].strip()
        names = [case.get("name") for case in document["cases"]]
        assert names
        assert len(set(names)) == len(names), "Two cases have one name."


def test_secrets_never_show(provider: Any) -> None:
    channel = provider.channel()
    hidden = [provider.settings()[name] for name in channel.secret_names()]
    assert hidden
    shown = [repr(channel), str(channel), repr(channel.account())]
    fill = channel.prepare(Content(text="Hi"))
    shown.append(repr(fill(Outgoing(address="+1", reference="1", texts={"text": "Hi"}))))
    for case in provider.recorded("errors"):
        told = json.dumps(case["body"])
        for word in (item for item in leaves(case["body"]) if " " in str(item)):
            told = told.replace(json.dumps(word), json.dumps(f"{word} {' '.join(hidden)}"))
        for headers in ({}, {"retry-after": hidden[0]}):
            with pytest.raises(ChannelError) as caught:
                channel.read(provider.answer(case["status"], told.encode(), headers))
            shown += [str(caught.value), repr(caught.value), caught.value.text]
    with pytest.raises(BadSignature) as forged:
        channel.events(dataclasses.replace(provider.sign(b"{}"), headers={}))
    shown.append(str(forged.value))
    for secret in hidden:
        assert not [text for text in shown if secret in text]


def test_the_account_check_carries_the_credentials_and_changes_nothing(provider: Any) -> None:
    request = provider.channel().account()
    assert request.method == "GET"
    assert request.body == b""
    assert request.url.startswith(provider.channel().root + "/")


def test_every_setting_has_a_label_and_a_missing_one_is_named(provider: Any) -> None:
    kind = provider.type
    for item in dataclasses.fields(kind):
        if item.default is not dataclasses.MISSING:
            continue
        assert item.metadata["label"]
        for without in ({item.name: " "}, {}):
            rest = {name: value for name, value in provider.settings().items() if name != item.name}
            with pytest.raises(BadContent) as caught:
                kind.from_settings(rest | without)
            assert item.name in caught.value.text
    with pytest.raises(BadContent) as caught:
        kind.from_settings(provider.settings() | {"colour": "red"})
    assert "colour" in caught.value.text


@pytest.mark.parametrize("value", ["a\nb", "a\r\nx: y", "ñ", "\x00", "\ud800"])
def test_a_setting_that_cannot_go_into_a_request_is_refused(provider: Any, value: str) -> None:
    for name in provider.type.secret_names():
        with pytest.raises(BadContent) as caught:
            provider.type.from_settings(provider.settings() | {name: value})
        assert name in caught.value.text
        assert value not in caught.value.text


GOOD_URLS = ["", "https://mock.example/base/", "http://127.0.0.1:8080", "http://localhost:1/x"]
GOOD_URLS += ["http://[::1]:9000", "HTTP://127.9.9.9"]
BAD_URLS = ["http://mock.example", "ftp://127.0.0.1", "127.0.0.1:80", "https://", "http://"]
BAD_URLS += ["http://127.0.0.1@evil.example", "http://127.0.0.1\\@evil.example", "https://a b.c"]
BAD_URLS += ["https://a.example/?x=1", "https://a.example#x", "http://0.0.0.0", "http://[::1"]
BAD_URLS += ["http://localhost.evil.example", "http://127.0.0.1.evil.example", "http://10.0.0.1"]


def test_the_base_url_is_https_or_on_this_machine(provider: Any) -> None:
    for url in GOOD_URLS:
        channel = provider.type.from_settings(provider.settings() | {"base_url": url})
        assert channel.account().url.startswith(url.rstrip("/") or channel.base_url_default)
    for url in BAD_URLS:
        with pytest.raises(BadContent) as caught:
            provider.type.from_settings(provider.settings() | {"base_url": url})
        assert caught.value.code == "channel.base_url", url
