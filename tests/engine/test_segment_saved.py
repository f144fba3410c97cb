"""Saved segments, what makes a tree unusable, and the tree in words."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from engine import db
from engine.contacts import contacts
from engine.errors import Conflict, Invalid, NotFound
from engine.segments import frame, saved, segment
from engine.segments.tree import Condition, Group, Node
from tests.engine import people_world as world


def all_of(*nodes: Node) -> Group:
    return Group("all", nodes)


def within(id: int) -> Group:
    return all_of(Condition("segment", "in_segment", id))


FINE = Condition("contact.phone", "is_set")


# Names


def test_a_segment_is_saved_found_renamed_and_deleted(any_database: db.Database):
    with any_database.write() as session:
        id = segment.create(session, name="  Niños ", tree=all_of(FINE)).id
    with any_database.write() as session:
        assert segment.by_name(session, "niÑOS").id == id
        assert segment.get(session, id).name == "Niños"
        assert segment.rename(session, id, "NIÑOS").name == "NIÑOS"
        segment.save(session, id, segment.EVERYBODY)
    with any_database.write() as session:
        assert [row.name for row in segment.listing(session)] == ["NIÑOS"]
        assert segment.from_json(segment.get(session, id).tree) == segment.EVERYBODY
        segment.delete(session, id)
    with any_database.read() as session:
        assert segment.listing(session) == []
        with pytest.raises(NotFound):
            segment.get(session, id)
        with pytest.raises(NotFound, match="“niños”"):
            segment.by_name(session, "niños")


def test_a_name_belongs_to_one_segment_whatever_its_case_and_spaces(any_database: db.Database):
    with any_database.write() as session:
        segment.create(session, name="VIP clients")
        other = segment.create(session, name="Other").id
    with any_database.write() as session, pytest.raises(Conflict) as caught:
        segment.create(session, name=" vip  CLIENTS ")
    assert caught.value.code == "segment.taken"
    with any_database.write() as session, pytest.raises(Conflict):
        segment.rename(session, other, "Vip Clients")
    with any_database.write() as session, pytest.raises(Invalid):
        segment.create(session, name="  ")


def test_a_tree_that_cannot_be_used_is_not_saved(database: db.Database):
    with database.write() as session:
        id = segment.create(session, name="a", tree=all_of(FINE)).id
    with database.write() as session:
        with pytest.raises(Invalid):
            segment.save(session, id, all_of(Condition("field.gone", "is_set")))
        with pytest.raises(Invalid):
            segment.create(session, name="b", tree=all_of(Condition("tag", "has_any", (9,))))
    with database.read() as session:
        assert segment.from_json(segment.by_name(session, "a").tree) == all_of(FINE)
        assert len(segment.listing(session)) == 1


# Deleting


@pytest.mark.parametrize("state", ["scheduled", "preparing", "sending", "paused"])
def test_a_segment_a_broadcast_still_needs_is_not_deleted(database: db.Database, state: str):
    with database.write() as session:
        inner = segment.create(session, name="inner").id
        outer = segment.create(session, name="outer", tree=within(inner)).id
        frozen = segment.create(session, name="frozen").id
        session.add(
            db.Broadcast(
                key="spring",
                name="Spring",
                segment_id=outer,
                tree=segment.to_json(within(frozen)),
                state=state,
            )
        )
    for id in (inner, outer, frozen):
        with database.write() as session, pytest.raises(Conflict, match="“Spring”") as caught:
            segment.delete(session, id)
        assert caught.value.code == "segment.in_use"
        with database.read() as session:
            assert [row.name for row in segment.used_by(session, id)] == ["Spring"]


@pytest.mark.parametrize("state", ["draft", "completed", "cancelled"])
def test_a_segment_no_broadcast_needs_any_more_can_go(any_database: db.Database, state: str):
    with any_database.write() as session:
        id = segment.create(session, name="a").id
        session.add(db.Broadcast(key="b", name="b", segment_id=id, state=state))
    with any_database.write() as session:
        segment.delete(session, id)
    with any_database.read() as session:
        assert session.get_one(db.Broadcast, 1).segment_id is None


def test_a_segment_another_one_names_is_not_deleted_before_it(any_database: db.Database):
    with any_database.write() as session:
        inner = segment.create(session, name="inner").id
        outer = segment.create(session, name="outer", tree=within(inner)).id
    with any_database.write() as session, pytest.raises(Conflict, match="“outer”"):
        segment.delete(session, inner)
    with any_database.write() as session:
        segment.delete(session, outer)
        segment.delete(session, inner)


# Copies, versions, and who uses what


def test_a_copy_has_the_tree_and_the_tests_and_a_life_of_its_own(any_database: db.Database):
    with any_database.write() as session:
        row = segment.create(session, name="a", tree=all_of(FINE))
        row.expectations = {"least": 2}
        copied = saved.copy(session, row.id, name=" B ")
        assert (copied.name, copied.tree, copied.expectations) == ("B", row.tree, {"least": 2})
        segment.save(session, copied.id, segment.EVERYBODY)
        assert segment.from_json(row.tree) == all_of(FINE)
    with any_database.write() as session, pytest.raises(Conflict):
        saved.copy(session, 1, name="b")
    with any_database.write() as session, pytest.raises(NotFound):
        saved.copy(session, 99, name="c")


def test_a_copy_can_be_of_what_was_edited(database: db.Database):
    with database.write() as session:
        id = segment.create(session, name="a").id
        copied = saved.copy(session, id, name="b", tree=all_of(FINE))
        assert segment.from_json(copied.tree) == all_of(FINE)
        assert segment.from_json(segment.get(session, id).tree) == segment.EVERYBODY


def versions(database: db.Database, id: int) -> list[Node]:
    with database.read() as session:
        rows = session.scalars(
            sa.select(db.SegmentVersion).filter_by(segment_id=id).order_by(db.SegmentVersion.id)
        )
        return [segment.from_json(row.tree) for row in rows]


def test_every_tree_that_was_saved_is_kept_once(any_database: db.Database):
    with any_database.write() as session:
        id = segment.create(session, name="a").id
    for tree in (all_of(FINE), all_of(FINE), segment.EVERYBODY):
        with any_database.write() as session:
            segment.save(session, id, tree)
    with any_database.write() as session:
        segment.rename(session, id, "b")
    assert versions(any_database, id) == [segment.EVERYBODY, all_of(FINE), segment.EVERYBODY]
    with any_database.write() as session:
        segment.delete(session, id)
    assert versions(any_database, id) == []


def test_a_segment_from_before_versions_keeps_what_it_was_saved_over(database: db.Database):
    with database.write() as session:
        row = db.Segment(key="old", name="old", tree=segment.to_json(all_of(FINE)))
        session.add(row)
        session.flush()
        segment.save(session, row.id, segment.EVERYBODY)
        id = row.id
    assert versions(database, id) == [all_of(FINE), segment.EVERYBODY]


def test_who_uses_a_segment_is_told_for_broadcasts_and_segments(any_database: db.Database):
    with any_database.write() as session:
        inner = segment.create(session, name="inner").id
        outer = segment.create(session, name="outer", tree=within(inner)).id
        free = segment.create(session, name="free").id
        for name in ("one", "two"):
            session.add(db.Broadcast(key=name, name=name, segment_id=outer))
    with any_database.read() as session:
        used = saved.used(session)
        assert [row.name for row in used[inner].broadcasts] == ["two", "one"]
        assert [row.name for row in used[inner].segments] == ["outer"]
        assert used[outer].segments == ()
        assert free not in used


# What makes a tree unusable


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        (Condition("contact.shoe_size", "is", "43"), "segment.unknown_field"),
        (Condition("field.gone", "is_set"), "segment.unknown_field"),
        (Condition("contact.phone", "resembles", "43"), "segment.unknown_operator"),
        (Condition("contact.phone", "gt", "43"), "segment.unknown_operator"),
        (Condition("contact.phone", "is", 43), "segment.bad_value"),
        (Condition("contact.phone", "is"), "segment.bad_value"),
        (Condition("field.spent", "between", (1, "2")), "segment.bad_value"),
        (Condition("activity.created_at", "on", "yesterday"), "segment.bad_value"),
        (Condition("tag", "has_any", (1, 99)), "segment.gone"),
        (Condition("channel.reachable", "has_none", (99,)), "segment.gone"),
        (Condition("channel.last_interacted", "is_any_of", (99,)), "segment.gone"),
        (Condition("broadcast.read", "in_broadcast", 99), "segment.gone"),
        (Condition("segment", "not_in_segment", 99), "segment.gone"),
    ],
)
def test_what_does_not_exist_is_an_error_with_its_place(
    database: db.Database, condition: Condition, code: str
):
    world.fill(database)
    tree = all_of(FINE, Group("none", (FINE, condition)))
    catalogue = frame.load(database).catalogue
    for use in (
        lambda: segment.check(tree, catalogue),
        lambda: segment.count(database, tree),
        lambda: segment.counts(database, tree),
        lambda: segment.people(database, tree),
    ):
        with pytest.raises(Invalid) as caught:
            use()
        assert caught.value.code == code
        assert "condition 2 of group 2" in caught.value.sentence
        assert caught.value.details["path"] == "1.1"
    assert segment.words(tree, catalogue)


def test_a_deleted_tag_makes_the_segments_that_need_it_say_so(database: db.Database):
    with database.write() as session:
        contacts.create(session, first_name="Ana", tags=["VIP"])
        inner = segment.create(session, name="VIPs", tree=all_of(Condition("tag", "has_any", (1,))))
        outer = within(inner.id)
    assert segment.count(database, outer) == 1
    with database.write() as session:
        session.execute(db.ContactTag.__table__.delete())
        session.execute(db.Tag.__table__.delete())
        db.touch_contacts(session)
    with pytest.raises(Invalid) as caught:
        segment.count(database, outer)
    assert caught.value.code == "segment.broken_reference"
    assert "“VIPs”" in caught.value.sentence
    assert "condition 1 of group 1" in caught.value.sentence


def test_a_segment_cannot_lead_back_to_itself(database: db.Database):
    with database.write() as session:
        a = segment.create(session, name="a").id
        b = segment.create(session, name="b", tree=within(a)).id
        c = segment.create(session, name="c", tree=within(b)).id
    for tree in (within(a), within(b), Group("none", (FINE, *within(c).of))):
        with database.write() as session, pytest.raises(Invalid) as caught:
            segment.save(session, a, tree)
        assert caught.value.code == "segment.cycle"
        assert "of group 1" in caught.value.sentence
    with database.write() as session:  # as another program might leave it
        segment.get(session, a).tree = segment.to_json(within(c))
        segment.get(session, a).updated_at = db.now()
    with pytest.raises(Invalid) as caught:
        segment.count(database, all_of(FINE, *within(c).of))
    assert caught.value.code == "segment.cycle"
    assert "condition 2 of group 1" in caught.value.sentence


def test_long_chains_of_segments_end_in_a_sentence_and_wide_ones_in_no_time(database: db.Database):
    with database.write() as session:
        id = segment.create(session, name="s").id
        for step in range(19):  # each asks for the one before twice: 2^19 ways down
            twice = Group("any", (*within(id).of, Condition("segment", "not_in_segment", id)))
            id = segment.create(session, name=f"s{step}", tree=twice).id
    assert segment.count(database, within(id)) == 0
    with database.write() as session:
        id = segment.create(session, name="the last that fits", tree=within(id)).id
    with pytest.raises(Invalid) as caught:
        segment.count(database, all_of(FINE, *within(id).of))
    assert caught.value.code == "segment.chain_too_long"
    assert "condition 2 of group 1" in caught.value.sentence


# In words


def test_a_tree_reads_as_a_sentence(database: db.Database):
    with database.write() as session:
        contacts.define_field(session, key="born", label="Birthday", type="date")
        contacts.define_field(session, key="spent", label="Spent", type="number")
        contacts.create(session, first_name="Ana", tags=["VIP", "new"])
        session.add(db.Broadcast(key="spring", name="Spring"))
        segment.create(session, name="Loyal")
    catalogue = frame.load(database).catalogue
    tree = all_of(
        Condition("contact.country", "is_any_of", ("CO", "PE")),
        Group(
            "any",
            (
                Condition("tag", "has_any", (1, 2)),
                Condition("field.born", "between", ("2000-01-01", "2000-12-31")),
                Condition("field.spent", "gte", 1234.5),
            ),
        ),
        Group("none", (Condition("segment", "in_segment", 1), Condition("tag", "has_any", (9,)))),
        Condition("broadcast.sent", "not_in_broadcast", 1),
        Condition("activity.last_inbound_at", "in_last_days", 1),
    )
    assert segment.words(tree, catalogue) == (
        "Country is any of “Colombia”, “Peru” and (Tags: any of “VIP”, “new” or Birthday is "
        "between Jan 1, 2000 and Dec 31, 2000 or Spent is at least 1,234.5) and none of (in the "
        "segment “Loyal” or Tags: any of “something that was deleted”) and Was not sent a "
        "broadcast named “Spring” and Last incoming message in the last 1 day"
    )


def test_groups_need_brackets_only_beside_others(database: db.Database):
    catalogue = frame.load(database).catalogue
    a = Condition("contact.phone", "is_set")
    b = Condition("contact.email", "is_set")
    either = Group("any", (a, b))
    read = {
        "Phone is set": all_of(a),
        "Phone is set or Email is set": all_of(either),
        "Phone is set and (Phone is set or Email is set)": all_of(a, all_of(either)),
        "None of (Phone is set or Email is set)": Group("none", (either,)),
        "None of (Phone is set) and Email is set": all_of(Group("none", (a,)), b),
        "Everybody": segment.EVERYBODY,
    }
    assert {segment.words(tree, catalogue): tree for tree in read.values()} == read


def test_long_lists_are_cut(database: db.Database):
    catalogue = frame.load(database).catalogue
    many = all_of(Condition("contact.country", "is_any_of", ("CO", "PE", "MX", "CL", "AR", "UY")))
    assert segment.words(many, catalogue).endswith("“Argentina” and 1 more")


def test_conditions_of_today_move_with_the_day(database: db.Database):
    with database.write() as session:
        at = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
        session.add(db.Contact(first_name="Ana", created_at=at))
        db.touch_contacts(session)
    tree = all_of(Condition("activity.created_at", "in_last_days", 7))
    days = [dt.date(2026, 2, 28), dt.date(2026, 3, 1), dt.date(2026, 3, 8), dt.date(2026, 3, 9)]
    assert [int(segment.mask(database, tree, day).sum()) for day in days] == [0, 1, 1, 0]
