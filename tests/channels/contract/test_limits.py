"""Every limit a channel states is kept: by the check for all, by the filler for one person."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args

import pytest

from channels import base
from channels.base import BadContent, Channel, Content, Outgoing, Rejected, Request


def sendable(provider: Any) -> dict[str, Content]:
    """A content of every kind the channel carries, that passes."""
    found = {}
    for what in provider.type.limits.kinds:
        if what == "text":
            found[what] = Content(text="Hi")
        elif what == "template":
            found[what] = Content(kind=what, template="offer", language="es", parameters=("a",))
        else:
            found[what] = Content(kind=what, media_url="https://shop.example/a")
    return found


def refused(channel: Channel, content: Content) -> str:
    """The code with which both the check and the composition refuse a content."""
    with pytest.raises(BadContent) as checked:
        base.check(channel, content)
    with pytest.raises(BadContent) as prepared:
        channel.prepare(content)
    assert checked.value.code == prepared.value.code
    assert checked.value.text.endswith(".")
    assert "{" not in checked.value.text
    return checked.value.code


def test_every_limit_is_enforced_before_anything_is_sent(provider: Any) -> None:
    channel, limits = provider.channel(), provider.type.limits
    for what in get_args(base.Kind):
        content = sendable(provider).get(what)
        if content is None:
            assert refused(channel, Content(kind=what, text="Hi")) == "content.kind"
            continue
        base.check(channel, content)
        if what == "template":
            assert refused(channel, dataclasses.replace(content, template="")) == "content.template"
            assert refused(channel, dataclasses.replace(content, language="")) == "content.template"
            blank = dataclasses.replace(content, parameters=("a", " "))
            assert refused(channel, blank) == "content.parameter"
            continue
        longest = limits.longest(content)
        over = dataclasses.replace(content, text="x" * (longest + 1))
        assert refused(channel, over) == ("content.too_long" if longest else "content.caption")
        if longest:
            exact = "x" * longest
            base.check(channel, dataclasses.replace(content, text=exact))
            base.check(channel, dataclasses.replace(content, text=exact + "{{ first_name }}"))
        if what == "text":
            assert refused(channel, dataclasses.replace(content, text=" \n")) == "content.empty"
        else:
            plain = dataclasses.replace(content, media_url="http://shop.example/a")
            assert refused(channel, plain) == "content.media_url"


def test_every_limit_of_buttons_is_enforced(provider: Any) -> None:
    channel, limits = provider.channel(), provider.type.limits
    full = tuple(f"{n}".ljust(limits.button_text_max, "x") for n in range(limits.buttons_max))
    base.check(channel, Content(text="Hi", buttons=full))
    assert refused(channel, Content(text="Hi", buttons=(*full, "more"))) == "content.buttons"
    if not limits.buttons_max:
        return
    for wrong in (" ", "x" * (limits.button_text_max + 1)):
        assert refused(channel, Content(text="Hi", buttons=(wrong,))) == "content.button_text"
    assert refused(channel, Content(text="Hi", buttons=("{{ a }}",))) == "content.button_variable"
    assert refused(channel, Content(text="Hi", buttons=("a", "a"))) == "content.button_twice"
    longest = limits.text_max_with_buttons or limits.text_max
    base.check(channel, Content(text="x" * longest, buttons=("a",)))
    over = Content(text="x" * (longest + 1), buttons=("a",))
    assert refused(channel, over) == "content.too_long"
    for what in limits.without_buttons:
        content = dataclasses.replace(sendable(provider)[what], buttons=("a",), text="")
        with pytest.raises(BadContent):
            base.check(channel, content)


def test_a_text_wrong_for_one_person_is_rejected_for_that_person_only(provider: Any) -> None:
    channel, limits = provider.channel(), provider.type.limits
    fill = channel.prepare(Content(text="{{ story }}"))

    def send(text: str) -> Request:
        texts = {"text": text}
        return fill(Outgoing(address="+34600111222", reference="1", texts=texts))

    for text, code in (("x" * (limits.text_max + 1), "content.too_long"), (" ", "content.empty")):
        with pytest.raises(Rejected) as caught:
            send(text)
        assert caught.value.code == code
        assert not caught.value.invalid
    assert send("x" * limits.text_max).body


@pytest.mark.parametrize("url", ["", "http://a.example/x", "https://", "https://a b/x", "x"])
def test_a_media_address_wrong_for_one_person_is_rejected(provider: Any, url: str) -> None:
    fill = provider.channel().prepare(Content(kind="image", media_url="{{ photo }}"))
    with pytest.raises(Rejected) as caught:
        fill(Outgoing(address="+34600111222", reference="1", texts={"media_url": url}))
    assert caught.value.code == "content.media_url"


def test_the_limits_are_plausible(provider: Any) -> None:
    limits, channel = provider.type.limits, provider.channel()
    assert limits.rate > 0
    assert "text" in limits.kinds
    assert channel.units({"text": "Hi"}) == channel.units({}) == 1
