"""Contacts: found, opened, added, exported."""

from __future__ import annotations

import pytest

from engine import accounts, db
from engine.contacts import contacts
from tests.pages.conftest import Open, text


@pytest.fixture
def people(workspace: db.Database) -> db.Database:
    with workspace.write() as session:
        contacts.create(session, first_name="Ana", last_name="Pérez", phone="+573001234567")
        contacts.create(
            session, first_name="Luis", email="luis@example.com", tags=["vip"], country="PE"
        )
    return workspace


def test_nobody_yet_says_how_to_begin(open_page: Open) -> None:
    assert "Nobody here yet" in text(open_page("contacts.py"))


def test_everybody_is_in_the_table(open_page: Open, people: db.Database) -> None:
    app = open_page("contacts.py")
    assert "2 contacts" in text(app)
    assert list(app.dataframe[0].value["first_name"]) == ["Ana", "Luis"]


def test_it_speaks_spanish(open_page: Open, people: db.Database) -> None:
    said = text(open_page("contacts.py", lang="es"))
    assert "2 contactos" in said
    assert "Agregar contacto" in said


@pytest.mark.parametrize("asked", ["perez", "300 123", "ana"])
def test_somebody_is_found_by_name_or_phone(
    asked: str, open_page: Open, people: db.Database
) -> None:
    app = open_page("contacts.py")
    app.text_input(key="contacts.search").set_value(asked).run()
    assert "1 found" in text(app)
    assert list(app.dataframe[0].value["first_name"]) == ["Ana"]


def test_a_search_survives_another_page(open_page: Open, people: db.Database) -> None:
    app = open_page("contacts.py")
    app.text_input(key="contacts.search").set_value("luis@example").run()
    app.switch_page("segments.py").run()
    app.switch_page("contacts.py").run()
    assert app.text_input(key="contacts.search").value == "luis@example"
    assert list(app.dataframe[0].value["first_name"]) == ["Luis"]


def test_a_person_opens_with_channels_tags_and_messages(
    open_page: Open, people: db.Database
) -> None:
    with people.write() as session:
        values = {"token": "12345:abcdefghij", "webhook_secret": "s"}
        row = accounts.add(
            session, people.settings, kind="telegram", name="Bot", values=values, sandbox=True
        )
        contacts.inbound(session, channel=row, address="99", at=db.now(), name="Eva Luna")
    with people.read() as session:
        eva = contacts.search(session, "Eva")[0].id
    app = open_page("contacts.py")
    app.session_state["contacts.opened"] = eva
    app.run()
    assert not app.exception
    said = text(app)
    assert "Bot" in said
    assert "Reachable" in said
    assert "Nothing was sent to this person yet" in said
