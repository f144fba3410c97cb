"""What was made of the people is carried over an edit, and equals what is made anew."""

from __future__ import annotations

import datetime as dt
import random

import polars as pl
import pytest

from engine import db
from engine.segments import frame, marks, operators, places, segment, texts
from engine.segments.tree import Condition, Group
from tests.engine import people_world as world
from tests.engine.test_frame import EDITS, rebuilt, same

TODAY = dt.date(2024, 2, 29)
ASKED = (
    Condition("contact.first_name", "contains", "ana"),
    Condition("contact.last_name", "not_contains", "ñ"),
    Condition("contact.name", "contains", "a x"),
    Condition("contact.phone", "starts_with", "+573000"),
    Condition("contact.phone", "starts_with", "+57300000001"),
    Condition("contact.email", "ends_with", "7@example.co"),
    Condition("contact.email", "is", "u12@example.co"),
    Condition("contact.email", "contains", "example"),
    Condition("field.city", "is_any_of", ("bogotá", "ñuñoa")),
    Condition("field.tier", "is_not", "gold"),
    Condition("field.spent", "between", (0, 2)),
    Condition("contact.country", "is", "pe"),
    Condition("channel.reachable", "has_any", (1, 3)),
)


def anew(database: db.Database) -> db.Database:
    return db.Database(database.engine, database.settings)


def test_masks_texts_and_searches_carried_over_equal_new_ones(any_database: db.Database):
    """Random edits, with people added and deleted between conditions and looks."""
    world.fill(any_database)
    draw = random.Random(3)
    trees = [Group("any", (condition,)) for condition in ASKED]
    both = Group("none", (Group("all", ASKED[:4]), Group("any", ASKED[4:])))
    carried = 0
    for step in range(36 if any_database.is_sqlite else 10):
        for tree in trees:
            segment.count(any_database, tree, TODAY)
        loaded = frame.load(any_database)
        loaded.found("ana")
        with any_database.write() as session:
            EDITS[step % len(EDITS)](session, draw)
        moved = frame.load(any_database)
        carried += len(moved.masks)
        other = anew(any_database)
        for tree in (*trees, both):
            ours = segment.solve(any_database, tree, TODAY)
            theirs = segment.solve(other, tree, TODAY)
            assert ours.mask.equals(theirs.mask), (step, tree)
            assert ours.without == theirs.without
        assert moved.found("ana").equals(frame.load(other).found("ana"))
        same(moved.people, rebuilt(any_database))
    assert carried > 100


def test_a_finished_condition_is_not_evaluated_again_for_who_did_not_change(
    database: db.Database,
):
    world.fill(database)
    tree = Group("all", (Condition("field.spent", "gte", 0),))
    segment.count(database, tree, TODAY)
    rows: list[int] = []
    original = operators.OPERATORS["gte"].expression

    def counted(subject: pl.Series, value: float) -> pl.Series:
        rows.append(len(subject))
        found: pl.Series = original(subject, value)
        return found

    object.__setattr__(operators.OPERATORS["gte"], "expression", counted)
    try:
        with database.write() as session:
            EDITS[1](session, random.Random(1))
        before = segment.count(database, tree, TODAY)
    finally:
        object.__setattr__(operators.OPERATORS["gte"], "expression", original)
    assert rows == [1]
    assert before == segment.count(anew(database), tree, TODAY)


def test_a_frame_that_somebody_reads_does_not_change_under_them(database: db.Database):
    world.fill(database)
    before = frame.load(database)
    held = before.people.clone()
    names = before.text("first_name")
    with database.write() as session:
        EDITS[1](session, random.Random(1))
    assert frame.load(database) is not before
    same(before.people, held)
    assert before.text("first_name") is names


LETTERS = "abñÑé@.🎉 \0"


def test_marks_never_rule_out_who_matches():
    draw = random.Random(8)
    column = held(draw)
    made = marks.make(column)
    for _ in range(300):
        text = "".join(draw.choices(LETTERS, k=draw.randint(1, 11)))
        who = marks.having(made, text)
        for each, may in zip(column, who if who is not None else [], strict=who is not None):
            assert may or each is None or text not in each, (each, text)


def held(draw: random.Random) -> pl.Series:
    texts = ["".join(draw.choices(LETTERS, k=draw.randint(0, 22))) for _ in range(800)]
    return pl.Series("text", [*texts, None])


HOLDS = {
    "is": str.__eq__,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "contains": str.__contains__,
    "is_any_of": lambda each, values: each in values,
}


@pytest.mark.parametrize("key", HOLDS)
def test_places_name_everybody_who_matches(key: str):
    draw = random.Random(8)
    column = held(draw)
    place = places.make(places.KIND_OF[key], column)
    known = [each for each in column if each]
    for _ in range(300):
        text = draw.choice(known)
        text = text[draw.randrange(len(text)) :] if key in ("ends_with", "contains") else text
        if key in ("starts_with", "contains"):
            text = text[: draw.randint(1, 20)]
        asked = [text, *draw.sample(known, 3), "nobody"] if key == "is_any_of" else text
        found = place.find(key, asked)
        if found is None:
            continue
        rows, surely = found
        expected = {row for row, each in enumerate(column) if each and HOLDS[key](each, asked)}
        assert expected <= set(rows.tolist()), asked
        assert not surely or expected == set(rows.tolist()), asked


def test_words_in_texts_are_found_by_any_part_of_them():
    names = ("Ana", "ñuñoa", "garcía", "pérez")
    column = pl.Series([f"{one}.{two}{n}@x-{two}.co" for one in names for two in names
                        for n in range(9)])  # fmt: skip
    place = places.make("words", column)
    for text in ("ñu", "ñuñoa", ".garc", "garcía7", "@x-pér", "uñoa.g", "rez1@"):
        rows, surely = place.find("contains", text) or (range(len(column)), False)
        expected = {row for row, each in enumerate(column) if text in each}
        assert expected, text
        assert expected <= set(map(int, rows)), text
        assert not surely or expected == set(map(int, rows)), text


@pytest.mark.parametrize("few", [True, False])
@pytest.mark.parametrize("key", ["is", "contains", "starts_with", "ends_with"])
def test_words_and_strings_find_what_the_operator_says(key: str, few: bool):
    draw = random.Random(4)
    held = ["".join(draw.choices("abñé@. ", k=draw.randint(1, 12))) for _ in range(900)]
    column = pl.Series("email", [*(held[:40] * 30 if few else held), None, "  "])
    table = column.to_frame()
    text = texts.make(table, "email")
    assert isinstance(text, texts.Words if few else texts.Strings)
    folded = texts.Strings(folded=column).folded.str.strip_chars().str.to_lowercase()
    folded = folded.str.normalize("NFC").replace("", None)
    operator = operators.OPERATORS[key]
    for asked in ("a", "ab", "ñé", "b.@", "a a", "abñé@. ab", *(each.strip() for each in held[:9])):
        if asked:
            expected = operator.expression(folded, asked).fill_null(False)
            assert text.where(operator, asked).to_list() == expected.to_list(), asked
