"""An import as a row of the database: killed, continued, cancelled, undone without a trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest
import sqlalchemy as sa

from engine import accounts, db, settings
from engine.contacts import changes, contacts
from engine.errors import Conflict, NotFound
from engine.importing import history, running, taking_back, work
from engine.importing.options import Options
from tests.conftest import Wait

MOVING = {("workspace", "contacts_version"), ("contact", "updated_at")}
"""Columns that tell caches that something happened, also when it was undone."""
ABOUT_IMPORTS = {"change", "change_item", "contact_import", "alembic_version"}


def dump(database: db.Database) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table that an import is not itself."""
    found = {}
    with database.read() as session:
        for table in db.Base.metadata.sorted_tables:
            if table.name in ABOUT_IMPORTS:
                continue
            rows = session.execute(sa.select(table).order_by(*table.primary_key.columns)).mappings()
            found[table.name] = [
                {k: v for k, v in row.items() if (table.name, k) not in MOVING} for row in rows
            ]
    return found


HEAD = b"Nombre;Apellidos;Celular;Correo;Ciudad;Etiquetas\n"


def people_file(count: int) -> bytes:
    return HEAD + lines(count)


def lines(count: int, *, city: str = "Lima") -> bytes:
    rows = (f"P{n};Gil;+57 300 {n:07};p{n}@x.co;{city};t{n % 3}, new\n" for n in range(count))
    return "".join(rows).encode()


def begin(database: db.Database, data: bytes, **options: Any) -> int:
    options = {"country": "CO", **options}
    return running.start(database, data, name="people.csv", options=Options(**options))


def imported(database: db.Database, data: bytes, **options: Any) -> history.Import:
    id = begin(database, data, **options)
    assert running.run_job(database, id)
    return status(database, id)


def status(database: db.Database, id: int) -> history.Import:
    with database.read() as session:
        return history.status(session, id)


def count(database: db.Database, table: Any = db.Contact) -> int:
    with database.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


@pytest.fixture
def lived_in(any_database: db.Database) -> db.Database:
    """A workspace with people, tags, fields, opt-outs, whose people a file then changes."""
    with any_database.write() as session:
        contacts.define_field(
            session, key="ciudad", label="Ciudad", type="choice", options=["Cali"]
        )
        channel = accounts.add(
            session,
            any_database.settings,
            kind="twilio_sms",
            name="SMS",
            values={"account_sid": "AC1", "auth_token": "t", "sender": "+15005550006"},
        )
        for n in range(0, 40, 2):
            person = contacts.create(
                session,
                first_name=f"Old{n}",
                phone=f"+57300{n:07}",
                fields={"ciudad": "Cali"},
                tags=["VIP", "t1"],
            )
            if n % 4 == 0:
                contacts.opt_out(
                    session, contact_id=person.id, channel_id=channel.id, source="person"
                )
    return any_database


def test_an_import_keeps_its_numbers_problems_and_rows(any_database: db.Database) -> None:
    data = b"name,phone\nAna,300 123 4567\nLuz,12\n=Eva(),300 123 4567\n,\n,,\n"
    done = imported(any_database, data + b"a,b,c\n", tags=("March",))
    assert (done.state, done.rows, done.done) == ("done", 4, 4)
    assert done.counts == {"created": 2, "updated": 0, "unchanged": 0, "merged": 1, "skipped": 1}
    assert sum(done.counts.values()) == done.rows
    with any_database.read() as session:
        found = [(p.line, p.error.code) for p in history.problems(session, done.id)]
        text = history.problem_file(session, done.id).decode("utf-8-sig")
    assert found == [(3, "contact.phone"), (4, "import.same_person"), (7, "import.wrong_width")]
    assert done.problems == 3
    head, luz, eva, wide = text.splitlines()
    assert head == "import_line,import_problem,name,phone"
    assert luz == "3,phone: “12” is not a valid phone number.,Luz,12"
    assert eva.endswith("'=Eva(),300 123 4567")
    assert wide.endswith(",,")


