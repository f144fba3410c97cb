"""The demo workspace: a shop with customers, five channels, five segments and two broadcasts.

Nothing in it is played: the first broadcast is confirmed when `pregon up --demo` runs, and goes
through the worker, the sandbox and the webhooks like any other.
"""

from __future__ import annotations

import datetime as dt
import itertools
import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import accounts, broadcast, db, jobs, language
from engine.demo import broadcasts as demo_broadcasts
from engine.demo import people as demo_people
from engine.demo.people import Somebody
from engine.errors import Conflict
from engine.language import N_, Translate
from engine.settings import Settings

CONTACTS = 100_000
SEED = 7
BATCH = 10_000

CHANNELS = {
    "whatsapp": "WhatsApp",
    "telegram": "Telegram",
    "twilio_sms": "SMS",
    "email": "Email",
    "instagram": "Instagram",
}
"""Kind → name. Email and Instagram are there to be talked on, not broadcast to."""

FIELDS = [
    ("city", N_("City"), "choice", demo_people.CITIES),
    ("birthday", N_("Birthday"), "date", ()),
    ("last_purchase", N_("Last purchase"), "date", ()),
    ("orders", N_("Orders"), "number", ()),
    ("lifetime_value", N_("Lifetime value"), "number", ()),
    ("loyalty_tier", N_("Loyalty tier"), "choice", demo_people.TIERS),
    ("newsletter", N_("Newsletter"), "yes_no", ()),
    ("store", N_("Store"), "choice", demo_people.STORES),
]

CEILINGS = {"twilio_sms": 40.0}
"""Units per second where the kind's own (a new long code's) would make a demo dull."""

Ids = Mapping[str, int]


def is_empty(database: db.Database) -> bool:
    """Whether the workspace holds nothing of anybody's yet."""
    kinds = (db.Contact, db.Channel, db.Segment, db.Broadcast)
    with database.read() as session:
        return not any(session.scalar(sa.select(sa.exists(kind.id))) for kind in kinds)


def populate(
    database: db.Database,
    settings: Settings,
    *,
    contacts: int = CONTACTS,
    seed: int = SEED,
    now: dt.datetime | None = None,
) -> None:
    """Fill an empty workspace, all or nothing. Raises Conflict when it is not empty."""
    if not is_empty(database):
        raise Conflict("demo.not_empty", "This workspace is in use, so the demo was not added.")
    t = language.translator(settings.language or "en")
    somebodies = demo_people.people(contacts, seed=seed, now=now or db.now())
    with database.write() as session:
        channels = add_channels(session, settings)
        tags = _add_tags_and_fields(session, t)
        add_people(session, somebodies, channels=channels, tags=tags, t=t)
        segments = demo_broadcasts.add_segments(session, t, channels=channels, tags=tags)
        demo_broadcasts.add_broadcasts(session, t, channels=channels, segments=segments)
        db.touch_contacts(session)


def send_first(database: db.Database, settings: Settings) -> bool:
    """Confirm the demo's first broadcast if it is still a draft; whether it was."""
    t = language.translator(settings.language or "en")
    with database.read() as session:
        wanted = sa.select(db.Broadcast.id).where(
            db.Broadcast.key == t(demo_broadcasts.FIRST), db.Broadcast.state == "draft"
        )
        id = session.scalar(wanted)
    if id is None:
        return False
    broadcast.confirm(database, id)
    jobs.wake(settings, id)
    return True


