"""What is done to people can be undone: the database is then as it was, but for later edits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from engine import db
from engine.contacts import bulk, changes, contacts, undoing
from engine.contacts.rows import dumped, loaded
from engine.errors import NotFound
from engine.segments import frame
from tests.engine import dump
from tests.engine.changes_world import DEEDS, World


def same(database: db.Database, before: dict[str, list[dict[str, object]]]) -> None:
    """Fails with the rows that are not as they were."""
    now = dump.of(database)
    for table, rows in before.items():
        gone = [row for row in rows if row not in now[table]]
        come = [row for row in now[table] if row not in rows]
        assert (gone, come) == ([], []), table


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.__name__)
def test_undoing_leaves_everything_as_it_was(
    any_database: db.Database, deed: Callable[[World], int]
) -> None:
    world = World(any_database, seed=len(deed.__name__))
    for _ in range(4):
        before = dump.of(any_database)
        change = deed(world)
        undone = changes.undo(any_database, change)
        assert undone.kept == 0, undone
        same(any_database, before)
        again = changes.undo(any_database, change)
        assert (again.restored, again.kept) == (undone.restored, 0)
        same(any_database, before)


@pytest.mark.parametrize("seed", range(4))
def test_many_changes_undone_from_the_last_leave_everything_as_it_was(
    any_database: db.Database, seed: int
) -> None:
    world = World(any_database, seed)
    people = [deed for deed in DEEDS if deed.__name__ not in ("drop_field", "retype")]
    before, made = [], []
    for _ in range(10):
        before.append(dump.of(any_database))
        made.append(world.draw.choice(people)(world))
    for change, was in zip(reversed(made), reversed(before), strict=True):
        assert changes.undo(any_database, change).kept == 0
        same(any_database, was)
    loaded = frame.load(any_database).people
    assert loaded["id"].to_list() == world.ids


def test_what_somebody_changed_since_stays_theirs(any_database: db.Database) -> None:
    with any_database.write() as session:
        contacts.define_field(session, key="city", label="City", type="text")
        ana, luz, eva = (contacts.create(session, first_name=n).id for n in ("Ana", "Luz", "Eva"))
    change = bulk.set_field(any_database, [ana, luz, eva], "city", "Lima")
    with any_database.write() as session:
        contacts.update(session, luz, fields={"city": "Cusco"})
        contacts.delete(session, [eva])
    undone = changes.undo(any_database, change)
    assert (undone.restored, undone.kept) == (1, 2)
    assert [(kept.contact_id, kept.key) for kept in undone.some_kept] == [
        (eva, "person"),
        (luz, "field.city"),
    ]
    with any_database.read() as session:
        assert contacts.get(session, ana).fields == {}
        assert contacts.get(session, luz).fields == {"city": "Cusco"}
        assert session.get(db.Contact, eva) is None


def test_a_phone_taken_meanwhile_stays_with_who_has_it(any_database: db.Database) -> None:
    with any_database.write() as session:
        ana = contacts.create(session, first_name="Ana", phone="+573001234567", tags=["vip"]).id
        change = contacts.delete(session, [ana]).id
        luz = contacts.create(session, first_name="Luz", phone="+573001234567").id
    undone = changes.undo(any_database, change)
    assert [(kept.contact_id, kept.key) for kept in undone.some_kept] == [(ana, "phone")]
    with any_database.read() as session:
        back = contacts.get(session, ana)
        assert (back.first_name, back.phone) == ("Ana", None)
        assert list(contacts.tags_of(session, ana)) == ["vip"]
        assert contacts.get(session, luz).phone == "+573001234567"


def test_who_cannot_have_their_old_phone_again_keeps_the_one_they_have(
    any_database: db.Database,
) -> None:
    with any_database.write() as session:
        ana = contacts.create(session, first_name="Ana", phone="+573001234567").id
        contacts.update(session, ana, phone="+573007654321")
        edit = World.recorded(session)
        luz = contacts.create(session, first_name="Luz", phone="+573001234567").id
    undone = changes.undo(any_database, edit)
    assert [(kept.contact_id, kept.key) for kept in undone.some_kept] == [(ana, "phone")]
    with any_database.read() as session:
        assert contacts.get(session, ana).phone == "+573007654321"
        assert contacts.get(session, luz).phone == "+573001234567"


def test_values_come_back_exactly(any_database: db.Database) -> None:
    values = {"n": 2**63 + 1, "f": 0.1 + 0.2, "t": "“ñ”\n\\ \U0001f600", "y": False}
    with any_database.write() as session:
        row = db.Contact(first_name="Ana", fields=values)
        session.add(row)
        session.flush()
        id = row.id
        change = contacts.delete(session, [id]).id
    changes.undo(any_database, change)
    with any_database.read() as session:
        found = contacts.get(session, id).fields
    assert {key: (type(value), value) for key, value in found.items()} == {
        key: (type(value), value) for key, value in values.items()
    }
    assert loaded(dumped({"n": 10**40})) == {"n": 10**40}


def test_swapped_phones_are_swapped_back(any_database: db.Database) -> None:
    with any_database.write() as session:
        ana = contacts.create(session, first_name="Ana", phone="+573001234567").id
        luz = contacts.create(session, first_name="Luz", phone="+573007654321").id
        change = changes.begin(session, "import", {"name": "a.csv"})
        was = changes.snapshot(session, [ana, luz])
        contacts.update(session, ana, phone="")
        contacts.update(session, luz, phone="+573001234567")
        contacts.update(session, ana, phone="+573007654321")
        changes.note(session, change, was, changes.snapshot(session, [ana, luz]))
    assert changes.undo(any_database, change.id).kept == 0
    with any_database.read() as session:
        assert contacts.get(session, ana).phone == "+573001234567"
        assert contacts.get(session, luz).phone == "+573007654321"


def test_a_person_met_twice_in_one_change_is_one_item(any_database: db.Database) -> None:
    with any_database.write() as session:
        ana = contacts.create(session, first_name="Ana", tags=["old"]).id
        change = changes.begin(session, "import", {"name": "a.csv"})
    before = dump.of(any_database)
    steps = ({"first_name": "B"}, {"last_name": "C"}, {"first_name": "D", "tags": ["new"]})
    for values in steps:
        with any_database.write() as session:
            was = changes.snapshot(session, [ana])
            contacts.update(session, ana, **values)
            changes.note(session, change, was, changes.snapshot(session, [ana]))
    with any_database.write() as session:
        made = contacts.create(session, first_name="New").id
        changes.note(session, change, {}, changes.snapshot(session, [made]))
    with any_database.write() as session:
        was = changes.snapshot(session, [made])
        contacts.update(session, made, last_name="Made")
        changes.note(session, change, was, changes.snapshot(session, [made]))
    with any_database.read() as session:
        assert db.get(session, db.Change, change.id).people == 2
    assert changes.undo(any_database, change.id).restored == 2
    same(any_database, before)


def test_somebody_made_and_touched_since_stays(any_database: db.Database) -> None:
    with any_database.write() as session:
        change = changes.begin(session, "import", {"name": "a.csv"})
        ids = [contacts.create(session, first_name=name).id for name in ("Ana", "Luz")]
        changes.note(session, change, {}, changes.snapshot(session, ids))
    bulk.tag(any_database, ids[:1], ["vip"])
    undone = changes.undo(any_database, change.id)
    assert (undone.restored, undone.kept) == (1, 1)
    with any_database.read() as session:
        assert session.scalars(sa.select(db.Contact.id)).all() == ids[:1]


def test_an_undo_cut_off_goes_on_where_it_is_called_again(
    any_database: db.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undoing, "BATCH", 3)
    with any_database.write() as session:
        ids = [contacts.create(session, first_name=f"P{n}").id for n in range(8)]
    before = dump.of(any_database)
    change = bulk.delete(any_database, ids)

    def cut(done: int, total: int) -> None:
        assert total == 8
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        changes.undo(any_database, change, progress=cut)
    told: list[tuple[int, int]] = []
    assert changes.undo(any_database, change, progress=lambda *at: told.append(at)).restored == 8
    assert told == [(3, 8), (6, 8), (8, 8)]
    same(any_database, before)


def test_the_frame_follows_a_deletion_and_its_undo(any_database: db.Database) -> None:
    with any_database.write() as session:
        ids = [contacts.create(session, first_name=n, tags=["vip"]).id for n in ("Ana", "Luz")]
    first = frame.load(any_database).people.drop("updated_at")
    change = bulk.delete(any_database, ids[:1])
    assert frame.load(any_database).people["id"].to_list() == ids[1:]
    changes.undo(any_database, change)
    assert frame.load(any_database).people.drop("updated_at").equals(first)


def test_forgotten_changes_leave_nothing_behind(any_database: db.Database) -> None:
    with any_database.write() as session:
        ana = contacts.create(session, first_name="Ana").id
        old = contacts.delete(session, [ana]).id
        db.get(session, db.Change, old).at = db.now() - dt.timedelta(days=31)
        luz = contacts.create(session, first_name="Luz").id
        young = contacts.delete(session, [luz]).id
        session.add(db.ContactImport(name="a.csv", change_id=young))
    assert changes.forget(any_database) == 1
    with pytest.raises(NotFound):
        changes.undo(any_database, old)
    assert changes.forget(any_database, young) == 1
    with any_database.write() as session:
        assert changes.forget_person(session, ana) == 1  # its creation
        changes.forget_person(session, luz)
        assert session.scalars(sa.select(db.ChangeItem)).all() == []
        assert session.scalars(sa.select(db.ContactImport.change_id)).all() == [None]


def test_a_list_of_changes_says_what_each_did(any_database: db.Database) -> None:
    with any_database.write() as session:
        ids = [contacts.create(session, first_name=n).id for n in ("Ana", "Luz")]
    bulk.tag(any_database, ids, ["VIP"])
    bulk.tag(any_database, ids, ["VIP"])  # nobody gains it: not listed
    bulk.untag(any_database, ids[:1], ["vip"])
    with any_database.read() as session:
        listed = changes.listing(session)
        assert [changes.sentence(change, "en") for change in listed] == [
            "Took vip from Ana",
            "Tagged 2 contacts with VIP",
            "Added Luz",
            "Added Ana",
        ]
        mine = changes.listing(session, contact_id=ids[1])
    assert [change.kind for change in mine] == ["tag", "create"]


def test_every_kind_of_change_has_its_sentence(database: db.Database) -> None:
    with database.write() as session:
        for kind in changes.KINDS:
            about = {"name": "Ana", "names": ["a", "b"], "label": "City", "value": "{x}"}
            assert changes.sentence(changes.begin(session, kind, about), "en")
