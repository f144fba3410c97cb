"""People one by one: created, changed, found, tagged, and given custom fields."""

import datetime as dt
import threading

import pytest
import sqlalchemy as sa

from engine import accounts, db
from engine.contacts import contacts
from engine.errors import Conflict, Invalid, NotFound


def version(database: db.Database) -> int:
    with database.read() as session:
        return session.scalars(sa.select(db.Workspace.contacts_version)).one()


def test_a_person_is_created_with_clean_values(any_database: db.Database) -> None:
    before = version(any_database)
    with any_database.write() as session:
        made = contacts.create(
            session,
            name=" Ana María  Pérez ",
            phone="300 123 4567",
            country="Colombia",
            email="Ana@Example.COM",
            language="Español",
            timezone="america/bogota",
            tags=["VIP", "vip", "Lima"],
        )
    assert version(any_database) > before
    with any_database.read() as session:
        person = contacts.get(session, made.id)
        assert (person.first_name, person.last_name) == ("Ana", "María Pérez")
        assert person.phone == "+573001234567"
        assert (person.country, person.language) == ("CO", "es")
        assert person.timezone == "America/Bogota"
        assert person.email == "ana@example.com"
        assert list(contacts.tags_of(session, made.id).values()) == ["Lima", "VIP"]


@pytest.mark.parametrize(
    ("raw", "country", "expected"),
    [
        ("0034 600-11-12-22", "US", "+34600111222"),
        ("(202) 224-3441", "US", "+12022243441"),
        ("+57 300 123 4567", None, "+573001234567"),
        ("tel:+57-300-123-4567", "US", "+573001234567"),
        ("300.123.4567", "CO", "+573001234567"),
        ("573001234567", "CO", "+573001234567"),
        ("600 11 12 22", "ES", "+34600111222"),
        ("12345", "ES", None),
        ("300 123 4567", None, None),
        ("call me", "US", None),
        ("", "US", None),
    ],
)
def test_a_phone_in_any_spelling_is_one_number(
    raw: str, country: str | None, expected: str | None
) -> None:
    assert contacts.normalise_phone(raw, country) == expected


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"first_name": "Ana", "phone": "12"}, "contact.phone"),
        ({"email": "ana@"}, "contact.email"),
        ({"first_name": "Ana", "country": "Atlantis"}, "contact.country"),
        ({"first_name": "Ana", "language": "Klingonese"}, "contact.language"),
        ({"first_name": "Ana", "timezone": "Lima"}, "contact.timezone"),
        ({"first_name": "Ana", "tags": ["a,b"]}, "tag.bad_name"),
        ({"country": "PE"}, "contact.empty"),
    ],
)
def test_a_value_that_cannot_be_is_refused(
    database: db.Database, values: dict[str, object], code: str
) -> None:
    with pytest.raises(Invalid) as refused, database.write() as session:
        contacts.create(session, **values)
    assert refused.value.code == code
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count(db.Contact.id))) == 0


def test_a_phone_belongs_to_one_person(any_database: db.Database) -> None:
    with any_database.write() as session:
        first = contacts.create(session, first_name="Ana", phone="+573001234567")
        other = contacts.create(session, first_name="Luz", phone="+573007654321")
        with pytest.raises(Conflict) as refused:
            contacts.create(session, first_name="Eva", phone="0057 300 123 4567")
        assert refused.value.details["contact"] == first.id
        with pytest.raises(Conflict):
            contacts.update(session, other.id, phone="+573001234567")


def test_an_update_replaces_what_it_names_and_clears_what_is_empty(
    any_database: db.Database,
) -> None:
    with any_database.write() as session:
        contacts.define_field(session, key="city", label="City", type="text")
        person = contacts.create(
            session, first_name="Ana", email="a@x.co", tags=["old", "kept"], fields={"city": "Lima"}
        )
        stamp = person.updated_at
    with any_database.write() as session:
        contacts.update(
            session, person.id, last_name="Paz", email="", tags=["kept", "new"], fields={"city": ""}
        )
    with any_database.read() as session:
        now = contacts.get(session, person.id)
        assert (now.first_name, now.last_name, now.email, now.fields) == ("Ana", "Paz", None, {})
        assert list(contacts.tags_of(session, person.id)) == ["kept", "new"]
        assert now.updated_at > stamp
    with pytest.raises(NotFound), any_database.write() as session:
        contacts.update(session, 999, first_name="Nobody")
    with pytest.raises(NotFound), any_database.write() as session:
        contacts.update(session, person.id, shoe_size=40)


def test_people_are_found_however_they_are_typed(any_database: db.Database) -> None:
    with any_database.write() as session:
        ana = contacts.create(
            session, name="Ana Muñoz", phone="+573001234567", email="ana@example.com"
        )
        angel = contacts.create(session, name="Ángel Güiraldes", phone="+34600111222")
        contacts.create(session, name="100% [real] Bob")
    with any_database.read() as session:

        def found(text: str) -> list[int]:
            return [row.id for row in contacts.search(session, text)]

        for text in ("ana muñoz", "MUNOZ ana", "muñ", "Example.com", "(300) 123-45", "0057 300"):
            assert found(text) == [ana.id], text
        for text in ("angel", "ÁNGEL", "guiral", "+34 600", "600 111 222", "Angel 600111"):
            assert found(text) == [angel.id], text
        assert len(found("100%")) == len(found("[real]")) == len(found("bob")) == 1
        assert found("pedro") == found("_") == found("*") == []
        assert len(found("")) == 3
        assert len(contacts.search(session, "", limit=2)) == 2


