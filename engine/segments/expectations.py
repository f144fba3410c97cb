"""Tests of a segment: who must be in, who must be out, and how many it may hold.

They belong to a segment and are stored with it; a red one stops every broadcast to that segment,
and to a segment that asks for it. Without tests everything is green.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.errors import Invalid, PregonError
from engine.segments import saved, truth
from engine.segments.tree import Group, Node, conditions, from_json
from engine.segments.verdicts import Verdict, problem

PINS_MAX = 100
"""People pinned in, and people pinned out: more than anybody looks after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectations:
    inside: tuple[int, ...] = ()
    """Contacts that must be in."""
    outside: tuple[int, ...] = ()
    """Contacts that must be out."""
    least: int | None = None
    most: int | None = None

    def __bool__(self) -> bool:
        return bool(self.inside or self.outside) or (self.least, self.most) != (None, None)


def get(session: Session, id: int) -> Expectations:
    """Raises NotFound."""
    stored = saved.get(session, id).expectations
    return Expectations(
        inside=tuple(stored.get("in", ())),
        outside=tuple(stored.get("out", ())),
        least=stored.get("least"),
        most=stored.get("most"),
    )


def put(
    session: Session,
    id: int,
    *,
    inside: Iterable[int] = (),
    outside: Iterable[int] = (),
    least: int | None = None,
    most: int | None = None,
) -> None:
    """Replace the tests. Raises NotFound, Invalid when they contradict one another."""
    row = saved.get(session, id)
    people = {"in": list(dict.fromkeys(inside)), "out": list(dict.fromkeys(outside))}
    if both := set(people["in"]) & set(people["out"]):
        raise Invalid(
            "segment.pinned_twice",
            "{person} cannot be pinned in and out at once.",
            person=_names(session, both)[min(both)] or f"#{min(both)}",
        )
    if max(map(len, people.values())) > PINS_MAX:
        raise Invalid(
            "segment.too_many_pins", "At most {limit} people can be pinned.", limit=PINS_MAX
        )
    sizes = {"least": least, "most": most}
    known = {key: size for key, size in sizes.items() if size is not None}
    if any(size < 0 for size in known.values()):
        raise Invalid("segment.bad_size", "A size is a number from 0 on.")
    if least is not None and most is not None and least > most:
        raise Invalid(
            "segment.size_order",
            "The least, {least}, is larger than the most, {most}.",
            least=least,
            most=most,
        )
    row.expectations = {**{key: ids for key, ids in people.items() if ids}, **known}
    session.flush()


def run(
    database: db.Database,
    id: int,
    tree: Node | None = None,
    *,
    today: dt.date | None = None,
    stale: float = 0.0,
) -> tuple[Verdict, ...]:
    """All tests of a segment, on its saved tree or on this one.

    Raises NotFound, Invalid when the tree cannot be used.
    """
    with database.read() as session:
        wanted = get(session, id)
        if not wanted:
            return ()
        node = from_json(saved.get(session, id).tree) if tree is None else tree
        names = _names(session, (*wanted.inside, *wanted.outside))
    group = node if isinstance(node, Group) else Group("all", (node,))
    loaded, masks = truth.masks(database, [group], today, stale=stale)
    ids = loaded.people["id"]
    matching = truth.whole(group, masks, len(ids))

    def pinned(contact: int, kind: str) -> Verdict:
        row = ids.search_sorted(contact)
        there = row < len(ids) and ids[row] == contact
        ok = there and matching[row] == (kind == "in")
        return Verdict(
            kind=kind,
            ok=ok,
            contact=contact,
            name=names[contact] or "",
            deleted=not there,
            guilty=truth.explain(group, masks, row) if there and not ok else (),
        )

    people = int(matching.sum())
    return (
        *(pinned(contact, "in") for contact in wanted.inside),
        *(pinned(contact, "out") for contact in wanted.outside),
        *_sizes(wanted, people),
    )


def _sizes(wanted: Expectations, people: int) -> Iterator[Verdict]:
    if wanted.least is not None:
        ok = people >= wanted.least
        yield Verdict(kind="least", ok=ok, people=people, bound=wanted.least)
    if wanted.most is not None:
        ok = people <= wanted.most
        yield Verdict(kind="most", ok=ok, people=people, bound=wanted.most)


def _names(session: Session, ids: Iterable[int]) -> dict[int, str | None]:
    """Contact id → how people know them; None for who is not known any more."""
    contact = db.Contact
    wanted = list(ids)
    found: dict[int, str | None] = dict.fromkeys(wanted)
    for row in session.scalars(sa.select(contact).where(contact.id.in_(wanted))):
        found[row.id] = name_of(row)
    gone = [id for id, name in found.items() if name is None]
    return found | _names_of_gone(session, gone)


def _names_of_gone(session: Session, ids: list[int]) -> dict[int, str | None]:
    """As the changes that deleted them still know them."""
    if not ids:
        return {}
    item = db.ChangeItem
    deleted = sa.select(item.contact_id, item.before).where(
        item.contact_id.in_(ids), item.after.is_(sa.null())
    )
    known: dict[int, str | None] = {}
    for id, before in session.execute(deleted.order_by(item.id)):
        if before:
            names = ("first_name", "last_name", "phone", "email")
            known[id] = name_of(db.Contact(id=id, **{name: before.get(name, "") for name in names}))
    return known


def name_of(contact: db.Contact) -> str:
    """First and last name, or what else is known of somebody without one."""
    named = f"{contact.first_name} {contact.last_name}".strip()
    return named or contact.phone or contact.email or f"#{contact.id}"


# What they stop


def red(
    database: db.Database,
    id: int | None,
    tree: Node,
    *,
    today: dt.date | None = None,
    stale: float = 0.0,
) -> list[PregonError]:
    """The red tests of a broadcast's segment on the tree it goes to, then those of the segments
    that this tree asks for, on their own trees; each one sentence."""
    with database.read() as session:
        rows = session.scalars(sa.select(db.Segment)).all()
    trees: dict[int, object] = {row.id: row.tree for row in rows}
    names = {row.id: row.name for row in rows}
    found: list[PregonError] = []
    own = [] if id is None else [id]
    for other in (*own, *_inside(tree, trees, besides=id)):
        verdicts = run(database, other, tree if other == id else None, today=today, stale=stale)
        found += [problem(names[other], one) for one in verdicts if not one.ok]
    return found


def _inside(tree: Node, trees: dict[int, object], besides: int | None) -> list[int]:
    """Saved segments that a tree asks for, also through others."""
    found: dict[int, None] = {}
    waiting = [tree]
    while waiting:
        for item in conditions(waiting.pop()):
            other = item.value if item.field == "segment" else None
            if isinstance(other, int) and other in trees and other not in (*found, besides):
                found[other] = None
                waiting.append(from_json(trees[other]))
    return list(found)
