"""Contacts: found, opened, added, imported with a report, exported."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from engine import accounts, db
from engine.contacts import contacts
from engine.segments import frame
from tests.conftest import Wait
from tests.pages.conftest import Open, text

FILE = """Nombre;Apellido;Celular;Ciudad;Etiquetas
Ana;Pérez;300 123 4567;Bogotá;vip, nueva
Luis;Gómez;12;Cali;
;;;Lima;
""".encode("cp1252")


@pytest.fixture
def people(workspace: db.Database) -> db.Database:
    with workspace.write() as session:
        contacts.create(session, first_name="Ana", last_name="Pérez", phone="+573001234567")
        contacts.create(
            session, first_name="Luis", email="luis@example.com", tags=["vip"], country="PE"
        )
    return workspace


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click()
    app.run()
    assert not app.exception, app.exception
    return app


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


def uploaded(open_page: Open, data: bytes, name: str = "clientes.csv") -> AppTest:
    app = open_page("contacts.py", view="import")
    app.file_uploader(key="import.file").set_value((name, data, "text/csv")).run()
    assert not app.exception, app.exception
    return app


def test_a_file_is_recognised_before_it_is_imported(
    open_page: Open, workspace: db.Database
) -> None:
    app = uploaded(open_page, FILE)
    said = text(app).replace("\\", "")
    assert "2 rows" in said or "3 rows" in said
    assert "separated by semicolon" in said
    chosen = {box.label: box.value for box in app.selectbox}
    assert chosen["Celular"] == "contact.phone"
    assert chosen["Etiquetas"] == "tags"
    assert chosen["Ciudad"].startswith("field.")


def test_phones_of_another_country_are_noticed_before_the_import(
    open_page: Open, workspace: db.Database
) -> None:
    app = uploaded(open_page, b"name,phone\nMaria,202-224-3441\nAmy,202-224-3244\n")
    assert "Only 0 of the first 2 phones can be read" in app.warning[0].value
    app.selectbox(key="import.country.en").set_value("US").run()
    assert not app.warning


def test_an_import_reports_what_happened_with_lines_and_reasons(
    open_page: Open, workspace: db.Database, eventually: Wait
) -> None:
    app = uploaded(open_page, FILE)
    press(app, next(b.label for b in app.button if b.label.startswith("Import ")))
    eventually(lambda: app.session_state["import.job"].done())
    app.run()
    assert not app.exception, app.exception
    counts = {metric.label: metric.value for metric in app.metric}
    assert counts["Added"] == "2"
    assert counts["Skipped"] == "1"
    told = app.dataframe[0].value
    assert list(told["Line"]) != [2, 3]
    assert "“12” is not a valid phone number." in list(told["What was found"])
    assert frame.load(workspace).people.height == 2


def test_a_file_that_is_no_table_is_one_sentence(open_page: Open, workspace: db.Database) -> None:
    app = uploaded(open_page, b"%PDF-1.7\x00\x01\x02" + bytes(range(256)))
    assert len(app.error) == 1
    assert frame.load(workspace).people.is_empty()


def test_a_mapping_that_cannot_be_is_told_and_can_be_mended(
    open_page: Open, workspace: db.Database, eventually: Wait
) -> None:
    app = uploaded(open_page, FILE)
    next(box for box in app.selectbox if box.label == "Apellido").set_value("contact.phone").run()
    press(app, next(b.label for b in app.button if b.label.startswith("Import ")))
    eventually(lambda: app.session_state["import.job"].done())
    app.run()
    assert "cannot both go to" in app.error[0].value.replace("\\", "")
    press(app, "Import another file")
    assert next(box for box in app.selectbox if box.label == "Apellido").value == "contact.phone"
