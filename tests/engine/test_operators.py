"""The operator table, the catalogue and docs/segments.md say the same, in both languages."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from engine.language import translator
from engine.segments import catalogue, values
from engine.segments.operators import OPERATORS, for_type
from engine.segments.values import BadValue, Calendar, Takes, Type

DOCS = Path(__file__).parents[2] / "docs" / "segments.md"
LEAP_DAY = Calendar(ZoneInfo("America/Bogota"), dt.date(2024, 2, 29))


def documented() -> dict[str, list[str]]:
    """Every table row of the page: its code → the other cells."""
    lines = re.findall(r"^\| `([^`]+)` \|(.+)\|$", DOCS.read_text(encoding="utf-8"), re.M)
    return {key: [cell.strip() for cell in rest.split("|")] for key, rest in lines}


@pytest.mark.parametrize("key", OPERATORS)
def test_every_operator_is_complete_and_documented_in_both_languages(key: str):
    operator = OPERATORS[key]
    assert operator.key == key
    english, spanish, on, meaning = documented()[key]
    assert english == operator.label
    assert spanish != english
    assert on.split(", ") == list(operator.types)
    assert meaning
    assert ("{value}" in operator.sentence) == (operator.value != "nothing")
    assert "{field}" in operator.sentence or "segment" in operator.types


@pytest.mark.parametrize("key", OPERATORS)
def test_every_operator_speaks_spanish_as_documented(key: str):
    t = translator("es")
    operator = OPERATORS[key]
    assert t(operator.label) == documented()[key][1]
    assert t(operator.sentence) != operator.sentence
    for slot in ("{field}", "{value}"):
        assert (slot in t(operator.sentence)) == (slot in operator.sentence)


@pytest.mark.parametrize("item", catalogue.BUILT_IN, ids=lambda item: item.key)
def test_every_field_is_documented_in_both_languages(item: catalogue.Field):
    english, spanish, type = documented()[item.key]
    assert (english, type) == (item.label, item.type)
    assert translator("es")(item.label) == spanish
    assert item.category in catalogue.CATEGORIES


def test_the_page_documents_nothing_that_does_not_exist():
    known = {*OPERATORS, *(item.key for item in catalogue.BUILT_IN), "field.<key>"}
    assert set(documented()) == known


def test_every_type_has_operators_and_every_value_has_a_reader():
    assert all(for_type(type) for type in get_args(Type))
    assert {operator.value for operator in OPERATORS.values()} == set(get_args(Takes))


def test_a_negative_operator_shares_its_expression_with_a_positive_one():
    positive = {
        (operator.expression, operator.value)
        for operator in OPERATORS.values()
        if not operator.negative
    }
    for operator in OPERATORS.values():
        if operator.negative:
            assert (operator.expression, operator.value) in positive


def test_nothing_there_satisfies_no_positive_operator_and_every_negative_one():
    nothing = pl.DataFrame({"text": [None]}, schema={"text": pl.String})
    for operator in for_type("text"):
        value = {"nothing": None, "many": ["a"]}.get(operator.value, "a")
        held = nothing.select(operator.holds(pl.col("text"), value)).item()
        assert held is operator.negative


@pytest.mark.parametrize(
    ("takes", "type", "value", "sentence"),
    [
        ("nothing", "text", "a", values.NOTHING),
        ("one", "text", 5, values.TEXT),
        ("one", "text", "  ", values.TEXT),
        ("one", "text", None, values.TEXT),
        ("one", "number", "5", values.NUMBER),
        ("one", "number", True, values.NUMBER),
        ("one", "number", float("nan"), values.NUMBER),
        ("one", "number", 10**400, values.NUMBER),
        ("one", "date", "2023-02-29", values.DATE),
        ("one", "date", "0001-01-01", values.DATE),
        ("one", "date", 20230101, values.DATE),
        ("many", "text", "a", values.SEVERAL),
        ("many", "text", (), values.SEVERAL),
        ("many", "text", ("a", 1), values.TEXT),
        ("many", "number", tuple(range(10_001)), values.TOO_MANY),
        ("pair", "number", (1,), values.PAIR),
        ("pair", "number", 1, values.PAIR),
        ("pair", "number", (2, 1), values.ORDER),
        ("pair", "date", ("2024-03-01", "2024-02-29"), values.ORDER),
        ("days", "date", -1, values.DAYS),
        ("days", "date", 1.5, values.DAYS),
        ("days", "date", 36_501, values.DAYS),
        ("id", "segment", "1", values.ONE),
        ("id", "segment", True, values.ONE),
        ("ids", "set", (1, None), values.ONE),
        ("label", "history", "", values.TEXT),
    ],
)
def test_a_bad_value_is_an_error_with_its_own_sentence(
    takes: Takes, type: Type, value: object, sentence: str
):
    with pytest.raises(BadValue) as caught:
        values.prepare(takes, value, type=type, calendar=LEAP_DAY)
    assert str(caught.value) == sentence
    assert "{condition}" in sentence
    assert "{group}" in sentence


def test_a_day_lasts_from_midnight_to_midnight_in_its_zone():
    span = LEAP_DAY.span(LEAP_DAY.today, LEAP_DAY.today, "datetime")
    assert span.start == dt.datetime(2024, 2, 29, 5, tzinfo=dt.UTC)
    assert span.end == dt.datetime(2024, 3, 1, 5, tzinfo=dt.UTC)


def test_a_day_whose_midnight_is_skipped_begins_when_the_clock_jumps():
    calendar = Calendar(ZoneInfo("America/Sao_Paulo"), dt.date(2018, 11, 4))
    span = calendar.span(calendar.today, calendar.today, "datetime")
    assert span.start == dt.datetime(2018, 11, 4, 3, tzinfo=dt.UTC)
    assert span.end == dt.datetime(2018, 11, 5, 2, tzinfo=dt.UTC)


def test_a_day_that_never_was_is_empty():
    calendar = Calendar(ZoneInfo("Pacific/Apia"), dt.date(2011, 12, 30))
    span = calendar.span(calendar.today, calendar.today, "datetime")
    assert span.start == span.end


def test_text_is_folded_by_case_outer_spaces_and_composition():
    written = ["  ÁÑ 🎉 ", "A\u0301", "\u3000x\u00a0", "", "  ", None]
    folded = pl.select(values.fold(pl.Series(written))).to_series().to_list()
    assert folded == ["áñ 🎉", "á", "x", None, None, None]
