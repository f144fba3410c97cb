"""What a change costs: ten thousand contacts edited elsewhere, one condition edited here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from random import Random
from typing import Any

from crowd import asked
from engine import db
from engine.segments.tree import Condition, Group, Node, walk
from figures.ours import Ours
from figures.timing import Series, in_turn, seconds
from peers.duck import Duck

CHANGED = 10_000
TAG = asked.TAG["vip"]
FRESH = count()


def one_of_thirty(ours: Ours, duck: Duck | None) -> dict[str, float]:
    """Milliseconds for live counts on every node when one condition of thirty has a new value."""
    thirty = asked.SEGMENTS["thirty conditions"]
    new = {
        "": lambda: {("field.spent", "gte"): 400 + next(FRESH)},
        "text_": lambda: {("contact.last_name", "contains"): f"muñoz{next(FRESH)}"},
    }
    found: dict[str, float] = {}
    for kind, values in new.items():
        sides = [Series(_asking(ours.solve, thirty, values))]
        if duck is not None:
            sides.append(Series(_asking(lambda tree: duck.counts(_nodes(tree)), thirty, values)))
        in_turn(sides)
        found[f"change_one_{kind}of_30_ms"] = sides[0].ms
        if duck is not None:
            found[f"change_one_{kind}of_30_vs_duckdb"] = sides[1].ms / sides[0].ms
    return found


@contextmanager
def edited(database: db.Database, rows: int) -> Iterator[list[int]]:
    """A name, a number and a tag of ten thousand people change, and are put back in the end."""
    ids = sorted(Random(5).sample(range(1, rows + 1), min(CHANGED, rows // 2)))
    listed = ", ".join(map(str, ids))
    with _cursor(database) as cursor:
        before = cursor.execute(
            f"SELECT first_name, fields, updated_at, id FROM contact WHERE id IN ({listed})"
        ).fetchall()
        had = {id for (id,) in cursor.execute(
            f"SELECT contact_id FROM contact_tag WHERE tag_id = {TAG} AND contact_id IN ({listed})"
        )}  # fmt: skip
        now = db.micros(db.now())
        cursor.executemany(
            "UPDATE contact SET first_name = 'Guadalupe', updated_at = ?, "
            "fields = json_set(fields, '$.spent', 777.0) WHERE id = ?",
            [(now, id) for id in ids],
        )
        new = [(id, TAG) for id in ids if id not in had]
        cursor.executemany("INSERT INTO contact_tag (contact_id, tag_id) VALUES (?, ?)", new)
    try:
        yield ids
    finally:
        with _cursor(database) as cursor:
            cursor.executemany(
                "UPDATE contact SET first_name = ?, fields = ?, updated_at = ? WHERE id = ?", before
            )
            cursor.executemany("DELETE FROM contact_tag WHERE contact_id = ? AND tag_id = ?", new)


@contextmanager
def _cursor(database: db.Database) -> Iterator[Any]:
    """The driver's own, in one transaction that says that contacts changed."""
    connection = database.engine.raw_connection()
    cursor = connection.cursor()
    cursor.execute("BEGIN IMMEDIATE")
    yield cursor
    cursor.execute("UPDATE workspace SET contacts_version = contacts_version + 1")
    cursor.execute("COMMIT")
    connection.close()


def absorbed(ours: Ours, duck: Duck | None, ids: list[int]) -> dict[str, float]:
    """Seconds until the frame shows them, and until DuckDB's own table holds the same edit."""
    found = {"absorb_10000_changes_s": seconds(ours.refresh)}
    if duck is not None:
        found["absorb_10000_changes_vs_duckdb"] = (
            seconds(lambda: duck.edit(ids)) / found["absorb_10000_changes_s"]
        )
    thirty = asked.SEGMENTS["thirty conditions"]
    return found | {"counts_after_absorbing_ms": seconds(lambda: ours.solve(thirty)) * 1000}


def _asking(
    ask: Callable[[Group], object],
    tree: Group,
    new: Callable[[], dict[tuple[str, str], object]],
) -> Callable[[], object]:
    return lambda: ask(_with(tree, new()))


def _with(tree: Group, new: dict[tuple[str, str], object]) -> Group:
    return Group(tree.match, tuple(_changed(tree.of, new)))


def _changed(
    nodes: tuple[Condition | Group, ...], new: dict[tuple[str, str], object]
) -> Iterator[Condition | Group]:
    for node in nodes:
        if isinstance(node, Group):
            yield _with(node, new)
        else:
            yield Condition(node.field, node.op, new.get((node.field, node.op), node.value))


def _nodes(tree: Group) -> list[Node]:
    return [node for node, _ in walk(tree)]
