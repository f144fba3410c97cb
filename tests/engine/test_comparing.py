"""Two audiences compared: who came in, who left, and which conditions did it."""

from __future__ import annotations

import datetime as dt
import random

import polars as pl
import pytest
import sqlalchemy as sa

from engine import audience, broadcast, db, drafts, ledger
from engine.contacts import contacts
from engine.errors import NotFound
from engine.segments import comparing, frozen, segment, versions
from engine.segments.comparing import Diff
from engine.segments.tree import Condition, Group, Node
from tests.engine import people_world
from tests.engine.test_expectations import COLOMBIA, TREE, draft, people, saved

TODAY = dt.date(2024, 2, 29)
CONDITIONS = (
    Condition("contact.country", "is_any_of", ("CO", "PE")),
    Condition("contact.country", "is_not_set"),
    Condition("tag", "has_any", (1, 2)),
    Condition("tag", "has_all", (2, 3)),
    Condition("field.vip", "is_true"),
    Condition("field.spent", "gte", 1),
    Condition("channel.opted_out", "has_any", (1, 2)),
    Condition("broadcast.read", "in_broadcast", 1),
    Condition("activity.last_inbound_at", "more_than_days_ago", 30),
    Condition("segment", "in_segment", 1),
)


def flips(diff: Diff) -> list[tuple[str, str, int, int]]:
    return [(flip.condition.field, flip.change, flip.entered, flip.left) for flip in diff.flips]


def frozen_now(database: db.Database, tree: Group) -> db.FrozenAudience:
    """Today's audience as the ledger would keep it."""
    table = frozen.take(database, tree, TODAY)
    matched = table.filter(table[frozen.MATCHED])["id"]
    packed = frozen.pack(frozen.with_matched(table, matched))
    return db.FrozenAudience(broadcast_id=1, tree=segment.to_json(tree), people=packed)


def random_tree(draw: random.Random, depth: int = 2) -> Group:
    members: list[Node] = list(draw.sample(CONDITIONS, draw.randint(1, 3)))
    if depth and draw.random() < 0.7:
        members.append(random_tree(draw, depth - 1))
    return Group(draw.choice(["all", "any", "none"]), tuple(members))


@pytest.fixture
def world(any_database: db.Database) -> db.Database:
    people_world.fill(any_database)
    return any_database


def ids(database: db.Database, tree: Group) -> set[int]:
    return set(segment.people(database, tree, TODAY).collect()["id"].to_list())


def test_before_and_who_entered_less_who_left_are_after(world: db.Database) -> None:
    draw = random.Random(11)
    for _ in range(40):
        before, after = random_tree(draw), random_tree(draw)
        for kept in (before, frozen_now(world, before)):
            diff = comparing.compare(world, kept, after, today=TODAY)
            was, is_in = ids(world, before), ids(world, after)
            assert diff.before + diff.entered.height - diff.left.height == diff.after
            assert (diff.before, diff.after) == (len(was), len(is_in))
            assert diff.entered["id"].to_list() == sorted(is_in - was)
            assert diff.left["id"].to_list() == sorted(was - is_in)
            assert not diff.created
            assert not diff.deleted


def test_everybody_who_moved_has_a_reason_that_is_counted(world: db.Database) -> None:
    draw = random.Random(5)
    for _ in range(40):
        diff = comparing.compare(world, random_tree(draw), random_tree(draw), today=TODAY)
        for side, name in ((diff.entered, "entered"), (diff.left, "left")):
            assert side.select((pl.col("flipped").list.len() > 0).all()).item()
            told = side["flipped"].explode(empty_as_null=False).to_list()
            for place, flip in enumerate(diff.flips):
                assert told.count(place) == getattr(flip, name)
        moved = [flip.entered + flip.left for flip in diff.flips]
        assert moved == sorted(moved, reverse=True)


def test_an_audience_compared_with_itself_has_not_moved(world: db.Database) -> None:
    draw = random.Random(3)
    for _ in range(10):
        tree = random_tree(draw)
        diff = comparing.compare(world, frozen_now(world, tree), tree, today=TODAY)
        assert (diff.entered.height, diff.left.height, diff.flips) == (0, 0, ())


def test_a_condition_added_or_removed_is_named(any_database: db.Database) -> None:
    people(any_database)
    alone = Group("all", (COLOMBIA,))
    assert flips(comparing.compare(any_database, alone, TREE)) == [
        ("contact.first_name", "added", 0, 1)
    ]
    assert flips(comparing.compare(any_database, TREE, alone)) == [
        ("contact.first_name", "removed", 1, 0)
    ]


def test_groups_that_match_otherwise_are_named(any_database: db.Database) -> None:
    people(any_database)
    other = Condition("contact.first_name", "is", "Inés")
    both, one = Group("all", (COLOMBIA, other)), Group("any", (COLOMBIA, other))
    diff = comparing.compare(any_database, both, one)
    assert diff.entered.height == 3
    assert sorted(flips(diff)) == [
        ("contact.country", "moved", 1, 0),
        ("contact.first_name", "moved", 2, 0),
    ]


