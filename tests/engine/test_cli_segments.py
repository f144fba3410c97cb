"""`pregon segment test`, `diff` and `overlap`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import engine.cli.segments  # its commands join `pregon segment`
from engine import db, settings
from engine.cli.command import app
from engine.segments import segment
from engine.segments.tree import Group
from tests.engine.test_comparing import started
from tests.engine.test_expectations import COLOMBIA, TREE, expect, people, saved

Pregon = Callable[..., Result]
assert engine.cli.segments.register


@pytest.fixture
def database(tmp_path: Path) -> db.Database:
    opened = db.connect(
        settings.Settings(_env_file=None, data=tmp_path / "data", sqlite_synchronous="NORMAL")
    )
    db.migrate(opened)
    return opened


@pytest.fixture
def pregon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pregon:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PREGON_SQLITE_SYNCHRONOUS", "NORMAL")

    def run(*words: str) -> Result:
        return CliRunner().invoke(app, ["--data", str(tmp_path / "data"), "segment", *words])

    return run


def answer(result: Result, *, code: int = 0) -> Any:
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def test_tests_end_with_1_when_one_is_red(database: db.Database, pregon: Pregon) -> None:
    known = people(database)
    id = saved(database)
    assert pregon("test", "Colombia").stdout == "This segment has no tests.\n"
    expect(database, id, inside=[known["Luis"]], most=1)
    assert [one["ok"] for one in answer(pregon("test", str(id), "--json"))] == [True, True]
    expect(database, id, inside=[known["Inés"]])
    (one,) = answer(pregon("test", "colombia", "--json"), code=1)
    assert (one["kind"], one["contact"]) == ("in", known["Inés"])
    assert pregon("test", "colombia").stdout == (
        "RED  Inés Pérez is not in: Country is any of “Colombia” does not hold.\n"
    )


def test_a_diff_with_the_version_before_and_with_a_broadcast(
    database: db.Database, pregon: Pregon
) -> None:
    known = people(database)
    started(database, Group("all", (COLOMBIA,)))
    with database.write() as session:
        segment.save(session, segment.by_name(session, "Colombia").id, TREE)
    for extra in ([], ["--version", "1"], ["--broadcast", "News"]):
        data = answer(pregon("diff", "Colombia", *extra, "--json"))
        assert (data["before"], data["entered"], data["after"]) == (2, [], 1)
        assert data["left"] == [known["Ana"]]
        assert [flip["change"] for flip in data["flips"]] == ["added"]
    assert "2 before + 0 came in - 1 left = 1 now" in pregon("diff", "Colombia").stdout
    for wrong in (["--version", "9"], ["--broadcast", "7"], ["--version", "1", "--broadcast", "1"]):
        assert pregon("diff", "Colombia", *wrong).exit_code == 1


def test_an_overlap_names_its_parts(database: db.Database, pregon: Pregon) -> None:
    people(database)
    saved(database, Group("all", (COLOMBIA,)), "All of Colombia")
    saved(database, TREE, "Not Ana")
    data = answer(pregon("overlap", "All of Colombia", "Not Ana", "--json"))
    assert data["sizes"] == {"All of Colombia": 2, "Not Ana": 1}
    assert data["parts"] == [
        {"in": ["All of Colombia"], "people": 1},
        {"in": ["All of Colombia", "Not Ana"], "people": 1},
    ]
    assert "All of Colombia + Not Ana" in pregon("overlap", "1", "2").stdout
    assert pregon("overlap", "1", "2", "1", "2", "1", "2").exit_code == 1
