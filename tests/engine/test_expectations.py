"""Tests of segments: what is red, why, and what it stops."""

from __future__ import annotations

import datetime as dt
import random

import polars as pl
import pytest
import sqlalchemy as sa

from channels.base import Content
from engine import broadcast, checks, db, drafts
from engine.contacts import contacts
from engine.errors import Invalid, NotFound
from engine.segments import expectations, frame, segment, truth, verdicts
from engine.segments.tree import Condition, Group, Node, conditions
from engine.segments.truth import Guilt
from tests.engine import sending

COLOMBIA = Condition("contact.country", "is_any_of", ("CO",))
NAMED_ANA = Condition("contact.first_name", "is", "Ana")
TREE = Group("all", (COLOMBIA, Group("none", (NAMED_ANA,))))


def people(database: db.Database) -> dict[str, int]:
    """Ana and Luis of Colombia, Inés of Peru; name → id."""
    with database.write() as session:
        made = [
            contacts.create(session, first_name=name, last_name="Pérez", phone=phone, country=code)
            for name, phone, code in (
                ("Ana", "+573001112231", "CO"),
                ("Luis", "+573001112232", "CO"),
                ("Inés", "+51987654321", "PE"),
            )
        ]
        return {row.first_name: row.id for row in made}


def saved(database: db.Database, tree: Group = TREE, name: str = "Colombia") -> int:
    with database.write() as session:
        return segment.create(session, name=name, tree=tree).id


def expect(database: db.Database, id: int, **wanted: object) -> None:
    with database.write() as session:
        expectations.put(session, id, **wanted)  # type: ignore[arg-type]


def told(database: db.Database, id: int, tree: Node | None = None, lang: str = "en") -> list[str]:
    catalogue = frame.load(database).catalogue
    return [verdicts.sentence(one, catalogue, lang) for one in expectations.run(database, id, tree)]


def test_a_segment_without_tests_is_green(any_database: db.Database) -> None:
    id = saved(any_database)
    assert expectations.run(any_database, id) == ()
    assert expectations.red(any_database, id, TREE) == []


def test_pins_and_sizes_are_kept_as_they_were_put(any_database: db.Database) -> None:
    known = people(any_database)
    id = saved(any_database)
    expect(any_database, id, inside=[known["Luis"]], outside=[known["Inés"]], least=1, most=9)
    with any_database.read() as session:
        assert expectations.get(session, id) == expectations.Expectations(
            inside=(known["Luis"],), outside=(known["Inés"],), least=1, most=9
        )
    assert all(one.ok for one in expectations.run(any_database, id))
    expect(any_database, id)
    with any_database.read() as session:
        assert not expectations.get(session, id)
        with pytest.raises(NotFound):
            expectations.get(session, 99)


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"inside": [1], "outside": [1]}, "segment.pinned_twice"),
        ({"least": 5, "most": 4}, "segment.size_order"),
        ({"least": -1}, "segment.bad_size"),
        ({"inside": range(1, 200)}, "segment.too_many_pins"),
    ],
)
def test_what_contradicts_itself_is_refused(
    database: db.Database, wanted: dict[str, object], code: str
) -> None:
    people(database)
    id = saved(database)
    with pytest.raises(Invalid) as caught:
        expect(database, id, **wanted)
    assert caught.value.code == code


def test_a_red_pin_names_the_condition_responsible(any_database: db.Database) -> None:
    known = people(any_database)
    id = saved(any_database)
    expect(any_database, id, inside=[known["Inés"], known["Ana"]], outside=[known["Luis"]])
    assert told(any_database, id) == [
        "Inés Pérez is not in: Country is any of “Colombia” does not hold.",
        "Ana Pérez is not in: First name is “Ana” holds.",
        "Luis Pérez is in: Country is any of “Colombia” holds; First name is “Ana” does not hold.",
    ]


def test_tests_run_on_a_tree_that_is_not_saved(any_database: db.Database) -> None:
    known = people(any_database)
    id = saved(any_database)
    expect(any_database, id, inside=[known["Inés"]], outside=[known["Luis"]], most=2)
    everybody = segment.EVERYBODY
    assert told(any_database, id, everybody) == [
        "Inés Pérez is in.",
        "Luis Pérez is in: no condition keeps anybody out.",
        "3 people, more than 2.",
    ]
    assert [one.ok for one in expectations.run(any_database, id)] == [False, False, True]


def test_a_person_who_was_deleted_is_a_red_test_that_says_so(any_database: db.Database) -> None:
    known = people(any_database)
    id = saved(any_database)
    expect(any_database, id, outside=[known["Inés"]])
    assert expectations.red(any_database, id, TREE) == []
    with any_database.write() as session:
        session.execute(sa.delete(db.Contact).where(db.Contact.id == known["Inés"]))
        db.touch_contacts(session)
    (verdict,) = expectations.run(any_database, id)
    assert (verdict.ok, verdict.deleted) == (False, True)
    assert told(any_database, id) == [
        f"The person with the number {known['Inés']} was deleted and cannot be checked any more."
    ]
    (problem,) = expectations.red(any_database, id, TREE)
    assert "was deleted" in problem.sentence


