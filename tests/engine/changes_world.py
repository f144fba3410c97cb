"""People with everything they can have, and a seeded hand that does to them what can be done."""

from __future__ import annotations

import datetime as dt
import random

import sqlalchemy as sa

from engine import accounts, db, drafts
from engine.contacts import attributes, bulk, changes, contacts, duplicates

NAMES = ("Ana", "Luz", "Eva", "Íñigo", "")
TAGS = ("vip", "new", "lima", "ñandú")


class World:
    """People with everything they can have, and a seeded hand that changes them."""

    def __init__(self, database: db.Database, seed: int) -> None:
        self.database = database
        self.draw = random.Random(seed)
        values = {"phone_number_id": "1", "access_token": "t", "app_secret": "s"}
        with database.write() as session:
            self.whatsapp = accounts.add(
                session,
                database.settings,
                kind="whatsapp",
                name="WhatsApp",
                values=values | {"verify_token": "v"},
                sandbox=True,
            ).id
            self.telegram = accounts.add(
                session,
                database.settings,
                kind="telegram",
                name="Telegram",
                values={"token": "123456:AAF-token", "webhook_secret": "hook_secret-1"},
                sandbox=True,
            ).id
            contacts.define_field(session, key="city", label="City", type="text")
            contacts.define_field(session, key="spent", label="Spent", type="number")
            contacts.define_field(session, key="born", label="Birthday", type="date")
            contacts.define_field(
                session, key="tier", label="Tier", type="choice", options=["Gold", "Silver"]
            )
            self.broadcast = drafts.create(session, name="Spring").id
            for place in range(24):
                self.person(session, place)

    def person(self, session: db.Session, place: int) -> None:
        draw = self.draw
        made = contacts.create(
            session,
            first_name=draw.choice(NAMES),
            last_name=f"P{place}",
            phone=f"+5730012{place:05}" if draw.random() < 0.7 else None,
            email=f"p{draw.randrange(6)}@x.co",
            external_id=f"x{place}" if draw.random() < 0.5 else None,
            tags=draw.sample(TAGS, draw.randrange(3)),
            fields=self.fields(),
        )
        at = db.now() - dt.timedelta(days=draw.randrange(9))
        if draw.random() < 0.6:
            broken = draw.random() < 0.2
            session.add(
                db.ContactChannel(
                    contact_id=made.id,
                    channel_id=self.telegram,
                    address=f"tg.{place}",
                    last_inbound_at=at,
                    invalid_at=at if broken else None,
                    invalid_why="gone" if broken else "",
                )
            )
            session.flush()
        if made.phone and draw.random() < 0.4:
            contacts.opt_out(
                session,
                contact_id=made.id,
                channel_id=self.whatsapp,
                source="reply",
                reason="STOP",
                at=at,
            )
        if draw.random() < 0.6:
            sent = db.Message(
                broadcast_id=self.broadcast,
                contact_id=made.id,
                channel_id=self.telegram,
                part=1,
                address=f"tg.{place}",
                state="delivered",
            )
            session.add(sent)
        elif draw.random() < 0.5:
            session.add(
                db.LeftOut(broadcast_id=self.broadcast, contact_id=made.id, reason="opted_out")
            )
        session.add(
            db.Reply(
                channel_id=self.telegram,
                contact_id=made.id,
                provider_id=f"r{place}",
                text="Hola",
                at=at,
            )
        )

    def fields(self) -> dict[str, object]:
        choices: dict[str, list[object]] = {
            "city": ["Lima", "42", "2024-02-29", "yes"],
            "spent": [0, 3, 2.5],
            "born": ["1990-01-01", "1991-02-02"],
            "tier": ["Gold", "Silver"],
        }
        return {
            key: self.draw.choice(of) for key, of in choices.items() if self.draw.random() < 0.6
        }

    @property
    def ids(self) -> list[int]:
        with self.database.read() as session:
            return list(session.scalars(sa.select(db.Contact.id).order_by(db.Contact.id)))

    def some(self, least: int = 1, most: int = 6) -> list[int]:
        ids = self.ids
        return self.draw.sample(ids, min(len(ids), self.draw.randint(least, most)))

    # what can be done, each returns the change

    def tag(self) -> int:
        return bulk.tag(self.database, self.some(), self.draw.sample(TAGS, 2))

    def untag(self) -> int:
        return bulk.untag(self.database, self.some(), self.draw.sample(TAGS, 2))

    def set_field(self) -> int:
        key, value = self.draw.choice([("city", "Cusco"), ("spent", 9), ("first_name", "X")])
        return bulk.set_field(self.database, self.some(), key, value)

    def clear_field(self) -> int:
        key = self.draw.choice(["city", "tier", "email"])
        return bulk.clear_field(self.database, self.some(), key)

    def opt_out(self) -> int:
        channel = self.draw.choice([self.whatsapp, self.telegram])
        return bulk.opt_out(self.database, self.some(), channel, reason="asked by phone")

    def opt_in(self) -> int:
        return bulk.opt_in(self.database, self.some(), self.whatsapp)

    def delete(self) -> int:
        if self.draw.random() < 0.5:
            return bulk.delete(self.database, self.some(1, 3))
        with self.database.write() as session:
            return contacts.delete(session, self.some(1, 2)).id

    def merge(self) -> int:
        ids = self.some(2, 4)
        choose = {"phone": ids[1], "field.city": ids[0]} if self.draw.random() < 0.5 else {}
        with self.database.write() as session:
            return duplicates.merge(session, ids, self.draw.choice(ids), choose).id

    def edit(self) -> int:
        with self.database.write() as session:
            contacts.update(
                session,
                self.draw.choice(self.ids),
                first_name="Edited",
                phone=self.draw.choice(["", "+573009998877"]),
                tags=["vip"],
                fields={"city": "", "spent": 7},
            )
            return self.recorded(session)

    def create(self) -> int:
        with self.database.write() as session:
            contacts.create(session, first_name="Made", tags=["new"], fields={"city": "Lima"})
            return self.recorded(session)

    @staticmethod
    def recorded(session: db.Session) -> int:
        change = changes.last(session)
        assert change is not None
        return change.id

    def relabel(self) -> int:
        with self.database.write() as session:
            return attributes.rename(session, "city", "Ciudad").id

    def drop_field(self) -> int:
        with self.database.write() as session:
            return attributes.delete(session, "city").id

    def retype(self) -> int:
        to = self.draw.choice(["number", "date", "choice", "yes_no", "datetime"])
        return attributes.change_type(self.database, "city", to, drop_lost=True)

    def options(self) -> int:
        return attributes.set_options(
            self.database, "tier", ["Oro", "Bronze"], renamed={"Gold": "Oro"}, drop_lost=True
        )


DEEDS = (
    *(World.tag, World.untag, World.set_field, World.clear_field, World.opt_out, World.opt_in),
    *(World.delete, World.merge, World.edit, World.create),
    *(World.relabel, World.drop_field, World.retype, World.options),
)