def add_channels(
    session: Session, settings: Settings, *, ceiling: float | None = None
) -> dict[str, int]:
    """One channel a kind, those that can be broadcast to in the sandbox; kind → id."""
    values = {
        "whatsapp": {
            "phone_number_id": "106540352242922",
            "access_token": secrets.token_hex(24),
            "app_secret": secrets.token_hex(16),
            "verify_token": secrets.token_hex(8),
        },
        "telegram": {
            "token": f"{secrets.randbelow(9 * 10**9) + 10**9}:{secrets.token_urlsafe(26)}",
            "webhook_secret": secrets.token_urlsafe(16),
        },
        "twilio_sms": {
            "account_sid": f"AC{secrets.token_hex(16)}",
            "auth_token": secrets.token_hex(16),
            "sender": "+15005550006",  # Twilio's own number for tests
        },
    }
    return {
        kind: accounts.add(
            session,
            settings,
            kind=kind,
            name=name,
            values=values.get(kind),
            sandbox=kind in values,
            ceiling=(ceiling or CEILINGS.get(kind)) if kind in values else None,
        ).id
        for kind, name in CHANNELS.items()
    }


def _add_tags_and_fields(session: Session, t: Translate) -> dict[str, int]:
    """Tag → id, by the tag's English name."""
    for key, label, kind, options in FIELDS:
        shown = [t(option) for option in options]
        session.add(db.ContactField(key=key, label=t(label), type=kind, options=shown))
    rows = {name: db.Tag(key=t(name), name=t(name)) for name in demo_people.TAGS}
    session.add_all(rows.values())
    session.flush()
    return {name: row.id for name, row in rows.items()}


def add_people(
    session: Session,
    somebodies: Iterable[Somebody],
    *,
    channels: Ids,
    tags: Ids,
    t: Translate,
) -> None:
    """Write them in bulk: contacts, then their tags and channels."""
    for batch in _batches(somebodies):
        _bulk(session, db.Contact, [_translated(somebody.contact, t) for somebody in batch])
        numbers = [somebody.contact["external_id"] for somebody in batch]
        ids = _ids(session, numbers[0], numbers[-1])
        tagged = [
            {"contact_id": ids[somebody.contact["external_id"]], "tag_id": tags[tag]}
            for somebody in batch
            for tag in somebody.tags
        ]
        _bulk(session, db.ContactTag, tagged)
        add_talks(session, batch, ids=ids, channels=channels)


def add_talks(session: Session, somebodies: Iterable[Somebody], *, ids: Ids, channels: Ids) -> None:
    """Write who wrote where and who left; `ids` are contact ids by external id."""
    rows, outs = [], []
    for somebody in somebodies:
        for talk in somebody.talks:
            contact, channel = ids[somebody.contact["external_id"]], channels[talk.kind]
            left = talk.at if talk.opted_out else None
            rows.append(
                {
                    "contact_id": contact,
                    "channel_id": channel,
                    "address": talk.address,
                    "last_inbound_at": talk.at,
                    "opted_out_at": left,
                    "opted_out_why": "STOP" if left else "",
                    "invalid_at": talk.at if talk.invalid else None,
                    "invalid_why": "The provider knows no such address." if talk.invalid else "",
                }
            )
            if left:
                out = {"contact_id": contact, "channel_id": channel, "kind": "out", "at": left}
                outs.append(out | {"source": "reply", "reason": "STOP"})
    _bulk(session, db.ContactChannel, rows)
    _bulk(session, db.OptOut, outs)


def _translated(contact: dict[str, Any], t: Translate) -> dict[str, Any]:
    fields = contact["fields"]
    return contact | {"fields": fields | {"loyalty_tier": t(fields["loyalty_tier"])}}


def _bulk(session: Session, kind: type[db.Base], rows: list[dict[str, Any]]) -> None:
    """Core, not ORM: no object a row. Columns left out take the defaults of the table."""
    if rows:
        session.connection().execute(sa.insert(kind), rows)


def _ids(session: Session, first: str, last: str) -> dict[str, int]:
    wanted = sa.select(db.Contact.external_id, db.Contact.id).where(
        db.Contact.external_id.between(first, last)
    )
    return {str(number): id for number, id in session.execute(wanted)}


def _batches(somebodies: Iterable[Somebody]) -> Iterator[list[Somebody]]:
    source = iter(somebodies)
    while batch := list(itertools.islice(source, BATCH)):
        yield batch
