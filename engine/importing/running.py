"""An import that outlives whoever runs it: a row with the file, its progress, and the way back.

Every batch is one transaction that writes its people, what changed of them, its problems and how
far the file is. So a process may be killed anywhere and another goes on at `done`; two that run
the same import find out at their next batch, because each moves `done` on from where it knows it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import changes
from engine.errors import Conflict, PregonError
from engine.importing import history, storing, work
from engine.importing.batch import COUNTS, Progress
from engine.importing.history import SIGN
from engine.importing.options import Options, from_json
from engine.importing.rows import Cleaner
from engine.importing.sheet import Sheet, read

GAP = 0.01
"""Seconds between two batches, in which whoever waits to write does (see db.POLL)."""

Seen = Callable[[int, int], None]
"""Called with (rows dealt with, rows of the file) after each batch."""


class _Ended(Exception):
    """This import is not ours to go on with."""


def start(database: db.Database, data: bytes, *, name: str, options: Options) -> int:
    """Keep a file to be imported; returns the import's id. Somebody must `run_job` it then."""
    with database.write() as session:
        row = db.ContactImport(name=name[:200], options=options.to_json())
        session.add(row)
        session.flush()
        session.add(db.ImportFile(import_id=row.id, data=data))
        return row.id


def cancel(database: db.Database, id: int) -> None:
    """Stop an import after the batch at work; what is stored stays until it is undone."""
    with database.write() as session:
        row = history.row(session, id)
        if row.state == "waiting":
            _end(session, row, "cancelled")
        elif row.state == "running":
            row.cancel_wanted = True


def run_job(
    database: db.Database,
    id: int,
    *,
    seen: Seen | None = None,
    give_way: Callable[[], bool] = lambda: False,
) -> bool:
    """Import, or go on importing; whether there is nothing left to do.

    False when `give_way` said so between two batches. A file or an option that cannot be used ends
    the import as failed, with the sentence as its reason.
    """
    with database.write() as session:
        row = history.row(session, id)
        if row.state not in ("waiting", "running"):
            return True
        row.state, row.seen_at = "running", db.now()
    with alive(database, id):
        try:
            return _Run(database, id, seen, give_way).go()
        except _Ended:
            return True
        except PregonError as error:
            _fail(database, id, error)
            return True


