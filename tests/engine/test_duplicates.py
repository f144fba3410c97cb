"""Duplicates: suggested by what people share, merged into one, split again, kept apart."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from engine import accounts, db, drafts
from engine.contacts import changes, contacts, duplicates
from engine.errors import Invalid, NotFound
from tests.engine import dump


@pytest.fixture
def channel(any_database: db.Database) -> db.Channel:
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


def found(database: db.Database, **options: object) -> list[tuple[tuple[int, ...], list[str]]]:
    groups = duplicates.suggested(database, **options)  # type: ignore[arg-type]
    return [(group.ids, [reason.kind for reason in group.reasons]) for group in groups]


def test_people_are_suggested_by_what_they_share(any_database: db.Database) -> None:
    with any_database.write() as session:
        contacts.define_field(session, key="since", label="Since", type="date")
        contacts.define_field(session, key="f", label="Fecha de Nacimiento", type="date")
        born = {"f": "1990-05-01"}
        one = contacts.create(session, name="Ángel Muñoz", email="a@x.co", fields=born).id
        two = contacts.create(session, name="angel  munoz", email="a@x.co", fields=born).id
        three = contacts.create(session, name="ANGEL MUNOZ", fields=born).id
        contacts.create(session, name="Ángel Muñoz", fields={"f": "1990-05-02"})
        contacts.create(session, name="Ángel Muñoz", fields={"since": "1990-05-01"})
        four = contacts.create(session, first_name="Eva", email="e@x.co").id
        five = contacts.create(session, first_name="Eve", email="e@x.co").id
        contacts.create(session, first_name="Lone", email="lone@x.co")
    assert found(any_database) == [
        ((one, two), ["email"]),
        ((four, five), ["email"]),
        ((one, two, three), ["name_birthday"]),
    ]
    assert found(any_database, by=("name_birthday",), birthday="since") == []
    assert found(any_database, limit=1) == [((one, two), ["email"])]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+5215512345678", "+525512345678"),
        ("+5491123456789", "+541123456789"),
        ("+551187654321", "+5511987654321"),
    ],
)
def test_one_number_in_two_national_spellings_is_suggested(
    any_database: db.Database, one: str, other: str
) -> None:
    with any_database.write() as session:
        people = [db.Contact(first_name=n, phone=p) for n, p in (("A", one), ("B", other))]
        people += [db.Contact(phone="+551133334444"), db.Contact(phone="+5511933334444")]
        session.add_all(people)
        session.flush()
        ids = tuple(row.id for row in people[:2])
    assert found(any_database) == [(ids, ["phone"])]


def test_a_phone_that_is_anothers_address_is_suggested(
    any_database: db.Database, channel: db.Channel
) -> None:
    with any_database.write() as session:
        ana = contacts.create(session, first_name="Ana", phone="+573001234567").id
        luz = contacts.create(session, first_name="Luz").id
        session.add(
            db.ContactChannel(contact_id=luz, channel_id=channel.id, address="+573001234567")
        )
    assert found(any_database) == [((ana, luz), ["phone"])]


def test_a_mailbox_of_a_whole_office_suggests_nobody(database: db.Database) -> None:
    with database.write() as session:
        for place in range(duplicates.GROUP_MAX + 1):
            contacts.create(session, first_name=f"P{place}", email="office@x.co")
    assert found(database) == []


def test_people_said_to_be_distinct_are_not_suggested_together(any_database: db.Database) -> None:
    with any_database.write() as session:
        ids = [contacts.create(session, first_name=n, email="a@x.co").id for n in "ABC"]
        duplicates.dismiss(session, [ids[1], ids[0]])
        duplicates.dismiss(session, ids[:2])
    assert found(any_database) == [((ids[0], ids[2]), ["email"])]
    with any_database.write() as session:
        duplicates.dismiss(session, ids)
    assert found(any_database) == []


def test_a_preview_says_what_will_be(any_database: db.Database, channel: db.Channel) -> None:
    with any_database.write() as session:
        contacts.define_field(session, key="city", label="City", type="text")
        ana = contacts.create(session, first_name="Ana", phone="+573001234567", tags=["vip"]).id
        luz = contacts.create(
            session,
            first_name="Luz",
            email="l@x.co",
            phone="+573007654321",
            tags=["new"],
            fields={"city": "Lima"},
        ).id
        session.add(db.ContactChannel(contact_id=luz, channel_id=channel.id, address="7"))
        session.flush()
        contacts.opt_out(session, contact_id=luz, channel_id=channel.id, source="reply")
        seen = duplicates.preview(session, [ana, luz], ana, {"phone": luz})
        assert seen.values == {
            "first_name": "Ana",
            "phone": "+573007654321",
            "email": "l@x.co",
            "field.city": "Lima",
        }
        assert seen.offers == {
            "first_name": {ana: "Ana", luz: "Luz"},
            "phone": {ana: "+573001234567", luz: "+573007654321"},
        }
        assert seen.lost == {"first_name": ["Luz"], "phone": ["+573001234567"]}
        assert (seen.tags, seen.channels) == (("new", "vip"), (("Telegram", "7", True),))
        duplicates.merge(session, [ana, luz], ana, {"phone": luz})
    with any_database.read() as session:
        person = contacts.get(session, ana)
        assert (person.first_name, person.phone, person.email) == ("Ana", "+573007654321", "l@x.co")
        assert person.fields == {"city": "Lima"}
        assert list(contacts.tags_of(session, ana)) == ["new", "vip"]
        assert session.get(db.Contact, luz) is None


def test_who_cannot_be_merged_is_said(any_database: db.Database) -> None:
    with any_database.write() as session:
        ana = contacts.create(session, first_name="Ana").id
        with pytest.raises(Invalid):
            duplicates.preview(session, [ana], ana)
        with pytest.raises(NotFound):
            duplicates.merge(session, [ana, 99], ana)
        luz = contacts.create(session, first_name="Luz").id
        with pytest.raises(Invalid):
            duplicates.preview(session, [ana, luz], ana, {"email": 99})


def test_the_ledger_follows_but_no_report_changes(
    any_database: db.Database, channel: db.Channel
) -> None:
    with any_database.write() as session:
        ana, luz, eva = (contacts.create(session, first_name=n).id for n in ("Ana", "Luz", "Eva"))
        first, second, third = (drafts.create(session, name=n).id for n in ("A", "B", "C"))
        for broadcast, who in ((first, luz), (second, ana), (second, luz), (third, eva)):
            for part in (1, 2):
                session.add(
                    db.Message(
                        broadcast_id=broadcast,
                        contact_id=who,
                        channel_id=channel.id,
                        part=part,
                        address="7",
                    )
                )
        session.add(db.LeftOut(broadcast_id=third, contact_id=luz, reason="opted_out"))
        session.add(
            db.Reply(
                channel_id=channel.id, contact_id=luz, provider_id="1", text="Hola", at=db.now()
            )
        )
    before = dump.of(any_database)

    def recipients() -> list[tuple[int, int, int]]:
        message = db.Message
        people = sa.func.count(message.contact_id.distinct())
        query = sa.select(message.broadcast_id, people, sa.func.count())
        with any_database.read() as session:
            rows = session.execute(query.group_by(message.broadcast_id).order_by("broadcast_id"))
            return [(row[0], row[1], row[2]) for row in rows]

    counted = recipients()
    with any_database.write() as session:
        change = duplicates.merge(session, [luz, ana, eva], ana).id
    assert recipients() == counted
    with any_database.read() as session:
        mine = sa.select(db.Message.broadcast_id).where(db.Message.contact_id == ana).distinct()
        assert sorted(session.scalars(mine)) == [first, second]
        assert session.scalars(sa.select(db.Reply.contact_id)).one() == ana
        # of the third broadcast luz was left out first: she is ana now, and eva's stay eva's
        assert session.scalars(sa.select(db.LeftOut.contact_id)).one() == ana
    changes.undo(any_database, change)
    now = dump.of(any_database)
    assert now == before
