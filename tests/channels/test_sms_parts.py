from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels import sms_parts

# Recorded from Twilio's sms-segments-calculator 1.3.0.
RECORDED = [
    ("a" * 160, "gsm7", 1),
    ("a" * 161, "gsm7", 2),
    ("a" * 306, "gsm7", 2),
    ("a" * 307, "gsm7", 3),
    ("€" * 80, "gsm7", 1),
    ("€" * 81, "gsm7", 2),
    ("€" * 153, "gsm7", 3),
    ("a" + "€" * 80, "gsm7", 2),
    ("ñ¿¡ÉüÇ", "gsm7", 1),
    ("x\fy", "gsm7", 1),
    ("á", "ucs2", 1),
    ("ç", "ucs2", 1),
    ("a\tb", "ucs2", 1),
    ("`", "ucs2", 1),
    ("á" * 70, "ucs2", 1),
    ("á" * 71, "ucs2", 2),
    ("á" * 134, "ucs2", 2),
    ("á" * 135, "ucs2", 3),
    ("😀" * 35, "ucs2", 1),
    ("😀" * 36, "ucs2", 2),
    ("😀" * 66, "ucs2", 2),
    ("😀" * 67, "ucs2", 3),
    ("á" + "😀" * 33, "ucs2", 1),
    ("^" * 76 + "a^" * 40, "gsm7", 2),
]


@pytest.mark.parametrize(("text", "encoding", "parts"), RECORDED)
def test_counts_as_the_carriers_do(text: str, encoding: str, parts: int) -> None:
    assert sms_parts.count(text)[:2] == (encoding, parts)


def test_an_empty_text_is_no_sms() -> None:
    assert sms_parts.count("") == ("gsm7", 0, 0)


def sliced(text: str) -> list[str]:
    """The text cut into parts one by one, as a phone would receive them."""
    gsm7 = sms_parts.count(text).encoding == "gsm7"
    parts = [""]
    for character in text:
        if size(parts[-1] + character, gsm7) > (153 if gsm7 else 67):
            parts.append("")
        parts[-1] += character
    return parts


def size(text: str, gsm7: bool) -> int:
    if gsm7:
        return sum(2 if character in "\f^{}\\[~]|€" else 1 for character in text)
    return len(text.encode("utf-16-be")) // 2


@given(st.text(st.sampled_from("aZ9 ñÉ@€^|[\n"), max_size=400) | st.text("á😀a€", max_size=200))
def test_no_part_is_too_long_and_none_is_wasted(text: str) -> None:
    counted = sms_parts.count(text)
    whole = size(text, counted.encoding == "gsm7")
    assert counted.units == whole
    if whole > (160 if counted.encoding == "gsm7" else 70):
        assert counted.parts == len(sliced(text))
    else:
        assert counted.parts == min(1, whole)
