"""`pregon demo`: the whole job without a browser, judged by the sandbox's own log.

A fresh workspace with a Redis, a door, a sandbox and a worker of its own; a contact file, a nested
segment, a broadcast of two messages to everybody's last channel; and at the end one question:
did anybody get it twice, or not at all, or faster than was asked for?
"""

from __future__ import annotations

import csv
import http.client
import json
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import sqlalchemy as sa

from engine import broadcast, broadcast_file, db, jobs, plan, reports, settings
from engine.demo import demo
from engine.demo import people as demo_people
from engine.demo.people import Somebody
from engine.importing import importing
from engine.processes import parts
from engine.processes.supervisor import Supervisor
from engine.sandbox import sandbox
from engine.segments import segment
from engine.segments.segment import Condition, Group
from engine.settings import Settings

CEILING = 1000.0
"""Of each channel, in units per second: the broadcast's own rate is the limit to judge."""
SETTLE_SECONDS = 90.0
SPARE_SECONDS = 180.0
"""Beyond what the rate needs: after these the run counts as not finished."""
END_STATES = ("accepted", "delivered", "read", "failed", "unknown", "cancelled")
TALKS = ("WhatsApp", "Telegram", "SMS")

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of it; `to_json` is what the command prints."""

    counts: dict[str, Any]
    rate_exceeded: bool

    @property
    def passed(self) -> bool:
        """Nothing lost, nothing doubled, never faster than asked for, and all of it done."""
        clean = not self.counts["lost"] and not self.counts["doubled"]
        return clean and not self.rate_exceeded and self.counts["finished"]

    def to_json(self) -> dict[str, Any]:
        return {**self.counts, "passed": self.passed}


def run(folder: Path, *, contacts: int, rate: str, seed: int, kills: int = 0, note: Note) -> Result:
    """Do it all in an empty folder. Raises Invalid for a bad rate, Unavailable without Redis."""
    plan.rate(rate)
    door, stand_in = parts.free_ports(2)
    config = settings.load(
        data=folder,
        database_url="",
        redis_url="",
        public_url="",
        door_port=door,
        sandbox_port=stand_in,
        language="en",
    )
    with Supervisor(lambda part, line: note(f"{part:<7} | {line}")) as running:
        running.start([parts.redis(config)])
        database = db.connect(config)
        try:
            db.migrate(database)
            running.start([parts.door(config), parts.sandbox(config), parts.worker(config)])
            return _Job(config, database, running, note).run(
                contacts=contacts, rate=rate, seed=seed, kills=kills
            )
        finally:
            database.close()


class _Job:
    def __init__(
        self, config: Settings, database: db.Database, running: Supervisor, note: Note
    ) -> None:
        self._config = config
        self._database = database
        self._running = running
        self._note = note

    def run(self, *, contacts: int, rate: str, seed: int, kills: int) -> Result:
        began = time.monotonic()
        people = list(demo_people.people(contacts, seed=seed, now=db.now()))
        self._import(people)
        id = self._draft(rate)
        imported = time.monotonic()
        broadcast.confirm(self._database, id)
        jobs.wake(self._config, id)
        killed = self._follow(id, rate=rate, kills=kills, random=Random(seed))
        self._note("Everything has left; waiting for the receipts…")
        settled = self._settle()
        result = self._judge(id, contacts=contacts, rate=rate)
        result.counts.update(
            workers_killed=killed,
            settled=settled,
            seconds=round(time.monotonic() - began, 1),
            import_seconds=round(imported - began, 1),
        )
        return result

    def _import(self, people: list[Somebody]) -> None:
        """People through a CSV file as anybody's; then what the channels know of them."""
        file = self._config.folder / "contacts.csv"
        write_csv(file, people)
        report = importing.run(
            self._database, importing.read(file), country=self._config.country, tags=["Rehearsal"]
        )
        self._note(f"{report.created:,} people imported from {file.name} in {report.seconds:g} s.")
        with self._database.write() as session:
            channels = demo.add_channels(session, self._config, ceiling=CEILING)
            known = sa.select(db.Contact.external_id, db.Contact.id)
            ids = {str(number): id for number, id in session.execute(known)}
            demo.add_talks(session, people, ids=ids, channels=channels)
            session.execute(sa.update(db.Contact).values(updated_at=db.now()))
            db.touch_contacts(session)

    def _draft(self, rate: str) -> int:
        with self._database.write() as session:
            tags = {tag.key: tag.id for tag in session.scalars(sa.select(db.Tag))}
            segment.create(session, name="Rehearsal", tree=_tree(tags))
            row = broadcast_file.read(session, document(rate))
            return row.id

    def _follow(self, id: int, *, rate: str, kills: int, random: Random) -> int:
        """Until it has ended, killing the worker at random points; how many times it was."""
        points = sorted(random.uniform(0.05, 0.9) for _ in range(kills))
        count, per = plan.rate(rate)
        began, said = time.monotonic(), 0.0
        while True:
            self._running.tick(0.2)
            state, messages, done = self._progress(id)
            share = done / messages if messages else 0.0
            if points and messages and share >= points[0]:
                points.pop(0)
                self._note(f"kill -9 to the worker at {share:.0%}.")
                self._running.kill("worker")
            if share - said >= 0.1:
                said = share
                self._note(f"{done:,} of {messages:,} messages done.")
            late = time.monotonic() - began - messages * plan.SECONDS[per] / count
            if state in broadcast.ENDED or late > SPARE_SECONDS:
                return kills - len(points)

    def _progress(self, id: int) -> tuple[str, int, int]:
        """State, messages planned in all, and how many of them are out of our hands."""
        with self._database.read() as session:
            state = db.get(session, db.Broadcast, id).state
            counted = session.execute(
                sa.select(db.Message.state, sa.func.count())
                .where(db.Message.broadcast_id == id)
                .group_by(db.Message.state)
            )
            states = {str(name): int(count) for name, count in counted}
        return state, sum(states.values()), sum(states.get(name, 0) for name in END_STATES)

    def _settle(self) -> bool:
        """Until the sandbox has nothing more to tell and all it told is applied."""
        end = time.monotonic() + SETTLE_SECONDS
        quiet = 0
        while quiet < 5 and time.monotonic() < end:
            self._running.tick(0.2)
            quiet = 0 if self._untold() or self._unapplied() else quiet + 1
        return quiet >= 5

    def _untold(self) -> int:
        port = self._config.sandbox_port
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
            connection.request("GET", "/_sandbox/stats")
            return int(json.loads(connection.getresponse().read())["webhooks"]["waiting"])

    def _unapplied(self) -> int:
        waiting = sa.select(sa.func.count()).where(
            db.Receipt.applied_at.is_(None), db.Receipt.problem == ""
        )
        with self._database.read() as session:
            return int(session.scalar(waiting) or 0)

    def _judge(self, id: int, *, contacts: int, rate: str) -> Result:
        with self._database.read() as session:
            report = reports.report(session, id)
        judgement = sandbox.judge(sandbox.log_path(self._config))
        count, per = plan.rate(rate)
        most = judgement.max_in_window(plan.SECONDS[per])
        counts = {
            "contacts": contacts,
            "matched": report.matched,
            "recipients": report.recipients,
            "left_out": dict(report.left_out),
            "messages": report.messages,
            **report.states,
            "replied": report.funnel["replied"],
            "doubled": judgement.doubled,
            "lost": self._lost(id, judgement.frame),
            "rate_limit": f"{count} per {per}",
            "max_in_any_window": most,
            "arrivals": judgement.arrivals,
            "sending_seconds": report.seconds,
            "state": report.state,
            "finished": report.state in ("completed", "completed_with_errors"),
        }
        return Result(counts=counts, rate_exceeded=most > count)

    def _lost(self, id: int, arrivals: pl.DataFrame) -> int:
        """Messages without an end, and those we call accepted that the provider never saw."""
        taken = arrivals.filter(pl.col("outcome") == "accepted")["provider_id"]
        arrived = set(taken.to_list())
        wanted = sa.select(db.Message.state, db.Message.accepted_at, db.Message.provider_id).where(
            db.Message.broadcast_id == id
        )
        with self._database.read() as session:
            return sum(
                state not in END_STATES or (at is not None and provider_id not in arrived)
                for state, at, provider_id in session.execute(wanted)
            )