def test_the_condition_that_flipped_for_a_person_since_a_broadcast(
    any_database: db.Database,
) -> None:
    known = people(any_database)
    row = frozen_now(any_database, TREE)
    with any_database.write() as session:
        contacts.update(session, known["Luis"], country="PE")
        contacts.update(session, known["Inés"], country="CO")
        contacts.update(session, known["Ana"], first_name="Anna")
    diff = comparing.compare(any_database, row, TREE)
    assert sorted(flips(diff)) == [
        ("contact.country", "began", 1, 0),
        ("contact.country", "ended", 0, 1),
        ("contact.first_name", "ended", 1, 0),
    ]
    why = {
        id: [(diff.flips[n].condition.field, diff.flips[n].change) for n in flipped]
        for id, flipped in pl.concat([diff.entered, diff.left]).select("id", "flipped").iter_rows()
    }
    assert why == {
        known["Luis"]: [("contact.country", "ended")],
        known["Inés"]: [("contact.country", "began")],
        known["Ana"]: [("contact.first_name", "ended")],
    }


def test_people_made_since_are_new_and_those_gone_are_deleted(any_database: db.Database) -> None:
    known = people(any_database)
    row = frozen_now(any_database, TREE)
    with any_database.write() as session:
        session.execute(sa.delete(db.Contact).where(db.Contact.id == known["Luis"]))
        contacts.create(session, first_name="Zoe", country="CO")
    diff = comparing.compare(any_database, row, TREE)
    assert (diff.before, diff.after, diff.created, diff.deleted) == (1, 1, 1, 1)
    assert diff.flips == ()
    (came,) = comparing.people(any_database, diff.entered, limit=9)
    (went,) = comparing.people(any_database, diff.left, limit=9)
    assert (came.name, went.name, went.id) == ("Zoe", None, known["Luis"])


def test_the_frozen_audience_comes_back_as_it_was(world: db.Database) -> None:
    table = frozen.take(world, random_tree(random.Random(8)), TODAY)
    assert frozen.unpack(frozen.pack(table)).equals(table)


def test_ids_far_apart_and_nobody_at_all_come_back() -> None:
    for ids in ([], [7], [3, 2**40, 2**53 + 1]):
        table = pl.DataFrame({"id": ids, frozen.MATCHED: [True] * len(ids)}).cast(
            {"id": pl.Int64, frozen.MATCHED: pl.Boolean}
        )
        assert frozen.unpack(frozen.pack(table)).equals(table)


# Kept with a broadcast


def started(database: db.Database, tree: Group = TREE) -> int:
    """A broadcast prepared as its job does it."""
    news = draft(database, saved(database, tree))
    broadcast.confirm(database, news)
    with database.read() as session:
        wanted = drafts.plan_of(session, news)
    who = audience.resolve(database, wanted)
    assert ledger.prepare(database, news, who, frozen.take(database, wanted.tree))
    return news


def kept(database: db.Database, id: int) -> db.FrozenAudience:
    with database.read() as session:
        return db.get(session, db.FrozenAudience, id)


def test_a_broadcast_that_starts_keeps_who_matched(any_database: db.Database) -> None:
    people(any_database)
    news = started(any_database, Group("all", (COLOMBIA,)))
    with any_database.read() as session:
        assert [(id, name) for id, name, _at in frozen.listing(session)] == [(news, "News")]
    diff = comparing.compare(any_database, kept(any_database, news), TREE)
    assert (diff.before, diff.left.height, diff.after) == (2, 1, 1)


def test_who_matched_is_who_the_ledger_has(any_database: db.Database) -> None:
    known = people(any_database)
    news = draft(any_database, saved(any_database))
    broadcast.confirm(any_database, news)
    with any_database.read() as session:
        wanted = drafts.plan_of(session, news)
    who = audience.resolve(any_database, wanted)
    with any_database.write() as session:  # after the audience was resolved, before it is frozen
        contacts.update(session, known["Inés"], country="CO")
    assert ledger.prepare(any_database, news, who, frozen.take(any_database, wanted.tree))
    diff = comparing.compare(any_database, kept(any_database, news), TREE)
    assert diff.before == who.matched == 1
    assert diff.entered["id"].to_list() == [known["Inés"]]


def test_a_broadcast_stopped_before_its_start_keeps_nothing(any_database: db.Database) -> None:
    people(any_database)
    news = draft(any_database, saved(any_database))
    broadcast.confirm(any_database, news)
    with any_database.read() as session:
        wanted = drafts.plan_of(session, news)
    with any_database.write() as session:
        broadcast.cancel(session, news)
    who = audience.resolve(any_database, wanted)
    assert not ledger.prepare(any_database, news, who, frozen.take(any_database, wanted.tree))
    with any_database.read() as session:
        assert frozen.listing(session) == []


# Versions


def test_every_save_is_a_version_and_can_be_compared_with(any_database: db.Database) -> None:
    people(any_database)
    id = saved(any_database, Group("all", (COLOMBIA,)))
    with any_database.write() as session:
        segment.save(session, id, TREE)
    with any_database.read() as session:
        listed = versions.listing(session, id)
        assert [row.tree for row in listed] == [
            segment.to_json(TREE),
            segment.to_json(Group("all", (COLOMBIA,))),
        ]
        first = versions.get(session, id, 1)
        with pytest.raises(NotFound, match="There is no version 3; the segment has 2"):
            versions.get(session, id, 3)
    diff = comparing.compare(any_database, first, TREE)
    assert (diff.before, diff.left.height, diff.after) == (2, 1, 1)
