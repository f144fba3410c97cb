"""Tags as such: another name keeps people and segments; only an unused one can be dropped."""

from __future__ import annotations

import pytest

from engine import db
from engine.contacts import contacts, tag_names
from engine.errors import Conflict, Invalid
from engine.segments import segment


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
        with pytest.raises(Conflict, match="1 people"):
            tag_names.drop(session, ids["fair"])
        with pytest.raises(Conflict, match="Asks"):
            tag_names.drop(session, ids["empty"])
        segment.delete(session, row.id)
        tag_names.drop(session, ids["empty"])
        assert [tag.name for tag in contacts.tags(session)] == ["Fair", "VIP"]
