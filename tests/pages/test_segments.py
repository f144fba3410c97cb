"""Segments: listed with counts, made, edited, saved, renamed, and kept while in use."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from engine import db, drafts
from engine.contacts import contacts
from engine.segments import frame, segment, view
from pages.widgets import facets, people_columns, people_table, query_builder
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


def components(block: Any) -> Iterator[Any]:
    for child in block.children.values():
        if getattr(child, "type", "") == "bidi_component":
            yield child.proto
        elif hasattr(child, "children"):
            yield from components(child)


def told(app: AppTest, name: str = "people_table") -> dict[str, Any]:
    """What a component of the page was given."""
    found = [each for each in components(app.main) if each.component_name == f"pregon.{name}"]
    return json.loads(found[0].json)


def count(app: AppTest) -> int:
    """How many the builder says the segment holds."""
    return int(told(app, "query_builder")["counts"][""])


def people_of(app: AppTest) -> list[str]:
    return [person["name"] for person in told(app)["rows"]]


def ask(app: AppTest, id: int, **look: Any) -> AppTest:
    """What the table does when a person searches, sorts, or ticks."""
    app.session_state[f"people.segment.{id}.people"] |= look
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
    assert app.metric[0].delta == "50% of all"
    assert "Country is" in text(app)


def test_the_editor_counts_and_shows_who_matches(open_page: Open, people: db.Database) -> None:
    id = made(people)
    app = open_page("segments.py", id=str(id))
    assert count(app) == 2
    assert sorted(people_of(app)) == ["Ana", "Inés"]


def test_the_editor_speaks_spanish(open_page: Open, people: db.Database) -> None:
    id = made(people)
    app = open_page("segments.py", id=str(id), lang="es")
    assert told(app)["found"]["total"] == "2 contactos"
    assert "Actualizar segmento" in text(app)


def test_what_is_drawn_below_the_builder_shows_its_tree(
    open_page: Open, people: db.Database
) -> None:
    id = made(people)
    app = open_page("segments.py", id=str(id))
    before = told(app, "builder_follower")["stamp"]
    assert before == told(app, "query_builder")["stamp"]
    app = edit(app, id, {"match": "none", "of": LIMA["of"]})
    stamp = told(app, "builder_follower")["stamp"]
    assert before != stamp == told(app, "query_builder")["stamp"]
    press(app, "Update segment")
    assert told(app, "builder_follower")["stamp"] == told(app, "query_builder")["stamp"] != stamp


def test_a_change_is_counted_at_once_and_saved_only_when_asked(
    open_page: Open, people: db.Database
) -> None:
    id = made(people)
    app = open_page("segments.py", id=str(id))
    changed = {"match": "none", "of": LIMA["of"]}
    app = edit(app, id, changed)
    assert "Not saved yet" in text(app)
    assert sorted(people_of(app)) == ["José", "Luis"]
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
    assert count(app) == len(people_of(app)) == 4


def test_changes_can_be_discarded(open_page: Open, people: db.Database) -> None:
    id = made(people)
    app = edit(open_page("segments.py", id=str(id)), id, {"match": "all", "of": []})
    press(app, "Discard changes")
    assert count(app) == len(people_of(app)) == 2


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


def test_the_list_says_who_uses_a_segment(open_page: Open, people: db.Database) -> None:
    inner = made(people)
    made(people, "Outer", {"match": "all", "of": [within(inner)]})
    with people.write() as session:
        drafts.create(session, name="Spring").segment_id = inner
    said = text(open_page("segments.py"))
    assert "Used by 1 broadcast · Used by 1 segment" in said.replace("\\", "")


def within(id: int) -> dict[str, Any]:
    return {"field": "segment", "op": "in_segment", "value": id}


def test_many_segments_can_be_searched(open_page: Open, people: db.Database) -> None:
    for number in range(9):
        made(people, f"Perú {number}")
    app = open_page("segments.py")
    assert len(app.metric) == 9
    app.text_input(key="segments.search").set_value("peru 3").run()
    assert len(app.metric) == 1


def test_a_segment_is_saved_under_another_name_with_its_tests(
    open_page: Open, people: db.Database
) -> None:
    id = made(people)
    with people.write() as session:
        segment.get(session, id).expectations = {"least": 1}
    app = edit(open_page("segments.py", id=str(id)), id, {"match": "none", "of": LIMA["of"]})
    app.text_input(key=f"save_as.{id}.name").set_value("Not Peru")
    press(app, "Save as new segment")
    with people.read() as session:
        assert segment.get(session, id).tree == LIMA
        copied = segment.by_name(session, "not peru")
        assert copied.tree == {"match": "none", "of": LIMA["of"]}
        assert copied.expectations == {"least": 1}


def test_a_copy_with_a_taken_name_is_refused_in_one_sentence(
    open_page: Open, people: db.Database
) -> None:
    id = made(people)
    app = open_page("segments.py", id=str(id))
    app.text_input(key=f"duplicate.{id}.name").set_value("PERU")
    press(app, "Duplicate")
    assert "exists already" in app.error[0].value


def test_a_segment_another_one_uses_is_not_deleted(open_page: Open, people: db.Database) -> None:
    id = made(people)
    made(people, "Outer", {"match": "all", "of": [within(id)]})
    app = press(open_page("segments.py", id=str(id)), "Delete segment")
    assert "Outer" in app.error[0].value


def test_the_table_searches_sorts_and_counts(open_page: Open, people: db.Database) -> None:
    id = made(people, tree={"match": "all", "of": []})
    app = open_page("segments.py", id=str(id))
    assert told(app)["found"]["total"] == "4 contacts"
    app = ask(app, id, sort="name", descending=True)
    assert people_of(app) == ["Luis", "José", "Inés", "Ana"]
    app = ask(app, id, text="INES")
    assert people_of(app) == ["Inés"]
    assert told(app)["found"]["share"] == "· 25% of all"
    app = ask(app, id, text="nobody by that name")
    assert (people_of(app), told(app)["count"]) == ([], 0)


def test_facets_narrow_the_table_and_stand_as_chips(open_page: Open, people: db.Database) -> None:
    id = made(people, tree={"match": "all", "of": []})
    app = open_page("segments.py", id=str(id))
    rows = {row[1]: row[2] for row in told(app, "facets")["facets"][0]["rows"]}
    assert rows == {"Peru": 2, "Colombia": 1, "Mexico": 1}
    place = f"people.segment.{id}.people.facets"
    app.session_state[place] = (("contact.country", ("CO", "MX")),)
    app.run()
    assert sorted(people_of(app)) == ["José", "Luis"]
    assert [chip["label"] for chip in told(app)["chips"]] == ["Colombia", "Mexico"]


def test_a_page_past_the_end_is_the_last_one(open_page: Open, people: db.Database) -> None:
    id = made(people)
    app = ask(open_page("segments.py", id=str(id)), id, page=7)
    assert told(app)["look"]["page"] == 0
    assert told(app)["found"]["span"] == "1–2 of 2"


def test_the_same_columns_are_shown_in_every_table(open_page: Open, people: db.Database) -> None:
    with people.write() as session:
        contacts.define_field(session, key="shoe", label="Shoe size", type="number")
        contacts.update(session, 1, fields={"shoe": 38.5})
    id = made(people)
    app = open_page("segments.py", id=str(id))
    assert [item["key"] for item in told(app)["columns"]] == ["name", *people_columns.USUAL]
    app.session_state[people_columns.PLACE] = ("field.shoe", "email", "gone")
    app = app.run()
    assert [item["label"] for item in told(app)["columns"]] == ["Name", "Email", "Shoe size"]
    assert told(app)["rows"][0]["cells"] == ["Ana", "", "38.50"]


def test_numbers_and_countries_are_in_the_chosen_language(
    open_page: Open, people: db.Database
) -> None:
    id = made(people)
    app = open_page("segments.py", id=str(id), lang="es")
    assert told(app)["rows"][0]["cells"][2] == "Perú"


def test_everybody_that_matches_is_no_longer_ticked_when_something_else_matches(
    workspace: db.Database,
) -> None:
    script = """
