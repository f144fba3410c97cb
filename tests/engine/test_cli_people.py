"""`pregon contacts …` and `pregon fields …`: what the pages do, at the terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from engine import accounts, db
from engine.cli import command
from engine.contacts import contacts
from engine.segments import saved
from engine.segments.tree import Condition, Group
from engine.settings import Settings

Run = Callable[..., Any]


@pytest.fixture
def run(database: db.Database, config: Settings) -> Run:
    """Run a command with --json; its answer."""

    def run(*words: object, fails: bool = False) -> Any:
        given = ["--data", str(config.data), *map(str, words), "--json"]
        done = CliRunner().invoke(command.app, given)
        assert done.exit_code == int(fails), done.output
        return json.loads(done.stdout)

    return run


def test_a_person_is_added_edited_shown_and_deleted_and_comes_back(run: Run) -> None:
    run("fields", "add", "City")
    made = run(
        *("contacts", "add", "--set", "name=Ana Paz", "--set", "phone=+573001234567"),
        *("--set", "city=Lima", "--tag", "VIP"),
    )
    ana = made["id"]
    run("contacts", "edit", ana, "--set", "email=a@x.co", "--set", "city=Cusco")
    seen = run("contacts", "show", ana)
    assert (seen["first_name"], seen["email"], seen["phone"]) == ("Ana", "a@x.co", "+573001234567")
    assert (seen["fields"], seen["tags"]) == ({"City": "Cusco"}, ["VIP"])
    assert {event["kind"] for event in seen["timeline"]} == {"change", "created"}
    change = run("contacts", "delete", ana)
    assert change["people"] == 1
    assert run("contacts", "show", ana, fails=True)["error"]["code"] == "contact.not_found"
    assert run("contacts", "undo", change["change"])["restored"] == 1
    assert run("contacts", "show", ana)["tags"] == ["VIP"]
    listed = run("contacts", "changes", "--contact", ana)
    assert [row["what"] for row in listed] == ["Deleted Ana Paz", "Edited Ana Paz", "Added Ana Paz"]
    run("contacts", "forget", change["change"])
    assert len(run("contacts", "changes")) == 2


def test_a_whole_segment_is_tagged_set_and_opted_out(run: Run, database: db.Database) -> None:
    values = {"phone_number_id": "1", "access_token": "t", "app_secret": "s", "verify_token": "v"}
    with database.write() as session:
        accounts.add(
            session,
            database.settings,
            kind="whatsapp",
            name="WhatsApp",
            values=values,
            sandbox=True,
        )
        for place, country in enumerate(("CO", "CO", "PE")):
            contacts.create(
                session, first_name="A", phone=f"+5730012345{place:02}", country=country
            )
        tree = Group(of=(Condition("contact.country", "is", "CO"),))
        saved.create(session, name="Colombia", tree=tree)
    there = ("--segment", "Colombia")
    assert run("contacts", "tag", "--tag", "near", *there)["people"] == 2
    assert run("contacts", "untag", 1, "--tag", "near")["people"] == 1
    assert run("contacts", "set", "language", "es", *there)["people"] == 2
    out = run("contacts", "opt-out", *there, "--channel", "whatsapp", "--reason", "asked")
    assert out["people"] == 2
    assert run("contacts", "opt-in", 1, "--channel", "WhatsApp")["people"] == 1
    seen = run("contacts", "show", 1)
    assert [(said["kind"], said["source"]) for said in seen["opt_outs"]] == [
        ("in", "person"),
        ("out", "person"),
    ]
    assert run("contacts", "tag", "--tag", "x", fails=True)["error"]["code"] == "contact.who"


def test_duplicates_are_found_merged_split_and_kept_apart(run: Run, database: db.Database) -> None:
    with database.write() as session:
        ana, anna = (contacts.create(session, name=n, email="a@x.co").id for n in ("Ana", "Anna"))
    (group,) = run("contacts", "duplicates", "--by", "email")
    assert group["ids"] == [ana, anna]
    choose = ("--choose", f"first_name={anna}")
    seen = run("contacts", "merge", ana, anna, *choose, "--preview")
    assert (seen["values"]["first_name"], seen["lost"]) == ("Anna", {"first_name": ["Ana"]})
    change = run("contacts", "merge", ana, anna, *choose)["change"]
    assert run("contacts", "show", ana)["first_name"] == "Anna"
    run("contacts", "undo", change)
    assert run("contacts", "show", anna)["first_name"] == "Anna"
    run("contacts", "distinct", ana, anna)
    assert run("contacts", "duplicates") == []
    assert run("contacts", "duplicates", "--by", "shoe", fails=True)["error"]


def test_fields_are_defined_renamed_converted_and_deleted(run: Run, database: db.Database) -> None:
    assert run("fields", "add", "Size", "--type", "text") == {"key": "size"}
    with database.write() as session:
        for size in ("1", "2", "big"):
            contacts.create(session, first_name=size, fields={"size": size})
    run("fields", "rename", "size", "Talla")
    seen = run("fields", "type", "size", "number", "--preview")
    assert (seen["fits"], seen["lost"]) == (2, 1)
    assert (
        run("fields", "type", "size", "number", fails=True)["error"]["code"] == "field.would_lose"
    )
    run("fields", "type", "size", "choice")
    run("fields", "options", "size", "1", "2", "big=large")
    (field,) = run("fields", "list")
    assert (field["label"], field["options"]) == ("Talla", ["1", "2", "large"])
    change = run("fields", "delete", "size")
    assert change["people"] == 3
    run("contacts", "undo", change["change"])
    assert run("contacts", "show", 3)["fields"] == {"Talla": "large"}


def test_words_say_what_was_done(config: Settings, database: db.Database, tmp_path: Path) -> None:
    with database.write() as session:
        ana = contacts.create(session, first_name="Ana").id
    words = ["--data", str(config.data), "contacts", "delete", str(ana)]
    asked = CliRunner().invoke(command.app, words, input="n\n")
    assert asked.exit_code == 1
    done = CliRunner().invoke(command.app, [*words, "--yes"])
    assert done.stdout.startswith("Deleted Ana. Undo: pregon contacts undo ")
