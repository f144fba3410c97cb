"""A small workspace full of what goes wrong: accents, emoji, blanks, leap days, clock changes."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any
from zoneinfo import ZoneInfo

from engine import db

ZONES = ("America/Bogota", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kathmandu")
"""Behind UTC; clocks that skip midnight; a day that never was (2011-12-30); ahead by quarters."""
TODAYS = (dt.date(2024, 2, 29), dt.date(2018, 11, 4), dt.date(2012, 1, 1), dt.date(2026, 3, 1))
PEOPLE = 140
CITIES = (
    "Bogotá",
    " bogotá ",
    "BOGOTÁ",
    "Bogota",
    "Bogota\u0301",
    "Ñuñoa",
    "ñuñoa",
    "",
    "  ",
    None,
)
NAMES = ("Ana", "ANA", "José", "Iñaki", "🎉", "Ana María", "", " ", "straße", "Łukasz", "O'Neil%_")
CHOICES = ("Gold", "gold ", "Ñandú", "", None, None)
NUMBERS = (0, -1, 1, 1.5, 0.1, 1e300, 12345678901, -0.0, None, None)
DATES = ("2024-02-29", "2023-02-28", "2000-01-01", "1900-03-01", "2026-03-01", "2100-12-31", None)
FIELDS = {
    "city": "text",
    "note": "text",
    "spent": "number",
    "birthday": "date",
    "seen": "datetime",
    "vip": "yes_no",
    "tier": "choice",
}
KINDS = ("whatsapp", "telegram", "twilio_sms", "webchat")
LABELS = (("Promo", "ñ"), (" promo",), (), ("otra",))


def moments() -> list[dt.datetime]:
    """Around midnight and noon of days near every TODAY and clock change, in every zone."""
    days = [*TODAYS, dt.date(2018, 11, 3), dt.date(2019, 2, 17), dt.date(2011, 12, 29)]
    days += [dt.date(2011, 12, 31), dt.date(2024, 2, 22), dt.date(2024, 3, 1)]
    found = []
    for name in ZONES:
        for day in days:
            for hour in (0, 12):
                wall = dt.datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo(name))
                edge = wall.astimezone(dt.UTC)
                found += [edge, edge - db.MICROSECOND, edge + dt.timedelta(hours=1)]
    return found


def fill(database: db.Database, *, seed: int = 7) -> None:
    """People, tags, channels, a ledger and saved segments, the same for the same seed."""
    draw = random.Random(seed)
    times = moments()
    with database.write() as session:
        for key, kind in FIELDS.items():
            session.add(db.ContactField(key=key, label=key.title(), type=kind, options=[]))
        for place, kind in enumerate(KINDS):
            session.add(db.Channel(key=f"c{place}", name=f"c{place}", kind=kind, ceiling=1.0))
        for place in range(4):
            session.add(db.Tag(key=f"t{place}", name=f"t{place}"))
        for place, labels in enumerate(LABELS):
            name = f"b{place}"
            session.add(db.Broadcast(key=name, name=name, labels=list(labels)))
        session.flush()
        for number in range(1, PEOPLE + 1):
            session.add(person(draw, number, times))
        session.flush()
        for number in range(1, PEOPLE + 1):
            session.add_all(links(draw, number, times))
        for name, tree in SEGMENTS.items():
            session.add(db.Segment(key=name, name=name, tree=tree))
        db.touch_contacts(session)


SEGMENTS: dict[str, dict[str, Any]] = {
    "first": {"match": "any", "of": [{"field": "tag", "op": "has_any", "value": [1]}]},
    "second": {
        "match": "none",
        "of": [
            {"field": "segment", "op": "in_segment", "value": 1},
            {"field": "field.city", "op": "is", "value": "bogotá"},
        ],
    },
}


def person(draw: random.Random, number: int, times: list[dt.datetime]) -> db.Contact:
    return db.Contact(
        first_name=draw.choice(NAMES),
        last_name="".join(draw.choices("aáÁñÑ 🎉xX", k=draw.randint(0, 6))),
        phone=f"+57300{number:07d}" if draw.random() < 0.7 else None,
        email=f"u{number}@Example.co" if draw.random() < 0.5 else None,
        external_id=f"x-{number}" if draw.random() < 0.2 else None,
        language=draw.choice(["es", "en", None]),
        country=draw.choice(["CO", "PE", "MX", None]),
        timezone=draw.choice(["America/Lima", None]),
        fields=custom(draw, times),
        created_at=draw.choice(times),
        updated_at=db.now() - dt.timedelta(seconds=draw.randint(0, 10**7)),
    )


def custom(draw: random.Random, times: list[dt.datetime]) -> dict[str, Any]:
    seen = draw.choice(times) if draw.random() < 0.8 else None
    values = {
        "city": draw.choice(CITIES),
        "note": "".join(draw.choices("aáÁñÑ 🎉%_.\\\"'", k=draw.randint(0, 8))),
        "spent": draw.choice(NUMBERS),
        "birthday": draw.choice(DATES),
        "seen": seen and seen.isoformat(),
        "vip": draw.choice([True, False, None]),
        "tier": draw.choice(CHOICES),
    }
    return {key: value for key, value in values.items() if draw.random() < 0.9}


def links(draw: random.Random, number: int, times: list[dt.datetime]) -> list[db.Base]:
    """What hangs on a person: tags, addresses and messages."""

    def maybe() -> dt.datetime | None:
        return draw.choice(times) if draw.random() < 0.5 else None

    rows: list[db.Base] = []
    for tag in draw.sample(range(1, 5), draw.randint(0, 3)):
        rows.append(db.ContactTag(contact_id=number, tag_id=tag))
    for place in range(draw.randint(0, 3)):
        rows.append(
            db.ContactChannel(
                contact_id=number,
                channel_id=draw.randint(1, len(KINDS)),
                address=f"{number}-{place}",
                last_inbound_at=maybe(),
                opted_out_at=draw.choice([times[0], None, None]),
                invalid_at=draw.choice([times[0], None]),
            )
        )
    for broadcast in draw.sample(range(1, len(LABELS) + 1), draw.randint(0, 2)):
        for part in (1, 2):
            rows.append(
                db.Message(
                    broadcast_id=broadcast,
                    contact_id=number,
                    channel_id=1,
                    part=part,
                    address="a",
                    accepted_at=maybe(),
                    delivered_at=maybe(),
                    read_at=maybe(),
                    failed_at=maybe(),
                    replied_at=maybe(),
                )
            )
    return rows
