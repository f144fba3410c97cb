"""Addresses, consent and inbound messages, on both databases and from several threads."""

import datetime as dt
import random
import threading

import pytest
import sqlalchemy as sa

from engine import accounts, db
from engine.contacts import contacts
from engine.errors import Invalid

T0 = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def whatsapp(any_database: db.Database) -> db.Channel:
    values = {"phone_number_id": "1", "access_token": "t", "app_secret": "s", "verify_token": "v"}
    with any_database.write() as session:
        return accounts.add(
            session, any_database.settings, kind="whatsapp", name="WhatsApp", values=values
        )


@pytest.fixture
def telegram(any_database: db.Database) -> db.Channel:
    values = {"token": "1:x", "webhook_secret": "w"}
    with any_database.write() as session:
        return accounts.add(
            session, any_database.settings, kind="telegram", name="Telegram", values=values
        )


def rows(database: db.Database) -> list[db.ContactChannel]:
    with database.read() as session:
        return list(session.scalars(sa.select(db.ContactChannel).order_by(db.ContactChannel.id)))


def test_who_writes_first_is_created_and_then_recognised(
    any_database: db.Database, telegram: db.Channel
) -> None:
    with any_database.write() as session:
        first = contacts.inbound(session, channel=telegram, address="77", at=T0, name="Ana Paz")
    with any_database.write() as session:
        again = contacts.inbound(session, channel=telegram, address="77", at=T0 + HOUR, name="X Y")
    assert first.id == again.id
    assert (again.first_name, again.last_name) == ("Ana", "Paz")
    assert rows(any_database)[0].last_inbound_at == T0 + HOUR


def test_a_late_message_never_lowers_the_last_inbound(
    any_database: db.Database, telegram: db.Channel
) -> None:
    moments = [T0 + HOUR * hours for hours in range(6)]
    random.Random(1).shuffle(moments)
    for at in moments:
        with any_database.write() as session:
            contacts.inbound(session, channel=telegram, address="77", at=at)
    assert [row.last_inbound_at for row in rows(any_database)] == [T0 + HOUR * 5]


@pytest.mark.parametrize("address", ["573001234567", "+573001234567"])
def test_a_known_phone_is_the_same_person_on_a_phone_channel(
    any_database: db.Database, whatsapp: db.Channel, address: str
) -> None:
    with any_database.write() as session:
        ana = contacts.create(session, first_name="Ana", phone="+57 300 123 4567")
        wrote = contacts.inbound(session, channel=whatsapp, address=address, at=T0, name="anita")
        assert wrote.id == ana.id
        assert wrote.first_name == "Ana"
        assert contacts.address(session, wrote, whatsapp) == "+573001234567"


def test_a_phone_the_provider_tells_joins_channels(
    any_database: db.Database, whatsapp: db.Channel, telegram: db.Channel
) -> None:
    with any_database.write() as session:
        one = contacts.inbound(session, channel=whatsapp, address="573001234567", at=T0)
        two = contacts.inbound(
            session, channel=telegram, address="77", at=T0, phone="+573001234567"
        )
        user_id = contacts.inbound(session, channel=whatsapp, address="CO.1234", at=T0, name="Bo")
    assert one.id == two.id != user_id.id
    assert one.phone == "+573001234567"
    assert user_id.phone is None


