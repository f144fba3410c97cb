"""Segments as JSON: read and written without loss, and refused with the place of what is wrong."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Invalid
from engine.segments import segment
from engine.segments.tree import CONDITIONS_MAX, DEPTH_MAX, Condition, Group, Node, conditions, walk

PLAIN = st.one_of(st.text(max_size=5), st.integers(), st.booleans(), st.floats(allow_nan=False))
VALUES = st.one_of(st.none(), PLAIN, st.lists(PLAIN, max_size=3).map(tuple))
CONDITIONS = st.builds(Condition, st.text(max_size=5), st.text(max_size=5), VALUES)


def _groups(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Group]:
    members = st.lists(nodes, max_size=4).map(tuple)
    return st.builds(Group, st.sampled_from(["all", "any", "none"]), members)


@given(_groups(st.recursive(CONDITIONS, _groups, max_leaves=10)))
def test_what_is_written_reads_back_the_same(tree: Group):
    assert segment.from_json(json.loads(json.dumps(segment.to_json(tree)))) == tree


def test_a_single_condition_becomes_a_group_of_one():
    one = {"field": "tag", "op": "has_any", "value": [1]}
    assert segment.from_json(one) == Group("all", (Condition("tag", "has_any", (1,)),))


CONDITION = {"field": "contact.phone", "op": "is_set"}


@pytest.mark.parametrize(
    ("document", "code", "place"),
    [
        (None, "segment.bad_node", "condition 1 of group 1"),
        ([], "segment.bad_node", "condition 1 of group 1"),
        ({"match": "all", "of": [CONDITION, 7]}, "segment.bad_node", "condition 2 of group 1"),
        ({"match": "all", "of": [CONDITION, {"field": "x"}]}, "segment.bad_node", "condition 2"),
        ({"match": "all", "of": [{**CONDITION, "not": 1}]}, "segment.bad_node", "condition 1"),
        ({"match": "some", "of": []}, "segment.bad_group", "Group 1"),
        ({"match": ["all"], "of": []}, "segment.bad_group", "Group 1"),
        ({"match": "all", "of": "x"}, "segment.bad_group", "Group 1"),
        (
            {"match": "all", "of": [{"match": "any", "of": [CONDITION]}, {"match": "", "of": []}]},
            "segment.bad_group",
            "Group 3",
        ),
        (
            {"match": "all", "of": [{"match": "any", "of": [CONDITION, {"field": 1, "op": "x"}]}]},
            "segment.bad_condition",
            "condition 2 of group 2",
        ),
        ({**CONDITION, "value": {"a": 1}}, "segment.bad_condition", "condition 1 of group 1"),
        ({**CONDITION, "value": [[1]]}, "segment.bad_condition", "condition 1 of group 1"),
    ],
)
def test_what_is_not_a_tree_is_refused_with_its_place(document: object, code: str, place: str):
    with pytest.raises(Invalid) as caught:
        segment.from_json(document)
    assert caught.value.code == code
    assert place in caught.value.sentence


def test_a_segment_has_at_most_250_conditions():
    at_most = {"match": "all", "of": [CONDITION] * CONDITIONS_MAX}
    assert len(list(conditions(segment.from_json(at_most)))) == CONDITIONS_MAX
    with pytest.raises(Invalid, match="at most 250 conditions"):
        segment.from_json({"match": "all", "of": [*at_most["of"], CONDITION]})


def test_groups_nest_only_so_deep_whatever_the_document():
    def nested(depth: int) -> dict[str, object]:
        inner: dict[str, object] = {"match": "all", "of": []}
        for _ in range(depth - 1):
            inner = {"match": "all", "of": [inner]}
        return inner

    segment.from_json(nested(DEPTH_MAX))
    for depth in (DEPTH_MAX + 1, 400):
        with pytest.raises(Invalid) as caught:
            segment.from_json(nested(depth))
        assert caught.value.code == "segment.too_deep"
    with pytest.raises(Invalid) as caught:
        segment.from_json({"match": "all", "of": [{"match": "all", "of": []}] * 300})
    assert caught.value.code == "segment.too_deep"


def test_places_count_conditions_within_their_group_and_groups_as_they_are_read():
    a, b, c, d = (Condition(name, "is", "x") for name in "abcd")
    tree = Group("all", (a, Group("any", (b,)), c, Group("none", (Group("any", (d,)),))))
    found = {
        node.field: (place.condition, place.group, place.path)
        for node, place in walk(tree)
        if isinstance(node, Condition)
    }
    assert found == {
        "a": (1, 1, "0"),
        "b": (1, 2, "1.0"),
        "c": (2, 1, "2"),
        "d": (1, 4, "3.0.0"),
    }