def test_the_file_of_problems_imports_once_it_is_mended(any_database: db.Database) -> None:
    done = imported(any_database, b"name,phone\nLuz,12\n")
    with any_database.read() as session:
        text = history.problem_file(session, done.id)
    again = imported(any_database, text.replace(b",12", b",300 123 4567"))
    assert again.counts["created"] == 1
    assert again.fields_created == {}


def test_the_file_is_kept_until_the_import_has_ended(database: db.Database) -> None:
    id = begin(database, people_file(3))
    with database.read() as session:
        assert session.scalars(sa.select(db.ImportFile.import_id)).all() == [id]
    running.run_job(database, id)
    with database.read() as session:
        assert session.scalars(sa.select(db.ImportFile.import_id)).all() == []


def test_undo_takes_everything_back(lived_in: db.Database) -> None:
    before = dump(lived_in)
    done = imported(lived_in, people_file(50), tags=("March",))
    assert (done.counts["created"], done.counts["updated"]) == (30, 20)
    assert dump(lived_in) != before
    undone = taking_back.undo(lived_in, done.id)
    assert (undone.restored, undone.kept) == (50, 0)
    assert dump(lived_in) == before
    assert status(lived_in, done.id).state == "undone"
    assert taking_back.undo(lived_in, done.id).restored == 50


def test_undoing_the_change_of_an_import_undoes_the_import(lived_in: db.Database) -> None:
    before = dump(lived_in)
    done = imported(lived_in, people_file(50), tags=("March",))
    with lived_in.read() as session:
        change = changes.listing(session)[0]
    assert change.kind == "import"
    assert taking_back.undo_change(lived_in, change.id).restored == 50
    assert dump(lived_in) == before
    assert status(lived_in, done.id).state == "undone"
    with lived_in.write() as session:
        made = contacts.create(session, first_name="Ana").id
        other = changes.last(session)
    assert other is not None
    assert taking_back.undo_change(lived_in, other.id).restored == 1
    with lived_in.read() as session:
        assert session.get(db.Contact, made) is None


def test_a_cancelled_import_is_undone_entirely(
    lived_in: db.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "BATCH", 10)
    before = dump(lived_in)
    id = begin(lived_in, people_file(50), tags=("March",))

    def seen(done: int, rows: int) -> None:
        if done == 20:
            running.cancel(lived_in, id)

    running.run_job(lived_in, id, seen=seen)
    cancelled = status(lived_in, id)
    assert (cancelled.state, cancelled.done, cancelled.rows) == ("cancelled", 20, 50)
    assert sum(cancelled.counts.values()) == 20
    assert count(lived_in) == 20 + 10
    taking_back.undo(lived_in, id)
    assert dump(lived_in) == before


def test_what_somebody_changed_since_stays_and_so_does_what_they_use(
    any_database: db.Database,
) -> None:
    done = imported(any_database, people_file(4), tags=("March",))
    with any_database.write() as session:
        first = session.scalars(sa.select(db.Contact).order_by(db.Contact.id)).first()
        assert first is not None
        contacts.update(session, first.id, first_name="Mine")
    undone = taking_back.undo(any_database, done.id)
    assert undone.restored == 3
    assert undone.kept == 1
    with any_database.read() as session:
        [mine] = session.scalars(sa.select(db.Contact))
        assert (mine.first_name, mine.fields) == ("Mine", {"ciudad": "Lima"})
        assert {tag.name for tag in contacts.tags(session)} == {"March", "new", "t0"}
        assert [row.key for row in contacts.fields(session)] == ["ciudad"]


def test_a_running_import_is_not_undone_and_an_unknown_one_is_not_there(
    database: db.Database,
) -> None:
    id = begin(database, people_file(3))
    with pytest.raises(Conflict):
        taking_back.undo(database, id)
    running.cancel(database, id)
    assert status(database, id).state == "cancelled"
    with pytest.raises(Conflict):
        taking_back.undo(database, id)
    with pytest.raises(NotFound):
        running.cancel(database, 999)


def test_a_file_that_cannot_be_read_fails_with_its_sentence(any_database: db.Database) -> None:
    failed = imported(any_database, b"\x89PNG\r\n\x1a\n\x00\x00\x00")
    assert failed.state == "failed"
    assert failed.reason is not None
    assert failed.reason.sentence.startswith("This file is not a table")
    assert imported(any_database, people_file(2), mode="replace").state == "failed"
    assert count(any_database) == 0


