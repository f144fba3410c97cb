"""Tables, sessions and secrets."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given
from hypothesis import strategies as st

from engine import accounts, db, settings
from engine.errors import Conflict, Invalid, NotFound


def test_the_migrations_make_exactly_the_tables_that_are_declared(any_database: db.Database):
    with any_database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, db.Base.metadata) == []


def test_migrating_twice_is_harmless(database: db.Database):
    db.migrate(database)


def test_a_workspace_of_the_first_version_keeps_everything(config: settings.Settings):
    old = db.connect(config)
    db.migrate(old, "0001")
    with old.engine.begin() as connection:
        for statement in (
            "INSERT INTO channel VALUES"
            " (1, 'bot', 'Bot', 'telegram', '{}', NULL, 1, 30, 'active', '', 0)",
            "INSERT INTO contact VALUES"
            " (7, 'Ana', '', NULL, NULL, 'es', 'PE', NULL, NULL, '{}', 5, 6)",
            "INSERT INTO tag VALUES (1, 'vip', 'VIP')",
            "INSERT INTO contact_tag VALUES (7, 1)",
            "INSERT INTO contact_channel VALUES (1, 7, 1, '99', 5, NULL, '', NULL, '')",
            "INSERT INTO opt_out VALUES (1, 7, 1, 'out', 'person', 'asked', 5)",
            "INSERT INTO reply VALUES (1, 1, 7, 'r1', 'Hola', 5, NULL)",
            "INSERT INTO segment VALUES (3, 'all', 'All', '{}', 1, 2)",
        ):
            connection.exec_driver_sql(statement)
    old.close()
    database = db.connect(config)
    db.migrate(database)
    with database.read() as session:
        assert session.get(db.Contact, 7).first_name == "Ana"
        for table in (db.ContactTag, db.ContactChannel, db.OptOut, db.Reply):
            assert session.scalar(sa.select(table.contact_id)) == 7
        assert session.scalar(sa.select(db.SegmentVersion.segment_id)) == 3
        assert session.execute(sa.text("PRAGMA foreign_key_check")).all() == []
    with database.write() as session:
        session.execute(sa.delete(db.ContactTag))
        session.execute(sa.delete(db.ContactChannel))
        session.execute(sa.delete(db.Contact))
        session.add(later := db.Contact(first_name="Luz"))
        session.flush()
        assert later.id == 8, "an id is never given twice"
    with pytest.raises(sa.exc.IntegrityError), database.write() as session:
        session.execute(sa.insert(db.ContactTag).values(contact_id=9, tag_id=1))
    database.close()


@given(st.datetimes(timezones=st.just(dt.UTC)))
def test_times_survive_to_the_microsecond(at: dt.datetime):
    assert db.moment(db.micros(at)) == at


def test_what_fails_half_way_leaves_no_trace(any_database: db.Database):
    def fail() -> None:
        with any_database.write() as session:
            session.add(db.Contact(first_name="Ana"))
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with any_database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(db.Contact)) == 0


def test_a_missing_row_is_a_sentence(database: db.Database):
    with database.read() as session, pytest.raises(NotFound, match="no segment with the number 7"):
        db.get(session, db.Segment, 7)


def test_secrets_are_sealed_at_rest_and_come_back(database: db.Database):
    values = {"token": "123:very-secret", "webhook_secret": "hook-secret"}
    with database.write() as session:
        row = accounts.add(
            session, database.settings, kind="telegram", name="Bot", values=values, sandbox=True
        )
        assert b"very-secret" not in (row.secrets or b"")
        assert "very-secret" not in str(row.settings)
        channel = accounts.open(database.settings, row)
    assert channel.token == "123:very-secret"  # type: ignore[attr-defined]
    assert "secret" not in repr(channel).replace("webhook_secret", "")
    assert channel.root == database.settings.sandbox_url
    raw = (database.settings.folder / "pregon.db").read_bytes()
    wal = (database.settings.folder / "pregon.db-wal").read_bytes()
    assert b"very-secret" not in raw + wal


@pytest.mark.parametrize(
    ("kind", "name", "values", "code"),
    [
        ("fax", "F", {}, "channel.unknown_kind"),
        ("telegram", " ", {}, "channel.no_name"),
        ("telegram", "T", {"token": "x"}, "channel.missing_setting"),
        ("telegram", "T", {"token": "x", "webhook_secret": "y", "z": "1"}, "channel.unknown"),
    ],
)
def test_a_channel_that_cannot_work_is_refused(
    database: db.Database, kind: str, name: str, values: dict[str, str], code: str
):
    with database.write() as session, pytest.raises(Invalid) as caught:
        accounts.add(session, database.settings, kind=kind, name=name, values=values)
    assert caught.value.code.startswith(code)


def test_channel_names_are_unique_whatever_their_case(database: db.Database):
    with database.write() as session:
        accounts.add(session, database.settings, kind="email", name="News")
        with pytest.raises(Conflict):
            accounts.add(session, database.settings, kind="email", name="NEWS")


def test_the_key_file_is_its_owners_only(config: settings.Settings):
    config.cipher.encrypt(b"x")
    assert (config.folder / "secret.key").stat().st_mode & 0o077 == 0


def test_settings_show_no_secret():
    with_secrets = settings.Settings(
        _env_file=None, redis_url="redis://:pass-word@h/0", secret_key="key-secret"
    )
    assert "pass-word" not in repr(with_secrets)
    assert "key-secret" not in repr(with_secrets)


def test_bad_settings_are_one_sentence_that_shows_no_value():
    with pytest.raises(Invalid, match="port") as caught:
        settings.load(_env_file=None, port="s3cret")
    assert "s3cret" not in caught.value.sentence


def test_a_child_process_loads_the_same_settings(
    config: settings.Settings, monkeypatch: pytest.MonkeyPatch
):
    for name, value in settings.environment(config).items():
        if name.startswith("PREGON_"):
            monkeypatch.setenv(name, value)
    again = settings.load(_env_file=None)
    assert again.folder == config.folder
    assert again.redis == config.redis
    assert again.model_dump(exclude={"data"}) == config.model_dump(exclude={"data"})
