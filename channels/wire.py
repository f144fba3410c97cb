"""What comes from strangers read without trust, and JSON bodies with holes for what varies."""

from __future__ import annotations

import datetime as dt
import hmac
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Any
from urllib.parse import quote_plus

# Bodies with holes


@dataclass(frozen=True, slots=True)
class Hole:
    """Where a text goes that differs from person to person."""

    name: str


def filler(document: object) -> Callable[[Mapping[str, str]], bytes]:
    """A JSON body built once; what it gives fills the holes with texts by name, escaped."""
    mark = secrets.token_hex(16)
    whole = json.dumps(
        document,
        ensure_ascii=False,
        separators=(",", ":"),
        default=lambda hole: f"{mark}{hole.name}{mark}",
    )
    start, *rest = re.split(f'"{mark}(.+?){mark}"', whole)
    holes = tuple(zip(rest[::2], rest[1::2], strict=True))

    def fill(texts: Mapping[str, str]) -> bytes:
        parts = [start]
        for name, after in holes:
            parts.append(encode_basestring(texts[name]))
            parts.append(after)
        return "".join(parts).encode("utf-8", "replace")

    return fill


def quoted(text: str) -> str:
    """urllib's quote_plus at half its cost: once a message, it shows."""
    return "".join(map(_QUOTED.__getitem__, text.encode("utf-8", "replace")))


_QUOTED = tuple(quote_plus(bytes([byte])) for byte in range(256))


# JSON from strangers


def document(body: bytes) -> dict[str, Any]:
    """The JSON object in these bytes. Raises ValueError when there is none."""
    try:
        value = json.loads(body)
    except RecursionError as error:
        raise ValueError("The JSON is nested too deeply.") from error
    if not isinstance(value, dict):
        raise ValueError("The JSON is no object.")
    return value


def answer(body: bytes) -> dict[str, Any]:
    """The JSON object a provider answered with, empty when there is none."""
    try:
        return document(body)
    except ValueError:
        return {}


def table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def tables(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def word(value: object) -> str:
    """A text or a whole number as text, without what a database cannot keep; else empty."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        return ""
    return value.replace("\x00", "").encode("utf-8", "replace").decode()


def number(value: object) -> int | None:
    """A whole number, also one written as text."""
    text = word(value)
    plain = text.isascii() and text.removeprefix("-").isdigit() and len(text) < 20
    return int(text) if plain else None


def moment(value: object, otherwise: dt.datetime) -> dt.datetime:
    """Seconds since 1970, as a number or text."""
    seconds = number(value)
    if seconds is None:
        return otherwise
    try:
        return dt.datetime.fromtimestamp(seconds, dt.UTC)
    except (OverflowError, ValueError, OSError):
        return otherwise


def same(given: str, expected: str) -> bool:
    """Compared in constant time. An empty secret matches nothing."""
    return bool(expected) and hmac.compare_digest(
        given.encode("utf-8", "replace"), expected.encode("utf-8", "replace")
    )