def test_many_threads_hearing_from_one_new_person_make_one_contact(
    any_database: db.Database, whatsapp: db.Channel, telegram: db.Channel
) -> None:
    start = threading.Barrier(6)
    wrong: list[Exception] = []

    def hear(number: int) -> None:
        start.wait()
        try:
            for place in range(5):
                with any_database.write() as session:
                    channel = whatsapp if (number + place) % 2 else telegram
                    address = "573001234567" if channel is whatsapp else "77"
                    at = T0 + HOUR * (number * 5 + place)
                    contacts.inbound(
                        session, channel=channel, address=address, at=at, phone="+573001234567"
                    )
        except Exception as error:  # noqa: BLE001 - whatever it is, the test must say it
            wrong.append(error)

    threads = [threading.Thread(target=hear, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    with any_database.read() as session:
        assert session.scalar(sa.select(sa.func.count(db.Contact.id))) == 1
    assert len(rows(any_database)) == 2
    assert max(row.last_inbound_at for row in rows(any_database) if row.last_inbound_at) == (
        T0 + HOUR * 29
    )


def test_consent_is_what_was_said_last_in_any_order_of_arrival(
    any_database: db.Database, whatsapp: db.Channel
) -> None:
    events = [("out", T0), ("in", T0 + HOUR), ("out", T0 + 2 * HOUR), ("in", T0 + 3 * HOUR)]
    for seed in range(4):
        for last in (3, 4):
            said = events[:last]
            random.Random(seed).shuffle(said)
            with any_database.write() as session:
                person = contacts.create(
                    session, first_name="Ana", phone=f"+5730012345{seed}{last}"
                )
                for kind, at in [*said, said[0]]:
                    change = contacts.opt_out if kind == "out" else contacts.opt_in
                    change(
                        session,
                        contact_id=person.id,
                        channel_id=whatsapp.id,
                        source="reply",
                        reason="STOP",
                        at=at,
                    )
                row = session.scalars(
                    sa.select(db.ContactChannel).filter_by(contact_id=person.id)
                ).one()
                logged = session.scalars(sa.select(db.OptOut).filter_by(contact_id=person.id)).all()
            assert row.opted_out_at == (T0 + 2 * HOUR if last == 3 else None)
            assert row.opted_out_why == ("STOP" if last == 3 else "")
            assert len(logged) == last


def test_nobody_can_leave_a_channel_they_are_not_on(
    any_database: db.Database, telegram: db.Channel
) -> None:
    with any_database.write() as session:
        person = contacts.create(session, first_name="Ana", phone="+573001234567")
        with pytest.raises(Invalid) as refused:
            contacts.opt_out(session, contact_id=person.id, channel_id=telegram.id, source="person")
    assert refused.value.code == "contact.not_on_channel"


def test_an_address_that_fails_is_marked_until_the_person_writes(
    any_database: db.Database, whatsapp: db.Channel
) -> None:
    with any_database.write() as session:
        person = contacts.create(session, first_name="Ana", phone="+573001234567")
        contacts.invalidate(
            session, contact_id=person.id, channel_id=whatsapp.id, why="not on WhatsApp"
        )
    row = rows(any_database)[0]
    assert (row.invalid_why, row.invalid_at is not None) == ("not on WhatsApp", True)
    with any_database.write() as session:
        later = db.now() + HOUR
        contacts.inbound(session, channel=whatsapp, address="573001234567", at=later)
    row = rows(any_database)[0]
    assert (row.invalid_why, row.invalid_at) == ("", None)


def test_a_new_phone_keeps_consent_and_forgets_the_old_numbers_faults(
    any_database: db.Database, whatsapp: db.Channel
) -> None:
    with any_database.write() as session:
        person = contacts.create(session, first_name="Ana", phone="+573001234567")
        where = {"contact_id": person.id, "channel_id": whatsapp.id}
        contacts.opt_out(session, **where, source="person")
        contacts.invalidate(session, **where, why="gone")
        contacts.update(session, person.id, phone="+573009999999")
        assert contacts.address(session, person, whatsapp) == "+573009999999"
    row = rows(any_database)[0]
    assert row.opted_out_at is not None
    assert row.invalid_at is None


def test_an_address_that_works_is_preferred(
    any_database: db.Database, whatsapp: db.Channel, telegram: db.Channel
) -> None:
    with any_database.write() as session:
        ana = contacts.create(session, first_name="Ana", phone="+573001234567")
        assert contacts.address(session, ana, whatsapp) == "+573001234567"
        assert contacts.address(session, ana, telegram) is None
        for address, at, broken in (("1", T0, None), ("2", T0 + HOUR, T0), ("3", T0, None)):
            session.add(
                db.ContactChannel(
                    contact_id=ana.id,
                    channel_id=telegram.id,
                    address=address,
                    last_inbound_at=at,
                    invalid_at=broken,
                )
            )
        session.flush()
        assert contacts.address(session, ana, telegram) == "1"
