"""Home says what runs, what waits for a person, and leads a newcomer on."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from engine import db, drafts
from engine.contacts import contacts
from tests.pages.conftest import Open, text


def a_broadcast(database: db.Database, name: str, state: str, **values: object) -> int:
    with database.write() as session:
        id = drafts.create(session, name=name).id
        session.execute(
            sa.update(db.Broadcast).where(db.Broadcast.id == id).values(state=state, **values)
        )
    return id


def somebody(database: db.Database) -> int:
    with database.write() as session:
        return contacts.create(session, first_name="Ana", phone="+573001234567").id


def test_a_newcomer_is_led_to_an_import_and_the_demo(open_page: Open) -> None:
    app = open_page()
    assert "1. Bring your contacts" in text(app)
    assert [code.value for code in app.code] == ["pregon up --demo"]
    assert not app.metric


def test_it_speaks_spanish(open_page: Open) -> None:
    app = open_page(lang="es")
    assert app.title[0].value == "Inicio"
    assert "Traiga sus contactos" in text(app)


def test_totals_are_counted_from_the_workspace(open_page: Open, workspace: db.Database) -> None:
    somebody(workspace)
    app = open_page()
    assert [(metric.label, metric.value) for metric in app.metric] == [
        ("Contacts", "1"),
        ("Segments", "0"),
        ("Channels", "0"),
        ("Messages", "0"),
        ("Delivered", "0"),
        ("Replies", "0"),
    ]


def test_it_says_that_no_worker_is_running(open_page: Open, workspace: db.Database) -> None:
    somebody(workspace)
    app = open_page()
    assert "No worker is running" in app.warning[0].value


def test_it_shows_what_needs_a_person_with_the_reason(
    open_page: Open, workspace: db.Database
) -> None:
    a_broadcast(workspace, "Spring", "paused", state_reason="The token was refused.")
    a_broadcast(workspace, "Winter", "missed")
    said = text(open_page())
    assert "The token was refused" in said.replace("\\", "")
    assert "Its start was missed" in said.replace("\\", "")


def test_it_shows_what_is_scheduled_in_the_workspaces_time(
    open_page: Open, workspace: db.Database
) -> None:
    start = dt.datetime(2027, 1, 5, 14, 30, tzinfo=dt.UTC)
    a_broadcast(workspace, "Kings", "scheduled", start_at=start)
    said = text(open_page())
    assert "Kings" in said
    assert "January 5, 2027, 9:30" in said


def test_it_shows_what_is_being_sent_and_what_is_finished(
    open_page: Open, workspace: db.Database
) -> None:
    a_broadcast(workspace, "Now", "sending")
    a_broadcast(workspace, "Then", "completed")
    said = text(open_page())
    assert "Sending now" in said
    assert "Finished" in said


def test_a_name_is_shown_as_written_and_never_as_markup(
    open_page: Open, workspace: db.Database
) -> None:
    a_broadcast(workspace, "![x](http://evil.example/x.png)", "completed")
    said = text(open_page())
    assert "![x](" not in said
    assert "evil" in said
