"""What a segment means, person by person in plain Python: no polars, no operator table."""

from __future__ import annotations

import datetime as dt
import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from engine import db
from engine.segments.tree import Condition, Node, from_json

PHONE_KINDS = ("whatsapp", "twilio_sms")
NEGATIVE = {
    "is_not": "is",
    "is_none_of": "is_any_of",
    "not_contains": "contains",
    "not_between": "between",
    "not_on": "on",
    "not_in_last_days": "in_last_days",
    "is_not_set": "is_set",
    "has_none": "has_any",
    "not_in_broadcast": "in_broadcast",
    "without_label": "with_label",
    "not_in_segment": "in_segment",
}


@dataclass
class Person:
    contact: db.Contact
    tags: set[int] = field(default_factory=set)
    rows: list[db.ContactChannel] = field(default_factory=list)
    messages: list[db.Message] = field(default_factory=list)


@dataclass
class World:
    people: dict[int, Person]
    types: dict[str, str]
    kinds: dict[int, str]
    labels: dict[int, list[str]]
    trees: dict[int, Node]


def look(database: db.Database) -> World:
    """Everything, read through the models."""
    with database.read() as session:
        people = {row.id: Person(row) for row in session.scalars(sa.select(db.Contact))}
        for link in session.scalars(sa.select(db.ContactTag)):
            people[link.contact_id].tags.add(link.tag_id)
        for row in session.scalars(sa.select(db.ContactChannel)):
            people[row.contact_id].rows.append(row)
        for message in session.scalars(sa.select(db.Message)):
            if message.contact_id in people:  # the ledger keeps who was deleted
                people[message.contact_id].messages.append(message)
        return World(
            people=people,
            types={row.key: row.type for row in session.scalars(sa.select(db.ContactField))},
            kinds={row.id: row.kind for row in session.scalars(sa.select(db.Channel))},
            labels={row.id: row.labels for row in session.scalars(sa.select(db.Broadcast))},
            trees={r.id: from_json(r.tree) for r in session.scalars(sa.select(db.Segment))},
        )


