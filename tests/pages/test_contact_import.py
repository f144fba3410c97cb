"""The import page: a file mapped and previewed, imported in the background, reported, undone."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from engine import db
from engine.contacts import contacts
from engine.importing import history, mappings, running
from engine.importing.options import Options
from engine.segments import frame
from tests.conftest import Wait
from tests.pages.conftest import Open, text

FILE = """Nombre;Apellido;Celular;Ciudad;Etiquetas
Ana;Pérez;300 123 4567;Bogotá;vip, nueva
Luis;Gómez;12;Cali;
;;;Lima;
""".encode("cp1252")


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click()
    app.run()
    assert not app.exception, app.exception
    return app


def uploaded(open_page: Open, data: bytes, name: str = "clientes.csv", **query: str) -> AppTest:
    app = open_page("contacts.py", view="import", **query)
    app.file_uploader[0].set_value((name, data, "text/csv")).run()
    assert not app.exception, app.exception
    return app


def imported(app: AppTest, workspace: db.Database, eventually: Wait) -> AppTest:
    """Press the button and wait for the report."""
    press(app, next(b.label for b in app.button if b.label.startswith("Import ")))
    eventually(lambda: not newest(workspace).is_open)
    app.run()
    assert not app.exception, app.exception
    return app


def newest(workspace: db.Database) -> history.Import:
    with workspace.read() as session:
        return history.listing(session)[0]


def table(app: AppTest) -> str:
    return "".join(str(element.proto.body) for element in app.get("html"))


def test_a_file_is_recognised_before_it_is_imported(
    open_page: Open, workspace: db.Database
) -> None:
    app = uploaded(open_page, FILE)
    said = text(app).replace("\\", "")
    assert "3 rows" in said
    assert "separated by semicolon" in said
    chosen = {box.label: box.value for box in app.selectbox}
    assert chosen["Celular"] == "contact.phone"
    assert chosen["Etiquetas"] == "tags"
    assert chosen["Ciudad"].startswith("field.")


def test_the_preview_shows_who_is_new_who_changes_and_what_is_wrong(
    open_page: Open, workspace: db.Database
) -> None:
    with workspace.write() as session:
        contacts.create(session, first_name="Anita", phone="+573001234567")
    shown = table(uploaded(open_page, FILE))
    assert "<del>Anita</del>→ Ana" in shown
    assert "“12” is not a valid phone number." in shown
    assert "No name, phone, email or ID: left out." in shown
    assert shown.count("outcome created") == shown.count("outcome updated") == 1


def test_a_hostile_cell_is_only_text_in_the_preview(
    open_page: Open, workspace: db.Database
) -> None:
    shown = table(uploaded(open_page, b"name,note\n<img src=x onerror=alert(1)>,<b>x\n"))
    assert "<img" not in shown
    assert "&lt;b&gt;x" in shown


def test_phones_of_another_country_are_noticed_before_the_import(
    open_page: Open, workspace: db.Database
) -> None:
    app = uploaded(open_page, b"name,phone\nMaria,202-224-3441\nAmy,202-224-3244\n")
    assert "Only 0 of the first 2 phones can be read" in app.warning[0].value
    app.selectbox(key="import.country.en.0").set_value("US").run()
    assert not app.warning


def test_an_import_reports_what_happened_with_lines_and_reasons(
    open_page: Open, workspace: db.Database, eventually: Wait
) -> None:
    app = imported(uploaded(open_page, FILE), workspace, eventually)
    counts = {metric.label: metric.value for metric in app.metric}
    assert (counts["Added"], counts["Skipped"]) == ("2", "1")
    assert "“12” is not a valid phone number." in list(app.dataframe[0].value["What was found"])
    assert frame.load(workspace).people.height == 2


def test_a_report_is_there_after_a_reload_and_in_the_list(
    open_page: Open, workspace: db.Database, eventually: Wait
) -> None:
    imported(uploaded(open_page, FILE), workspace, eventually)
    again = open_page("contacts.py", view="import", **{"import": str(newest(workspace).id)})
    assert "clientes.csv was imported" in text(again).replace("\\", "")
    listed = text(open_page("contacts.py", view="import"))
    assert "Imports so far" in listed
    assert "Added: 2" in listed


def test_an_import_is_undone_with_a_click(
    open_page: Open, workspace: db.Database, eventually: Wait
) -> None:
    app = imported(uploaded(open_page, FILE), workspace, eventually)
    press(app, "Undo the import")
    eventually(lambda: newest(workspace).state == "undone")
    app.run()
    assert "was undone: 2 people are as they were before" in app.info[0].value
    assert frame.load(workspace).people.is_empty()


def test_an_import_at_work_shows_its_progress_and_can_be_cancelled(
    open_page: Open, workspace: db.Database
) -> None:
    data = "name,city\n" + "".join(f"P{n},Lima\n" for n in range(4500))
    id = running.start(workspace, data.encode(), name="big.csv", options=Options())
    halfway, pressed = threading.Event(), threading.Event()

    def seen(done: int, rows: int) -> None:
        halfway.set()
        pressed.wait(60)

    runner = threading.Thread(target=running.run_job, args=(workspace, id), kwargs={"seen": seen})
    runner.start()
    assert halfway.wait(60)
    try:
        app = open_page("contacts.py", view="import", **{"import": str(id)})
        assert "2,000 of 4,500 rows" in str(app.get("progress")[0].proto.text)
        press(app, "Cancel")
    finally:
        pressed.set()
        runner.join()
    app.run()
    assert "was cancelled after 2,000 rows" in app.warning[0].value
    assert newest(workspace).state == "cancelled"


def test_an_import_that_nobody_works_on_goes_on_where_it_was_looked_at(
    open_page: Open, workspace: db.Database, eventually: Wait
) -> None:
    id = running.start(workspace, FILE, name="late.csv", options=Options())
    with workspace.write() as session:
        long_ago = db.now() - 2 * history.SILENT
        session.execute(sa.update(db.ContactImport).values(created_at=long_ago))
    app = open_page("contacts.py", view="import", **{"import": str(id)})
    assert "No worker is running" in text(app)
    eventually(lambda: newest(workspace).state == "done")


def test_a_kept_mapping_is_proposed_for_the_next_file_of_its_kind(
    open_page: Open, workspace: db.Database
) -> None:
    kept = Options(mapping={"a": "contact.first_name", "b": "contact.phone"}, tags=("Shop",))
    with workspace.write() as session:
        mappings.keep_mapping(session, "Shop export", kept)
    app = uploaded(open_page, b"a,b,c\nAna,300 123 4567,x\n")
    chosen = {box.label: box.value for box in app.selectbox}
    assert (chosen["a"], chosen["b"], chosen["c"]) == (
        "contact.first_name",
        "contact.phone",
        "ignore",
    )
    assert app.multiselect[0].value == ["Shop"]


def test_a_mapping_is_kept_under_a_name(open_page: Open, workspace: db.Database) -> None:
    app = uploaded(open_page, FILE)
    app.text_input(key="import.keep.name").set_value("Clients").run()
    press(app, "Keep")
    with workspace.read() as session:
        assert [row.name for row in mappings.mappings(session)] == ["Clients"]
        assert mappings.mapping(session, "Clients").mapping["Celular"] == "contact.phone"


def test_a_file_that_is_no_table_is_one_sentence(open_page: Open, workspace: db.Database) -> None:
    app = uploaded(open_page, b"%PDF-1.7\x00\x01\x02" + bytes(range(256)))
    assert len(app.error) == 1
    assert frame.load(workspace).people.is_empty()


def test_a_mapping_that_cannot_be_is_told_and_can_be_mended(
    open_page: Open, workspace: db.Database
) -> None:
    app = uploaded(open_page, FILE)
    wrong = next(box for box in app.selectbox if box.label == "Apellido")
    wrong.set_value("contact.phone").run()
    assert "cannot both go to" in app.error[0].value.replace("\\", "")
    button = next(b for b in app.button if b.label.startswith("Import 3"))
    assert button.disabled
    next(box for box in app.selectbox if box.label == "Apellido").set_value("ignore").run()
    assert not app.error


@pytest.mark.parametrize("columns", [300])
def test_a_file_of_hundreds_of_columns_is_a_page_of_forty(
    open_page: Open, workspace: db.Database, columns: int
) -> None:
    head = ",".join(["name", *(f"c{n}" for n in range(1, columns))])
    row = ",".join(["Ana", *("x" for _ in range(1, columns))])
    app = uploaded(open_page, f"{head}\n{row}\n".encode())
    assert len(app.selectbox) < 60
    assert any(fold.label == "260 more columns" for fold in app.expander)
