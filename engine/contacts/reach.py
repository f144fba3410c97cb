"""How a person is reached: addresses, consent and what came in, channel by channel.

Every writer takes the contacts lock first (db.touch_contacts locks the one workspace row until
the transaction ends), so two processes that meet the same new person make one contact.
"""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import addresses, cleaning
from engine.contacts.addresses import address as address
from engine.contacts.addresses import by_phone as by_phone
from engine.contacts.addresses import canonical as canonical
from engine.contacts.addresses import follow_phone as follow_phone
from engine.contacts.consent import Source as Source
from engine.contacts.consent import keep_consent as keep_consent
from engine.contacts.consent import keep_said
from engine.contacts.consent import log_leaving as log_leaving
from engine.contacts.consent import opt_in as opt_in
from engine.contacts.consent import opt_out as opt_out
from engine.contacts.consent import say as say


def inbound(
    session: Session,
    *,
    channel: db.Channel,
    address: str,
    at: dt.datetime,
    name: str = "",
    phone: str = "",
) -> db.Contact:
    """The person who wrote, found or created; their last_inbound_at on the channel only rises.

    A name or phone that the provider tells fills what is empty, and never replaces anything.
    """
    db.touch_contacts(session)
    address = canonical(channel, address)
    number = cleaning.normalise_phone(phone, None) if phone else None
    if number is None and by_phone(channel):
        number = address if address.startswith("+") else None
    row = addresses.row_at(session, channel_id=channel.id, address=address)
    if row is None:
        contact = _by_phone_number(session, number) or _create(session, name=name, phone=number)
        row = db.ContactChannel(contact_id=contact.id, channel_id=channel.id, address=address)
        session.add(row)
        session.flush()
        keep_said(session, row)
    else:
        contact = db.get(session, db.Contact, row.contact_id)
    _fill(session, contact, name=name, phone=number)
    if row.last_inbound_at is None or row.last_inbound_at < at:
        row.last_inbound_at = at
    if row.invalid_at is not None and row.invalid_at < at:
        row.invalid_at, row.invalid_why = None, ""
    contact.updated_at = db.now()
    session.flush()
    if contact.phone:
        keep_consent(session, [(contact.id, contact.phone)])
    return contact


def _create(session: Session, *, name: str, phone: str | None) -> db.Contact:
    first, last = cleaning.split_name(cleaning.tidy(name))
    contact = db.Contact(first_name=first, last_name=last, phone=phone)
    session.add(contact)
    session.flush()
    return contact


def _fill(session: Session, contact: db.Contact, *, name: str, phone: str | None) -> None:
    if name and not contact.first_name and not contact.last_name:
        contact.first_name, contact.last_name = cleaning.split_name(cleaning.tidy(name))
    if phone and contact.phone is None and _by_phone_number(session, phone) is None:
        contact.phone = phone


def _by_phone_number(session: Session, phone: str | None) -> db.Contact | None:
    if phone is None:
        return None
    return session.scalar(sa.select(db.Contact).where(db.Contact.phone == phone))


def invalidate(session: Session, *, contact_id: int, channel_id: int, why: str) -> None:
    """The person's address on the channel does not work; writing to us heals it."""
    db.touch_contacts(session)
    contact = session.get(db.Contact, contact_id)
    if contact is None:  # deleted meanwhile: nobody is written to there any more
        return
    for row in addresses.rows_or_new(session, contact, channel_id):
        if row.invalid_at is None:
            row.invalid_at = db.now()
        row.invalid_why = cleaning.tidy(why)[:500]
    contact.updated_at = db.now()
    session.flush()
