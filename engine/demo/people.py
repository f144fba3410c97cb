"""The people of the demo shop: plausible, the same for the same seed, and of no real person.

Phone numbers are libphonenumber's own example of each country with other last digits, so they are
valid; whose they may be does not matter, because the demo's channels live in the sandbox and
nothing sent there leaves the machine. Email addresses are of domains RFC 2606 sets aside.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from random import Random
from typing import Any

import phonenumbers
from mimesis import Gender, Locale, Person

from engine.language import N_

SUFFIX = 10**6
"""How many numbers a country has: the example's last six digits are ours."""
STEP = 387_413
"""Coprime to SUFFIX, so that counting in steps of it meets every suffix once."""

TWICE = 500
"""One in so many signed up twice."""

MX, BA = "America/Mexico_City", "America/Argentina/Buenos_Aires"
PLACES: dict[str, tuple[int, list[tuple[str, str]]]] = {
    "MX": (34, [("Ciudad de México", MX), ("Guadalajara", MX), ("Puebla", MX), ("Querétaro", MX),
                ("Monterrey", "America/Monterrey"), ("Mérida", "America/Merida"),
                ("Tijuana", "America/Tijuana"), ("Hermosillo", "America/Hermosillo")]),
    "CO": (24, [(city, "America/Bogota") for city in (
                "Bogotá", "Medellín", "Cali", "Barranquilla", "Bucaramanga", "Pereira")]),
    "AR": (14, [("Buenos Aires", BA), ("La Plata", BA), ("Rosario", "America/Argentina/Cordoba"),
                ("Córdoba", "America/Argentina/Cordoba"),
                ("Mendoza", "America/Argentina/Mendoza")]),
    "PE": (10, [(city, "America/Lima") for city in ("Lima", "Arequipa", "Trujillo", "Cusco")]),
    "CL": (8, [(city, "America/Santiago") for city in ("Santiago", "Valparaíso", "Concepción")]),
    "EC": (4, [(city, "America/Guayaquil") for city in ("Quito", "Guayaquil", "Cuenca")]),
    "GT": (3, [(city, "America/Guatemala") for city in ("Ciudad de Guatemala", "Antigua")]),
    "UY": (3, [("Montevideo", "America/Montevideo"), ("Salto", "America/Montevideo")]),
}  # fmt: skip
"""Country → (its share in per cent, its cities with their time zones)."""

CITIES = sorted({city for _, cities in PLACES.values() for city, _ in cities})
STORES = [
    "Online", "Centro Histórico", "Plaza Norte", "Parque Sur", "Gran Vía", "Mercado Viejo",
    "Terminal", "Puerto",
]  # fmt: skip
TIERS = [N_("Basic"), N_("Silver"), N_("Gold"), N_("Platinum")]
TIER_FROM = (0, 120, 450, 1200)
"""Lifetime value, in US dollars, from which a tier begins."""
VIP, COMPLAINT = N_("VIP"), N_("Complaint")
TAGS = [
    VIP, N_("Wholesale"), N_("App user"), N_("Abandoned cart"), N_("Gift buyer"),
    N_("Birthday club"), N_("Store opening"), COMPLAINT,
]  # fmt: skip

KINDS = ("whatsapp", "telegram", "twilio_sms", "email", "instagram")
KIND_SHARES = (0.34, 0.18, 0.14, 0.07, 0.04)
"""Where a person talks to the shop; the rest never wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A person on one channel: where, when they last wrote, and whether they left."""

    kind: str
    address: str
    at: dt.datetime
    opted_out: bool
    invalid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Somebody:
    """`contact` holds columns of db.Contact; `tags` are of TAGS; talks, the latest first."""

    contact: dict[str, Any]
    tags: tuple[str, ...]
    talks: tuple[Talk, ...]


def people(count: int, *, seed: int, now: dt.datetime) -> Iterator[Somebody]:
    """As many people as asked for, one after another; at most a million."""
    random = Random(seed)
    names = _names(seed)
    countries = list(PLACES)
    shares = list(accumulate(share for share, _ in PLACES.values()))
    met = dict.fromkeys(countries, random.randrange(SUFFIX))
    before: dict[str, Any] = {}
    for number in range(1, count + 1):
        country = random.choices(countries, cum_weights=shares)[0]
        met[country] = (met[country] + STEP) % SUFFIX
        contact = _contact(random, names, number=number, country=country, now=now)
        if random.random() < 0.97:
            contact["phone"] = f"{_block(country)}{met[country]:06d}"
        talks = _talks(random, contact, number=number, now=now)
        if number % TWICE == 0:
            _same_person(contact, before)
        before = contact
        yield Somebody(contact=contact, tags=_tags(random, contact["fields"]), talks=talks)


def _same_person(contact: dict[str, Any], known: dict[str, Any]) -> None:
    """Somebody who signed up a second time, with another phone."""
    for name in ("first_name", "last_name", "email"):
        contact[name] = known[name]
    if birthday := known["fields"].get("birthday"):
        contact["fields"]["birthday"] = birthday


Names = dict[str, tuple[list[str], list[str], list[str]]]


