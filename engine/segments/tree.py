"""A segment as data: conditions in groups of any depth, and the same as JSON.

Ids, not names, stand in values (tags, channels, segments, broadcasts), so a rename breaks nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from engine.errors import Invalid

Match = Literal["all", "any", "none"]
"""Stored as written: never rename."""

CONDITIONS_MAX = 250
"""More than a person can read, and every node is counted while it is edited."""
GROUPS_MAX = 250
DEPTH_MAX = 20
"""Groups inside groups; keeps a hostile document from exhausting the stack."""


@dataclass(frozen=True, slots=True)
class Condition:
    """`value` is JSON's: a text, number, or None; lists are tuples, so a condition is a key."""

    field: str
    op: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Group:
    """all: every member holds. any: one of them does. none: not one does.

    A group without members holds for everybody, whatever its match: a group being edited must not
    empty the segment around it.
    """

    match: Match = "all"
    of: tuple[Condition | Group, ...] = ()


Node = Condition | Group
EVERYBODY = Group()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a node stands. Groups are numbered as they are read, the outermost is 1."""

    group: int
    condition: int
    """Among the conditions of its group, from 1; 0 for the group itself."""
    path: str
    """Positions from the root: "" is the root, "0.2" the third member of its first."""

    def details(self) -> dict[str, object]:
        """What an error says of the place, beside its sentence."""
        return {"group": self.group, "condition": self.condition, "path": self.path}


def walk(node: Node) -> Iterator[tuple[Node, Place]]:
    """Every node in reading order."""
    groups = 0

    def visit(node: Node, path: str, group: int, number: int) -> Iterator[tuple[Node, Place]]:
        nonlocal groups
        if isinstance(node, Condition):
            yield node, Place(group=group, condition=number, path=path)
            return
        groups += 1
        own, conditions = groups, 0
        yield node, Place(group=own, condition=0, path=path)
        for position, member in enumerate(node.of):
            conditions += isinstance(member, Condition)
            yield from visit(member, below(path, position), own, conditions)

    return visit(node, "", 1, 1)


def below(path: str, position: int) -> str:
    """The path of a group's member."""
    return f"{path}.{position}" if path else str(position)


def conditions(node: Node) -> Iterator[Condition]:
    return (item for item, _ in walk(node) if isinstance(item, Condition))


def to_json(node: Node) -> dict[str, Any]:
    if isinstance(node, Group):
        return {"match": node.match, "of": [to_json(member) for member in node.of]}
    document = {"field": node.field, "op": node.op}
    if node.value is None:
        return document
    value = list(node.value) if isinstance(node.value, tuple) else node.value
    return {**document, "value": value}


def from_json(document: object) -> Group:
    """Read a tree. Its shape only: `segment.check` knows fields, operators and values.

    Raises Invalid with the place, and for a tree that is too large or too deep.
    """
    reader = _Reader()
    root = reader.node(document, depth=1, group=1, number=1)
    return root if isinstance(root, Group) else Group("all", (root,))


class _Reader:
    def __init__(self) -> None:
        self.groups = 0
        self.conditions = 0

    def node(self, document: object, *, depth: int, group: int, number: int) -> Node:
        if isinstance(document, Mapping) and document.keys() == {"match", "of"}:
            return self.group(document, depth)
        if isinstance(document, Mapping) and {"field", "op"} <= document.keys() <= {
            "field",
            "op",
            "value",
        }:
            return self.condition(document, group, number)
        raise Invalid(
            "segment.bad_node",
            "What stands as condition {condition} of group {group} is neither a condition "
            "(field, op, value) nor a group (match, of).",
            condition=number,
            group=group,
        )

    def group(self, document: Mapping[str, object], depth: int) -> Group:
        self.groups += 1
        own, match, of = self.groups, document["match"], document["of"]
        if self.groups > GROUPS_MAX or depth > DEPTH_MAX:
            raise Invalid(
                "segment.too_deep",
                "A segment has at most {groups} groups, {depth} deep.",
                groups=GROUPS_MAX,
                depth=DEPTH_MAX,
            )
        if match not in get_args(Match) or not isinstance(of, list | tuple):
            raise Invalid(
                "segment.bad_group",
                "Group {group} must match all, any or none of a list.",
                group=own,
            )
        members: list[Node] = []
        number = 0
        for member in of:
            is_group = isinstance(member, Mapping) and "match" in member
            number += not is_group
            members.append(self.node(member, depth=depth + 1, group=own, number=number))
        return Group(match, tuple(members))  # type: ignore[arg-type]

    def condition(self, document: Mapping[str, object], group: int, number: int) -> Condition:
        self.conditions += 1
        if self.conditions > CONDITIONS_MAX:
            raise Invalid(
                "segment.too_many",
                "A segment has at most {limit} conditions.",
                limit=CONDITIONS_MAX,
            )
        field, op, value = document["field"], document["op"], document.get("value")
        value = tuple(value) if isinstance(value, list) else value
        members = value if isinstance(value, tuple) else (value,)
        plain = all(member is None or isinstance(member, str | int | float) for member in members)
        if not isinstance(field, str) or not isinstance(op, str) or not plain:
            raise Invalid(
                "segment.bad_condition",
                "The field, operator or value is not written as expected "
                "(condition {condition} of group {group}).",
                condition=number,
                group=group,
            )
        return Condition(field, op, value)
