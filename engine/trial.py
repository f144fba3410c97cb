"""A test of a draft on one person's phone, beside the ledger: never counted in its broadcast."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from channels.base import ChannelError, Content
from engine import accounts, db
from engine.contacts import reach
from engine.dispatch import Transport, send_one
from engine.errors import Invalid
from engine.language import N_
from engine.ledger import part_of

FORGOTTEN = dt.timedelta(minutes=2)
"""Longer than sending ten messages takes."""

_FORGOTTEN = {
    "planned": N_("It was not sent: no worker took it."),
    "claimed": N_("The worker stopped on the way: it may have arrived."),
}


def variables(person: db.Contact) -> dict[str, Any]:
    """One contact's values by variable name."""
    names = ("first_name", "last_name", "phone", "email", "language", "country", "timezone")
    plain = {name: getattr(person, name) for name in names}
    full = f"{person.first_name} {person.last_name}".strip()
    return {**plain, "external_id": person.external_id, "name": full, **person.fields}


def plan(session: Session, *, broadcast_id: int, contact_id: int, channel_id: int) -> db.TestSend:
    """A test of the draft's messages to one person, outside the ledger."""
    row = db.get(session, db.Broadcast, broadcast_id)
    channel = db.get(session, db.Channel, channel_id)
    person = db.get(session, db.Contact, contact_id)
    written = row.content.get(str(channel_id), [])
    if not written:
        raise Invalid(
            "broadcast.no_content",
            "Step 6: “{channel}” needs one to ten messages.",
            channel=channel.name,
        )
    address = reach.address(session, person, channel)
    if address is None:
        raise Invalid(
            "test.not_on_channel",
            "{name} cannot be reached on “{channel}”.",
            name=f"{person.first_name} {person.last_name}".strip() or str(person.id),
            channel=channel.name,
        )
    test = db.TestSend(
        broadcast_id=broadcast_id,
        contact_id=contact_id,
        channel_id=channel_id,
        address=address,
        content=list(written),
        variables=variables(person),
    )
    session.add(test)
    session.flush()
    return test


async def send(database: db.Database, test_id: int, transport: Transport) -> None:
    """Send a planned test's messages in order, stopping at the first that fails; once only."""
    with database.write() as session:
        test = db.get(session, db.TestSend, test_id)
        if test.state != "planned":
            return
        test.state = "claimed"
        stored = db.get(session, db.Channel, test.channel_id)
        channel = accounts.open(database.settings, stored)
    state, reason = "accepted", ""
    try:
        for item in test.content:
            part = part_of(channel, Content.from_json(item))
            request = part.request(
                address=test.address, reference=f"test-{test.id}", variables=test.variables
            )
            await send_one(transport, channel, request)
    except ChannelError as error:
        state, reason = "failed", f"{error.code}: {error.text}".rstrip(": ")
    _end(database, test_id, state, reason)


def give_up(database: db.Database, test_id: int, reason: str) -> None:
    """A test that nobody will send."""
    _end(database, test_id, "failed", reason)


def settle(database: db.Database) -> int:
    """End the tests that nobody works on any more, and say what is known of each; how many."""
    test, before = db.TestSend, db.now() - FORGOTTEN
    old = sa.select(test.id).where(test.state.in_(_FORGOTTEN), test.created_at < before)
    with database.read() as session:
        ids = session.scalars(old).all()
    if ids:
        with database.write() as session:
            for row in session.scalars(sa.select(test).where(test.id.in_(ids))):
                if row.state in _FORGOTTEN:
                    row.reason, row.state = _FORGOTTEN[row.state], "failed"
                    row.finished_at = db.now()
    return len(ids)


def _end(database: db.Database, test_id: int, state: str, reason: str) -> None:
    with database.write() as session:
        test = db.get(session, db.TestSend, test_id)
        test.state, test.reason, test.finished_at = state, reason, db.now()
