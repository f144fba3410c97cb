"""`pregon demo` for real, small, with the worker killed on the way; and when a run passes."""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path

from engine import db, reports
from engine.demo import people as demo_people
from engine.demo import rehearsal
from engine.importing import importing


def test_the_whole_job_survives_a_killed_worker(short_folder: Path):
    folder = short_folder / "rehearsal"
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PREGON_")
    }
    command = [sys.executable, "-m", "engine.cli", "demo", "--json", "--contacts", "1500"]
    command += ["--rate", "2400 per minute", "--kill-worker", "1", "--keep", str(folder)]
    done = subprocess.run(
        command, cwd=db.ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.count("\n") == 1, done.stderr
    counts = json.loads(done.stdout)
    assert done.returncode == 0, (counts, done.stderr)
    assert counts["passed"] is True
    assert (counts["lost"], counts["doubled"]) == (0, 0)
    assert counts["workers_killed"] == 1
    assert counts["finished"] is True
    assert counts["matched"] == counts["recipients"] + sum(counts["left_out"].values())
    assert counts["messages"] == sum(counts[state] for state in reports.STATES) > 100
    assert counts["messages"] == 2 * counts["recipients"]
    assert counts["delivered"] + counts["read"] > counts["messages"] / 2
    assert 0 < counts["max_in_any_window"] <= 2400
    assert _left_behind(folder) == []


def _left_behind(folder: Path) -> list[str]:
    mark = os.fsencode(folder)
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_text())
        except OSError:
            continue
    return found


def test_the_contact_file_is_guessed_without_help(tmp_path: Path, database: db.Database):
    people = list(demo_people.people(200, seed=3, now=dt.datetime(2026, 1, 1, tzinfo=dt.UTC)))
    file = tmp_path / "contacts.csv"
    rehearsal.write_csv(file, people)
    with file.open(encoding="utf-8") as lines:
        assert tuple(next(csv.reader(lines, delimiter=";"))) == rehearsal.HEAD
    sheet = importing.read(file)
    assert list(importing.guess(sheet).values())[:8] == [
        "contact.external_id",
        "contact.first_name",
        "contact.last_name",
        "contact.phone",
        "contact.email",
        "contact.language",
        "contact.country",
        "contact.timezone",
    ]
    report = importing.run(database, sheet, country="CO")
    assert (report.created, report.problems) == (200, ())
    assert report.fields_created == {
        "ciudad": "choice",
        "birthday": "date",
        "compras": "number",
        "valor": "number",
        "nivel": "choice",
        "boletin": "yes_no",
    }


def test_a_run_passes_only_when_nothing_is_lost_doubled_or_too_fast():
    good = {"lost": 0, "doubled": 0, "finished": True}

    def passed(exceeded: bool = False, **changes: object) -> bool:
        return rehearsal.Result(counts={**good, **changes}, rate_exceeded=exceeded).passed

    assert passed()
    assert not passed(lost=1)
    assert not passed(doubled=1)
    assert not passed(finished=False)
    assert not passed(exceeded=True)
