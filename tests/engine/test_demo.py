"""The demo shop: plausible, the same each time, whole, and ready for one click."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from itertools import islice

import phonenumbers
import pytest
import sqlalchemy as sa

from engine import audience, checks, db, drafts
from engine.demo import broadcasts as demo_broadcasts
from engine.demo import demo
from engine.demo import people as demo_people
from engine.errors import Conflict
from engine.segments import segment
from engine.segments.tree import Group

NOW = dt.datetime(2026, 10, 15, 12, tzinfo=dt.UTC)
SOME = 6_000


@pytest.fixture(scope="module")
def people() -> list[demo_people.Somebody]:
    return list(demo_people.people(SOME, seed=7, now=NOW))


@pytest.fixture
def shop(database: db.Database) -> db.Database:
    demo.populate(database, database.settings, contacts=SOME)
    return database


def test_the_same_seed_makes_the_same_people(people: list[demo_people.Somebody]):
    assert list(demo_people.people(SOME, seed=7, now=NOW)) == people
    assert list(demo_people.people(SOME, seed=8, now=NOW)) != people


def test_more_people_begin_with_the_same_ones(people: list[demo_people.Somebody]):
    more = demo_people.people(10 * SOME, seed=7, now=NOW)
    assert list(islice(more, SOME)) == people


def test_phones_are_valid_numbers_of_the_persons_country(people: list[demo_people.Somebody]):
    for somebody in people:
        if phone := somebody.contact["phone"]:
            number = phonenumbers.parse(phone, None)
            assert phonenumbers.is_valid_number(number), phone
            assert phonenumbers.region_code_for_number(number) == somebody.contact["country"]


def test_phones_are_the_examples_of_libphonenumber_but_for_six_digits(
    people: list[demo_people.Somebody],
):
    for somebody in people:
        if phone := somebody.contact["phone"]:
            kind = phonenumbers.PhoneNumberType.MOBILE
            example = phonenumbers.example_number_for_type(somebody.contact["country"], kind)
            whole = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
            assert phone[:-6] == whole[:-6]


def test_a_few_people_are_there_twice_with_one_email_and_two_phones():
    many = list(demo_people.people(2_000, seed=7, now=NOW))
    twins = [
        (many[at - 1].contact, many[at].contact)
        for at in range(demo_people.TWICE - 1, 2_000, demo_people.TWICE)
    ]
    assert len(twins) == 4
    for known, twin in twins:
        for name in ("first_name", "last_name", "email"):
            assert twin[name] == known[name]
        assert twin["phone"] != known["phone"]


def test_nobody_shares_a_phone_or_an_address():
    many = list(demo_people.people(60_000, seed=7, now=NOW))
    for name in ("phone", "external_id"):
        values = [one.contact[name] for one in many if one.contact[name]]
        assert len(values) == len(set(values)), name
    talks = [(talk.kind, talk.address) for one in many for talk in one.talks]
    assert len(talks) == len(set(talks))


def test_mail_goes_to_reserved_domains_only(people: list[demo_people.Somebody]):
    domains = {
        email.rpartition("@")[2] for somebody in people if (email := somebody.contact["email"])
    }
    assert domains == {"example.com", "example.org", "example.net"}


def test_nothing_happened_before_a_person_was_there_or_after_now(
    people: list[demo_people.Somebody],
):
    for somebody in people:
        created = somebody.contact["created_at"]
        assert created < NOW
        assert all(created <= talk.at <= NOW for talk in somebody.talks)
        moments = [talk.at for talk in somebody.talks]
        assert moments == sorted(moments, reverse=True)


def test_the_shop_is_whole_on_both_databases(any_database: db.Database):
    demo.populate(any_database, any_database.settings, contacts=1_500)
    with any_database.read() as session:
        count = {
            kind.__tablename__: session.scalar(sa.select(sa.func.count()).select_from(kind))
            for kind in (db.Contact, db.Tag, db.ContactField, db.Channel, db.Segment, db.Broadcast)
        }
        version = session.scalar(sa.select(db.Workspace.contacts_version))
        kept = session.scalar(sa.select(db.Contact).order_by(db.Contact.id).limit(1))
    assert count == {
        "contact": 1_500,
        "tag": 8,
        "contact_field": 8,
        "channel": 5,
        "segment": 5,
        "broadcast": 2,
    }
    assert version
    assert kept
    assert kept.fields["city"] in demo_people.CITIES
    with any_database.write() as session:
        session.add(db.Contact(first_name="After"))  # the ids go on after the bulk


def test_a_second_time_changes_nothing(shop: db.Database):
    def everything() -> list[object]:
        with shop.read() as session:
            tables = sorted(db.Base.metadata.tables)
            return [session.execute(sa.text(f"SELECT * FROM {table}")).all() for table in tables]

    before = everything()
    assert not demo.is_empty(shop)
    with pytest.raises(Conflict):
        demo.populate(shop, shop.settings, contacts=10)
    assert everything() == before


def test_a_workspace_of_somebodys_own_is_left_alone(database: db.Database):
    with database.write() as session:
        session.add(db.Contact(first_name="Mine"))
        db.touch_contacts(session)
    assert not demo.is_empty(database)
    with pytest.raises(Conflict):
        demo.populate(database, database.settings, contacts=10)


def test_five_segments_have_people_and_are_nested(shop: db.Database):
    with shop.read() as session:
        trees = {row.name: segment.from_json(row.tree) for row in segment.listing(session)}
    assert len(trees) == 5
    for name, tree in trees.items():
        assert 0 < segment.count(shop, tree) < SOME, name
        assert any(isinstance(node, Group) for node in tree.of) or "subscribed" in name.lower()
    text = json.dumps([segment.to_json(tree) for tree in trees.values()])
    assert "in_segment" in text


def test_the_draft_lacks_nothing_but_the_click_and_reaches_three_channels(shop: db.Database):
    with shop.read() as session:
        row = drafts.by_name(session, demo_broadcasts.DRAFT)
        plan = drafts.plan_of(session, row.id)
    assert row.state == "draft"
    assert checks.problems(shop, row.id) == []
    who = audience.resolve(shop, plan)
    assert len(who.by_channel()) == 3
    assert all(who.by_channel().values())
    assert sum(who.reasons().values()) > 0


def test_the_first_broadcast_is_confirmed_once(shop: db.Database, redis_url: str):
    config = shop.settings.model_copy(
        update={"redis_url": type(shop.settings.redis_url)(redis_url)}
    )
    assert demo.send_first(shop, config) is True
    assert demo.send_first(shop, config) is False
    with shop.read() as session:
        assert drafts.by_name(session, demo_broadcasts.FIRST).state == "preparing"


def test_tiers_and_tags_are_spread_as_in_a_shop(people: list[demo_people.Somebody]):
    tiers = Counter(somebody.contact["fields"]["loyalty_tier"] for somebody in people)
    assert tiers["Basic"] > tiers["Silver"] > tiers["Gold"] > tiers["Platinum"] > 0
    assert {tag for somebody in people for tag in somebody.tags} == set(demo_people.TAGS)
    kinds = {talk.kind for somebody in people for talk in somebody.talks}
    assert kinds == set(demo_people.KINDS)
