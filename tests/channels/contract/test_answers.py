"""What a provider answers, whichever the channel: an id, or exactly one action."""

from __future__ import annotations

import json
from typing import Any

import pytest

from channels.base import ChannelError, Rejected, Throttled, Unclear


def test_reads_the_id_of_an_accepted_message(provider: Any, accepted_case: dict[str, Any]) -> None:
    assert (
        provider.channel().read(provider.answer(accepted_case["status"], accepted_case["body"]))
        == accepted_case["id"]
    )


def test_every_error_is_one_action(provider: Any, error_case: dict[str, Any]) -> None:
    with pytest.raises(ChannelError) as caught:
        provider.channel().read(
            provider.answer(error_case["status"], error_case["body"], error_case.get("headers"))
        )
    error = caught.value
    assert (type(error).__name__, error.code) == (error_case["raises"], error_case["code"])
    if isinstance(error, Throttled):
        assert error.scope == error_case.get("scope", "channel")
        assert error.retry_after == error_case.get("retry_after")
    if isinstance(error, Rejected):
        assert error.invalid == error_case.get("invalid", False)


def test_half_an_answer_is_never_an_acceptance(provider: Any) -> None:
    for case in provider.recorded("accepted") + provider.recorded("errors"):
        body = json.dumps(case["body"]).encode()
        for cut in range(0, len(body), 7):
            with pytest.raises(ChannelError) as caught:
                provider.channel().read(provider.answer(case["status"], body[:cut]))
            if case["status"] < 300 or case["status"] >= 500:
                assert type(caught.value) is Unclear


PAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
BY_STATUS = {200: "Unclear", 204: "Unclear", 302: "Misconfigured", 400: "Unclear"} | {
    401: "Misconfigured",
    403: "Misconfigured",
    404: "Misconfigured",
    408: "Unclear",
    429: "Throttled",
    500: "Unclear",
    502: "Unclear",
    503: "Unclear",
    504: "Unclear",
}


@pytest.mark.parametrize("body", [PAGE, b"", b"[]", b"null", b"1", b'"x"', b"{}", b"\xff\xfe"])
@pytest.mark.parametrize("status", BY_STATUS)
def test_an_answer_in_nobodys_words_is_judged_by_its_status(
    provider: Any, status: int, body: bytes
) -> None:
    with pytest.raises(ChannelError) as caught:
        provider.channel().read(provider.answer(status, body, {"retry-after": "3"}))
    assert type(caught.value).__name__ == BY_STATUS[status]
    assert "<html>" not in str(caught.value)
    if isinstance(caught.value, Throttled):
        assert caught.value.retry_after == 3


@pytest.mark.parametrize("header", ["soon", "-1", "nan", "inf", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_an_odd_retry_after_is_no_pause(provider: Any, header: str) -> None:
    with pytest.raises(Throttled) as caught:
        provider.channel().read(provider.answer(429, PAGE, {"retry-after": header}))
    assert caught.value.retry_after is None