# What is sent to whom


HEAD = (
    "ID externo", "Nombre", "Apellido", "Celular", "Correo", "Idioma", "País", "Zona horaria",
    "Ciudad", "Cumpleaños", "Compras", "Valor", "Nivel", "Boletín", "Etiquetas",
)  # fmt: skip


def write_csv(file: Path, people: Iterable[Somebody]) -> None:
    """A contact file as a shop in Latin America would export it, in UTF-8 with semicolons."""
    built_in = (
        "external_id", "first_name", "last_name", "phone", "email", "language", "country",
        "timezone",
    )  # fmt: skip
    custom = ("city", "birthday", "orders", "lifetime_value", "loyalty_tier")
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, delimiter=";")
        writer.writerow(HEAD)
        for somebody in people:
            contact, fields = somebody.contact, somebody.contact["fields"]
            writer.writerow(
                [
                    *(contact[name] for name in built_in),
                    *(fields.get(name, "") for name in custom),
                    "sí" if fields["newsletter"] else "no",
                    ", ".join(somebody.tags),
                ]
            )


def _tree(tags: dict[str, int]) -> Group:
    """Nested: three countries, good customers or subscribers with the app, and no complaint."""
    often = Condition("field.compras", "gte", 4)
    silver = Condition("field.nivel", "is_any_of", ("Silver", "Gold", "Platinum"))
    app = Condition("tag", "has_any", (tags[db.fold("App user")],))
    subscriber = Group("all", (Condition("field.boletin", "is_true"), app))
    complaint = Condition("tag", "has_any", (tags[db.fold(demo_people.COMPLAINT)],))
    return Group(
        "all",
        (
            Condition("contact.country", "is_any_of", ("CO", "AR", "PE")),
            Group("any", (Group("all", (often, silver)), subscriber)),
            Group("none", (complaint,)),
        ),
    )


def document(rate: str) -> dict[str, Any]:
    """The broadcast as a file would hold it: two messages on each channel."""
    plain = [
        {"text": "Hola {{ first_name | default: 'amiga' }}, tu cupon de {{ ciudad }} te espera."},
        {"text": "Vale hasta el domingo en todas las tiendas. Responde BAJA para no recibir mas."},
    ]
    name = "{{ first_name | default: 'amiga' }}"
    approved = [
        {"kind": "template", "template": template, "language": "es_MX", "parameters": [name]}
        for template in ("coupon", "coupon_reminder")
    ]
    return {
        "name": "Rehearsal",
        "labels": ["rehearsal"],
        "segment": "Rehearsal",
        "channel": "last interacted",
        "channels": list(TALKS),
        "messages": {talk: approved if talk == "WhatsApp" else plain for talk in TALKS},
        "only_interacted": True,
        "rate": rate,
    }
