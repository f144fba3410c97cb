"""The `pregon` command in this process: answers, JSON, and one sentence for each mistake."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from typer.testing import CliRunner, Result

from engine import broadcast, db, reports, settings
from engine.cli.command import app

Pregon = Callable[..., Result]

CSV = (
    "Nombre;Celular;Ciudad;Compras;Etiquetas\nAna;3211234567;Cali;4;VIP\nLuis;3211234568;Cali;1;\n"
)
DOCUMENT: dict[str, Any] = {
    "name": "Octubre",
    "labels": ["otoño"],
    "segment": "Todos",
    "channel": "SMS",
    "messages": [{"text": "Hola {{ first_name | default: 'amiga' }}"}],
    "rate": "20 per second",
}
SMS = {"account_sid": "AC" + "1" * 32, "auth_token": "s3cret-of-mine", "sender": "+15005550006"}


@pytest.fixture
def pregon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis_url: str) -> Pregon:
    """Run a command in a workspace of its own; the environment says where Redis is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PREGON_REDIS_URL", redis_url)
    monkeypatch.setenv("PREGON_SQLITE_SYNCHRONOUS", "NORMAL")

    def run(*words: str, input: str | None = None) -> Result:
        return CliRunner().invoke(app, ["--data", str(tmp_path / "data"), *words], input=input)

    return run


@pytest.fixture
def database(tmp_path: Path) -> db.Database:
    """The workspace that `pregon` works in."""
    return db.connect(settings.Settings(_env_file=None, data=tmp_path / "data"))


