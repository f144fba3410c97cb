"""How segments share people: exclusive parts that add up."""

from __future__ import annotations

import random

import pytest

from engine import charts, db
from engine.errors import Invalid
from engine.segments import overlap, segment
from engine.segments.tree import EVERYBODY, Group
from tests.engine import people_world
from tests.engine.test_comparing import CONDITIONS, TODAY, ids, random_tree


@pytest.fixture
def world(any_database: db.Database) -> db.Database:
    people_world.fill(any_database)
    return any_database


def test_exclusive_parts_add_up_to_the_union_and_to_every_size(world: db.Database) -> None:
    draw = random.Random(2)
    for count in (1, 2, 3, 5, 5):
        trees = [random_tree(draw) for _ in range(count)]
        found = overlap.of(world, [(str(n), tree) for n, tree in enumerate(trees)], today=TODAY)
        members = [ids(world, tree) for tree in trees]
        assert found.union == len(set().union(*members))
        assert found.common == len(set.intersection(*members))
        assert found.sizes == tuple(map(len, members))
        for place, size in enumerate(found.sizes):
            assert size == sum(part.people for part in found.parts if place in part.members)
        assert all(part.people for part in found.parts)


def test_the_tree_of_a_part_holds_exactly_its_people(world: db.Database) -> None:
    trees = [Group("all", (item,)) for item in CONDITIONS[:4]]
    found = overlap.of(world, [("", tree) for tree in trees], today=TODAY)
    assert len(found.parts) > 4
    for part in found.parts:
        tree = overlap.tree_of(trees, part.members)
        assert segment.count(world, tree, TODAY) == part.people


def test_the_tree_of_a_part_outside_everybody_is_nobody(world: db.Database) -> None:
    other = Group("all", CONDITIONS[:1])
    assert segment.count(world, overlap.tree_of([other, EVERYBODY], (0,)), TODAY) == 0


def test_six_segments_are_too_many(database: db.Database) -> None:
    with pytest.raises(Invalid, match="One to 5"):
        overlap.of(database, [("", EVERYBODY)] * 6)


FOUND = overlap.Overlap(
    names=("Customers", "Colombia"),
    sizes=(30, 12),
    parts=(
        overlap.Part(members=(0,), people=25),
        overlap.Part(members=(1,), people=7),
        overlap.Part(members=(0, 1), people=5),
    ),
    everybody=100,
)


def test_the_figure_has_a_bar_a_part_a_dot_a_segment_and_a_line_where_they_meet() -> None:
    option = charts.overlap(FOUND, str)
    series = {one["id"]: one for one in option["series"]}
    assert [bar["value"] for bar in series["parts"]["data"]] == [25, 7, 5]
    assert [bar["id"] for bar in series["parts"]["data"]] == ["0", "1", "2"]
    full = [dot["value"] for dot in series["dots"]["data"] if dot["itemStyle"]["opacity"] == 1]
    assert full == [[0, 0], [1, 1], [2, 0], [2, 1]]
    assert series["join 2"]["data"] == [[2, 0], [2, 1]]
    assert not {"join 0", "join 1"} & series.keys()
    assert [bar["value"] for bar in series["sizes"]["data"]] == [30, 12]


def test_the_figure_in_words() -> None:
    assert charts.overlap_alt(FOUND, str) == (
        "Customers: 30; Colombia: 12; Only Customers: 25; Only Colombia: 7; Customers + Colombia: 5"
    )