class _Run:
    """One process's work on an import."""

    def __init__(
        self, database: db.Database, id: int, seen: Seen | None, give_way: Callable[[], bool]
    ) -> None:
        self.database = database
        self.id = id
        self.seen = seen or (lambda done, rows: None)
        self.give_way = give_way
        self.change_id = 0
        self.done = 0
        self.began = time.monotonic()

    def go(self) -> bool:
        sheet, options = self._read()
        if not self.change_id:
            return True
        cleaned = work.cleaner(self.database, sheet, options)
        doing = work.progress(options)
        at = self.done - sheet.skipped
        if at:
            work.recall(self.database, cleaned, doing, stop=at, mine=self._mine())
        total = len(cleaned) + sheet.skipped
        for place in range(at, len(cleaned), work.BATCH):
            self._store(cleaned, doing, place)
            time.sleep(GAP)
            self.seen(self.done, total)
            if self.done < total and self.give_way():
                self._take_time()
                return False
        self._finish(sheet)
        return True

    def _read(self) -> tuple[Sheet, Options]:
        """The file, and what must be there before its people are."""
        with self.database.read() as session:
            row = self._row(session)
            file = session.get(db.ImportFile, self.id)
            if file is None:
                raise Conflict("import.file_gone", "The file of this import is no longer here.")
            name, data, asked = row.name, file.data, from_json(row.options)
        sheet = read(data, name=name)
        options = work.plan(self.database, sheet, asked)
        with self.database.write() as session:
            db.touch_contacts(session)  # before the row is read: another runner may be writing it
            if self._row(session).cancel_wanted:
                self._cancelled(session, sheet)
            else:
                self._prepare(session, sheet, options)
        return sheet, options

    def _prepare(self, session: Session, sheet: Sheet, options: Options) -> None:
        row = self._row(session)
        made = work.prepare(session, sheet, options)
        if row.change_id is None:
            begun = changes.begin(session, "import", {"name": row.name, "import": row.id})
            row.change_id = begun.id
            row.rows, row.done = len(sheet) + sheet.skipped, sheet.skipped
            row.report = _first_report(sheet)
        row.options = {**row.options, **options.to_json()}
        row.report = _with_made(row.report, made)
        self.change_id, self.done = row.change_id, row.done

    def _row(self, session: Session) -> db.ContactImport:
        return history.row(session, self.id)

    def _mine(self) -> set[int]:
        item = db.ChangeItem
        with self.database.read() as session:
            ids = sa.select(item.contact_id).where(item.change_id == self.change_id)
            return set(session.scalars(ids))

    def _store(self, cleaned: Cleaner, doing: Progress, place: int) -> None:
        batch = cleaned.rows(place, place + work.BATCH)
        try:
            storing.store(self.database, batch, doing, opened=self._opened, note=self._note)
        except _Ended:
            self._stopped(cleaned.reading.sheet)
            raise
        doing.problems.clear()  # they are in the report

    def _opened(self, session: Session) -> None:
        """The fence: nobody has gone on with this import, or stopped it, since we last looked.

        The contacts lock comes first, as for every writer: two who wait for each other would be
        stopped by the database.
        """
        db.touch_contacts(session)
        mine = sa.update(db.ContactImport).where(
            db.ContactImport.id == self.id,
            db.ContactImport.state == "running",
            db.ContactImport.done == self.done,
            db.ContactImport.cancel_wanted.is_(False),
        )
        result: Any = session.execute(mine.values(seen_at=db.now()))
        if result.rowcount != 1:
            raise _Ended

    def _note(self, session: Session, written: storing.Written) -> None:
        """What the batch did, in its own transaction."""
        row = self._row(session)
        change = db.get(session, db.Change, self.change_id)
        changes.note(session, change, written.before, written.after)
        report = dict(row.report)
        for name, count in written.counts.items():
            report[name] += count
        report["tags_created"] = [*report["tags_created"], *written.tags_created]
        row.report = history.add_problems(report, written.problems)
        row.done += written.rows
        self._on_commit(session, row.done)

    def _on_commit(self, session: Session, done: int) -> None:
        def committed(_: Session) -> None:
            self.done = done

        sa.event.listen(session, "after_commit", committed, once=True)

    def _take_time(self) -> None:
        with self.database.write() as session:
            row = self._row(session)
            row.report = {**row.report, "seconds": self._seconds(row)}

    def _seconds(self, row: db.ContactImport) -> float:
        earlier: float = row.report.get("seconds", 0.0)
        return round(earlier + time.monotonic() - self.began, 3)

    def _stopped(self, sheet: Sheet) -> None:
        with self.database.write() as session:
            row = self._row(session)
            if row.state == "running" and row.cancel_wanted:
                self._cancelled(session, sheet)

    def _cancelled(self, session: Session, sheet: Sheet) -> None:
        row = self._row(session)
        row.report = _last_report(row.report, sheet, seconds=self._seconds(row))
        _end(session, row, "cancelled")

    def _finish(self, sheet: Sheet) -> None:
        with self.database.write() as session:
            self._opened(session)
            row = self._row(session)
            row.report = _last_report(row.report, sheet, seconds=self._seconds(row))
            _end(session, row, "done")


def _first_report(sheet: Sheet) -> dict[str, Any]:
    report: dict[str, Any] = dict.fromkeys(COUNTS, 0)
    report |= {"fields_created": {}, "options_added": {}, "tags_created": [], "seconds": 0.0}
    report |= {"encoding": sheet.encoding, "delimiter": sheet.delimiter}
    report["skipped"] = sheet.skipped
    return history.add_problems(report, sheet.problems)


def _with_made(report: dict[str, Any], made: work.Made) -> dict[str, Any]:
    return {
        **report,
        "fields_created": {**report["fields_created"], **made.fields},
        "options_added": {**report["options_added"], **made.options},
        "tags_created": [*report["tags_created"], *made.tags],
    }


def _last_report(report: dict[str, Any], sheet: Sheet, *, seconds: float) -> dict[str, Any]:
    """With the rows that had problems, because the file goes."""
    report = {**report, "seconds": seconds}
    return history.keep_rows(report, sheet) if "problems" in report else report


def _end(session: Session, row: db.ContactImport, state: str, reason: str = "") -> None:
    row.state, row.reason = state, reason
    row.finished_at, row.cancel_wanted = db.now(), False
    session.execute(sa.delete(db.ImportFile).where(db.ImportFile.import_id == row.id))


def _fail(database: db.Database, id: int, error: PregonError) -> None:
    with database.write() as session:
        row = history.row(session, id)
        if row.state == "running":
            row.report = {**row.report, "error": history.pack_errors([error])}
            _end(session, row, "failed", error.sentence)


@contextmanager
def alive(database: db.Database, id: int) -> Iterator[None]:
    """Say every few seconds that somebody works on the import."""
    ended = threading.Event()

    def sign() -> None:
        while not ended.wait(SIGN):
            try:
                with database.write() as session:
                    mine = sa.update(db.ContactImport).where(db.ContactImport.id == id)
                    session.execute(mine.values(seen_at=db.now()))
            except DBAPIError:
                continue  # the database is busy; the batch at work says it too

    thread = threading.Thread(target=sign, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
