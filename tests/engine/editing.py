"""A process that edits contacts at random, in every way there is, beside others that do the same.

`python -m tests.engine.editing`: settings and orders as one JSON line on stdin; after each part of
its edits it prints how many people it has changed and waits for a line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from engine import db, settings
from engine.contacts import bulk, contacts
from engine.errors import PregonError
from engine.importing import importing, sheet
from tests.engine import people_world as world

TAGS = ("t0", "t1", "t2", "t3", "more", "ñ 🎉")
TIMES = world.moments()
OVERTAKEN = (sa.exc.OperationalError, sa.exc.IntegrityError, StaleDataError, PregonError)
"""Somebody else was quicker: locked, deadlocked, deleted or taken. The edit left no trace."""

Way = Callable[["Editor"], int]
"""One edit; how many people it changed."""


class Editor:
    def __init__(self, database: db.Database, number: int) -> None:
        self.database = database
        self.draw = Random(number)
        self.number = number
        self.made = 0

    def edit(self, people: int, ways: Sequence[Way] | None = None) -> int:
        """At least so many people changed; how many it was."""
        changed = 0
        while changed < people:
            way = self.draw.choice(ways or WAYS)
            try:
                changed += way(self)
            except OVERTAKEN:
                continue
        return changed

    def some(self, session: Session, count: int) -> list[int]:
        ids = list(session.scalars(sa.select(db.Contact.id)))
        return self.draw.sample(ids, min(count, len(ids)))

    def pick(self, count: int) -> list[int]:
        with self.database.read() as session:
            return self.some(session, count)

    def new(self) -> int:
        """A number that nobody else gives a person."""
        self.made += 1
        return 1_000_000 * self.number + self.made

    def channel(self) -> int:
        return self.draw.randint(1, len(world.KINDS))


# By SQL, as some other program might; db.touch_contacts and updated_at are what every writer owes


def insert(editor: Editor) -> int:
    times = TIMES
    with editor.database.write() as session:
        db.touch_contacts(session)
        people = [world.person(editor.draw, editor.new(), times) for _ in range(15)]
        for person in people:
            person.updated_at = db.now()
        session.add_all(people)
        session.flush()
        session.add_all(
            db.ContactTag(contact_id=person.id, tag_id=editor.draw.randint(1, 4))
            for person in people
        )
    return len(people)


def rewrite(editor: Editor) -> int:
    """Several people in one transaction; some statements leave the JSON in a shape of their own."""
    with editor.database.write() as session:
        db.touch_contacts(session)
        ids = editor.some(session, 40)
        for id in ids:
            values: Mapping[str, Any] = {
                "first_name": editor.draw.choice(world.NAMES),
                "country": editor.draw.choice(["CO", "PE", "CL", None]),
                "fields": world.custom(editor.draw, TIMES),
                "updated_at": db.now(),
            }
            session.execute(sa.update(db.Contact).where(db.Contact.id == id).values(**values))
    return len(ids)


def erase(editor: Editor) -> int:
    with editor.database.write() as session:
        db.touch_contacts(session)
        ids = editor.some(session, 10)
        for table in (db.ContactTag, db.ContactChannel):
            session.execute(sa.delete(table).where(table.contact_id.in_(ids)))
        session.execute(sa.delete(db.Contact).where(db.Contact.id.in_(ids)))
    return len(ids)


# Through the functions people use


def create(editor: Editor) -> int:
    number = editor.new()
    with editor.database.write() as session:
        contacts.create(
            session,
            first_name=editor.draw.choice(["Ana", "José", "Iñaki", "🎉"]),
            phone=f"+57310{number % 10_000_000:07d}",
            external_id=f"e-{number}",
            fields={"city": "Bogotá", "spent": editor.draw.random()},
            tags=[editor.draw.choice(TAGS)],
        )
    return 1


def update(editor: Editor) -> int:
    ids = editor.pick(4)
    for id in ids:
        with editor.database.write() as session:
            contacts.update(session, id, first_name="Luz", fields={"tier": "Gold", "note": None})
    return len(ids)


def tag(editor: Editor) -> int:
    ids = editor.pick(80)
    change = editor.draw.choice([bulk.tag, bulk.untag])
    change(editor.database, ids, editor.draw.sample(TAGS, 2))
    return len(ids)


def set_field(editor: Editor) -> int:
    ids = editor.pick(80)
    key, value = editor.draw.choice([("vip", True), ("city", "Ñuñoa"), ("country", "MX")])
    bulk.set_field(editor.database, ids, key, value)
    return len(ids)


def consent(editor: Editor) -> int:
    ids = editor.pick(50)
    change = editor.draw.choice([bulk.opt_out, bulk.opt_in])
    change(editor.database, ids, editor.channel())
    return len(ids)


def delete(editor: Editor) -> int:
    ids = editor.pick(10)
    bulk.delete(editor.database, ids)
    return len(ids)


def inbound(editor: Editor) -> int:
    with editor.database.write() as session:
        channel = db.get(session, db.Channel, editor.channel())
        address = f"+57320{editor.draw.randint(0, 99):07d}"
        contacts.inbound(session, channel=channel, address=address, at=db.now(), name="Luz Paz")
    return 1


def invalidate(editor: Editor) -> int:
    [id] = editor.pick(1)
    with editor.database.write() as session:
        contacts.invalidate(session, contact_id=id, channel_id=editor.channel(), why="gone")
    return 1


def import_batch(editor: Editor) -> int:
    """New people, and people of earlier batches by their external id."""
    ids = [f"e-{1_000_000 * editor.number + editor.draw.randint(1, 400)}" for _ in range(150)]
    rows = [f"{id},Import {place},{editor.draw.random()}" for place, id in enumerate(set(ids))]
    table = sheet.read("\n".join(["external id,first name,Spent", *rows]).encode(), name="a.csv")
    mapping = {
        "external id": "contact.external_id",
        "first name": "contact.first_name",
        "Spent": "field.spent",
    }
    importing.run(
        editor.database, table, mapping, country="CO", match="external_id", tags=["imported"]
    )
    return len(rows)


SHARES: dict[Way, int] = {
    insert: 4,
    rewrite: 4,
    erase: 2,
    create: 2,
    update: 1,
    tag: 4,
    set_field: 3,
    consent: 2,
    delete: 2,
    inbound: 2,
    invalidate: 1,
    import_batch: 1,
}
"""How often each is drawn."""
WAYS = [way for way, share in SHARES.items() for _ in range(share)]


def main() -> None:
    orders = json.loads(sys.stdin.readline())
    database = db.connect(settings.Settings(_env_file=None, **orders["settings"]))
    editor = Editor(database, orders["number"])
    for people in orders["parts"]:
        print(editor.edit(people), flush=True)
        sys.stdin.readline()
    database.close()


if __name__ == "__main__":
    main()