@dataclass
class Oracle:
    world: World
    zone: ZoneInfo
    today: dt.date

    def matching(self, node: Node) -> set[int]:
        return {id for id, person in self.world.people.items() if self.holds(node, person)}

    def holds(self, node: Node, person: Person) -> bool:
        if isinstance(node, Condition):
            if node.op in NEGATIVE:
                return not self.positive(node.field, NEGATIVE[node.op], node.value, person)
            return self.positive(node.field, node.op, node.value, person)
        if not node.of:
            return True
        each = [self.holds(member, person) for member in node.of]
        return {"all": all(each), "any": any(each), "none": not any(each)}[node.match]

    def positive(self, key: str, op: str, value: Any, person: Person) -> bool:
        if key == "segment":
            return self.holds(self.world.trees[value], person)
        if key.startswith("broadcast."):
            return self.happened(key, op, value, person)
        if key in ("tag", "channel.reachable", "channel.opted_out"):
            held = self.set_of(key, person)
            return bool(set(value) & held) if op == "has_any" else set(value) <= held
        return self.compares(self.value_of(key, person), op, value)

    # What a person has

    def value_of(self, key: str, person: Person) -> Any:
        contact = person.contact
        if key == "contact.name":
            return text(f"{contact.first_name} {contact.last_name}")
        if key == "activity.created_at":
            return contact.created_at
        inbound = [(r.last_inbound_at, -r.channel_id) for r in person.rows if r.last_inbound_at]
        if key == "activity.last_inbound_at":
            return max(inbound)[0] if inbound else None
        if key == "channel.last_interacted":
            return -max(inbound)[1] if inbound else None
        if key.startswith("contact."):
            return text(getattr(contact, key.removeprefix("contact.")))
        name = key.removeprefix("field.")
        return of_type(contact.fields.get(name), self.world.types[name])

    def set_of(self, key: str, person: Person) -> set[int]:
        if key == "tag":
            return person.tags
        by_channel: dict[int, list[db.ContactChannel]] = defaultdict(list)
        for row in person.rows:
            by_channel[row.channel_id].append(row)
        if key == "channel.opted_out":
            return {id for id, rows in by_channel.items() if any(row.opted_out_at for row in rows)}
        works = {id for id, rows in by_channel.items() if any(not r.invalid_at for r in rows)}
        if person.contact.phone:
            works |= {
                id
                for id, kind in self.world.kinds.items()
                if kind in PHONE_KINDS and id not in by_channel
            }
        return works

    # What is asked

    def compares(self, have: Any, op: str, value: Any) -> bool:
        if have is None:
            return False
        match op:
            case "is_set":
                return True
            case "is_true":
                return bool(have)
            case "is_false":
                return not have
            case "is":
                return bool(have == plain(value))
            case "is_any_of":
                return have in [plain(item) for item in value]
            case "contains":
                return plain(value) in have
            case "starts_with":
                return bool(have.startswith(plain(value)))
            case "ends_with":
                return bool(have.endswith(plain(value)))
            case "gt":
                return bool(have > value)
            case "gte":
                return bool(have >= value)
            case "lt":
                return bool(have < value)
            case "lte":
                return bool(have <= value)
        if op == "between" and not isinstance(have, dt.date):
            return bool(value[0] <= have <= value[1])
        return self.on_days(self.day_of(have), op, value)

    def on_days(self, day: dt.date, op: str, value: Any) -> bool:
        match op:
            case "between":
                return value[0] <= day.isoformat() <= value[1]
            case "on":
                return day.isoformat() == value
            case "before":
                return day.isoformat() < value
            case "after":
                return day.isoformat() > value
            case "in_last_days":
                return 0 <= (self.today - day).days <= value
            case "more_than_days_ago":
                return (self.today - day).days > value
        raise AssertionError(op)

    def day_of(self, have: dt.date) -> dt.date:
        return have.astimezone(self.zone).date() if isinstance(have, dt.datetime) else have

    def happened(self, key: str, op: str, value: Any, person: Person) -> bool:
        for message in person.messages:
            at = when(key, message)
            if at is None:
                continue
            if op == "in_broadcast" and message.broadcast_id == value:
                return True
            labels = self.world.labels[message.broadcast_id]
            if op == "with_label" and text(value) in [text(label) for label in labels]:
                return True
            if op == "in_last_days" and self.on_days(self.day_of(at), op, value):
                return True
        return False


def of_type(raw: Any, kind: str) -> Any:
    """A custom value as its field takes it. Numbers and answers written as text are read."""
    if isinstance(raw, bool | int | float) and kind in ("text", "choice"):
        return text(json.dumps(raw))
    match kind:
        case "text" | "choice":
            return text(raw) if isinstance(raw, str) else None
        case "number":
            return number(raw)
        case "date":
            return moment(raw, r"\d{4}-\d{2}-\d{2}", dt.date.fromisoformat)
        case "datetime":
            return moment(raw, r".*T.*[+-]\d{2}:\d{2}", dt.datetime.fromisoformat)
    return (
        {"true": True, "false": False, True: True, False: False}.get(raw)
        if isinstance(raw, bool | str)
        else None
    )


def number(raw: Any) -> float | None:
    if isinstance(raw, str) and not re.fullmatch(r"-?\d+(\.\d+)?", raw):
        return None
    return float(raw) if isinstance(raw, str | int | float) and not isinstance(raw, bool) else None


def moment(raw: Any, shape: str, read: Callable[[str], Any]) -> Any:
    if not isinstance(raw, str) or not re.fullmatch(shape, raw):
        return None
    try:
        return read(raw)
    except ValueError:
        return None


def when(key: str, message: db.Message) -> dt.datetime | None:
    delivered = message.delivered_at or message.read_at
    return {
        "broadcast.sent": message.accepted_at or delivered,
        "broadcast.delivered": delivered,
        "broadcast.read": message.read_at,
        "broadcast.failed": message.failed_at,
        "broadcast.replied": message.replied_at,
    }[key]


def plain(value: Any) -> Any:
    return text(value) if isinstance(value, str) else value


def text(value: str | None) -> str | None:
    return unicodedata.normalize("NFC", (value or "").strip().lower()) or None
