"""The contact frame is what the database holds, and reads again only what changed."""

from __future__ import annotations

import datetime as dt
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import polars as pl
import pytest
import sqlalchemy as sa
from polars.testing import assert_frame_equal
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import contacts
from engine.segments import frame, people, segment
from engine.segments.tree import Condition, Group
from tests.engine import people_world as world


def rebuilt(database: db.Database) -> pl.DataFrame:
    """Everybody, read anew."""
    with database.read() as session:
        return people.read(session, people.shape(session))


def same(one: pl.DataFrame, other: pl.DataFrame) -> None:
    """Equal whatever the order of columns and the numbers behind categories."""
    text = pl.selectors.categorical().cast(pl.String)
    assert_frame_equal(one.with_columns(text), other.with_columns(text), check_column_order=False)


@contextmanager
def statements(database: db.Database) -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    asked: list[str] = []

    def listen(_c: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(" ".join(statement.split()))

    sa.event.listen(database.engine, "before_cursor_execute", listen)
    yield asked
    sa.event.remove(database.engine, "before_cursor_execute", listen)


def reads_everybody(asked: list[str]) -> bool:
    """A statement fetched custom fields of people it did not name."""
    return any("contact.fields" in text and " IN (" not in text for text in asked)


def touched(session: Session, *rows: db.Contact) -> None:
    for row in rows:
        row.updated_at = db.now()
    db.touch_contacts(session)


def test_columns_are_typed_and_say_who_is_reached_where(any_database: db.Database):
    inbound = dt.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=dt.UTC)
    with any_database.write() as session:
        for key, kind in (("spent", "number"), ("born", "date"), ("at", "datetime")):
            contacts.define_field(session, key=key, label=key, type=kind)
        contacts.define_field(session, key="vip", label="VIP", type="yes_no")
        contacts.define_field(session, key="tier", label="Tier", type="choice", options=["Gold"])
        sms = db.Channel(key="sms", name="SMS", kind="twilio_sms", ceiling=1.0)
        telegram = db.Channel(key="tg", name="Telegram", kind="telegram", ceiling=1.0)
        session.add_all([sms, telegram])
        session.flush()
        fields = {"spent": 2.5, "born": "2000-02-29", "vip": True, "tier": "Gold"}
        ana = contacts.create(
            session,
            first_name="Ana",
            phone="+573001234567",
            fields={**fields, "at": "2026-01-01T00:00:00+00:00"},
            tags=["ñ"],
        )
        contacts.inbound(session, channel=telegram, address="77", at=inbound, name="Luz Paz")
        contacts.opt_out(session, contact_id=ana.id, channel_id=sms.id, source="person")
        contacts.invalidate(session, contact_id=ana.id, channel_id=sms.id, why="no such number")
    table = frame.load(any_database).people
    ana_row, luz_row = table.iter_rows(named=True)
    assert ana_row | {"created_at": None, "updated_at": None} == {
        "id": 1,
        "first_name": "Ana",
        "last_name": "",
        "phone": "+573001234567",
        "email": None,
        "external_id": None,
        "language": None,
        "country": None,
        "timezone": None,
        "created_at": None,
        "updated_at": None,
        "last_inbound_at": None,
        "last_channel": None,
        "field.spent": 2.5,
        "field.born": dt.date(2000, 2, 29),
        "field.at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        "field.vip": True,
        "field.tier": "Gold",
        "reach.1": True,
        "invalid.1": True,
        "out.1": True,
        "reach.2": False,
        "invalid.2": False,
        "out.2": False,
        "tag.1": True,
    }
    assert (luz_row["last_inbound_at"], luz_row["last_channel"]) == (inbound, 2)
    assert (luz_row["reach.1"], luz_row["reach.2"], luz_row["tag.1"]) == (False, True, False)
    assert table.schema["field.tier"] == pl.Categorical


