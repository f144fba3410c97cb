"""How many SMS a text is: 3GPP TS 23.038 (alphabets) and 23.040 (parts of a long message)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = "\f^{}\\[~]|€"
"""Each costs two septets, an escape and itself, which stay in one part."""

_GSM7 = re.compile(f"[{re.escape(_BASIC + _EXTENDED)}]*")
_DOUBLE = re.compile(f"[{re.escape(_EXTENDED)}]")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
"""Two UTF-16 units, which stay in one part."""

_ONE = {"gsm7": 160, "ucs2": 70}
_EACH = {"gsm7": 153, "ucs2": 67}
"""A part of a long message is shorter: its header takes the rest."""


class Count(NamedTuple):
    encoding: Literal["gsm7", "ucs2"]
    parts: int
    """SMS the text takes; an empty text takes none."""
    units: int
    """Septets (gsm7) or UTF-16 units (ucs2)."""


def count(text: str) -> Count:
    """What this text costs as SMS."""
    encoding: Literal["gsm7", "ucs2"] = "gsm7" if _GSM7.fullmatch(text) else "ucs2"
    double = _DOUBLE if encoding == "gsm7" else _ASTRAL
    pairs = len(double.findall(text))
    units = len(text) + pairs
    if units <= _ONE[encoding]:
        return Count(encoding, 1 if text else 0, units)
    if not pairs:
        return Count(encoding, -(-units // _EACH[encoding]), units)
    costs = (2 if double.match(character) else 1 for character in text)
    return Count(encoding, _packed(costs, _EACH[encoding]), units)


def _packed(costs: Iterable[int], size: int) -> int:
    """Parts needed when no character may be cut."""
    parts, used = 1, 0
    for cost in costs:
        if used + cost > size:
            parts, used = parts + 1, 0
        used += cost
    return parts
