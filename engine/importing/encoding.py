"""The text in a file of unknown encoding: marks first, then UTF-8, then the likeliest letters."""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

from engine.errors import Invalid

SAMPLE = 64 * 1024

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WESTERN = ("cp1252", "mac_roman", "cp850")
_VOWELS = frozenset("áéíóúñ")
_LETTERS = frozenset("ÁÉÍÓÚÑüÜçÇãõÃÕâêôÂÊÔàèìòùÀÈäöÄÖßåøæëïîûªº¿¡°€«»“”‘’–—·…\u00a0")
_EASTERN = ("cp1250", "cp1251", "koi8_r", "cp1253", "cp1254", "cp1255", "cp1256")
_OTHERS = [*_EASTERN, "shift_jis", "euc_jp", "gb18030", "big5", "euc_kr"]


def decode(data: bytes) -> tuple[str, str, Invalid | None]:
    """(text, encoding, what is wrong with it or None). Raises Invalid for what is no text."""
    encoding, start = _marked(data)
    text = data[start:]
    if not encoding:
        encoding = _wide(text) or ("utf-8" if _is_utf8(text) else _narrow(text))
    if not encoding.startswith(("utf-16", "utf-32")) and _looks_binary(text):
        raise not_a_table()
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    decoded = decoder.decode(text)
    pending, _ = decoder.getstate()
    if pending:
        return decoded, encoding, cut()
    if "\ufffd" in decoded and "\ufffd".encode(encoding, "ignore") not in text:
        return decoded, encoding, _unreadable(encoding)
    return decoded, encoding, None


def not_a_table() -> Invalid:
    return Invalid("import.not_a_table", "This file is not a table: give a CSV or an XLSX file.")


def cut() -> Invalid:
    return Invalid("import.cut", "The file ends in the middle of a letter: it seems to be cut.")


def _unreadable(encoding: str) -> Invalid:
    return Invalid(
        "import.unreadable_letters",
        "Letters that cannot be read as {encoding} are shown as �.",
        encoding=encoding.upper(),
    )


def _marked(data: bytes) -> tuple[str, int]:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding, len(mark)
    return "", 0


def _wide(data: bytes) -> str:
    """UTF-16 without a mark shows as zeros in every other byte."""
    sample = data[: min(SAMPLE, len(data) // 2 * 2)]
    half = max(len(sample) // 2, 1)
    even, odd = sample[::2].count(0) / half, sample[1::2].count(0) / half
    if odd > 0.1 and even * 10 < odd:
        return "utf-16-le"
    if even > 0.1 and odd * 10 < even:
        return "utf-16-be"
    return ""


def _looks_binary(data: bytes) -> bool:
    sample = data[:SAMPLE]
    strange = len(re.findall(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", sample))
    return b"\x00" in sample[:1024] or strange * 100 > len(sample)


def _is_utf8(data: bytes) -> bool:
    """Also when cut in its last letter, or with a few bytes of something else in it."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    text = decoder.decode(data)
    pending, _ = decoder.getstate()
    wrong = text.count("\ufffd")
    good = len(re.findall(r"[^\x00-\x7f\ufffd]", text))
    return wrong * 10 < good or not (wrong or pending)


def _narrow(data: bytes) -> str:
    """An encoding of one byte a letter, or a Far Eastern one; western European when in doubt.

    charset-normalizer alone takes "Muñoz" in Latin-1 for central European: it weighs whole
    languages, and a contact file is mostly names. So the letters Spanish and its neighbours use
    decide first, and it is asked when they do not explain the file.
    """
    lines = [line for line in data.splitlines() if not line.isascii()]
    sample = b"\n".join(lines)[:SAMPLE]
    if not sample:
        return "utf-8"
    strange = len(re.findall(rb"[\x80-\xff]", sample))
    letters = len(re.findall(rb"[A-Za-z]", sample))
    scores = {name: _western(sample, name) for name in _WESTERN}
    best = max(scores, key=lambda name: scores[name][0])
    if strange <= letters and scores[best][1] >= 0.9 * strange:
        return best
    found = from_bytes(sample, cp_isolation=_OTHERS).best()
    return found.encoding if found else best


def _western(sample: bytes, encoding: str) -> tuple[int, int]:
    """(score, letters explained) if the sample is in that encoding."""
    text = sample.decode(encoding, "replace")
    vowels = sum(text.count(letter) for letter in _VOWELS)
    others = sum(text.count(letter) for letter in _LETTERS)
    return 3 * vowels + others, vowels + others
