"""Contacts: found, opened, changed with a way back, compared and merged; the fields and tags."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine import accounts, db
from engine.contacts import bulk, changes, contacts
from engine.errors import NotFound
from engine.segments import segment
from engine.segments.tree import Condition, Group
from pages.widgets import background
from pages.widgets import changes as changes_widget
from tests.conftest import Wait
from tests.pages.conftest import Open, text


@pytest.fixture
def people(workspace: db.Database) -> db.Database:
    with workspace.write() as session:
        contacts.define_field(
            session, key="city", label="City *new*", type="choice", options=["Lima", "Cali"]
        )
        contacts.create(
            session, first_name="Ana", last_name="Pérez", phone="+573001234567", email="a@b.example"
        )
        contacts.create(
            session,
            first_name="Luis",
            email="luis@example.com",
            tags=["vip"],
            country="PE",
            fields={"city": "Lima"},
        )
    return workspace


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click()
    app.run()
    assert not app.exception, app.exception
    return app


def components(block: Any) -> Iterator[Any]:
    for child in block.children.values():
        if getattr(child, "type", "") == "bidi_component":
            yield child.proto
        elif hasattr(child, "children"):
            yield from components(child)


def names(app: AppTest) -> list[str]:
    """Who is in the table."""
    made = [each for each in components(app.main) if each.component_name == "pregon.people_table"]
    return [person["name"] for person in json.loads(made[0].json)["rows"]]


def look(app: AppTest, **asked: Any) -> AppTest:
    """What the table does when a person searches, sorts, or ticks."""
    app.session_state["people.contacts.table"] |= asked
    app.run()
    assert not app.exception, app.exception
    return app


def id_of(people: db.Database, name: str) -> int:
    with people.read() as session:
        return contacts.search(session, name)[0].id


def test_nobody_yet_says_how_to_begin(open_page: Open) -> None:
    assert "Nobody here yet" in text(open_page("contacts.py"))


def test_everybody_is_in_the_table(open_page: Open, people: db.Database) -> None:
    assert names(open_page("contacts.py")) == ["Ana Pérez", "Luis"]


@pytest.mark.parametrize("view", ["", "fields", "duplicates", "changes", "import"])
def test_every_view_speaks_spanish(view: str, open_page: Open, people: db.Database) -> None:
    said = text(open_page("contacts.py", lang="es", view=view))
    assert "Agregar contacto" in said
    assert "Add contact" not in said


@pytest.mark.parametrize("asked", ["perez", "300 123", "ana"])
def test_somebody_is_found_by_name_or_phone(
    asked: str, open_page: Open, people: db.Database
) -> None:
    app = open_page("contacts.py")
    assert names(look(app, text=asked)) == ["Ana Pérez"]


def test_a_search_survives_another_page(open_page: Open, people: db.Database) -> None:
    app = look(open_page("contacts.py"), text="luis@example")
    app.switch_page("segments.py").run()
    app.switch_page("contacts.py").run()
    assert names(app) == ["Luis"]


def test_nothing_can_be_done_to_people_before_somebody_is_ticked(
    open_page: Open, people: db.Database
) -> None:
    app = open_page("contacts.py")
    assert "Add tags" not in text(app)
    assert "Export" in text(app)
    assert "Add tags" in text(look(app, ticked=[id_of(people, "Luis")]))


def test_an_action_names_how_many_and_says_who_of_them_is_out_of_sight(
    open_page: Open, people: db.Database
) -> None:
    app = look(open_page("contacts.py"), ticked=[1, 2], text="luis")
    press(app, "Add tags")
    assert "1 of them is not in the list as filtered now." in text(app)
    assert "Add tags to 2 people" in text(app)


def test_a_person_opens_by_address_with_channels_tags_and_messages(
    open_page: Open, people: db.Database
) -> None:
    with people.write() as session:
        values = {"token": "12345:abcdefghij", "webhook_secret": "s"}
        row = accounts.add(
            session, people.settings, kind="telegram", name="Bot", values=values, sandbox=True
        )
        contacts.inbound(session, channel=row, address="99", at=db.now(), name="Eva Luna")
        eva = contacts.search(session, "Eva")[0].id
        contacts.opt_out(
            session, contact_id=eva, channel_id=row.id, source="reply", reason="*no* more"
        )
    said = text(open_page("contacts.py", person=str(eva)))
    assert "Bot" in said
    assert "Opted out" in said
    assert "in a message" in said
    assert r"Reason\: \*no\* more" in said
    assert "No messages yet." in said


def test_a_person_who_is_gone_is_one_sentence(open_page: Open, people: db.Database) -> None:
    app = open_page("contacts.py", person="999")
    assert len(app.error) == 1
    assert names(app) == ["Ana Pérez", "Luis"]


def test_the_same_email_is_pointed_out_in_the_drawer(open_page: Open, people: db.Database) -> None:
    with people.write() as session:
        contacts.create(session, first_name="Anita", email="a@b.example")
    said = text(open_page("contacts.py", person=str(id_of(people, "Pérez"))))
    assert "Looks like the same person as **Anita**: the same email" in said


def test_an_edit_writes_only_what_was_changed(open_page: Open, people: db.Database) -> None:
    luis = id_of(people, "Luis")
    app = open_page("contacts.py", person=str(luis))
    place = f"person.{luis}"
    app.session_state[f"{place}.mode"] = "edit"
    app.run()
    with people.write() as session:
        contacts.update(session, luis, email="new@example.com", tags=["vip", "fair"])
    app.text_input(key=f"{place}.0.last_name").set_value("Gómez")
    app.multiselect(key=f"{place}.0.tags").set_value([])
    with suppress(AttributeError):  # the harness cannot read a drawer that is drawn twice in a run
        press(app, "Save")
    with people.read() as session:
        now = contacts.get(session, luis)
        assert (now.last_name, now.email) == ("Gómez", "new@example.com")
        assert now.fields == {"city": "Lima"}
        assert set(contacts.tags_of(session, luis)) == {"fair"}


def test_mistakes_stand_together_and_nothing_typed_is_lost(
    open_page: Open, people: db.Database
) -> None:
    ana = id_of(people, "Ana")
    app = open_page("contacts.py", person=str(ana))
    app.session_state[f"person.{ana}.mode"] = "edit"
    app.run()
    app.text_input(key=f"person.{ana}.0.phone").set_value("12")
    app.text_input(key=f"person.{ana}.0.email").set_value("ana")
    press(app, "Save")
    said = text(app).replace("\\", "")
    assert "“12” is not a valid phone number." in said
    assert "“ana” is not an email address." in said
    assert app.text_input(key=f"person.{ana}.0.phone").value == "12"


def test_changes_are_listed_and_undone(open_page: Open, people: db.Database) -> None:
    bulk.tag(people, [1, 2], ["fair"])
    app = open_page("contacts.py", view="changes")
    assert "Tagged 2 contacts with fair" in text(app)
    press(app, "Undo")
    assert "undone on" in text(app)
    with people.read() as session:
        assert set(contacts.tags_of(session, 2)) == {"vip"}
        assert changes.listing(session)[0].undone_at is not None


def test_fields_and_tags_say_how_many_people_have_them(
    open_page: Open, people: db.Database
) -> None:
    said = text(open_page("contacts.py", view="fields"))
    assert r"**City \*new\*** :gray-badge[Choice]" in said
    assert "1 person has a value" in said
    assert ":primary-badge[vip]" in said


def test_duplicates_are_merged_as_chosen(open_page: Open, people: db.Database) -> None:
    with people.write() as session:
        other = contacts.create(session, first_name="Anita", email="a@b.example").id
    ana = id_of(people, "Pérez")
    app = press(open_page("contacts.py", view="duplicates"), "Compare")
    place = f"merge.{ana}_{other}"
    app.radio(key=f"{place}.{ana}.first_name").set_value(other).run()
    assert "##### Anita Pérez" in text(app)
    press(app, "Merge 2 people")
    assert "Merged 2 contacts into" in text(app)
    with people.read() as session:
        assert contacts.get(session, ana).first_name == "Anita"
        assert not session.get(db.Contact, other)
    press(app, "Undo")
    with people.read() as session:
        assert contacts.get(session, ana).first_name == "Ana"
        assert contacts.get(session, other).first_name == "Anita"


def test_people_said_to_be_distinct_are_not_suggested_again(
    open_page: Open, people: db.Database
) -> None:
    with people.write() as session:
        contacts.create(session, first_name="Anita", email="a@b.example")
    app = press(open_page("contacts.py", view="duplicates"), "Not the same")
    assert "No duplicates found" in text(app)


def test_long_work_goes_on_behind_the_page_and_is_told_at_its_end(
    open_page: Open, people: db.Database, monkeypatch: pytest.MonkeyPatch, eventually: Wait
) -> None:
    bulk.tag(people, [1, 2], ["fair"])
    app = open_page("contacts.py", view="changes")
    monkeypatch.setattr(background, "LONG", 1)
    press(app, "Undo")
    work = app.session_state["background"]
    eventually(lambda: not work or work[0].future.done())
    app.run()
    assert not app.exception, app.exception
    assert not app.session_state["background"]
    assert "undone on" in text(app)


def test_long_work_that_fails_says_why(open_page: Open, people: db.Database) -> None:
    app = open_page("contacts.py")
    failed: Future[int] = Future()
    failed.set_exception(NotFound("field.unknown", "There is no field named “{key}”.", key="x"))
    app.session_state["background"] = [
        background.Work(label="Set", total=2, finished=changes_widget.remember, future=failed)
    ]
    app.run()
    assert not app.exception, app.exception
    assert [error.value for error in app.error] == ["There is no field named “x”\\."]


def test_a_tag_is_merged_in_one_change_but_not_while_a_segment_asks_for_it(
    people: db.Database,
) -> None:
    with people.write() as session:
        tags = contacts.tag_ids(session, ["vip", "fair"])

    def dialog(tag_id: int) -> None:
        from pages.widgets import contact_tags

        contact_tags._ask("merge", tag_id, 1)

    app = AppTest.from_function(dialog, kwargs={"tag_id": tags["vip"]}).run()
    app.selectbox[0].set_value(tags["fair"]).run()
    press(app, "Merge tags")
    with people.read() as session:
        assert changes.listing(session)[0].kind == "tag_merge"
        assert list(contacts.tags_of(session, id_of(people, "Luis"))) == ["fair"]
    condition = Condition(field="tag", op="has_any", value=(tags["vip"],))
    with people.write() as session:
        segment.create(session, name="Best", tree=Group(match="all", of=(condition,)))
    app.run()
    assert "Best" in text(app)
    assert next(one for one in app.button if one.label == "Merge tags").disabled
