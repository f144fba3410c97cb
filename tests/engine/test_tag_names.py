"""Tags as such: another name keeps people and segments; only an unused one can be dropped."""

from __future__ import annotations

import pytest

from engine import db
from engine.contacts import changes, contacts, tag_names
from engine.errors import Conflict, Invalid
from engine.segments import segment
from tests.engine import dump


def made(database: db.Database) -> dict[str, int]:
    with database.write() as session:
        contacts.create(session, first_name="Ana", tags=["VIP", "Fair"])
        return contacts.tag_ids(session, ["VIP", "Fair", "Empty"])


def test_a_renamed_tag_keeps_its_people(any_database: db.Database) -> None:
    ids = made(any_database)
    with any_database.write() as session:
        tag_names.rename(session, ids["vip"], "  Best  friends ")
        assert set(contacts.tags_of(session, 1).values()) == {"Best friends", "Fair"}


def test_a_name_that_is_taken_or_unusable_is_refused(any_database: db.Database) -> None:
    ids = made(any_database)
    with any_database.write() as session:
        with pytest.raises(Conflict, match="merge them"):
            tag_names.rename(session, ids["vip"], "FAIR")
        with pytest.raises(Invalid):
            tag_names.rename(session, ids["vip"], "a,b")
        assert tag_names.rename(session, ids["vip"], "vip").name == "vip"


def test_a_tag_somebody_has_or_a_segment_asks_for_stays(any_database: db.Database) -> None:
    ids = made(any_database)
    tree = {"match": "all", "of": [{"field": "tag", "op": "has_any", "value": [ids["empty"]]}]}
    with any_database.write() as session:
        row = segment.create(session, name="Asks")
        segment.save(session, row.id, segment.from_json(tree))
        with pytest.raises(Conflict, match="Somebody has"):
            tag_names.drop(session, ids["fair"])
        with pytest.raises(Conflict, match="Asks"):
            tag_names.drop(session, ids["empty"])
        segment.delete(session, row.id)
        tag_names.drop(session, ids["empty"])
        assert [tag.name for tag in contacts.tags(session)] == ["Fair", "VIP"]


def test_a_merged_tag_is_one_change_that_can_be_undone(any_database: db.Database) -> None:
    ids = made(any_database)
    with any_database.write() as session:
        contacts.create(session, first_name="Luz", tags=["Fair"])
        contacts.create(session, first_name="Eva", tags=["VIP"])
    before = dump.of(any_database)["contact_tag"]
    change = tag_names.merge(any_database, ids["fair"], ids["vip"])
    after = dump.of(any_database)["contact_tag"]
    assert [(row["contact_id"], row["tag_id"]) for row in after] == [
        (id, ids["vip"]) for id in (1, 2, 3)
    ]
    with any_database.read() as session:
        listed = changes.listing(session)[0]
        assert (listed.id, listed.people) == (change, 2)
        assert changes.sentence(listed, "en") == "Merged the tag Fair of 2 contacts into VIP"
    assert changes.undo(any_database, change).kept == 0
    assert dump.of(any_database)["contact_tag"] == before


def test_a_tag_that_a_segment_or_a_waiting_broadcast_asks_for_is_not_merged(
    any_database: db.Database,
) -> None:
    ids = made(any_database)
    tree = {"match": "all", "of": [{"field": "tag", "op": "has_any", "value": [ids["fair"]]}]}
    with any_database.write() as session:
        asks = segment.create(session, name="Asks", tree=segment.from_json(tree)).id
        session.add(db.Broadcast(key="w", name="Waits", state="scheduled", tree=tree))
    with pytest.raises(Conflict, match="“Asks”, “Waits”"):
        tag_names.merge(any_database, ids["fair"], ids["vip"])
    with any_database.write() as session:
        segment.delete(session, asks)
    with pytest.raises(Conflict, match="“Waits”"):
        tag_names.merge(any_database, ids["fair"], ids["vip"])
    with pytest.raises(Invalid, match="into itself"):
        tag_names.merge(any_database, ids["vip"], ids["vip"])
