"""People one by one: created, changed, found, tagged, reached."""

from engine import contacts, db


def test_a_person_is_created_with_clean_values(any_database: db.Database) -> None:
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
    with any_database.read() as session:
        person = contacts.get(session, made.id)
        assert (person.first_name, person.last_name) == ("Ana", "María Pérez")
        assert person.phone == "+573001234567"
        assert (person.country, person.language) == ("CO", "es")
        assert person.timezone == "America/Bogota"
        assert person.email == "ana@example.com"
        assert list(contacts.tags_of(session, made.id).values()) == ["Lima", "VIP"]
        for text in ("perez ana", "ANA", "573001234567", "(300) 123-4567", "example.com", "pérez"):
            assert [row.id for row in contacts.search(session, text)] == [made.id], text
        assert contacts.search(session, "pedro") == []
