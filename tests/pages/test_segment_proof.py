"""Tests, changes and overlap of a segment, as the page draws them."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from engine import db
from engine.contacts import contacts
from engine.segments import expectations, frozen, segment
from pages.widgets import segment_overlap
from tests.pages.conftest import text

COLOMBIA: dict[str, Any] = {"field": "contact.country", "op": "is", "value": "CO"}
TREE: dict[str, Any] = {"match": "all", "of": [COLOMBIA]}
EVERYBODY: dict[str, Any] = {"match": "all", "of": []}


def _draw(name, id, tree):  # Streamlit runs its source alone: no names from this file
    import importlib

    importlib.import_module(f"pages.widgets.segment_{name}").draw(id, tree)


def drawn(name: str, id: int, tree: dict[str, Any] = TREE, **query: str) -> AppTest:
    app = AppTest.from_function(_draw, default_timeout=60, args=(name, id, tree))
    app.context = {"locale": "en-US"}
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception, app.exception
    return app


def said(app: AppTest) -> str:
    return text(app).replace("\\", "")


@pytest.fixture
def people(workspace: db.Database) -> dict[str, int]:
    with workspace.write() as session:
        made = [
            contacts.create(session, first_name=name, last_name="Pérez", phone=phone, country=code)
            for name, phone, code in (
                ("Ana", "+573001112231", "CO"),
                ("Luis", "+573001112232", "CO"),
                ("Inés", "+51987654321", "PE"),
            )
        ]
        return {row.first_name: row.id for row in made}


@pytest.fixture
def id(workspace: db.Database, people: dict[str, int]) -> int:
    with workspace.write() as session:
        return segment.create(session, name="Colombia", tree=segment.from_json(TREE)).id


def kept(workspace: db.Database, id: int) -> expectations.Expectations:
    with workspace.read() as session:
        return expectations.get(session, id)


def test_without_tests_the_page_says_what_they_are_for(id: int) -> None:
    assert "Pin people who must be in or out" in said(drawn("tests", id))


def test_a_person_found_by_phone_is_pinned_and_judged(
    workspace: db.Database, people: dict[str, int], id: int
) -> None:
    app = drawn("tests", id)
    app.text_input(key=f"segment.{id}.tests.search").set_value("987 654").run()
    assert "Inés Pérez" in said(app)
    app.button(key=f"segment.{id}.tests.inside.{people['Inés']}").click().run()
    assert "Inés Pérez is not in: Country is “Colombia” does not hold." in said(app)
    assert kept(workspace, id).inside == (people["Inés"],)
    app.button(key=f"segment.{id}.tests.outside.{people['Inés']}").click().run()
    assert "Inés Pérez is out." in said(app)
    assert kept(workspace, id) == expectations.Expectations(outside=(people["Inés"],))
    app.button(key=f"segment.{id}.tests.remove.{people['Inés']}").click().run()
    assert not kept(workspace, id)


def test_sizes_are_kept_and_a_wrong_order_is_one_sentence(workspace: db.Database, id: int) -> None:
    app = drawn("tests", id)
    app.number_input(key=f"segment.{id}.tests.least").set_value(3).run()
    assert "2 people, fewer than 3." in said(app)
    app.number_input(key=f"segment.{id}.tests.most").set_value(1).run()
    assert "larger than the most" in app.error[0].value
    assert kept(workspace, id) == expectations.Expectations(least=3)
    app.button(key=f"segment.{id}.tests.remove.least").click().run()
    assert not kept(workspace, id)


def test_tests_run_on_what_is_not_saved_and_speak_spanish(
    workspace: db.Database, people: dict[str, int], id: int
) -> None:
    with workspace.write() as session:
        expectations.put(session, id, outside=[people["Inés"]])
    assert "Inés Pérez is out." in said(drawn("tests", id))
    assert "Inés Pérez is in: no condition keeps anybody out." in said(
        drawn("tests", id, EVERYBODY)
    )
    assert "Inés Pérez" in said(drawn("tests", id, lang="es"))


def test_a_tree_that_cannot_be_used_is_one_sentence(
    workspace: db.Database, people: dict[str, int], id: int
) -> None:
    with workspace.write() as session:
        expectations.put(session, id, outside=[people["Inés"]])
        segment.create(session, name="Another")
    broken = {"match": "all", "of": [{"field": "field.gone", "op": "is", "value": "x"}]}
    for name, sentence in (
        ("tests", "condition 1 of group 1"),
        ("diff", "condition 1 of group 1"),
        ("overlap", "The segment “Colombia” cannot be used"),
    ):
        assert sentence in drawn(name, id, broken).error[0].value.replace("\\", "")


def test_there_is_nothing_to_compare_with_at_first(id: int) -> None:
    assert "Nothing to compare with yet" in drawn("diff", id).info[0].value


def test_unsaved_changes_are_compared_with_what_is_saved(people: dict[str, int], id: int) -> None:
    app = drawn("diff", id, EVERYBODY)
    assert app.selectbox[0].options[0] == "As it is saved now"
    assert [(one.label, one.value) for one in app.metric] == [
        ("Before", "2"),
        ("Came in", "+1"),
        ("Left", "−0"),
        ("Now", "3"),
    ]
    assert app.table[0].value["What changed"].tolist() == ["is not asked any more"]
    assert app.dataframe[0].value["Name"].to_list() == ["Inés Pérez"]
    assert app.dataframe[0].value["Why"].to_list() == [
        "Country is “Colombia”: is not asked any more"
    ]


def test_since_a_broadcast_each_person_has_a_reason(
    workspace: db.Database, people: dict[str, int], id: int
) -> None:
    table = frozen.take(workspace, segment.from_json(TREE))
    packed = frozen.pack(table)
    with workspace.write() as session:
        row = db.Broadcast(key="News", name="News", segment_id=id)
        session.add(row)
        session.flush()
        frozen.store(session, row.id, TREE, packed)
        session.execute(sa.delete(db.Contact).where(db.Contact.id == people["Ana"]))
        db.touch_contacts(session)
        contacts.update(session, people["Luis"], country="PE")
    app = drawn("diff", id)
    assert app.selectbox[0].options[0].startswith("Broadcast “News”")
    shown = app.dataframe[0].value
    assert shown["Name"].to_list() == ["(deleted)", "Luis Pérez"]
    assert shown["Why"].to_list() == ["Deleted since", "Country is “Colombia”: no longer holds"]
    because = next(box for box in app.selectbox if box.label == "Because of")
    because.select_index(1).run()
    assert app.dataframe[0].value["Name"].to_list() == ["Luis Pérez"]


def test_an_overlap_needs_another_segment(id: int) -> None:
    assert "no other segment" in drawn("overlap", id).info[0].value


def test_an_overlap_says_how_many_and_of_whom(
    workspace: db.Database, people: dict[str, int], id: int
) -> None:
    ana = {"field": "contact.first_name", "op": "is", "value": "ana"}
    with workspace.write() as session:
        tree = segment.from_json({"match": "all", "of": [ana]})
        segment.create(session, name="Anas", tree=tree)
    app = drawn("overlap", id)
    assert "**2 contacts** in at least one of them, 67% of all. **1** in all of them." in said(app)
    assert app.selectbox[0].options == ["Only Colombia: 1", "Colombia + Anas: 1"]


def test_a_click_on_a_bar_is_its_place_and_nothing_else() -> None:
    def state(places: list[int]) -> dict[str, Any]:
        return {"selection": {"selected": [{"series_id": "parts", "data_indices": places}]}}

    assert segment_overlap._clicked(state([2]), 3) == 2
    assert segment_overlap._clicked(state([3]), 3) is None
    assert segment_overlap._clicked({"selection": {"selected": []}}, 3) is None
