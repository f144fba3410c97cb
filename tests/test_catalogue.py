"""Everything people read is in the Spanish catalogue, translated, and fits where it is used."""

from __future__ import annotations

import ast
import re
import runpy
from pathlib import Path

import pytest

from engine import language
from engine.errors import Conflict

ROOT = Path(__file__).resolve().parent.parent
UPDATE = runpy.run_path(str(ROOT / "locales" / "update.py"))
HOW = "run `python locales/update.py` and translate what is new"


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"(?<!\{)\{(\w*)\}(?!\})", text))


def test_every_text_of_the_code_is_in_the_catalogue_and_no_other() -> None:
    known = {message.id for message in UPDATE["read"]() if message.id}
    used = {text for _, text in UPDATE["texts"]()}
    assert used - known == set(), HOW
    assert known - used == set(), HOW


def test_every_text_is_translated() -> None:
    empty = [message.id for message in UPDATE["read"]() if message.id and not message.string]
    assert empty == [], HOW


def test_a_translation_has_the_placeholders_of_its_text() -> None:
    for message in UPDATE["read"]():
        if message.id:
            assert placeholders(message.string) == placeholders(message.id), message.id


def test_a_translation_keeps_markup_and_the_end_of_a_sentence() -> None:
    for message in UPDATE["read"]():
        if message.id:
            for mark in ("**", "`"):
                assert message.string.count(mark) == message.id.count(mark), message.id
            assert message.string.endswith(".") == message.id.endswith("."), message.id


def test_a_text_marked_for_translation_is_written_out() -> None:
    """An f-string or a sum would be looked up after it is filled in, and never found."""
    for file, argument in UPDATE["arguments"]():
        assert not isinstance(argument, ast.JoinedStr | ast.BinOp), (
            f"{file}: {ast.unparse(argument)}"
        )


@pytest.mark.parametrize(("code", "expected"), [("en", "Segments"), ("es", "Segmentos")])
def test_a_text_is_shown_in_its_language(code: str, expected: str) -> None:
    assert language.translator(code)("Segments") == expected


def test_an_error_is_told_in_the_readers_language() -> None:
    error = Conflict("segment.taken", "A segment named “{name}” exists already.", name="Madres")
    assert language.sentence(error, "es") == "Ya existe un segmento llamado “Madres”."
