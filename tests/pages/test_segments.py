"""Segments: listed with counts, made, edited, saved, renamed, and kept while in use."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from engine import db, drafts
from engine.contacts import contacts
from engine.segments import frame, segment
from pages.widgets import query_builder
from tests.pages.conftest import Open, text

LIMA: dict[str, Any] = {
    "match": "all",
    "of": [{"field": "contact.country", "op": "is_any_of", "value": ["PE"]}],
}


@pytest.fixture
def people(workspace: db.Database) -> db.Database:
    with workspace.write() as session:
        for name, country in (("Ana", "PE"), ("Luis", "CO"), ("Inés", "PE"), ("José", "MX")):
            contacts.create(session, first_name=name, country=country)
    return workspace


def made(database: db.Database, name: str = "Peru", tree: dict[str, Any] = LIMA) -> int:
    with database.write() as session:
        return segment.create(session, name=name, tree=segment.from_json(tree)).id


def edit(app: AppTest, id: int, tree: dict[str, Any]) -> AppTest:
    """What the component does when a person changed the tree."""
    app.session_state[f"builder.segment.{id}"] = {"tree": tree, "draft": tree, "revision": 0}
    return app.run()


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click()
    app.run()
    assert not app.exception, app.exception
    return app


def test_no_segments_yet_says_how_to_begin(open_page: Open) -> None:
    assert "No segments yet" in text(open_page("segments.py"))


def test_a_new_segment_needs_a_name_that_is_free(open_page: Open, people: db.Database) -> None:
    made(people)
    app = open_page("segments.py")
    app.text_input(key="new_segment.name").set_value(" peru ")
    press(app, "Create")
    assert "exists already" in app.error[0].value.replace("\\", "")
    assert app.text_input(key="new_segment.name").value == " peru "


def test_a_new_segment_holds_everybody(open_page: Open, people: db.Database) -> None:
    app = open_page("segments.py")
    app.text_input(key="new_segment.name").set_value("All of them")
    press(app, "Create")
    with people.read() as session:
        assert segment.by_name(session, "all of them").tree == {"match": "all", "of": []}


def test_the_list_has_the_live_count_share_and_words(open_page: Open, people: db.Database) -> None:
    made(people)
    app = open_page("segments.py")
    assert app.metric[0].value == "2"
    assert app.metric[0].delta == "50%"
    assert "Country is" in text(app)


def test_the_editor_counts_and_shows_who_matches(open_page: Open, people: db.Database) -> None:
    id = made(people)
    app = open_page("segments.py", id=str(id))
    assert "2 contacts" in text(app)
    assert sorted(app.dataframe[0].value["first_name"]) == ["Ana", "Inés"]


def test_the_editor_speaks_spanish(open_page: Open, people: db.Database) -> None:
    id = made(people)
    app = open_page("segments.py", id=str(id), lang="es")
    assert "2 contactos" in text(app)
    assert "Actualizar segmento" in text(app)


def test_a_change_is_counted_at_once_and_saved_only_when_asked(
    open_page: Open, people: db.Database
) -> None:
    id = made(people)
    app = open_page("segments.py", id=str(id))
    changed = {"match": "none", "of": LIMA["of"]}
    app = edit(app, id, changed)
    assert "Not saved yet" in text(app)
    assert sorted(app.dataframe[0].value["first_name"]) == ["José", "Luis"]
    with people.read() as session:
        assert segment.get(session, id).tree == LIMA
    press(app, "Update segment")
    with people.read() as session:
        assert segment.get(session, id).tree == changed


def test_what_is_not_saved_survives_another_page(open_page: Open, people: db.Database) -> None:
    id = made(people)
    app = edit(open_page("segments.py", id=str(id)), id, {"match": "all", "of": []})
    app.switch_page("contacts.py").run()
    app.switch_page("segments.py")
    app.query_params["id"] = str(id)
    app.run()
    assert "4 contacts" in text(app)


def test_changes_can_be_discarded(open_page: Open, people: db.Database) -> None:
    id = made(people)
    app = edit(open_page("segments.py", id=str(id)), id, {"match": "all", "of": []})
    press(app, "Discard changes")
    assert "2 contacts" in text(app)


def test_a_condition_on_what_is_gone_is_told_and_nothing_is_lost(
    open_page: Open, people: db.Database
) -> None:
    id = made(people)
    broken = {"match": "all", "of": [{"field": "field.gone", "op": "is", "value": "x"}]}
    app = edit(open_page("segments.py", id=str(id)), id, broken)
    assert "condition 1 of group 1" in app.error[0].value.replace("\\", "")
    assert app.session_state[f"builder.segment.{id}"]["draft"] == broken


def test_a_segment_in_use_is_not_deleted(open_page: Open, people: db.Database) -> None:
    id = made(people)
    with people.write() as session:
        row = drafts.create(session, name="Independence Day")
        session.flush()
        session.execute(
            sa.update(db.Broadcast)
            .where(db.Broadcast.id == row.id)
            .values(state="scheduled", segment_id=id)
        )
    app = press(open_page("segments.py", id=str(id)), "Delete segment")
    assert "Independence Day" in app.error[0].value
    with people.read() as session:
        assert segment.get(session, id)


def test_a_segment_is_renamed_and_deleted(open_page: Open, people: db.Database) -> None:
    id = made(people)
    app = open_page("segments.py", id=str(id))
    app.text_input(key=f"rename.{id}.name").set_value("Perú")
    press(app, "Rename")
    assert app.title[0].value == "Perú"
    press(app, "Delete segment")
    with people.read() as session:
        assert segment.listing(session) == []


def test_a_segment_that_does_not_exist_is_one_sentence(open_page: Open) -> None:
    app = open_page("segments.py", id="7")
    assert len(app.error) == 1


def test_the_builder_offers_every_operator_with_an_editor(workspace: db.Database) -> None:
    with workspace.write() as session:
        contacts.define_field(session, key="orders", label="Orders", type="number")
    editors = (query_builder.HERE / "value_editors.js").read_text()
    for field in query_builder.fields(frame.load(workspace).catalogue):
        assert field["operators"], field["key"]
        for about in field["operators"].values():
            assert f"\n  {about['value']}: " in editors, about
