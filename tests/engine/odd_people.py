"""People whose data looks harmless and is not, one quirk each, to stand beside `people_world`."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any
from zoneinfo import ZoneInfo

from engine import db
from tests.engine import people_world as world

ZONES = ("Australia/Lord_Howe", "America/St_Johns", "Asia/Kolkata", "America/New_York")
"""Clocks that move by half an hour; half hours with a clock change; without; whole hours."""
TODAYS = (dt.date(2024, 3, 1), dt.date(2023, 3, 1), dt.date(2024, 4, 7), dt.date(2024, 11, 4))
"""The day after a leap day, and after none; days on and after a clock change."""
TEXTS = (
    "Muñoz", "Mun\u0303oz", "MUÑOZ", "Munoz",  # composed, decomposed, upper case, another letter
    "Ñ", "N\u0303", "n", "A\u030a", "\u212b",  # Å composed in three ways
    "straße", "STRASSE", "STRAẞE", "İstanbul", "istanbul", "ISTANBUL", "ısparta",
    "ΟΔΟΣ", "οδος", "\u212aelvin", "kelvin", "ﬁn", "fin",
    "👨\u200d👩\u200d👧\u200d👦 familia", "👨", "👍🏽", "👍", "🇨🇴", "e\u0301\u0323", "é\u0323",
    "\u3000Lima\u00a0", " lima", "\u00a0", "\t\n ", "\u200d", "\ufeff",
    "12", "012", "１２", "1e3", "true", "null", "None", "NaN", "%", "_", "a_b", "a%b", "\\", "'\"",
    "x" * 3000, "[1]", "{}", "a\nb",
)  # fmt: skip
LEAP = ("1904-02-29", "1996-02-29", "2000-02-29", "2024-02-28", "2024-02-29", "2024-03-01")
NUMBERS = (2**53, 2**53 + 1, -(2**63), 1e-300, 5e-324, 0.1 + 0.2, 0.3, 99999999999999999999, 1.0)
OTHER_TYPES: dict[str, tuple[Any, ...]] = {
    "city": (12, 1.5, True, ["Lima"], {"a": "Lima"}),
    "note": (0, -1, False, [], {}),
    "tier": (5, True, ["gold"], {"gold": 1}),
    "spent": ("5", "-1.5", "much", "", True, [1], {"a": 1}),
    "birthday": (20240229, "29/02/2024", "2023-02-29", True, ["2024-02-29"], "2024-02-29T00:00:00"),
    "seen": ("2024-02-29", 1709164800, "2024-02-30T10:00:00+00:00", "soon", True, {}),
    "vip": ("true", "yes", 1, 0, "", [True]),
}
"""Custom field → values that are not of its type, as another program may have left them."""


def moments() -> list[dt.datetime]:
    """Both sides of midnight, in every zone, of days on which clocks move and leap days."""
    days = [dt.date(2024, 2, 28), dt.date(2024, 2, 29), dt.date(2024, 3, 1), dt.date(2023, 2, 28)]
    days += [dt.date(2024, 3, 10), dt.date(2024, 4, 7), dt.date(2024, 10, 6), dt.date(2024, 11, 3)]
    found = []
    for name, day, over in itertools.product(ZONES, days, (0, 1)):
        wall = dt.datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(name))
        edge = (wall + dt.timedelta(over)).astimezone(dt.UTC)
        found += [edge - db.MICROSECOND, edge]
    return sorted(set(found))


def people() -> list[db.Contact]:
    """In the fields of `people_world.FIELDS`."""
    times = moments()
    found = [
        db.Contact(first_name=text, last_name=text[::-1], email=f"{place}@x.co", fields=fields)
        for place, text in enumerate(TEXTS)
        for fields in ({"city": text, "note": text + text, "tier": text},)
    ]
    for field, values in OTHER_TYPES.items():
        found += [
            db.Contact(first_name=f"other {field}", fields={field: value}) for value in values
        ]
    found += [db.Contact(first_name="leap", fields={"birthday": day}) for day in LEAP]
    found += [db.Contact(first_name="number", fields={"spent": number}) for number in NUMBERS]
    found += [
        db.Contact(first_name="moment", created_at=at, fields={"seen": at.isoformat()})
        for at in times
    ]
    found.append(db.Contact(first_name="null", fields=dict.fromkeys(world.FIELDS)))
    found.append(db.Contact())
    return found


def fill(database: db.Database) -> None:
    """After `people_world.fill`; the last ones wrote, and left, at odd moments."""
    with database.write() as session:
        added = people()
        session.add_all(added)
        session.flush()
        for person, at in zip(added, moments(), strict=False):
            session.add(
                db.ContactChannel(
                    contact_id=person.id,
                    channel_id=1 + person.id % len(world.KINDS),
                    address=f"odd {person.id}",
                    last_inbound_at=at,
                    opted_out_at=at if person.id % 3 == 0 else None,
                )
            )
            session.add(
                db.Message(
                    broadcast_id=1 + person.id % len(world.LABELS),
                    contact_id=person.id,
                    channel_id=1,
                    part=1,
                    address="a",
                    read_at=at,
                    failed_at=at if person.id % 5 == 0 else None,
                )
            )
        db.touch_contacts(session)
