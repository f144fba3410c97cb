"""The list of broadcasts: a line each, filtered by label, and an honest empty page."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from engine import db, drafts
from tests.pages.conftest import Open, text


def a_broadcast(database: db.Database, name: str, *labels: str, **values: object) -> int:
    with database.write() as session:
        id = drafts.create(session, name=name, labels=labels).id
        if values:
            session.execute(sa.update(db.Broadcast).where(db.Broadcast.id == id).values(**values))
    return id


def names(said: str) -> str:
    return said.replace("\\", "")


def test_an_empty_workspace_says_what_a_broadcast_is(open_page: Open) -> None:
    app = open_page("broadcasts.py")
    assert app.title[0].value == "Broadcasts"
    assert "No broadcasts yet" in text(app)
    assert app.button(key="add_broadcast").label == "Add broadcast"


def test_it_speaks_spanish(open_page: Open) -> None:
    app = open_page("broadcasts.py", lang="es")
    assert app.title[0].value == "Transmisiones"


def test_every_broadcast_has_a_line_with_its_state_and_labels(
    open_page: Open, workspace: db.Database
) -> None:
    a_broadcast(workspace, "Spring", "Season")
    start = dt.datetime(2027, 1, 5, 14, 30, tzinfo=dt.UTC)
    a_broadcast(workspace, "Kings", state="scheduled", start_at=start)
    said = names(text(open_page("broadcasts.py")))
    assert "gray-badge[Draft]" in said
    assert "gray-badge[Season]" in said
    assert "blue-badge[Scheduled]" in said
    assert "Starts 1/5/27, 9:30" in said


def test_a_label_shows_only_its_broadcasts(open_page: Open, workspace: db.Database) -> None:
    a_broadcast(workspace, "Spring", "Season")
    a_broadcast(workspace, "Payday", "Monthly")
    app = open_page("broadcasts.py")
    assert "Monthly" in names(text(app))
    app.button_group(key="labels").set_value(["Season"]).run()
    assert not app.exception
    assert "gray-badge[Monthly]" not in names(text(app))
    assert "gray-badge[Season]" in names(text(app))


def test_names_are_shown_as_written_never_as_markup(
    open_page: Open, workspace: db.Database
) -> None:
    a_broadcast(workspace, "Spring", "**[x](javascript:alert(1))**")
    assert r"\*\*\[x\]\(javascript\:alert\(1\)\)\*\*" in text(open_page("broadcasts.py"))


def test_many_broadcasts_come_in_pages(open_page: Open, workspace: db.Database) -> None:
    for place in range(30):
        a_broadcast(workspace, f"Broadcast {place}")
    said = text(open_page("broadcasts.py"))
    assert said.count("gray-badge[Draft]") == 25
