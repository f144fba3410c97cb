"""Somebody is found by what is typed, as contacts.search finds them, the best first."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from engine import db
from engine.contacts import contacts, reach
from engine.segments import naming
from tests.engine import people_world as world

TYPED = (
    *("", "  ", "ana", "ANÁ", "jose", "José", "ñu", "muñ", "ana maría", "maria ana", "é x", "%"),
    *("+57 300", "0057300", "(300) 123-45", "300.123", "987 654", "0051987", "x.co", "IA@x", "zz"),
    *("strasse", "STRAẞE", "groß"),
)


@pytest.fixture
def filled(any_database: db.Database) -> db.Database:
    world.fill(any_database)
    with any_database.write() as session:
        for first, last, phone, email in (
            ("Íñigo", "Ávalos", None, "ia@x.co"),
            ("Joséé", "Núñez", "+51987654321", None),
            ("Ana María", "Muñoz", "+573001234567", "am@x.co"),
            ("Susana", "Anaya", "+573001234568", None),
            ("Jürgen", "Straße", None, "j@x.co"),
            ("Groß", "Strasse", None, None),
        ):
            contacts.create(session, first_name=first, last_name=last, phone=phone, email=email)
    return any_database


def searched(database: db.Database, text: str, channel_id: int | None = None) -> set[int]:
    with database.read() as session:
        found = contacts.search(session, text, channel_id=channel_id, limit=10_000)
    return {row.id for row in found}


def test_finds_who_the_search_of_contacts_finds(filled: db.Database):
    for text in TYPED:
        found = naming.named(filled, text, limit=10_000)
        assert len(found) == len(set(found)), text
        assert set(found) == searched(filled, text), text


def test_on_a_channel_finds_only_who_can_be_reached_and_is_not_out(filled: db.Database):
    with filled.write() as session:
        channels = list(session.scalars(sa.select(db.Channel)))
        for channel in channels:
            some = contacts.search(session, "", channel_id=channel.id, limit=9)
            reach.say(session, [row.id for row in some[:3]], channel=channel, kind="out",
                      source="person")  # fmt: skip
            for row in some[3:6]:
                reach.invalidate(session, contact_id=row.id, channel_id=channel.id, why="gone")
    assert channels
    for channel in channels:
        for text in ("", "ana", "300", "a"):
            expected = searched(filled, text, channel.id)
            assert set(naming.named(filled, text, channel_id=channel.id, limit=10_000)) == expected
    assert naming.named(filled, "", channel_id=9_999) == []


def test_whole_names_come_first_then_the_alphabet(database: db.Database):
    with database.write() as session:
        for first, last in (
            *(("Susana", "Alba"), ("Zoe", "ana"), ("Ána", "Zapata"), ("Anabel", "Alba")),
            *(("María Ana", ""), ("", "Anaya")),
        ):
            contacts.create(session, first_name=first, last_name=last, email="ana@x.co")
    assert naming.named(database, "ana") == [3, 5, 2, 4, 1, 6]
    assert naming.named(database, "ana", limit=4) == [3, 5, 2, 4]
    assert naming.named(database, "ana zoe") == [2]
    assert naming.named(database, "") == [3, 4, 5, 1, 2, 6]