import streamlit as st
from engine.segments.view import View
from pages.widgets import people_table
st.session_state.chosen = people_table.draw(View(), key="t", ticks=True)
"""
    app = AppTest.from_string(script, default_timeout=60).run()
    assert app.session_state.chosen.ids == ()
    app.session_state["people.t"] |= {"all": True}
    assert app.run().session_state.chosen.ids is None
    app.session_state["people.t"] |= {"sort": "name"}
    assert app.run().session_state.chosen.ids is None
    app.session_state["people.t"] |= {"text": "ana"}
    assert app.run().session_state.chosen.ids == ()
    app.session_state["people.t"] |= {"ticked": [3, 1]}
    assert app.run().session_state.chosen.ids == (3, 1)


def test_every_facet_has_a_title_and_every_list_a_column() -> None:
    assert set(facets.TITLES) == set(view.FACETS)
    assert {"tags", "channels"} <= people_columns.BUILT_IN.keys() & set(view.LISTS)
    assert people_table.START["length"] in people_table.LENGTHS


def test_the_builder_offers_every_operator_with_an_editor(workspace: db.Database) -> None:
    with workspace.write() as session:
        contacts.define_field(session, key="orders", label="Orders", type="number")
    editors = (query_builder.HERE / "value_editors.js").read_text()
    for field in query_builder.fields(frame.load(workspace).catalogue):
        assert field["operators"], field["key"]
        for about in field["operators"].values():
            assert f"\n  {about['value']}: " in editors, about
