"""The builder's Python side: what the component is given, what it keeps, what is told where."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from engine import db
from engine.contacts import contacts, tags
from engine.errors import PregonError
from engine.segments import frame, segment
from pages.widgets import (
    builder_answer,
    builder_catalogue,
    builder_starters,
    builder_texts,
    query_builder,
)

PERU: dict[str, Any] = {"field": "contact.country", "op": "is_any_of", "value": ["PE"]}
LUIS: dict[str, Any] = {"field": "contact.first_name", "op": "is", "value": "luis"}


def tree(*of: dict[str, Any], match: str = "all") -> dict[str, Any]:
    return {"match": match, "of": list(of)}


def tagged(*ids: int) -> dict[str, Any]:
    return {"field": "tag", "op": "has_any", "value": list(ids)}


@pytest.fixture
def people(workspace: db.Database) -> db.Database:
    with workspace.write() as session:
        for name, country in (("Ana", "PE"), ("Luis", "CO"), ("Inés", "PE"), ("José", "MX")):
            contacts.create(session, first_name=name, country=country, tags=["VIP"])
    return workspace


def page() -> None:
    """A page with one builder, and a button that shows what a callback would save."""
    import streamlit as st

    from pages.widgets import query_builder

    given = st.session_state["given"]
    found = query_builder.build("b", given)
    st.json(found)
    st.button("reset", on_click=query_builder.reset, args=("b", given))


def drawn(given: dict[str, Any]) -> AppTest:
    app = AppTest.from_function(page, default_timeout=60)
    app.context = {"locale": "en-US"}
    app.session_state["given"] = given
    app.run()
    assert not app.exception, app.exception
    return app


def data(app: AppTest) -> dict[str, Any]:
    """What the component got."""
    return dict(json.loads(app.get("bidi_component")[0].proto.json))


def edited(app: AppTest, **values: Any) -> AppTest:
    """What the component's edit leaves in the session."""
    state = app.session_state["builder.b"]
    app.session_state["builder.b"] = {**state, **values}
    return app.run()


def test_every_node_has_its_count_its_words_and_what_would_be_without_it(
    people: db.Database,
) -> None:
    given = data(drawn(tree(PERU, tree(LUIS, tree(PERU), match="any"))))
    assert given["counts"] == {"": 2, "0": 2, "1": 3, "1.0": 1, "1.1": 2, "1.1.0": 2}
    assert given["without"]["0"] == 3
    assert given["words"]["1.0"] == "First name is “luis”"
    assert given["total"] == 4
    assert given["problems"] == {}


def test_what_the_browser_has_is_not_sent_again(people: db.Database) -> None:
    app = drawn(tree(PERU))
    parts = data(app)["parts"]
    assert parts["tallies"]["held"] == [["contact.country", [["CO", 1], ["MX", 1], ["PE", 2]]]]
    assert all(part["held"] for part in parts.values())
    have = {name: part["hash"] for name, part in parts.items()}
    again = data(edited(app, have=have))["parts"]
    assert [part["held"] for part in again.values()] == [None] * 4
    with people.write() as session:
        contacts.define_field(session, key="shoe", label="Shoe size", type="number")
    later = data(app.run())["parts"]
    assert later["catalogue"]["held"]
    assert later["tree"]["held"] is None


def test_the_draft_is_kept_and_only_what_is_finished_is_returned(people: db.Database) -> None:
    app = drawn(tree(PERU))
    half = tree(PERU, {"field": "contact.first_name", "op": "is"})
    app = edited(app, draft=half, tree=tree(PERU), edit=1)
    assert json.loads(app.json[0].value) == tree(PERU)
    assert data(app)["parts"]["tree"]["held"] == half
    assert data(app)["edit"] == 1


def test_a_reset_is_a_new_revision_with_the_tree_given(people: db.Database) -> None:
    app = edited(drawn(tree(PERU)), draft=tree(LUIS), tree=tree(LUIS), edit=3)
    app.button[0].click().run()
    assert json.loads(app.json[0].value) == tree(PERU)
    assert (data(app)["revision"], data(app)["edit"]) == (1, 3)
    assert data(app)["parts"]["tree"]["held"] == tree(PERU)


