"""What people write back: kept, tied to the message it answers, and STOP obeyed at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from channels.base import OptOut, Reply
from engine import db
from engine.contacts import reach

ANSWER_WITHIN = dt.timedelta(days=7)
"""A reply that names no message answers the last one sent to that person within this time."""

STOP = frozenset(
    {
        "stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "revoke", "optout",
        "opt out", "opt-out",  # CTIA and Twilio's defaults, FCC 2025-04-11
        "baja", "alto", "parar", "cancelar", "salir", "no mas", "no más",
    }
)  # fmt: skip
START = frozenset({"start", "unstop", "alta"})

MESSAGE = db.Message


def apply(session: Session, channel: db.Channel, events: Sequence[Reply | OptOut]) -> None:
    """Keep what people wrote; each inbound message once, whatever the provider repeats."""
    for event in events:
        if isinstance(event, OptOut):
            _apply_opt_out(session, channel, event)
        else:
            _apply_reply(session, channel, event)


def _apply_opt_out(session: Session, channel: db.Channel, event: OptOut) -> None:
    known = session.scalar(
        sa.select(db.ContactChannel.contact_id).where(
            db.ContactChannel.channel_id == channel.id, db.ContactChannel.address == event.address
        )
    )
    if known is None:
        known = reach.inbound(session, channel=channel, address=event.address, at=event.at).id
    change = reach.opt_in if event.back else reach.opt_out
    change(
        session,
        contact_id=known,
        channel_id=channel.id,
        source="provider",
        reason=event.reason,
        at=event.at,
    )


def _apply_reply(session: Session, channel: db.Channel, event: Reply) -> None:
    person = reach.inbound(
        session,
        channel=channel,
        address=event.address,
        at=event.at,
        name=event.name,
        phone=event.phone,
    )
    message_id = _answered(session, channel.id, person.id, event)
    if not _keep(session, channel.id, person.id, message_id, event):
        return
    if message_id is not None:
        at = sa.literal(event.at, db.Moment())
        session.execute(
            sa.update(MESSAGE)
            .where(MESSAGE.id == message_id)
            .values(replied_at=sa.func.coalesce(MESSAGE.replied_at, at))
            .execution_options(synchronize_session=False)
        )
    _obey(session, channel.id, person.id, event)


def _answered(session: Session, channel_id: int, contact_id: int, event: Reply) -> int | None:
    """By context id, else the last message to this person on this channel before it."""
    mine = sa.select(MESSAGE.id).where(
        MESSAGE.channel_id == channel_id, MESSAGE.contact_id == contact_id
    )
    if event.context_id:
        by_context = session.scalar(mine.where(MESSAGE.provider_id == event.context_id))
        if by_context is not None:
            return by_context
    return session.scalar(
        mine.where(
            MESSAGE.accepted_at.is_not(None), MESSAGE.accepted_at >= event.at - ANSWER_WITHIN
        )
        .order_by(MESSAGE.accepted_at.desc(), MESSAGE.id.desc())
        .limit(1)
    )


def _keep(
    session: Session, channel_id: int, contact_id: int, message_id: int | None, event: Reply
) -> bool:
    """Store it; False when it was stored before."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    added = session.scalar(
        dialect.insert(db.Reply)
        .values(
            channel_id=channel_id,
            contact_id=contact_id,
            provider_id=event.provider_id,
            text=event.text,
            at=event.at,
            message_id=message_id,
        )
        .on_conflict_do_nothing()
        .returning(db.Reply.id)
    )
    return added is not None


def _obey(session: Session, channel_id: int, contact_id: int, event: Reply) -> None:
    word = db.fold(event.text.strip().strip(".!¡"))
    change = reach.opt_out if word in STOP else reach.opt_in if word in START else None
    if change is not None:
        change(
            session,
            contact_id=contact_id,
            channel_id=channel_id,
            source="reply",
            reason=event.text.strip()[:200],
            at=event.at,
        )
