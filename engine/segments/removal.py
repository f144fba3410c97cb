"""What the whole segment would hold without each of its nodes, in about three steps a node.

For a node, `low` is the whole if the node held for nobody, and `decides` is where the node makes a
difference: the whole is low ^ (node & decides). Both go down the tree from the root, where low is
nobody and decides is everybody; what the others of a group amount to comes from running
combinations of its members from the left and from the right.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from operator import and_, or_

import numpy as np

from engine.segments import bits
from engine.segments.bits import Bits
from engine.segments.tree import Condition, Group, Node, below

Masks = dict[str, Bits]


def counts(tree: Node, masks: Masks, people: int) -> dict[str, int]:
    """Path → people; `masks`: every node's own by path, of so many people."""
    everybody = bits.everybody(people)
    walk = _Walk(masks=masks, everybody=everybody, found={"": people})
    walk.members(tree, "", np.zeros_like(everybody), everybody)
    return walk.found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    masks: Masks
    everybody: Bits
    found: dict[str, int]

    def members(self, node: Node, path: str, low: Bits, decides: Bits) -> None:
        if isinstance(node, Condition):
            return
        paths = [below(path, position) for position in range(len(node.of))]
        for place, member, others in zip(paths, node.of, self.others(node, paths), strict=True):
            if others is None:  # nothing is left of the group: it goes too
                self.found[place] = self.found[path]
                kept = low ^ decides if node.match == "none" else low
                self.members(member, place, kept, decides)
                continue
            met = others if node.match != "none" else others ^ self.everybody
            without = low ^ (met & decides)
            self.found[place] = bits.count(without)
            kept = low if node.match == "all" else without
            free = others if node.match == "all" else others ^ self.everybody
            self.members(member, place, kept, decides & free)

    def others(self, group: Group, paths: list[str]) -> list[Bits | None]:
        """For each member, all others combined: and, or or; None where there is no other."""
        if len(paths) < 2:
            return [None] * len(paths)
        combine = and_ if group.match == "all" else or_
        members = [self.masks[path] for path in paths]
        left = list(accumulate(members[:-1], combine))
        right = list(accumulate(members[:0:-1], combine))[::-1]
        inner = [combine(one, other) for one, other in zip(left[:-1], right[1:], strict=True)]
        return [right[0], *inner, left[-1]]