def test_every_broken_condition_is_told_at_its_place_and_the_others_are_counted(
    people: db.Database,
) -> None:
    gone = {"field": "field.gone", "op": "is", "value": "x"}
    app = drawn(tree(PERU, tagged(99), tree(LUIS, gone, match="any"), tree(LUIS)))
    given = data(app)
    assert given["problems"] == {
        "1": "A tag does not exist any more.",
        "2.1": "There is no field “field.gone”.",
    }
    assert given["counts"] == {"0": 2, "2.0": 1, "3": 1, "3.0": 1}
    assert given["without"] == {}
    assert not app.error


def test_a_problem_without_a_place_is_one_sentence_below(people: db.Database) -> None:
    app = drawn(tree(*[LUIS] * 251))
    assert "at most 250 conditions" in app.error[0].value


def test_pruning_remembers_where_everything_stood() -> None:
    whole = segment.from_json(tree(PERU, tree(LUIS, PERU), LUIS))
    left, paths = builder_answer.without(whole, {"0", "1.0"})
    assert segment.to_json(left) == tree(tree(PERU), LUIS)
    assert paths == {"": "", "0": "1", "0.0": "1.1", "1": "2"}


def test_too_many_problems_end_in_one(people: db.Database) -> None:
    broken = segment.from_json(tree(*[tagged(90 + place) for place in range(30)]))
    with pytest.raises(PregonError, match="A tag does not exist any more"):
        builder_answer.answer(people, broken)


def test_starters_are_made_from_what_is_there(people: db.Database) -> None:
    with people.read() as session:
        vip = session.scalars(sa.select(db.Tag.id)).one()
    found = builder_starters.starters(people)
    assert [(one["label"], one["node"], one["count"]) for one in found] == [
        ("Has the tag VIP", tagged(vip), 4),
        ("Is in Peru", PERU, 2),
    ]
    assert data(drawn(tree()))["starters"] == found
    assert data(drawn(tree(LUIS)))["starters"] == []


def test_an_empty_workspace_has_no_starters(workspace: db.Database) -> None:
    assert builder_starters.starters(workspace) == []


def test_a_segment_cannot_be_chosen_in_itself(people: db.Database) -> None:
    with people.write() as session:
        own, other = (segment.create(session, name=name).id for name in ("Own", "Other"))
    listed = query_builder.fields(frame.load(people).catalogue, but=own)
    options = next(item["options"] for item in listed if item["key"] == "segment")
    assert [value for value, _ in options] == [other]


def test_every_operator_has_an_editor_and_every_field_an_icon(people: db.Database) -> None:
    with people.write() as session:
        for kind in ("number", "date", "datetime", "yes_no", "choice", "text"):
            contacts.define_field(
                session, key=kind, label=kind, type=kind, options=["a"] if kind == "choice" else []
            )
        tags.tag_ids(session, ["Other"])
    editors = (query_builder.HERE / "value_editors.js").read_text()
    icons = (query_builder.HERE / "builder_icons.js").read_text()
    for field in builder_catalogue.fields(frame.load(people).catalogue):
        assert f"\n  {field['icon']}: " in icons, field
        for about in field["operators"].values():
            assert f"\n  {about['value']}: " in editors, about


def test_the_scripts_say_no_text_that_python_does_not_translate() -> None:
    used: set[str] = set()
    for name in query_builder.SCRIPTS:
        script = (query_builder.HERE / name).read_text()
        used |= set(re.findall(r"\btexts\.(\w+)", script))
    assert used <= set(builder_texts.TEXTS), used - set(builder_texts.TEXTS)


def test_the_scripts_write_names_as_text_and_ask_no_other_host() -> None:
    for name in (*query_builder.SCRIPTS, "builder_boot.js"):
        script = (query_builder.HERE / name).read_text()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", script)
        assert not re.findall(r"https?://(?!www\.w3\.org)", script)
    for name in query_builder.STYLES:
        assert not re.search(r"#[0-9a-fA-F]{3,8}\b|url\(", (query_builder.HERE / name).read_text())