def test_search_on_a_channel_offers_only_who_can_be_reached(any_database: db.Database) -> None:
    settings = any_database.settings
    with any_database.write() as session:
        whatsapp = accounts.add(
            session,
            settings,
            kind="whatsapp",
            name="WhatsApp",
            values={
                "phone_number_id": "1",
                "access_token": "t",
                "app_secret": "s",
                "verify_token": "v",
            },
        )
        telegram = accounts.add(
            session,
            settings,
            kind="telegram",
            name="Telegram",
            values={"token": "1:x", "webhook_secret": "w"},
        )
        ana = contacts.create(session, first_name="Ana", phone="+573001234567")
        luz = contacts.create(session, first_name="Luz", phone="+573007654321")
        contacts.create(session, first_name="Eva", email="eva@x.co")
        pepe = contacts.inbound(
            session, channel=telegram, address="77", at=dt.datetime.now(dt.UTC), name="Pepe"
        )
        contacts.opt_out(session, contact_id=luz.id, channel_id=whatsapp.id, source="person")
    with any_database.read() as session:

        def reached(channel: db.Channel) -> list[int]:
            return [row.id for row in contacts.search(session, "", channel_id=channel.id)]

        assert reached(whatsapp) == [ana.id]
        assert reached(telegram) == [pepe.id]


def test_tags_are_given_and_taken_whatever_their_case(any_database: db.Database) -> None:
    with any_database.write() as session:
        people = [contacts.create(session, first_name=name).id for name in ("Ana", "Luz")]
        assert contacts.tag(session, people, ["VIP", " vip ", "New"]) == 2
        assert contacts.tag(session, [*people, people[0]], ["vip"]) == 0
        assert [row.name for row in contacts.tags(session)] == ["New", "VIP"]
        assert contacts.untag(session, people[:1], ["NEW", "unknown"]) == 1
        assert contacts.tags_of(session, people[0]) == {"vip": "VIP"}


def test_custom_fields_hold_values_of_their_type(any_database: db.Database) -> None:
    with any_database.write() as session:
        for type in ("text", "number", "date", "datetime", "yes_no"):
            contacts.define_field(session, key=f"a_{type}", label=type, type=type)
        contacts.define_field(
            session, key="size", label="Size", type="choice", options=["S", "M", "S"]
        )
        person = contacts.create(
            session,
            first_name="Ana",
            fields={
                "a_text": " x ",
                "a_number": "12.50",
                "a_date": "2024-02-29",
                "a_datetime": "2024-02-29T10:00:00-05:00",
                "a_yes_no": "Sí",
                "size": "M",
            },
        )
        assert person.fields == {
            "a_text": "x",
            "a_number": 12.5,
            "a_date": "2024-02-29",
            "a_datetime": "2024-02-29T15:00:00+00:00",
            "a_yes_no": True,
            "size": "M",
        }
        for key, bad in (
            ("a_number", "many"),
            ("a_date", "2023-02-29"),
            ("a_datetime", "noon"),
            ("a_yes_no", "perhaps"),
            ("size", "XL"),
        ):
            with pytest.raises(Invalid):
                contacts.update(session, person.id, fields={key: bad})


def test_a_deleted_field_takes_its_values_along(any_database: db.Database) -> None:
    with any_database.write() as session:
        contacts.define_field(session, key="city", label="City", type="text")
        contacts.define_field(session, key="team", label="Team", type="text")
        person = contacts.create(session, first_name="Ana", fields={"city": "Lima", "team": "A"})
        stamp = person.updated_at
    with any_database.write() as session:
        contacts.delete_field(session, "city")
    with any_database.read() as session:
        assert [row.key for row in contacts.fields(session)] == ["team"]
        assert contacts.get(session, person.id).fields == {"team": "A"}
        assert contacts.get(session, person.id).updated_at > stamp
    with pytest.raises(NotFound), any_database.write() as session:
        contacts.delete_field(session, "city")


@pytest.mark.parametrize(
    ("key", "type"), [("Bad Key", "text"), ("phone", "text"), ("ok", "colour"), ("1st", "text")]
)
def test_a_field_needs_a_proper_key_and_type(database: db.Database, key: str, type: str) -> None:
    with pytest.raises(Invalid), database.write() as session:
        contacts.define_field(session, key=key, label="x", type=type)


def test_a_field_key_is_taken_once(database: db.Database) -> None:
    with database.write() as session:
        contacts.define_field(session, key="city", label="City", type="text")
        with pytest.raises(Conflict):
            contacts.define_field(session, key="city", label="Town", type="text")


def test_two_writers_of_one_new_phone_make_one_person(any_database: db.Database) -> None:
    start = threading.Barrier(4)
    outcomes: list[str] = []

    def write() -> None:
        start.wait()
        try:
            with any_database.write() as session:
                contacts.create(session, first_name="Ana", phone="+573001234567", tags=["new"])
            outcomes.append("made")
        except Conflict:
            outcomes.append("refused")

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made", "refused", "refused", "refused"]