@pytest.mark.parametrize("broken", ['{"spent": NaN}', "[]", '{"spent": {"a": 1}, "note": [1]}'])
def test_a_value_that_is_not_of_its_type_is_nothing_and_spoils_no_other(
    database: db.Database, broken: str
):
    with database.write() as session:
        session.add(db.ContactField(key="spent", label="Spent", type="number"))
        session.add(db.ContactField(key="note", label="Note", type="text"))
        session.add(db.Contact(first_name="a", fields={"spent": 5, "note": "ñ 🎉"}))
        session.add(db.Contact(first_name="b", fields={"spent": "much", "note": 1.5}))
        odd = db.Contact(first_name="c")
        session.add(odd)
        session.flush()
        session.execute(
            sa.text("UPDATE contact SET fields = :broken WHERE id = :id"),
            {"broken": broken, "id": odd.id},
        )
        db.touch_contacts(session)
    table = frame.load(database).people
    assert table["field.spent"].to_list() == [5.0, None, None]
    assert table["field.note"].to_list() == ["ñ 🎉", "1.5", None]


def test_an_untouched_database_gives_the_very_same_frame(database: db.Database):
    world.fill(database)
    first = frame.load(database)
    assert frame.load(database) is first
    assert first.version == 1
    same(first.people, rebuilt(database))


def test_what_changed_is_read_again_and_nothing_else(any_database: db.Database):
    """Random edits through the functions people use: after each, the frame equals a rebuild."""
    world.fill(any_database)
    frame.load(any_database)
    draw = random.Random(11)
    for step in range(40 if any_database.is_sqlite else 15):
        with any_database.write() as session:
            EDITS[step % len(EDITS)](session, draw)
        with statements(any_database) as asked:
            loaded = frame.load(any_database)
        assert not reads_everybody(asked)
        same(loaded.people, rebuilt(any_database))


def some(draw: random.Random) -> int:
    return draw.randint(1, 60)


def _channel(session: Session, draw: random.Random) -> db.Channel:
    return db.get(session, db.Channel, draw.randint(1, len(world.KINDS)))


def _inbound(session: Session, draw: random.Random) -> None:
    at = draw.choice(world.moments())
    address = f"new-{draw.randint(1, 5)}"
    contacts.inbound(session, channel=_channel(session, draw), address=address, at=at, name="Luz")


def _opt_out(session: Session, draw: random.Random) -> None:
    rows = session.scalars(sa.select(db.ContactChannel)).all()
    row = draw.choice(rows)
    leave = draw.choice([contacts.opt_out, contacts.opt_in])
    leave(session, contact_id=row.contact_id, channel_id=row.channel_id, source="person")


def _rename(session: Session, draw: random.Random) -> None:
    contacts.update(session, some(draw), first_name=draw.choice(world.NAMES), country="PE")


def _set_fields(session: Session, draw: random.Random) -> None:
    contacts.update(session, some(draw), fields={"spent": draw.random(), "tier": "new one"})


def _tag(session: Session, draw: random.Random) -> None:
    ids = [some(draw) for _ in range(5)]
    change = draw.choice([contacts.tag, contacts.untag])
    change(session, ids, [f"t{draw.randint(0, 6)}", "another"])


def _rename_tag(session: Session, draw: random.Random) -> None:
    row = db.get(session, db.Tag, 1)
    row.key = row.name = f"renamed {draw.random()}"
    db.touch_contacts(session)


def _delete_tag(session: Session, _: random.Random) -> None:
    """Those who had it are not stamped: the column goes."""
    row = session.scalars(sa.select(db.Tag).order_by(db.Tag.id.desc())).first()
    assert row is not None
    session.execute(sa.delete(db.ContactTag).where(db.ContactTag.tag_id == row.id))
    session.delete(row)
    db.touch_contacts(session)


def _delete_person(session: Session, _: random.Random) -> None:
    id = session.scalar(sa.select(sa.func.max(db.Contact.id)))
    for table in (db.ContactTag, db.ContactChannel, db.Reply):
        session.execute(sa.delete(table).where(table.contact_id == id))
    session.execute(sa.delete(db.Contact).where(db.Contact.id == id))
    db.touch_contacts(session)


def _late(session: Session, draw: random.Random) -> None:
    """Written by a transaction that began long before others that ended first."""
    long_ago = db.now() - dt.timedelta(hours=5, seconds=draw.randint(0, 999))
    session.add(db.Contact(first_name="late", updated_at=long_ago))
    row = db.get(session, db.Contact, some(draw))
    row.last_name, row.updated_at = f"late {draw.random()}", long_ago
    db.touch_contacts(session)


EDITS = (
    _inbound,
    _rename,
    _set_fields,
    _opt_out,
    _tag,
    _late,
    _rename_tag,
    _delete_person,
    _delete_tag,
)


