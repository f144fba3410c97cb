"""A process begins with the contact file, and is never wrong because of it."""

from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from engine import db
from engine.contacts import contacts
from engine.segments import cache, frame, people
from tests.engine import people_world as world
from tests.engine.test_frame import reads_everybody, rebuilt, same, statements


def anew(database: db.Database) -> db.Database:
    """The same database, as a process that has just started knows it."""
    return db.Database(database.engine, database.settings)


def written(database: db.Database) -> frame.Frame:
    """The world, its frame, and the file of it."""
    world.fill(database)
    loaded = frame.load(database)
    write(database, loaded)
    return loaded


def write(database: db.Database, loaded: frame.Frame) -> None:
    cache.write(database, loaded.people, loaded.shape, version=loaded.version)


def folder(database: db.Database) -> Path:
    return database.settings.folder / "cache"


def arrow(database: db.Database) -> Path:
    (path,) = folder(database).glob("*.arrow")
    return path


def manifest(where: db.Database, **changed: object) -> None:
    path = folder(where) / cache.MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))


def starts(database: db.Database, *, from_file: bool) -> None:
    """A new process has the right frame, read from the file or from the database."""
    fresh = anew(database)
    with statements(fresh) as asked:
        loaded = frame.load(fresh)
    assert reads_everybody(asked) is not from_file
    same(loaded.people, rebuilt(database))


def test_a_process_begins_with_the_file(any_database: db.Database):
    written(any_database)
    starts(any_database, from_file=True)


def test_what_changed_since_is_read_and_who_was_deleted_is_gone(any_database: db.Database):
    written(any_database)
    with any_database.write() as session:
        contacts.update(session, 3, first_name="Changed", fields={"tier": "A new one"})
        contacts.create(session, first_name="New", tags=["t1", "another"])
        for table in (db.ContactTag, db.ContactChannel, db.Reply, db.Message):
            session.execute(sa.delete(table).where(table.contact_id == 5))
        session.execute(sa.delete(db.Contact).where(db.Contact.id == 5))
    starts(any_database, from_file=True)


def test_types_and_choices_survive_the_file(database: db.Database):
    before = written(database)
    after = frame.load(anew(database))
    assert after.people.schema == before.people.schema
    assert after.people.schema["country"] == pl.Categorical
    assert after.catalogue == before.catalogue


def _define(database: db.Database) -> None:
    with database.write() as session:
        contacts.define_field(session, key="new", label="New", type="text")


def _retype(database: db.Database) -> None:
    with database.write() as session:
        session.execute(sa.update(db.ContactField).values(type="text"))
        db.touch_contacts(session)


def _channel(database: db.Database) -> None:
    with database.write() as session:
        session.add(db.Channel(key="x", name="x", kind="whatsapp", ceiling=1.0))
        db.touch_contacts(session)


def _cut(database: db.Database) -> None:
    path = arrow(database)
    path.write_bytes(path.read_bytes()[:-300])


