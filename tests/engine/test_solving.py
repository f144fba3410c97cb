"""Counts, and what each node does to the whole, agree with trees evaluated one by one."""

from __future__ import annotations

import datetime as dt
import random

import polars as pl
import pytest

from engine import db
from engine.contacts import contacts
from engine.errors import Invalid
from engine.segments import bits, frame, segment
from engine.segments.tree import Condition, Group, Match, Node, walk
from tests.engine import people_world as world
from tests.engine.test_frame import EDITS

TODAY = dt.date(2024, 2, 29)
CONDITIONS = (
    Condition("tag", "has_any", (1,)),
    Condition("tag", "has_none", (2, 3)),
    Condition("contact.country", "is", "pe"),
    Condition("field.city", "is", "bogotá"),
    Condition("field.city", "is_not_set"),
    Condition("contact.first_name", "contains", "a"),
    Condition("contact.phone", "starts_with", "+5730"),
    Condition("field.spent", "gte", 0),
    Condition("field.birthday", "before", "2024-01-01"),
    Condition("channel.reachable", "has_all", (1, 3)),
    Condition("broadcast.read", "in_last_days", 3000),
    Condition("segment", "in_segment", 2),
)


def random_tree(draw: random.Random, depth: int = 3) -> Group:
    members: list[Node] = []
    for _ in range(draw.randint(0, 4)):
        if depth and draw.random() < 0.4:
            members.append(random_tree(draw, depth - 1))
        else:
            members.append(draw.choice(CONDITIONS))
    matches: list[Match] = ["all", "any", "none"]
    return Group(draw.choice(matches), tuple(members))


def removed(node: Group, path: str) -> Group | None:
    """The group without the node there; None when nothing is left of it."""
    place, _, rest = path.partition(".")
    position = int(place)
    member = node.of[position]
    kept: Node | None = None
    if rest:
        assert isinstance(member, Group)
        kept = removed(member, rest)
    middle = () if kept is None else (kept,)
    of = (*node.of[:position], *middle, *node.of[position + 1 :])
    return Group(node.match, of) if of else None


def test_a_tree_is_solved_as_its_parts_are_counted(database: db.Database):
    world.fill(database)
    draw = random.Random(5)
    for _ in range(60):
        tree = random_tree(draw)
        solution = segment.solve(database, tree, TODAY)
        assert solution.counts == segment.counts(database, tree, TODAY)
        assert solution.mask.equals(segment.mask(database, tree, TODAY))
        assert solution.people == segment.count(database, tree, TODAY)
        for _, place in walk(tree):
            less = removed(tree, place.path) if place.path else None
            expected = segment.count(database, less or segment.EVERYBODY, TODAY)
            assert solution.without[place.path] == expected, (tree, place.path)


def test_a_tree_that_cannot_be_used_is_not_solved(database: db.Database):
    world.fill(database)
    with pytest.raises(Invalid, match=r"condition 1 of group 1"):
        segment.solve(database, Group("all", (Condition("field.gone", "is_set"),)))


@pytest.mark.parametrize("nobody", [True, False])
def test_options_are_counted_as_a_condition_on_each_finds(database: db.Database, nobody: bool):
    if not nobody:
        world.fill(database)
    catalogue = frame.load(database).catalogue
    for field in catalogue.fields:
        found = segment.option_counts(database, field.key)
        if field.type not in ("choice", "set", "channel"):
            assert found == {}
            continue
        assert list(found) == [value for value, _ in field.options]
        for value, people in found.items():
            if isinstance(value, str) and not value.strip():
                assert people == 0
                continue
            one = Condition(field.key, "is", value)
            if field.type != "choice":
                op = "has_any" if field.type == "set" else "is_any_of"
                one = Condition(field.key, op, (value,))
            assert people == segment.count(database, Group("all", (one,))), (field.key, value)


def test_options_are_counted_anew_when_somebody_changed(database: db.Database):
    world.fill(database)
    before = segment.option_counts(database, "contact.country")
    with database.write() as session:
        contacts.create(session, first_name="Eva", country="CL")
        contacts.create(session, first_name="Ana", country="PE")
    after = segment.option_counts(database, "contact.country")
    assert after == before | {"CL": 1, "PE": before["PE"] + 1}


TYPED = (
    "José",
    "jose",
    "ñu",
    "+57 300",
    "0000 07",
    "u1",
    "ana maría",
    "%",
    "é x",
)


def test_finds_who_the_search_of_contacts_finds(any_database: db.Database):
    world.fill(any_database)
    with any_database.write() as session:
        contacts.create(session, first_name="Íñigo", last_name="ÁVALOS", email="ia@x.co")
        contacts.create(session, first_name="Joséé", last_name="Núñez", phone="+51987654321")
    texts = (*TYPED, "inigo", "avalos iñ", "NUNEZ", "987 654", "0051987", "987-654-321", "zz")
    loaded = frame.load(any_database)
    for text in texts:
        with any_database.read() as session:
            expected = {row.id for row in contacts.search(session, text, limit=1000)}
        assert set(loaded.people.filter(loaded.found(text))["id"]) == expected, text
    assert loaded.found("  ").all()


def test_order_puts_blanks_last_and_accents_where_people_look(database: db.Database):
    with database.write() as session:
        for name, email in (("Zoe", None), ("Álvaro", "b@x"), ("bea", "A@x"), (" ", "c@x")):
            session.add(db.Contact(first_name=name, email=email, country=None))
        session.add(db.Contact(first_name="Ana", country="PE"))
        session.add(db.Contact(first_name="ana", country="CO"))
        db.touch_contacts(session)
    loaded = frame.load(database)

    def ordered(column: str) -> list[object]:
        return loaded.people["id"].gather(loaded.order(column)).to_list()

    assert ordered("first_name") == [2, 5, 6, 3, 1, 4]
    assert ordered("email") == [3, 2, 4, 1, 5, 6]
    assert ordered("country") == [6, 5, 1, 2, 3, 4]
    assert ordered("id") == [1, 2, 3, 4, 5, 6]
    assert ordered("name") == ordered("first_name")
    assert loaded.order("id").dtype == pl.UInt32
    assert loaded.order("first_name") is loaded.order("first_name")


def test_bits_hold_what_the_column_says_and_null_is_no():
    draw = random.Random(2)
    for rows in (0, 1, 7, 8, 63, 64, 65, 1000):
        column = pl.Series(
            [draw.choice((True, False, None)) for _ in range(rows)], dtype=pl.Boolean
        )
        for part in (column, column.slice(3), column.fill_null(True), pl.concat([column, column])):
            certain = bits.certain(part)
            assert certain.to_list() == [bool(value) for value in part]
            packed = bits.packed(certain)
            assert bits.unpacked(packed, len(part)).to_list() == certain.to_list()
            assert bits.count(packed) == sum(certain)
            assert bits.count(bits.everybody(len(part))) == len(part)


@pytest.mark.parametrize("column", ["email", "first_name", "name", "phone", "country"])
def test_orders_carried_over_edits_equal_new_ones(database: db.Database, column: str):
    world.fill(database)
    draw = random.Random(5)
    for step in range(len(EDITS)):
        frame.load(database).order(column)
        with database.write() as session:
            EDITS[step](session, draw)
        moved = frame.load(database)
        anew = frame.load(db.Database(database.engine, database.settings))
        assert moved.order(column).equals(anew.order(column)), step
