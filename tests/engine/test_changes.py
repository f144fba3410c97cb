"""What is done to people can be undone: the database is then as it was, but for later edits."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from engine import accounts, db, drafts
from engine.contacts import attributes, bulk, changes, contacts, duplicates, undoing
from engine.errors import NotFound
from engine.segments import frame
from tests.engine import dump

NAMES = ("Ana", "Luz", "Eva", "Íñigo", "")
TAGS = ("vip", "new", "lima", "ñandú")


class World:
    """People with everything they can have, and a seeded hand that changes them."""

    def __init__(self, database: db.Database, seed: int) -> None:
        self.database = database
        self.draw = random.Random(seed)
        values = {"phone_number_id": "1", "access_token": "t", "app_secret": "s"}
        with database.write() as session:
            self.whatsapp = accounts.add(
                session,
                database.settings,
                kind="whatsapp",
                name="WhatsApp",
                values=values | {"verify_token": "v"},
                sandbox=True,
            ).id
            self.telegram = accounts.add(
                session,
                database.settings,
                kind="telegram",
                name="Telegram",
                values={"token": "123456:AAF-token", "webhook_secret": "hook_secret-1"},
                sandbox=True,
            ).id
            contacts.define_field(session, key="city", label="City", type="text")
            contacts.define_field(session, key="spent", label="Spent", type="number")
            contacts.define_field(session, key="born", label="Birthday", type="date")
            contacts.define_field(
                session, key="tier", label="Tier", type="choice", options=["Gold", "Silver"]
            )
            self.broadcast = drafts.create(session, name="Spring").id
            for place in range(24):
                self.person(session, place)

    def person(self, session: db.Session, place: int) -> None:
        draw = self.draw
        made = contacts.create(
            session,
            first_name=draw.choice(NAMES),
            last_name=f"P{place}",
            phone=f"+5730012{place:05}" if draw.random() < 0.7 else None,
            email=f"p{draw.randrange(6)}@x.co",
            external_id=f"x{place}" if draw.random() < 0.5 else None,
            tags=draw.sample(TAGS, draw.randrange(3)),
            fields=self.fields(),
        )
        at = db.now() - dt.timedelta(days=draw.randrange(9))
        if draw.random() < 0.6:
            broken = draw.random() < 0.2
            session.add(
                db.ContactChannel(
                    contact_id=made.id,
                    channel_id=self.telegram,
                    address=f"tg.{place}",
                    last_inbound_at=at,
                    invalid_at=at if broken else None,
                    invalid_why="gone" if broken else "",
                )
            )
            session.flush()
        if made.phone and draw.random() < 0.4:
            contacts.opt_out(
                session,
                contact_id=made.id,
                channel_id=self.whatsapp,
                source="reply",
                reason="STOP",
                at=at,
            )
        if draw.random() < 0.6:
            sent = db.Message(
                broadcast_id=self.broadcast,
                contact_id=made.id,
                channel_id=self.telegram,
                part=1,
                address=f"tg.{place}",
                state="delivered",
            )
            session.add(sent)
        elif draw.random() < 0.5:
            session.add(
                db.LeftOut(broadcast_id=self.broadcast, contact_id=made.id, reason="opted_out")
            )
        session.add(
            db.Reply(
                channel_id=self.telegram,
                contact_id=made.id,
                provider_id=f"r{place}",
                text="Hola",
                at=at,
            )
        )

    def fields(self) -> dict[str, object]:
        choices: dict[str, list[object]] = {
            "city": ["Lima", "42", "2024-02-29", "yes"],
            "spent": [0, 3, 2.5],
            "born": ["1990-01-01", "1991-02-02"],
            "tier": ["Gold", "Silver"],
        }
        return {
            key: self.draw.choice(of) for key, of in choices.items() if self.draw.random() < 0.6
        }

    @property
    def ids(self) -> list[int]:
        with self.database.read() as session:
            return list(session.scalars(sa.select(db.Contact.id).order_by(db.Contact.id)))

    def some(self, least: int = 1, most: int = 6) -> list[int]:
        ids = self.ids
        return self.draw.sample(ids, min(len(ids), self.draw.randint(least, most)))

    # what can be done, each returns the change

    def tag(self) -> int:
        return bulk.tag(self.database, self.some(), self.draw.sample(TAGS, 2))

    def untag(self) -> int:
        return bulk.untag(self.database, self.some(), self.draw.sample(TAGS, 2))

    def set_field(self) -> int:
        key, value = self.draw.choice([("city", "Cusco"), ("spent", 9), ("first_name", "X")])
        return bulk.set_field(self.database, self.some(), key, value)

    def clear_field(self) -> int:
        key = self.draw.choice(["city", "tier", "email"])
        return bulk.clear_field(self.database, self.some(), key)

    def opt_out(self) -> int:
        channel = self.draw.choice([self.whatsapp, self.telegram])
        return bulk.opt_out(self.database, self.some(), channel, reason="asked by phone")

    def opt_in(self) -> int:
        return bulk.opt_in(self.database, self.some(), self.whatsapp)

    def delete(self) -> int:
        if self.draw.random() < 0.5:
            return bulk.delete(self.database, self.some(1, 3))
        with self.database.write() as session:
            return contacts.delete(session, self.some(1, 2)).id

    def merge(self) -> int:
        ids = self.some(2, 4)
        choose = {"phone": ids[1], "field.city": ids[0]} if self.draw.random() < 0.5 else {}
        with self.database.write() as session:
            return duplicates.merge(session, ids, self.draw.choice(ids), choose).id

    def edit(self) -> int:
        with self.database.write() as session:
            contacts.update(
                session,
                self.draw.choice(self.ids),
                first_name="Edited",
                phone=self.draw.choice(["", "+573009998877"]),
                tags=["vip"],
                fields={"city": "", "spent": 7},
            )
            return self.recorded(session)

    def create(self) -> int:
        with self.database.write() as session:
            contacts.create(session, first_name="Made", tags=["new"], fields={"city": "Lima"})
            return self.recorded(session)

    def recorded(self, session: db.Session) -> int:
        change = changes.last(session)
        assert change is not None
        return change.id

    def relabel(self) -> int:
        with self.database.write() as session:
            return attributes.rename(session, "city", "Ciudad").id

    def drop_field(self) -> int:
        with self.database.write() as session:
            return attributes.delete(session, "city").id

    def retype(self) -> int:
        to = self.draw.choice(["number", "date", "choice", "yes_no", "datetime"])
        return attributes.change_type(self.database, "city", to, drop_lost=True)

    def options(self) -> int:
        return attributes.set_options(
            self.database, "tier", ["Oro", "Bronze"], renamed={"Gold": "Oro"}, drop_lost=True
        )


DEEDS = (
    *(World.tag, World.untag, World.set_field, World.clear_field, World.opt_out, World.opt_in),
    *(World.delete, World.merge, World.edit, World.create),
    *(World.relabel, World.drop_field, World.retype, World.options),
)


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