def test_an_ordinary_change_does_not_even_look_at_everybody(any_database: db.Database):
    world.fill(any_database)
    frame.load(any_database)
    for _ in range(2):  # the second comes moments after the newest stamp known
        with any_database.write() as session:
            channel = db.get(session, db.Channel, 1)
            contacts.inbound(session, channel=channel, address="1-0", at=db.now())
        with statements(any_database) as asked:
            frame.load(any_database)
        assert not any(text.endswith("FROM contact") and "count" not in text for text in asked)


def test_a_new_field_or_channel_reads_everybody_again(database: db.Database):
    world.fill(database)
    frame.load(database)
    with database.write() as session:
        contacts.define_field(session, key="new", label="New", type="text")
    with statements(database) as asked:
        loaded = frame.load(database)
    assert reads_everybody(asked)
    assert loaded.people.schema["field.new"] == pl.String
    with database.write() as session:
        session.add(db.Channel(key="x", name="x", kind="whatsapp", ceiling=1.0))
        db.touch_contacts(session)
    assert frame.load(database).people["reach.5"].any()


def test_a_deleted_field_is_no_longer_there_to_ask_about(database: db.Database):
    world.fill(database)
    tree = Group("all", (Condition("field.note", "is_set"),))
    assert segment.count(database, tree) > 0
    with database.write() as session:
        contacts.delete_field(session, "note")
    loaded = frame.load(database)
    assert "field.note" not in loaded.people.columns
    assert "field.note" not in [item.key for item in loaded.catalogue.fields]


def test_a_stale_frame_is_good_enough_for_who_says_so(database: db.Database):
    world.fill(database)
    first = frame.load(database)
    with database.write() as session:
        contacts.update(session, 1, first_name="Changed")
    with statements(database) as asked:
        assert frame.load(database, stale=3600) is first
    assert asked == []
    assert frame.load(database).people["first_name"][0] == "Changed"


def test_a_new_broadcast_shows_in_the_catalogue_without_reading_people(database: db.Database):
    world.fill(database)
    first = frame.load(database)
    with database.write() as session:
        session.add(db.Broadcast(key="new", name="New", labels=["spring"]))
    with statements(database) as asked:
        second = frame.load(database)
    assert not any("FROM contact " in text for text in asked)
    assert second.people is first.people
    assert second.catalogue.field("broadcast.sent").option(len(world.LABELS) + 1) == "New"


def test_choices_offer_what_people_have(database: db.Database):
    world.fill(database)
    catalogue = frame.load(database).catalogue
    assert catalogue.field("contact.country").options == (("CO", "CO"), ("MX", "MX"), ("PE", "PE"))
    with database.write() as session:
        contacts.create(session, first_name="Eva", country="CL")
    assert frame.load(database).catalogue.field("contact.country").option("CL") == "CL"


def test_threads_share_one_frame(database: db.Database):
    world.fill(database)
    found: list[frame.Frame] = []
    threads = [threading.Thread(target=lambda: found.append(frame.load(database))) for _ in "1234"]
    with statements(database) as asked:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(found) == 4
    assert all(each is found[0] for each in found)
    assert sum("contact.fields" in text for text in asked) == 1


def test_the_frame_is_right_while_others_write(any_database: db.Database):
    """Writers and a reader at once; when they are done nothing is missing."""
    world.fill(any_database)

    def write(seed: int) -> None:
        draw = random.Random(seed)
        for _ in range(12):
            with any_database.write() as session:
                draw.choice([_rename, _set_fields, _tag])(session, draw)

    versions = []
    with ThreadPoolExecutor() as pool:
        writers = [pool.submit(write, seed) for seed in (1, 2, 3)]
        while not all(writer.done() for writer in writers):
            versions.append(frame.load(any_database).version)
    assert [writer.result() for writer in writers] == [None] * 3
    same(frame.load(any_database).people, rebuilt(any_database))
    assert versions == sorted(versions)


def test_the_sum_of_stamps_is_exact_past_64_bits():
    stamps = [2**62 + 1, 2**62 + 3, 2**62 + 5, 7]
    column = pl.Series(stamps, dtype=pl.Int64).cast(people.MOMENT)
    assert people.sum_of(column) == sum(stamps)
