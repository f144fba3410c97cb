"""The commands that import people, list what was imported, and take it back."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import db
from engine.importing import mappings
from engine.importing.options import Options
from tests.engine.test_cli import Pregon, answer, mistake, pregon  # noqa: F401 - pregon is a fixture

CSV = "Nombre,Celular\nAna,300 123 4567\nLuz,12\n"


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "gente.csv").write_text(CSV)
    return "gente.csv"


def test_an_import_is_listed_and_taken_back(pregon: Pregon, file: str) -> None:  # noqa: F811 - the fixture
    report = answer(pregon("contacts", "import", file, "--json", "--tag", "Feria"))
    assert (report["state"], report["created"], report["rows"]) == ("done", 2, 2)
    [listed] = answer(pregon("contacts", "imports", "--json"))
    assert (listed["id"], listed["name"], listed["created"]) == (report["id"], "gente.csv", 2)
    assert "gente.csv" in pregon("contacts", "imports").stdout
    undone = answer(pregon("contacts", "import-undo", str(report["id"]), "--json"))
    assert undone == {"id": report["id"], "restored": 2, "kept": 0}
    [listed] = answer(pregon("contacts", "imports", "--json"))
    assert listed["state"] == "undone"
    assert mistake(pregon("contacts", "import-undo", "99", "--json"))["code"] == "import.not_found"


def test_mode_and_match_can_be_chosen(pregon: Pregon, file: str) -> None:  # noqa: F811 - the fixture
    options = ["--json", "--mode", "update", "--match", "phone"]
    report = answer(pregon("contacts", "import", file, *options))
    assert (report["created"], report["skipped"]) == (0, 2)
    refused = mistake(pregon("contacts", "import", file, "--json", "--match", "email"))
    assert refused["code"] == "import.no_match_column"


def test_a_kept_mapping_is_used_by_its_name(
    pregon: Pregon,  # noqa: F811 - the fixture
    file: str,
    database: db.Database,
) -> None:
    kept = Options(mapping={"Nombre": "contact.last_name"}, tags=("Shop",), mode="add")
    with database.write() as session:
        mappings.keep_mapping(session, "Shop", kept)
    report = answer(pregon("contacts", "import", file, "--json", "--mapping", "shop"))
    assert report["created"] == 2
    with database.read() as session:
        person = session.get(db.Contact, 1)
        assert person is not None
        assert (person.first_name, person.last_name, person.phone) == ("", "Ana", None)
    wrong = mistake(pregon("contacts", "import", file, "--json", "--mapping", "no"))
    assert wrong["code"] == "mapping.not_found"