def answer(result: Result) -> Any:
    """The one JSON value on stdout of a command that went well."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def mistake(result: Result) -> dict[str, str]:
    """The error of a command that ended with one: a code and one sentence, never a traceback."""
    assert result.exit_code == 1, result.output
    error: dict[str, str] = json.loads(result.stdout)["error"]
    assert set(error) == {"code", "sentence"}
    assert error["sentence"].endswith(".")
    assert "\n" not in error["sentence"]
    assert "Traceback" not in result.output
    return error


def add_sms(pregon: Pregon) -> Result:
    given = [word for key, value in SMS.items() for word in ("--set", f"{key}={value}")]
    return pregon("channel", "add", "twilio_sms", "SMS", *given, "--sandbox", "--json")


def add_everybody(database: db.Database) -> None:
    from engine.segments import segment

    with database.write() as session:
        segment.create(session, name="Todos")


@pytest.fixture
def ready(pregon: Pregon, tmp_path: Path, database: db.Database) -> Path:
    """Two people, a segment, a channel, and the file of a broadcast to them."""
    (tmp_path / "gente.csv").write_text(CSV)
    answer(pregon("contacts", "import", "gente.csv", "--json"))
    add_everybody(database)
    answer(add_sms(pregon))
    file = tmp_path / "octubre.yaml"
    file.write_text(yaml.safe_dump(DOCUMENT, allow_unicode=True))
    return file


def written(file: Path, **changes: Any) -> str:
    file.write_text(yaml.safe_dump(DOCUMENT | changes, allow_unicode=True))
    return str(file)


def test_the_example_file_lists_every_setting_with_its_default():
    lines = (db.ROOT / ".env.example").read_text().splitlines()
    shown = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    fields = settings.Settings.model_fields
    fresh = settings.Settings.model_construct()
    assert list(shown) == [f"PREGON_{name.upper()}" for name in fields]
    for name in fields:
        value = getattr(fresh, name)
        plain = value.get_secret_value() if hasattr(value, "get_secret_value") else str(value)
        assert shown[f"PREGON_{name.upper()}"] == plain, name


def test_the_documentation_shows_every_command(pregon: Pregon):
    text = (db.ROOT / "docs" / "command-line.md").read_text()
    for name, command in _commands():
        assert f"`pregon {name}" in text, name
        assert command.callback.__doc__, name


def _commands() -> list[tuple[str, Any]]:
    found = []
    for command in app.registered_commands:
        found.append((command.name or command.callback.__name__, command))
    for group in app.registered_groups:
        for command in group.typer_instance.registered_commands:
            found.append((f"{group.name} {command.name or command.callback.__name__}", command))
    return found


def test_every_command_answers_with_json_where_it_answers_at_all():
    silent = {"studio", "worker", "door", "sandbox"}
    for name, command in _commands():
        assert ("as_json" in command.callback.__annotations__) == (name not in silent), name


def test_contacts_come_in_and_go_out_again(pregon: Pregon, tmp_path: Path):
    (tmp_path / "gente.csv").write_text(CSV + "Mal;12;Cali;1;\n")
    report = answer(pregon("contacts", "import", "gente.csv", "--json", "--tag", "Feria"))
    assert (report["rows"], report["created"]) == (3, 3)
    assert [problem["line"] for problem in report["problems"]] == [4]
    said = pregon("contacts", "import", "gente.csv")
    assert "Line 4, Celular" in said.stdout
    out = tmp_path / "out.csv"
    assert answer(pregon("contacts", "export", str(out), "--json"))["contacts"] == 3
    assert "Ana" in out.read_text("utf-8-sig")


def test_a_column_can_be_sent_elsewhere_than_guessed(pregon: Pregon, tmp_path: Path):
    (tmp_path / "gente.csv").write_text(CSV)
    command = ["contacts", "import", "gente.csv", "--json", "--column"]
    report = answer(pregon(*command, "Ciudad=field.pueblo"))
    assert "pueblo" in report["fields_created"]
    assert mistake(pregon(*command, "Nada=ignore"))["code"] == "import.column_option"


def test_segments_are_listed_counted_and_put_in_words(pregon: Pregon, ready: Path, tmp_path: Path):
    assert answer(pregon("segment", "list", "--json")) == [{"id": 1, "name": "Todos", "people": 2}]
    assert answer(pregon("segment", "count", "todos", "--json"))["people"] == 2
    tree = {"match": "all", "of": [{"field": "field.compras", "op": "gte", "value": 2}]}
    (tmp_path / "tree.json").write_text(json.dumps(tree))
    assert pregon("segment", "count", "tree.json").stdout == "1\n"
    assert answer(pregon("segment", "show", "1", "--json"))["counts"][""] == 2


def test_a_broadcast_goes_from_a_file_to_a_report_that_the_ledger_agrees_with(
    pregon: Pregon, ready: Path, database: db.Database
):
    draft = answer(pregon("broadcast", "create", str(ready), "--json"))
    assert draft["problems"] == []
    sent = pregon("broadcast", "send", "Octubre", "--json")
    assert answer(sent)["state"] == "preparing"
    assert "No worker is running" in sent.stderr
    report = answer(pregon("broadcast", "report", str(draft["id"]), "--json"))
    with database.read() as session:
        assert report == json.loads(json.dumps(reports.report(session, draft["id"]).to_json()))
    assert answer(pregon("broadcast", "cancel", "octubre", "--json"))["state"] == "cancelled"


def test_a_schedule_can_be_given_and_taken_back(pregon: Pregon, ready: Path):
    answer(pregon("broadcast", "create", str(ready), "--json"))
    said = pregon("broadcast", "schedule", "Octubre", "--at", "2099-12-01 09:30")
    assert said.stdout == "“Octubre” is scheduled, starts 2099-12-01T09:30 America/Bogota.\n"
    assert answer(pregon("broadcast", "unschedule", "Octubre", "--json"))["state"] == "draft"


def test_a_start_in_the_past_is_refused_and_the_draft_is_still_there(pregon: Pregon, ready: Path):
    answer(pregon("broadcast", "create", str(ready), "--json"))
    mistake(pregon("broadcast", "schedule", "Octubre", "--at", "2020-01-01 09:00", "--json"))
    assert answer(pregon("broadcast", "status", "Octubre", "--json"))["state"] == "draft"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["segment", "show", "Nobody"], "segment.unknown"),
        (["segment", "count", "7"], "segment.not_found"),
        (["broadcast", "status", "Nothing"], "broadcast.unknown"),
        (["broadcast", "report", "12"], "broadcast.not_found"),
        (["channel", "check", "Nowhere"], "channel.unknown"),
        (["channel", "add", "pigeon", "P"], "channel.unknown_kind"),
        (["channel", "add", "email", "E", "--set", "oops"], "channel.set_option"),
        (["contacts", "import", "missing.csv"], None),
        (["contacts", "export", "out.doc"], "export.bad_format"),
        (["broadcast", "create", "missing.yaml"], "file.unusable"),
    ],
)
def test_a_mistake_ends_in_one_sentence(pregon: Pregon, words: list[str], code: str | None):
    error = mistake(pregon(*words, "--json"))
    assert code is None or error["code"] == code
    plain = pregon(*words)
    assert plain.exit_code == 1
    assert plain.stdout == ""
    assert "Traceback" not in plain.output


def test_a_program_is_never_asked_for_what_is_missing(pregon: Pregon):
    error = mistake(pregon("channel", "add", "twilio_sms", "S", "--json"))
    assert error["code"] == "channel.missing_setting"


def test_a_taken_name_is_refused(pregon: Pregon, ready: Path):
    answer(pregon("broadcast", "create", str(ready), "--json"))
    assert mistake(pregon("broadcast", "create", str(ready), "--json"))["code"] == "broadcast.taken"
    assert mistake(add_sms(pregon))["code"] == "channel.taken"


def test_a_file_that_is_no_contact_file_is_refused(pregon: Pregon, tmp_path: Path):
    (tmp_path / "broken.csv").write_bytes(b"\x00\x01\x02" * 50)
    mistake(pregon("contacts", "import", "broken.csv", "--json"))
    (tmp_path / "empty.csv").write_text("")
    mistake(pregon("contacts", "import", "empty.csv", "--json"))


def test_an_unknown_variable_is_named_when_created_and_refused_when_sent(
    pregon: Pregon, ready: Path
):
    file = written(ready, messages=[{"text": "Hola {{ apodo }}"}])
    draft = answer(pregon("broadcast", "create", file, "--json"))
    assert "apodo" in draft["problems"][0]
    assert "apodo" in mistake(pregon("broadcast", "send", "Octubre", "--json"))["sentence"]
    assert answer(pregon("broadcast", "status", "Octubre", "--json"))["state"] == "draft"


def test_a_segment_on_a_deleted_field_is_said_so(
    pregon: Pregon, ready: Path, database: db.Database
):
    from engine.segments import segment

    with database.write() as session:
        tree = segment.Group("all", (segment.Condition("field.compras", "gte", 2),))
        segment.create(session, name="Compran", tree=tree)
        session.execute(sa.delete(db.ContactField))  # attributes.delete would refuse it
    error = mistake(pregon("segment", "count", "Compran", "--json"))
    assert error["code"] == "segment.unknown_field"


def test_a_broadcast_file_that_is_no_yaml_says_the_line(pregon: Pregon, ready: Path):
    ready.write_text("name: A\nlabels: [unclosed\n")
    error = mistake(pregon("broadcast", "create", str(ready), "--json"))
    assert error["code"] == "broadcast.not_yaml"
    ready.write_text("name: A\nflavour: sweet\n")
    assert "flavour" in mistake(pregon("broadcast", "create", str(ready), "--json"))["sentence"]


def test_secrets_are_asked_for_without_echo_and_never_shown(
    pregon: Pregon, database: db.Database, tmp_path: Path
):
    typed = "\n".join(SMS.values()) + "\n"
    said = pregon("channel", "add", "twilio_sms", "SMS", "--sandbox", input=typed)
    assert said.exit_code == 0, said.output
    listed = pregon("channel", "list", "--json")
    wrong = pregon("channel", "add", "twilio_sms", "S2", "--set", "auth_token=s3cret-of-mine")
    for result in (said, listed, pregon("channel", "list"), wrong):
        assert SMS["auth_token"] not in result.output
    assert SMS["auth_token"].encode() not in (tmp_path / "data" / "pregon.db").read_bytes()
    assert answer(listed)[0]["settings"] == {name: SMS[name] for name in ("account_sid", "sender")}


def test_a_channel_whose_provider_is_away_is_said_so(
    pregon: Pregon, monkeypatch: pytest.MonkeyPatch
):
    from engine.processes import parts

    monkeypatch.setenv("PREGON_SANDBOX_PORT", str(parts.free_ports(1)[0]))
    answer(add_sms(pregon))
    error = mistake(pregon("channel", "check", "SMS", "--json"))
    assert error["code"] == "channel.unreachable"
    assert SMS["auth_token"] not in error["sentence"]


def test_bad_settings_are_one_sentence_that_does_not_repeat_the_value(
    pregon: Pregon, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PREGON_PORT", "no-number")
    error = mistake(pregon("segment", "list", "--json"))
    assert error["code"] == "settings.invalid"
    assert "port" in error["sentence"].lower()
    assert "no-number" not in error["sentence"]


def test_a_database_that_is_away_is_one_sentence(pregon: Pregon, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PREGON_DATABASE_URL", "postgresql://me:hidden-word@/x?host=/nowhere/at/all")
    result = pregon("segment", "list", "--json")
    assert mistake(result)["code"] == "database.unreachable"
    assert "hidden-word" not in result.output


def test_the_doctor_finds_what_is_wrong(pregon: Pregon, monkeypatch: pytest.MonkeyPatch):
    assert answer(pregon("doctor", "--json"))["ok"] is True
    monkeypatch.setenv("PREGON_HOST", "0.0.0.0")
    monkeypatch.setenv("PREGON_REDIS_URL", "unix:///nowhere/at/all.sock")
    result = pregon("doctor", "--json")
    assert result.exit_code == 1
    wrong = [one for one in json.loads(result.stdout)["findings"] if one["state"] == "wrong"]
    assert {one["about"] for one in wrong} == {"settings", "redis"}


def test_the_doctor_finds_a_lost_key(pregon: Pregon, tmp_path: Path):
    answer(add_sms(pregon))
    (tmp_path / "data" / "secret.key").unlink()
    result = pregon("doctor", "--json")
    assert result.exit_code == 1
    assert any(
        "PREGON_SECRET_KEY" in one["sentence"] for one in json.loads(result.stdout)["findings"]
    )


def test_up_refuses_an_address_others_can_reach(pregon: Pregon, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PREGON_HOST", "0.0.0.0")
    for command in ("up", "studio"):
        result = pregon(command)
        assert result.exit_code == 1
        assert "0.0.0.0" in result.stderr
        assert "127.0.0.1" in result.stderr


def test_every_state_of_a_broadcast_can_be_said(pregon: Pregon, ready: Path, database: db.Database):
    draft = answer(pregon("broadcast", "create", str(ready), "--json"))
    for state in broadcast.STATES:
        with database.write() as session:
            db.get(session, db.Broadcast, draft["id"]).state = state
        assert state.replace("_", " ") in pregon("broadcast", "status", "1").stdout
