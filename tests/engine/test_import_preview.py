"""Rows as they will become, before anything is written, and mappings kept for the next file."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from engine import db
from engine.contacts import contacts
from engine.errors import Invalid, NotFound
from engine.importing import importing, mappings
from engine.importing.importing import Options
from engine.importing.preview import Preview, preview


def shown(database: db.Database, text: str, **options: object) -> Preview:
    return preview(database, importing.read(text.encode()), Options(**options))  # type: ignore[arg-type]


def test_it_says_who_is_new_and_what_changes_and_writes_nothing(
    any_database: db.Database,
) -> None:
    with any_database.write() as session:
        contacts.define_field(session, key="city", label="City", type="text")
        contacts.create(
            session, first_name="Ana", phone="+573001234567", fields={"city": "Lima"}, tags=["VIP"]
        )
        contacts.create(session, first_name="Luz", phone="+573001234568")
    found = shown(
        any_database,
        "name,phone,city,edad,tags\n"
        "Ana,300 123 4567,Cali,30,vip; new\n"
        "Luz,300 123 4568,,,\n"
        "Eva,300 123 4569,Lima,31,\n"
        "Eva,300 123 4569,Lima,x,\n"
        "Leo,12,,32,\n"
        ",,Lima,,\n",
        tags=(),
    )
    assert [row.outcome for row in found.rows] == [
        "updated",
        "unchanged",
        "created",
        "merged",
        "created",
        "skipped",
    ]
    assert list(found.places) == [
        "first_name",
        "last_name",
        "phone",
        "field.city",
        "field.edad",
        "tags",
    ]
    ana, luz, eva, again, leo, nobody = found.rows
    assert (ana.cells["field.city"].old, ana.cells["field.city"].new) == ("Lima", "Cali")
    assert (ana.cells["tags"].old, ana.cells["tags"].new) == ("VIP", "VIP, new")
    assert not ana.cells["first_name"].changes
    assert not any(cell.changes for cell in luz.cells.values())
    assert (eva.contact_id, luz.contact_id is not None) == (None, True)
    assert leo.cells["phone"].problem is not None
    assert leo.cells["phone"].problem.code == "contact.phone"
    assert [problem.code for problem in again.problems] == ["import.same_person"]
    assert [problem.code for problem in nobody.problems] == ["import.nobody"]
    with any_database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(db.Contact)) == 2
        assert [row.key for row in contacts.fields(session)] == ["city"]
        assert [row.name for row in contacts.tags(session)] == ["VIP"]


def test_a_value_that_is_somebody_elses_stays_as_it_is(database: db.Database) -> None:
    with database.write() as session:
        contacts.create(session, first_name="Ana", external_id="A", phone="+573001234567")
        contacts.create(session, first_name="Luz", external_id="B")
    found = shown(database, "external id,phone\nB,300 123 4567\n", match="external_id")
    cell = found.rows[0].cells["phone"]
    assert (cell.old, cell.new) == (None, None)
    assert cell.problem is not None
    assert found.rows[0].outcome == "unchanged"


def test_it_refuses_what_the_import_would_refuse(database: db.Database) -> None:
    with pytest.raises(Invalid) as refused:
        shown(database, "name\nAna\n", match="phone")
    assert refused.value.code == "import.no_match_column"


def test_a_mapping_fits_files_that_have_its_columns(any_database: db.Database) -> None:
    small = Options(mapping={"a": "contact.name"})
    large = Options(mapping={"a": "contact.name", "b": "contact.phone", "z": "ignore"}, mode="add")
    with any_database.write() as session:
        mappings.keep_mapping(session, "Small", small)
        mappings.keep_mapping(session, "Large", small)
        mappings.keep_mapping(session, " large ", large)
        with pytest.raises(Invalid):
            mappings.keep_mapping(session, " ", large)
    both, one, none = (importing.read(head) for head in (b"a,b\n", b"a,c\n", b"x,y\n"))
    with any_database.read() as session:
        assert [row.name for row in mappings.mappings(session)] == ["large", "Small"]
        assert [row.name for row in mappings.mappings(session, both)] == ["large", "Small"]
        assert [row.name for row in mappings.mappings(session, one)] == ["Small"]
        assert mappings.mappings(session, none) == []
        kept = mappings.mapping(session, "LARGE")
    assert kept == large
    assert mappings.fitted(kept, both).mapping == {"a": "contact.name", "b": "contact.phone"}
    with any_database.write() as session:
        mappings.drop_mapping(session, mappings.mappings(session)[0].id)
        with pytest.raises(NotFound):
            mappings.mapping(session, "large")
