"""What the whole segment would hold without each of its nodes, in about three steps a node.

For a node, `low` is the whole if the node held for nobody, and `decides` is where the node makes a
difference: the whole is low ^ (node & decides). Both go down the tree from the root, where low is
nobody and decides is everybody; what the others of a group amount to comes from running
combinations of its members from the left and from the right.
"""

from __future__ import annotations

from itertools import accumulate
from operator import and_, or_

import polars as pl

from engine.segments.tree import Condition, Group, Node, below

Masks = dict[str, pl.Series]


def counts(tree: Node, masks: Masks) -> dict[str, int]:
    """Path → people; `masks`: every node's own by path."""
    people = len(masks[""])
    nobody = pl.repeat(False, people, eager=True)
    found = {"": people}
    _members(tree, "", masks, low=nobody, decides=~nobody, found=found)
    return found


def _members(
    node: Node,
    path: str,
    masks: Masks,
    *,
    low: pl.Series,
    decides: pl.Series,
    found: dict[str, int],
) -> None:
    if isinstance(node, Condition):
        return
    paths = [below(path, position) for position in range(len(node.of))]
    for place, member, others in zip(paths, node.of, _others(node, paths, masks), strict=True):
        if others is None:  # nothing is left of the group
            found[place] = found[path]
            below_low, below_decides = _alone(node, low, decides)
        else:
            met = others if node.match != "none" else ~others
            without = low ^ (met & decides)
            found[place] = int(without.sum())
            below_low = low if node.match == "all" else without
            below_decides = decides & (others if node.match == "all" else ~others)
        _members(member, place, masks, low=below_low, decides=below_decides, found=found)


def _alone(group: Group, low: pl.Series, decides: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The only member of a group decides what the group does; of none, the other way round."""
    return (low ^ decides if group.match == "none" else low), decides


def _others(group: Group, paths: list[str], masks: Masks) -> list[pl.Series | None]:
    """For each member, all others combined: and, or or; None where there is no other."""
    if len(paths) < 2:
        return [None] * len(paths)
    combine = and_ if group.match == "all" else or_
    members = [masks[path] for path in paths]
    left = list(accumulate(members[:-1], combine))
    right = list(accumulate(members[:0:-1], combine))[::-1]
    inner = [combine(one, other) for one, other in zip(left[:-1], right[1:], strict=True)]
    return [right[0], *inner, left[-1]]