@pytest.mark.parametrize(
    ("least", "most", "green"), [(1, 1, True), (2, None, False), (0, 0, False)]
)
def test_a_size_range_includes_its_ends(
    any_database: db.Database, least: int, most: int | None, green: bool
) -> None:
    people(any_database)
    id = saved(any_database)
    expect(any_database, id, least=least, most=most)
    assert all(one.ok for one in expectations.run(any_database, id)) == green


def test_tests_of_a_segment_inside_count_too(any_database: db.Database) -> None:
    known = people(any_database)
    inner = saved(any_database)
    expect(any_database, inner, inside=[known["Inés"]])
    tree = Group("all", (Condition("segment", "in_segment", inner),))
    outer = saved(any_database, tree, "Outer")
    (problem,) = expectations.red(any_database, outer, tree)
    assert problem.sentence == (
        "A test of the segment “Colombia” is red: Inés Pérez must be in and is not."
    )


# The law behind the reasons


def random_tree(draw: random.Random, left: list[Condition], depth: int = 3) -> Group:
    members: list[Condition | Group] = []
    for _ in range(draw.randint(1, 3)):
        if depth and draw.random() < 0.4:
            members.append(random_tree(draw, left, depth - 1))
        elif left:
            members.append(left.pop())
    return Group(draw.choice(["all", "any", "none"]), tuple(members))


@pytest.mark.parametrize("seed", range(25))
def test_turning_round_the_conditions_responsible_turns_round_the_answer(seed: int) -> None:
    draw = random.Random(seed)
    tree = random_tree(draw, [Condition("contact.first_name", "is", str(n)) for n in range(12)])
    height = 64
    masks = {
        item: pl.Series([draw.random() < 0.5 for _ in range(height)], dtype=pl.Boolean)
        for item in conditions(tree)
    }
    before = truth.whole(tree, masks, height).to_list()
    for row in range(height):
        guilty = truth.explain(tree, masks, row)
        one = {item: mask.slice(row, 1) for item, mask in masks.items()}
        assert all(one[guilt.condition][0] == guilt.holds for guilt in guilty)
        turned = one | {guilt.condition: ~one[guilt.condition] for guilt in guilty}
        after = truth.whole(tree, turned, 1)[0]
        assert after != before[row] or not guilty


def test_who_is_responsible_is_in_reading_order() -> None:
    masks = {COLOMBIA: pl.Series([False]), NAMED_ANA: pl.Series([True])}
    assert truth.explain(TREE, masks, 0) == (
        Guilt(condition=COLOMBIA, holds=False),
        Guilt(condition=NAMED_ANA, holds=True),
    )


# What they stop


def draft(database: db.Database, id: int, **changes: object) -> int:
    with database.write() as session:
        shop = sending.channel(session, database)
        row = drafts.create(session, name="News")
        content = Content(kind="template", template="news", language="es")
        drafts.edit(
            session,
            row.id,
            segment_id=id,
            channels=[shop.id],
            content={shop.id: [content]},
            **changes,
        )
        return row.id


def test_a_red_test_blocks_the_confirmation_and_says_which(any_database: db.Database) -> None:
    known = people(any_database)
    id = saved(any_database)
    expect(any_database, id, outside=[known["Luis"]], inside=[known["Luis"]][:0])
    news = draft(any_database, id)
    sentence = "A test of the segment “Colombia” is red: Luis Pérez must be out and is in."
    assert [one.sentence for one in checks.problems(any_database, news)] == [sentence]
    with pytest.raises(Invalid, match="Luis Pérez must be out"):
        broadcast.confirm(any_database, news)
    expect(any_database, id, inside=[known["Luis"]])
    assert checks.problems(any_database, news) == []
    assert broadcast.confirm(any_database, news) == "preparing"


def test_at_the_start_tests_run_on_the_tree_that_was_confirmed(any_database: db.Database) -> None:
    known = people(any_database)
    id = saved(any_database)
    expect(any_database, id, inside=[known["Luis"]], most=1)
    start = (db.now() + dt.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    news = draft(any_database, id, start_local=start, timezone="UTC")
    assert broadcast.confirm(any_database, news) == "scheduled"
    with any_database.write() as session:
        segment.save(session, id, segment.EVERYBODY)
    checks.tests_hold(any_database, news)
    with any_database.write() as session:
        contacts.update(session, known["Luis"], country="PE")
    with pytest.raises(Invalid, match="Luis Pérez must be in and is not"):
        checks.tests_hold(any_database, news)
