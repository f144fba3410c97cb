"""Everything about one person: where they can be reached, what they hold, what they were sent."""

from __future__ import annotations

import datetime as dt

import pytest

from engine import accounts, db, drafts
from engine.contacts import contacts, profile
from engine.errors import NotFound
from engine.segments import segment


def whatsapp(database: db.Database, name: str = "WhatsApp") -> db.Channel:
    values = {
        "phone_number_id": "1",
        "access_token": "token",
        "app_secret": "secret",
        "verify_token": "word",
    }
    with database.write() as session:
        return accounts.add(
            session, database.settings, kind="whatsapp", name=name, values=values, sandbox=True
        )


def test_a_phone_channel_reaches_a_person_without_a_row(any_database: db.Database) -> None:
    whatsapp(any_database)
    with any_database.write() as session:
        ana = contacts.create(session, first_name="Ana", phone="+573001234567", tags=["VIP"])
        eva = contacts.create(session, first_name="Eva")
    with any_database.read() as session:
        found = profile.profile(session, ana.id)
        nobody = profile.profile(session, eva.id)
    assert [(on.channel, on.address) for on in found.channels] == [("WhatsApp", "+573001234567")]
    assert found.tags == ("VIP",)
    assert nobody.channels == ()


def test_an_opt_out_stands_on_its_channel(any_database: db.Database) -> None:
    channel = whatsapp(any_database)
    with any_database.write() as session:
        ana = contacts.create(session, first_name="Ana", phone="+573001234567")
        contacts.opt_out(session, contact_id=ana.id, channel_id=channel.id, source="person")
    with any_database.read() as session:
        (on,) = profile.profile(session, ana.id).channels
    assert on.opted_out_at is not None


def test_custom_fields_that_are_set_come_with_label_and_type(database: db.Database) -> None:
    with database.write() as session:
        contacts.define_field(session, key="orders", label="Orders", type="number")
        contacts.define_field(session, key="city", label="City", type="text")
        ana = contacts.create(session, first_name="Ana", fields={"orders": 3})
    with database.read() as session:
        assert profile.profile(session, ana.id).fields == (("Orders", "number", 3),)


def test_messages_come_newest_first_with_what_became_of_them(database: db.Database) -> None:
    channel = whatsapp(database)
    with database.write() as session:
        ana = contacts.create(session, first_name="Ana", phone="+573001234567")
        sent = drafts.create(session, name="Spring")
        for part, state in ((1, "read"), (2, "failed")):
            session.add(
                db.Message(
                    broadcast_id=sent.id,
                    contact_id=ana.id,
                    channel_id=channel.id,
                    part=part,
                    address="+573001234567",
                    state=state,
                    reason_text="Blocked." if state == "failed" else "",
                )
            )
    with database.read() as session:
        messages = profile.profile(session, ana.id).messages
    assert [(one.broadcast, one.part, one.state, one.reason) for one in messages] == [
        ("Spring", 2, "failed", "Blocked."),
        ("Spring", 1, "read", ""),
    ]


def test_those_are_the_people_asked_for(database: db.Database) -> None:
    with database.write() as session:
        ids = [contacts.create(session, first_name=name).id for name in ("Ana", "Eva", "Luz")]
    people = segment.people(database, segment.EVERYBODY)
    assert profile.those(people, [ids[2], ids[0], 999]).collect()["id"].to_list() == [
        ids[0],
        ids[2],
    ]
    assert profile.those(people, []).collect().is_empty()


def test_nobody_is_not_found(database: db.Database) -> None:
    with database.read() as session, pytest.raises(NotFound):
        profile.profile(session, 7)


def test_the_timeline_tells_what_happened_newest_first(any_database: db.Database) -> None:
    channel = whatsapp(any_database)
    now = db.now()
    with any_database.write() as session:
        ana = contacts.create(session, first_name="Ana", phone="+573001234567")
        sent = db.Message(
            broadcast_id=drafts.create(session, name="Spring").id,
            contact_id=ana.id,
            channel_id=channel.id,
            part=1,
            address="+573001234567",
            state="read",
            sent_at=now + dt.timedelta(hours=1),
            read_at=now + dt.timedelta(hours=2),
        )
        session.add(sent)
        session.flush()
        session.add(
            db.Reply(
                channel_id=channel.id,
                contact_id=ana.id,
                provider_id="1",
                text="Hola",
                at=now + dt.timedelta(hours=3),
                message_id=sent.id,
            )
        )
        contacts.opt_out(
            session,
            contact_id=ana.id,
            channel_id=channel.id,
            source="reply",
            reason="STOP",
            at=now + dt.timedelta(hours=4),
        )
    with any_database.read() as session:
        found = profile.profile(session, ana.id)
        second = profile.timeline(session, ana.id, offset=1, limit=2)
    assert [event.kind for event in found.timeline[:3]] == ["opt_out", "got", "sent"]
    assert {event.kind for event in found.timeline[3:]} == {"change", "created"}
    assert second == found.timeline[1:3]
    got = found.timeline[1]
    assert (got.text, got.broadcast, got.channel) == ("Hola", "Spring", "WhatsApp")
    assert found.timeline[2].read_at == now + dt.timedelta(hours=2)
    (said,) = found.opt_outs
    assert (said.kind, said.source, said.reason) == ("out", "reply", "STOP")
    assert (said.channel, said.address) == ("WhatsApp", "+573001234567")