def test_whoever_gives_way_goes_on_later_with_the_same_numbers(
    lived_in: db.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "BATCH", 7)
    data = people_file(30) + lines(30, city="Quito") + b"Namesake;;;;A;\n" * 3
    id = begin(lived_in, data)
    turns = 0
    while not running.run_job(lived_in, id, give_way=lambda: True):
        turns += 1
    assert turns == 8
    done = status(lived_in, id)
    assert done.counts == {"created": 18, "updated": 15, "unchanged": 0, "merged": 30, "skipped": 0}
    assert count(lived_in) == 20 + 18


@pytest.mark.parametrize("mode", ["add", "update", "both"])
def test_a_continued_import_does_what_one_in_a_single_run_does(
    mode: str, any_database: db.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "BATCH", 5)
    imported(any_database, people_file(6))
    data = people_file(9) + lines(9, city="Quito") + lines(3) + b"Eva;;;;;\n" * 3
    once = imported(any_database, data, mode=mode)
    taking_back.undo(any_database, once.id)
    id = begin(any_database, data, mode=mode)
    turns = 1
    while not running.run_job(any_database, id, give_way=lambda: True):
        turns += 1
    assert turns == 5
    assert status(any_database, id).counts == once.counts
    with any_database.read() as session:
        found = [
            [(p.line, p.error.sentence) for p in history.problems(session, each)]
            for each in (once.id, id)
        ]
    assert found[0] == found[1]
    assert sum(once.counts.values()) == 24


CHILD = """
import sys, time
from engine import db, settings
from engine.importing import running, work
work.BATCH = 100
database = db.connect(settings.load())
def seen(done, rows):
    print(done, flush=True)
running.run_job(database, int(sys.argv[1]), seen=seen)
"""


@pytest.mark.parametrize("after", [1, 4, 9])
def test_a_killed_process_loses_and_doubles_nothing(
    after: int, any_database: db.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dump(any_database)
    id = begin(any_database, people_file(3000) + lines(500, city="Quito"))
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(id)],
        env=settings.environment(any_database.settings),
        stdout=subprocess.PIPE,
        cwd=db.ROOT,
    )
    assert child.stdout is not None
    for _ in range(after):
        assert child.stdout.readline()
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    left = status(any_database, id)
    assert left.state == "running"
    assert after * 100 <= left.done < 3500
    assert sum(left.counts.values()) == left.done
    assert count(any_database) == min(left.done, 3000)
    assert running.run_job(any_database, id)
    done = status(any_database, id)
    assert (done.state, done.done) == ("done", 3500)
    assert done.counts == {
        "created": 3000,
        "updated": 0,
        "unchanged": 0,
        "merged": 500,
        "skipped": 0,
    }
    assert count(any_database) == 3000
    assert count(any_database, db.ContactTag) == 6000
    assert count(any_database, db.ChangeItem) == 3000
    with any_database.read() as session:
        problems = history.problems(session, id)
    assert [p.error.details["line"] for p in problems] == list(range(2, 502))
    taking_back.undo(any_database, id)
    assert dump(any_database) == before


def test_two_who_run_one_import_store_every_row_once(
    any_database: db.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "BATCH", 50)
    id = begin(any_database, people_file(2000))
    runners = [threading.Thread(target=running.run_job, args=(any_database, id)) for _ in range(3)]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join()
    done = status(any_database, id)
    assert (done.state, done.done, done.counts["created"]) == ("done", 2000, 2000)
    assert count(any_database) == 2000


def test_an_import_that_nobody_works_on_is_found(database: db.Database) -> None:
    id = begin(database, people_file(3))
    now = db.now()
    with database.read() as session:
        assert history.forgotten(session, now) == []
        assert history.forgotten(session, now + 2 * history.SILENT) == [id]
    assert status(database, id).is_silent(now + 2 * history.SILENT)
    running.run_job(database, id)
    with database.read() as session:
        assert history.forgotten(session, now + 2 * history.SILENT) == []