def _names(seed: int) -> Names:
    """Locale → names for women, for men, and surnames, drawn once: mimesis is slow a call."""
    pools: Names = {}
    for locale in (Locale.ES, Locale.ES_MX):
        person = Person(locale, seed=seed)
        women = [person.first_name(gender=Gender.FEMALE) for _ in range(400)]
        men = [person.first_name(gender=Gender.MALE) for _ in range(400)]
        pools[locale.value] = women, men, [person.surname() for _ in range(600)]
    return pools


@cache
def _block(country: str) -> str:
    """The first digits of a country's numbers, with the plus."""
    example = phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.MOBILE)
    assert example is not None, country
    whole = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    return str(whole[:-6])


def _contact(
    random: Random, names: Names, *, number: int, country: str, now: dt.datetime
) -> dict[str, Any]:
    women, men, surnames = names["es-mx" if country in ("MX", "GT") else "es"]
    first = random.choice(women if random.random() < 0.58 else men)
    last = random.choice(surnames)
    if random.random() < 0.4:
        last += f" {random.choice(surnames)}"
    city, zone = random.choice(PLACES[country][1])
    created = now - dt.timedelta(seconds=int(random.random() ** 1.5 * 4 * 365 * 86400) + 60)
    mailbox = f"{_ascii(first)}.{_ascii(last.split()[0])}{number}"
    has_email = random.random() < 0.72
    domain = random.choice(("example.com", "example.org", "example.net"))
    return {
        "first_name": first,
        "last_name": last,
        "phone": None,
        "email": f"{mailbox}@{domain}" if has_email else None,
        "language": "es" if random.random() < 0.97 else random.choice(("en", "pt")),
        "country": country,
        "timezone": zone,
        "external_id": f"C{number:07d}",
        "fields": _fields(random, city=city, created=created, now=now),
        "created_at": created,
        "updated_at": now,
    }


def _fields(random: Random, *, city: str, created: dt.datetime, now: dt.datetime) -> dict[str, Any]:
    orders = min(int(random.expovariate(1 / 3.2)), 60)
    value = round(orders * random.uniform(12, 95), 2)
    fields: dict[str, Any] = {
        "city": city,
        "orders": orders,
        "lifetime_value": value,
        "loyalty_tier": TIERS[sum(value >= least for least in TIER_FROM) - 1],
        "newsletter": random.random() < 0.63,
    }
    if random.random() < 0.8:
        age = int(random.triangular(18, 82, 31) * 365.25)
        fields["birthday"] = (now.date() - dt.timedelta(days=age)).isoformat()
    if orders:
        since = (now - created).total_seconds() * random.random() ** 1.8
        fields["last_purchase"] = (now - dt.timedelta(seconds=since)).date().isoformat()
        fields["store"] = "Online" if random.random() < 0.45 else random.choice(STORES[1:])
    return fields


def _tags(random: Random, fields: dict[str, Any]) -> tuple[str, ...]:
    chances = (
        0.6 if fields["lifetime_value"] >= TIER_FROM[3] else 0.01,
        0.02, 0.22, 0.11, 0.09,
        0.25 if "birthday" in fields else 0.0,
        0.13, 0.03,
    )  # fmt: skip
    return tuple(tag for tag, chance in zip(TAGS, chances, strict=True) if random.random() < chance)


def _talks(
    random: Random, contact: dict[str, Any], *, number: int, now: dt.datetime
) -> tuple[Talk, ...]:
    """The channel they prefer and, for some, one they used before."""
    pick = random.random()
    totals = list(accumulate(KIND_SHARES))
    chosen = sum(pick >= total for total in totals)
    if chosen == len(KINDS):
        return ()
    longest = (now - contact["created_at"]).total_seconds()
    ago = min(random.expovariate(1 / (18 * 86400)), longest)
    first = _talk(random, contact, KINDS[chosen], number=number, at=_before(now, ago))
    other = random.choice(KINDS)
    if first is None or other == first.kind or random.random() > 0.25:
        return (first,) if first else ()
    earlier = min(ago + random.expovariate(1 / (90 * 86400)), longest)
    second = _talk(random, contact, other, number=number, at=_before(now, earlier))
    return (first, second) if second else (first,)


def _before(now: dt.datetime, seconds: float) -> dt.datetime:
    return now - dt.timedelta(seconds=int(seconds))


def _talk(
    random: Random, contact: dict[str, Any], kind: str, *, number: int, at: dt.datetime
) -> Talk | None:
    address = {
        "whatsapp": contact["phone"],
        "twilio_sms": contact["phone"],
        "telegram": str(5_000_000_000 + number * 7919),
        "email": contact["email"],
        "instagram": str(17_841_400_000_000_000 + number * 104_729),
    }[kind]
    left, broken = random.random() < 0.025, random.random() < 0.01
    if address is None:
        return None
    return Talk(kind=kind, address=address, at=at, opted_out=left, invalid=broken)


@cache
def _ascii(name: str) -> str:
    """A name as an email address spells it."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "".join(letter for letter in plain.casefold() if letter.isalnum())
