"""A message's fate coming back: receipts move it forward by rank, in any order, repeated or not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from channels.base import Receipt
from engine import db
from engine.contacts import reach

STAMPS = {"sent": "accepted_at", "delivered": "delivered_at", "read": "read_at"}
REACHED = {"sent": "accepted", "delivered": "delivered", "read": "read"}
BEHIND = {
    "sent": ("claimed", "unknown"),
    "delivered": ("claimed", "unknown", "accepted", "failed"),
    "read": ("claimed", "unknown", "accepted", "delivered", "failed"),
    "failed": ("claimed", "unknown", "accepted"),
}
"""The states a receipt moves a message from; a late delivery outranks a failure."""

MESSAGE = db.Message


def apply(session: Session, channel_id: int, receipts: Sequence[Receipt]) -> None:
    """Move the messages these receipts speak of; those of no message yet wait as orphans."""
    ours, theirs = _find(session, channel_id, receipts)
    for receipt in receipts:
        id = ours.get(receipt.reference) or theirs.get(receipt.provider_id)
        if id is not None:
            _advance(session, id, receipt)
        elif receipt.provider_id:
            _wait(session, channel_id, receipt)


def adopt(session: Session, provider_ids: Sequence[str]) -> None:
    """Messages just recorded under these ids: apply the receipts that were faster."""
    for some in _chunks(provider_ids):
        waiting = session.scalars(sa.select(db.Orphan).where(db.Orphan.provider_id.in_(some))).all()
        for orphan in waiting:
            id = session.scalar(
                sa.select(MESSAGE.id).where(
                    MESSAGE.channel_id == orphan.channel_id,
                    MESSAGE.provider_id == orphan.provider_id,
                )
            )
            if id is not None:
                _advance(
                    session,
                    id,
                    Receipt(
                        state=orphan.state,  # type: ignore[arg-type]  # stored from one
                        at=orphan.at,
                        provider_id=orphan.provider_id,
                        code=orphan.code,
                        text=orphan.text,
                    ),
                )
                session.delete(orphan)


def _chunks(values: Sequence[str], size: int = 500) -> Iterable[Sequence[str]]:
    return (values[start : start + size] for start in range(0, len(values), size))


def _find(
    session: Session, channel_id: int, receipts: Sequence[Receipt]
) -> tuple[dict[str, int], dict[str, int]]:
    """Message ids by reference (our own id), and by provider id, on this channel only."""
    references = [int(item.reference) for item in receipts if _is_ours(item.reference)]
    given = [item.provider_id for item in receipts if item.provider_id]
    rows = session.execute(
        sa.select(MESSAGE.id, MESSAGE.provider_id).where(
            MESSAGE.channel_id == channel_id,
            sa.or_(MESSAGE.id.in_(references), MESSAGE.provider_id.in_(given)),
        )
    ).all()
    ours = {str(row.id): row.id for row in rows}
    return ours, {row.provider_id: row.id for row in rows if row.provider_id}


def _is_ours(reference: str) -> bool:
    """Whether it can be a message's id: a whole number that fits its column."""
    return reference.isascii() and reference.isdecimal() and len(reference) <= 18


def _advance(session: Session, id: int, receipt: Receipt) -> None:
    """Its stamp whatever the order, its state only forward."""
    if receipt.state == "failed":
        _fail(session, id, receipt)
        return
    stamp = getattr(MESSAGE, STAMPS[receipt.state])
    at = sa.literal(receipt.at, db.Moment())
    earlier: dict[Any, Any] = {
        column: sa.func.coalesce(column, at) for column in _stamps_up_to(receipt.state)
    }
    outranks = MESSAGE.state.in_(BEHIND[receipt.state])
    session.execute(
        sa.update(MESSAGE)
        .where(MESSAGE.id == id, MESSAGE.state.not_in(("planned", "cancelled")))
        .values(
            {
                **earlier,
                stamp: sa.func.coalesce(stamp, at),
                MESSAGE.state: sa.case(
                    (outranks, REACHED[receipt.state]),
                    else_=MESSAGE.state,
                ),
                MESSAGE.failed_at: sa.case((outranks, None), else_=MESSAGE.failed_at),
                MESSAGE.reason_class: sa.case((outranks, ""), else_=MESSAGE.reason_class),
                MESSAGE.provider_id: sa.func.coalesce(
                    MESSAGE.provider_id, receipt.provider_id or None
                ),
            }
        )
        .execution_options(synchronize_session=False)
    )


def _stamps_up_to(state: str) -> list[Any]:
    """Who read it also got it: the stamps that a receipt implies."""
    order = [MESSAGE.accepted_at, MESSAGE.delivered_at, MESSAGE.read_at]
    return order[: ("sent", "delivered", "read").index(state)]


def _fail(session: Session, id: int, receipt: Receipt) -> None:
    why = "opted_out" if receipt.opted_out else "permanent"
    session.execute(
        sa.update(MESSAGE)
        .where(MESSAGE.id == id, MESSAGE.state.in_(BEHIND["failed"]))
        .values(
            state="failed",
            failed_at=receipt.at,
            reason_class=why,
            reason_code=receipt.code,
            reason_text=receipt.text[:500],
            provider_id=sa.func.coalesce(MESSAGE.provider_id, receipt.provider_id or None),
        )
        .execution_options(synchronize_session=False)
    )
    if not (receipt.opted_out or receipt.invalid):
        return
    contact_id, channel_id = session.execute(
        sa.select(MESSAGE.contact_id, MESSAGE.channel_id).where(MESSAGE.id == id)
    ).one()
    reason = f"{receipt.code} {receipt.text}".strip()
    if receipt.opted_out:
        reach.opt_out(
            session,
            contact_id=contact_id,
            channel_id=channel_id,
            source="provider",
            reason=reason,
            at=receipt.at,
        )
    else:
        reach.invalidate(session, contact_id=contact_id, channel_id=channel_id, why=reason)


def _wait(session: Session, channel_id: int, receipt: Receipt) -> None:
    known = session.scalar(
        sa.select(db.Orphan.id).where(
            db.Orphan.channel_id == channel_id,
            db.Orphan.provider_id == receipt.provider_id,
            db.Orphan.state == receipt.state,
        )
    )
    if known is None:
        session.add(
            db.Orphan(
                channel_id=channel_id,
                provider_id=receipt.provider_id,
                state=receipt.state,
                at=receipt.at,
                code=receipt.code,
                text=receipt.text[:500],
            )
        )
        session.flush()
