"""An opt-out holds for its address, whoever has it: deleted, created again, imported, merged."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from engine import accounts, db
from engine.contacts import bulk, changes, contacts, duplicates, reach
from engine.errors import NotFound
from engine.segments import frame

PHONE = "+573001234567"


@pytest.fixture
def whatsapp(any_database: db.Database) -> db.Channel:
    values = {"phone_number_id": "1", "access_token": "t", "app_secret": "s", "verify_token": "v"}
    with any_database.write() as session:
        return accounts.add(
            session,
            any_database.settings,
            kind="whatsapp",
            name="WhatsApp",
            values=values,
            sandbox=True,
        )


@pytest.fixture
def telegram(any_database: db.Database) -> db.Channel:
    values = {"token": "123456:AAF-token", "webhook_secret": "hook_secret-1"}
    with any_database.write() as session:
        return accounts.add(
            session,
            any_database.settings,
            kind="telegram",
            name="Telegram",
            values=values,
            sandbox=True,
        )


def left_and_deleted(database: db.Database, channel: db.Channel) -> int:
    with database.write() as session:
        ana = contacts.create(session, first_name="Ana", phone=PHONE).id
        contacts.opt_out(
            session, contact_id=ana, channel_id=channel.id, source="reply", reason="STOP"
        )
        contacts.delete(session, [ana])
    return ana


def is_out(database: db.Database, channel: db.Channel, contact_id: int) -> bool:
    people = frame.load(database).people
    return bool(people.filter(people["id"] == contact_id)[f"out.{channel.id}"].item())


def test_whoever_is_created_with_the_number_is_out(
    any_database: db.Database, whatsapp: db.Channel
) -> None:
    left_and_deleted(any_database, whatsapp)
    with any_database.write() as session:
        made = contacts.create(session, first_name="Luz", phone=PHONE).id
        (row,) = session.scalars(sa.select(db.ContactChannel).filter_by(contact_id=made))
        assert (row.address, row.opted_out_why) == (PHONE, "STOP")
    assert is_out(any_database, whatsapp, made)


def test_whoever_gets_the_number_is_out(any_database: db.Database, whatsapp: db.Channel) -> None:
    left_and_deleted(any_database, whatsapp)
    with any_database.write() as session:
        made = contacts.create(session, first_name="Luz", phone="+573007654321").id
    assert not is_out(any_database, whatsapp, made)
    with any_database.write() as session:
        contacts.update(session, made, phone=PHONE)
    assert is_out(any_database, whatsapp, made)


def test_whoever_writes_from_the_address_is_out(
    any_database: db.Database, whatsapp: db.Channel, telegram: db.Channel
) -> None:
    with any_database.write() as session:
        for channel, address in ((whatsapp, PHONE), (telegram, "77")):
            who = contacts.inbound(session, channel=channel, address=address, at=db.now()).id
            contacts.opt_out(session, contact_id=who, channel_id=channel.id, source="reply")
            contacts.delete(session, [who])
            again = contacts.inbound(session, channel=channel, address=address, at=db.now()).id
            assert again != who
            (row,) = session.scalars(sa.select(db.ContactChannel).filter_by(contact_id=again))
            assert row.opted_out_at is not None


def test_coming_back_opts_the_new_person_in(
    any_database: db.Database, whatsapp: db.Channel
) -> None:
    left_and_deleted(any_database, whatsapp)
    with any_database.write() as session:
        made = contacts.create(session, first_name="Luz", phone=PHONE).id
        contacts.opt_in(session, contact_id=made, channel_id=whatsapp.id, source="reply")
        contacts.delete(session, [made])
        third = contacts.create(session, first_name="Eva", phone=PHONE).id
    assert not is_out(any_database, whatsapp, third)


def test_imported_people_keep_the_consent_of_their_numbers(
    any_database: db.Database, whatsapp: db.Channel
) -> None:
    left_and_deleted(any_database, whatsapp)
    with any_database.write() as session:
        people = [db.Contact(first_name="A", phone=PHONE), db.Contact(phone="+573007654321")]
        session.add_all(people)
        session.flush()
        pairs = [(row.id, row.phone or "") for row in people]
        assert reach.keep_consent(session, pairs) == 1
        assert reach.keep_consent(session, pairs) == 0
    assert is_out(any_database, whatsapp, people[0].id)
    assert not is_out(any_database, whatsapp, people[1].id)


def test_an_opt_out_the_log_never_saw_outlives_its_person(
    any_database: db.Database, whatsapp: db.Channel
) -> None:
    with any_database.write() as session:
        ana = contacts.create(session, first_name="Ana", phone=PHONE).id
        session.add(
            db.ContactChannel(
                contact_id=ana,
                channel_id=whatsapp.id,
                address=PHONE,
                opted_out_at=db.now(),
                opted_out_why="from the old system",
            )
        )
    bulk.delete(any_database, [ana])
    with any_database.write() as session:
        made = contacts.create(session, first_name="Luz", phone=PHONE).id
    assert is_out(any_database, whatsapp, made)


def test_word_of_somebody_deleted_holds_for_who_has_the_number(
    any_database: db.Database, whatsapp: db.Channel
) -> None:
    with any_database.write() as session:
        ana = contacts.create(session, first_name="Ana", phone=PHONE).id
        where = {"contact_id": ana, "channel_id": whatsapp.id}
        contacts.opt_out(session, **where, source="reply")
        contacts.opt_in(session, **where, source="reply")
        contacts.delete(session, [ana])
        luz = contacts.create(session, first_name="Luz", phone=PHONE).id
        contacts.opt_out(session, **where, source="provider", reason="131050")
        contacts.invalidate(session, **where, why="gone")
        with pytest.raises(NotFound):
            contacts.opt_out(session, contact_id=9999, channel_id=whatsapp.id, source="provider")
    assert is_out(any_database, whatsapp, luz)


def test_undoing_a_deletion_brings_the_opt_out_back(
    any_database: db.Database, whatsapp: db.Channel
) -> None:
    ana = left_and_deleted(any_database, whatsapp)
    with any_database.read() as session:
        change = changes.listing(session, limit=1)[0].id
    changes.undo(any_database, change)
    assert is_out(any_database, whatsapp, ana)


def test_many_leave_at_once_and_undoing_it_unsays_it(
    any_database: db.Database, whatsapp: db.Channel
) -> None:
    with any_database.write() as session:
        ana = contacts.create(session, first_name="Ana", phone=PHONE).id
        luz = contacts.create(session, first_name="Luz").id
        eva = contacts.create(session, first_name="Eva", phone="+573007654321").id
        contacts.opt_out(session, contact_id=eva, channel_id=whatsapp.id, source="reply")
    change = bulk.opt_out(any_database, [ana, luz, eva], whatsapp.id, reason="asked")
    with any_database.read() as session:
        assert db.get(session, db.Change, change).people == 1
    assert is_out(any_database, whatsapp, ana)
    changes.undo(any_database, change)
    assert not is_out(any_database, whatsapp, ana)
    assert is_out(any_database, whatsapp, eva)
    with any_database.write() as session:
        contacts.delete(session, [ana])
        again = contacts.create(session, first_name="Ana", phone=PHONE).id
    assert not is_out(any_database, whatsapp, again)


def test_who_left_after_a_merge_stays_out_when_it_is_split(
    any_database: db.Database, whatsapp: db.Channel
) -> None:
    with any_database.write() as session:
        ana = contacts.create(session, first_name="Ana").id
        luz = contacts.inbound(session, channel=whatsapp, address=PHONE, at=db.now()).id
        change = duplicates.merge(session, [ana, luz], ana).id
        contacts.opt_out(session, contact_id=ana, channel_id=whatsapp.id, source="reply")
    changes.undo(any_database, change)
    assert is_out(any_database, whatsapp, luz)
