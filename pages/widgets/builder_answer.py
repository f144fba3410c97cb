"""What the engine says of a tree that is being built: counts by path, and every problem in its
place, so that one broken condition does not hide the numbers of the others."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from engine import db
from engine import language as texts
from engine.errors import PregonError
from engine.segments import frame, segment
from engine.segments.tree import Group, below, walk
from pages.widgets import language

PROBLEMS_MAX = 20
WORDS_MAX = 400
PLACE = re.compile(r"\s*\([^()]*\{condition\}[^()]*\)")
"""What a sentence says of the place: needless where it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """All by path in the tree that was asked about."""

    counts: Mapping[str, int] = field(default_factory=dict)
    without: Mapping[str, int] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)


def answer(database: db.Database, tree: Group, *, stale: float = 0.0) -> Answer:
    """Raises PregonError where a problem has no place of its own."""
    catalogue = frame.load(database, stale=stale).catalogue
    spoken = language.current()
    said = {
        place.path: _short(segment.words(node, catalogue, spoken)) for node, place in walk(tree)
    }
    problems: dict[str, str] = {}
    while True:
        sound, paths = without(tree, problems.keys())
        try:
            solution = segment.solve(database, sound, stale=stale)
            break
        except PregonError as error:
            path = paths.get(str(error.details.get("path")))
            if not path or len(problems) == PROBLEMS_MAX:
                raise
            problems[path] = _sentence(error)
    held = {paths[path]: people for path, people in solution.counts.items()}
    if problems:
        whole = {path for path in held if not any(_inside(bad, path) for bad in problems)}
        return Answer(counts={path: held[path] for path in whole}, problems=problems, words=said)
    return Answer(counts=held, without=solution.without, words=said)


def without(tree: Group, broken: Collection[str]) -> tuple[Group, dict[str, str]]:
    """The tree without the nodes at these paths, and its paths → those of the tree given."""
    paths: dict[str, str] = {}
    gone = set(broken)

    def pruned(group: Group, old: str, new: str) -> Group:
        paths[new] = old
        kept = []
        for position, member in enumerate(group.of):
            at = below(old, position)
            if at in gone:
                continue
            to = below(new, len(kept))
            paths[to] = at
            kept.append(pruned(member, at, to) if isinstance(member, Group) else member)
        return Group(group.match, tuple(kept))

    return pruned(tree, "", ""), paths


def _inside(path: str, group: str) -> bool:
    return group == "" or path == group or path.startswith(group + ".")


def _sentence(error: PregonError) -> str:
    """The sentence as it reads at the condition itself."""
    template = texts.translator(language.current())(error.template)
    return PLACE.sub("", template).format(**error.details)


def _short(text: str) -> str:
    return text if len(text) <= WORDS_MAX else text[: WORDS_MAX - 1] + "…"
