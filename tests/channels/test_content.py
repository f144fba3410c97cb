from __future__ import annotations

import pytest

from channels.base import BadContent, Content, Rejected

FULL = Content(
    kind="document",
    text="Hola",
    media_url="https://shop.example/a.pdf",
    filename="a.pdf",
    buttons=("Sí", "No"),
    template="offer",
    language="es",
    parameters=("{{ a }}", "b"),
)


def test_is_the_same_after_a_round_trip() -> None:
    assert Content.from_json(FULL.to_json()) == FULL
    assert Content(text="Hola").to_json() == {"kind": "text", "text": "Hola"}


def test_names_its_slots() -> None:
    assert set(FULL.slots()) == {"text", "media_url", "parameters.0", "parameters.1"}


@pytest.mark.parametrize(
    ("document", "word"),
    [({"colour": "red"}, "colour"), ({"text": 1}, "text"), ({"buttons": "Sí"}, "buttons")],
)
def test_says_which_field_is_wrong(document: dict[str, object], word: str) -> None:
    with pytest.raises(BadContent) as caught:
        Content.from_json(document)
    assert word in caught.value.text


def test_a_sentence_of_ours_can_be_told_in_another_language() -> None:
    error = Rejected("content.too_long", "At most {longest} fit.", longest=5)
    assert error.text == "At most 5 fit."
    assert "Caben {longest}.".format(**error.details) == "Caben 5."


def test_words_of_a_provider_are_never_read_as_a_pattern() -> None:
    assert Rejected("1", "Bad {0} {name}").text == "Bad {0} {name}"