def test_a_number_is_never_given_twice(any_database: db.Database) -> None:
    first = imported(any_database, people_file(5))
    with any_database.read() as session:
        highest = session.scalar(sa.select(sa.func.max(db.Contact.id))) or 0
    taking_back.undo(any_database, first.id)
    imported(any_database, people_file(5))
    with any_database.read() as session:
        assert (session.scalar(sa.select(sa.func.min(db.Contact.id))) or 0) > highest
    with any_database.write() as session:
        new = contacts.create(session, first_name="Ana")
        assert new.id > highest + 5


def test_whoever_left_before_is_still_out_when_imported_again(lived_in: db.Database) -> None:
    with lived_in.write() as session:
        gone = session.scalars(sa.select(db.Contact.id)).all()
        contacts.delete(session, gone)
    assert count(lived_in, db.ContactChannel) == 0
    imported(lived_in, people_file(8))
    with lived_in.read() as session:
        out = sa.select(db.ContactChannel.address).where(
            db.ContactChannel.opted_out_at.is_not(None)
        )
        assert sorted(session.scalars(out)) == ["+573000000000", "+573000000004"]


@pytest.mark.parametrize(
    ("match", "file", "names"),
    [
        ("phone", "name,phone,email\nNew,300 123 4567,other@x.co\n", ["New", "Luz", "Leo"]),
        ("phone", "name,email\nNew,luz@x.co\n", None),
        ("email", "name,phone,email\nNew,300 999 0000,luz@x.co\n", ["Ana", "New", "Leo"]),
        ("external_id", "name,external id\nNew,E-3\n", ["Ana", "Luz", "New"]),
        ("contact_id", "contact_id,name\n2,New\n", ["Ana", "New", "Leo"]),
        ("auto", "contact_id,name\n2,New\n", ["Ana", "Luz", "Leo", "New"]),
    ],
)
def test_people_are_matched_by_what_is_chosen(
    match: str, file: str, names: list[str] | None, any_database: db.Database
) -> None:
    imported(
        any_database,
        b"name,phone,email,external id\nAna,300 123 4567,ana@x.co,\nLuz,,luz@x.co,\nLeo,,,E-3\n",
    )
    found = imported(any_database, file.encode(), match=match)
    if names is None:
        assert found.state == "failed"
        assert found.reason is not None
        assert found.reason.code == "import.no_match_column"
        return
    with any_database.read() as session:
        people = session.scalars(sa.select(db.Contact).order_by(db.Contact.id))
        assert [person.first_name for person in people] == names


def test_what_cannot_be_matched_is_left_out_with_the_reason(any_database: db.Database) -> None:
    imported(any_database, b"name,phone,email\nAna,300 123 4567,h@x.co\nLeo,300 123 4568,h@x.co\n")
    twice = imported(any_database, b"name,email\nNew,h@x.co\n", match="email")
    gone = imported(any_database, b"contact_id,name\n99,New\n", match="contact_id")
    taken = imported(any_database, b"name,email,phone\nEva,e@x.co,300 123 4567\n", match="email")
    with any_database.read() as session:
        codes = [
            [p.error.code for p in history.problems(session, each.id)]
            for each in (twice, gone, taken)
        ]
    assert codes == [["import.several_people"], ["import.no_such_contact"], ["import.taken"]]
    assert (twice.counts["skipped"], gone.counts["skipped"]) == (1, 1)
    assert taken.counts["created"] == 1


def test_rows_with_problems_are_left_out_when_asked(any_database: db.Database) -> None:
    data = b"name,phone\nAna,12\nLuz,300 123 4567\n"
    assert imported(any_database, data, keep_problems=False).counts["created"] == 1
    assert imported(any_database, data).counts["created"] == 1


def test_sending_writes_between_the_batches(
    database: db.Database, monkeypatch: pytest.MonkeyPatch, eventually: Wait
) -> None:
    monkeypatch.setattr(work, "BATCH", 100)
    id = begin(database, people_file(3000))
    runner = threading.Thread(target=running.run_job, args=(database, id))
    runner.start()
    eventually(lambda: status(database, id).done > 0)
    seen = set()
    while runner.is_alive():
        with database.write() as session:
            seen.add(history.row(session, id).done)
    runner.join()
    assert len(seen) > 3
    assert status(database, id).state == "done"