def _flip(database: db.Database) -> None:
    path = arrow(database)
    held = bytearray(path.read_bytes())
    held[len(held) // 2] ^= 255
    path.write_bytes(held)


def _empty(database: db.Database) -> None:
    arrow(database).write_bytes(b"")


def _of_another_format(database: db.Database) -> None:
    manifest(database, format=cache.FORMAT + 1)


def _of_another_polars(database: db.Database) -> None:
    manifest(database, polars="0.1")


def _of_another_database(database: db.Database) -> None:
    manifest(database, database=["elsewhere", 5432, "pregon", 0])


def _from_the_future(database: db.Database) -> None:
    """The database was put back from a copy that is older than the file."""
    manifest(database, version=10_000)


def _out_of_the_folder(database: db.Database) -> None:
    manifest(database, file="../../etc/passwd")


def _nonsense(database: db.Database) -> None:
    (folder(database) / cache.MANIFEST).write_text("[1")


def _a_list(database: db.Database) -> None:
    (folder(database) / cache.MANIFEST).write_text("[]")


@pytest.mark.parametrize(
    "spoil",
    [
        _define,
        _retype,
        _channel,
        _cut,
        _flip,
        _empty,
        _of_another_format,
        _of_another_polars,
        _of_another_database,
        _from_the_future,
        _out_of_the_folder,
        _nonsense,
        _a_list,
    ],
)
def test_a_file_that_does_not_agree_is_not_used(
    database: db.Database, spoil: Callable[[db.Database], None]
):
    written(database)
    spoil(database)
    starts(database, from_file=False)


def test_a_damaged_file_is_one_line_in_the_log_without_what_it_holds(
    database: db.Database, caplog: pytest.LogCaptureFixture
):
    written(database)
    _flip(database)
    with caplog.at_level(logging.INFO):
        frame.load(anew(database))
    assert [record.message for record in caplog.records if "contact file" in record.message] == [
        "The contact file is damaged: it is not used."
    ]


def test_only_the_owner_reads_the_file(database: db.Database):
    written(database)
    for path in folder(database).iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    assert stat.S_IMODE(folder(database).stat().st_mode) == 0o700


def test_a_new_file_takes_the_place_of_the_old_one_and_strays_go(database: db.Database):
    loaded = written(database)
    first = arrow(database)
    stray = folder(database) / "contacts-stray.arrow"
    stray.write_bytes(b"half")
    os.utime(stray, (0, 0))
    write(database, loaded)
    assert arrow(database) != first
    starts(database, from_file=True)


def test_two_writers_at_once_leave_one_whole_file(database: db.Database):
    loaded = written(database)
    threads = [threading.Thread(target=write, args=(database, loaded)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    starts(database, from_file=True)


ELSEWHERE = """
import sys
from engine import db, settings
from engine.contacts import contacts
from engine.segments import cache, frame
database = db.connect(settings.load(data=sys.argv[1], database_url=sys.argv[2], _env_file=None))
with database.write() as session:
    contacts.update(session, 7, first_name="From elsewhere", tags=["t2", "elsewhere"])
    contacts.create(session, first_name="Also", phone="+573009999999")
if sys.argv[3] == "write":
    loaded = frame.load(database)
    cache.write(database, loaded.people, loaded.shape, version=loaded.version)
"""


@pytest.mark.parametrize("writes", ["write", "leave"])
def test_what_another_process_wrote_is_seen(any_database: db.Database, writes: str):
    """In the frame that is loaded already, and in the one of a process that starts after it."""
    written(any_database)
    settings = any_database.settings
    where = [str(settings.folder), settings.database_url, writes]
    subprocess.run([sys.executable, "-c", ELSEWHERE, *where], check=True, timeout=120)
    table = frame.load(any_database).people
    assert table.filter(pl.col("id") == 7)["first_name"].item() == "From elsewhere"
    same(table, rebuilt(any_database))
    starts(any_database, from_file=True)


def test_few_people_are_not_written_and_many_are_at_once_or_when_it_is_quiet():
    calls: list[int] = []
    done = threading.Event()

    def call() -> None:
        calls.append(1)
        done.set()

    writing = cache.Writing()
    writing.note(cache.LEAST - 1, cache.LEAST - 1, call)
    assert writing.timer is None
    writing.note(1, cache.LEAST, call)
    assert writing.timer is not None
    assert writing.timer.interval == cache.QUIET
    writing.note(cache.LEAST, cache.LEAST, call)
    assert done.wait(30)
    assert calls == [1]


def test_the_sum_of_stamps_tells_a_late_transaction(database: db.Database):
    """Changed with an old stamp while no process ran: the proof fails, all are compared."""
    written(database)
    with database.write() as session:
        row = db.get(session, db.Contact, 9)
        row.first_name, row.updated_at = "Late", db.moment(1)
        db.touch_contacts(session)
    starts(database, from_file=True)
    with database.read() as session:
        assert people.checksum(session)[0] == world.PEOPLE
