"""A small workspace with a broadcast that is being sent, for the tests of the sending engine."""

from __future__ import annotations

from sqlalchemy.orm import Session

from channels.base import Content
from engine import accounts, db

WHATSAPP = {
    "phone_number_id": "1001",
    "access_token": "token-w",
    "app_secret": "secret-w",
    "verify_token": "verify-w",
}


def channel(session: Session, database: db.Database, name: str = "Shop") -> db.Channel:
    return accounts.add(
        session,
        database.settings,
        kind="whatsapp",
        name=name,
        values=WHATSAPP,
        sandbox=True,
        ceiling=1000,
    )


def broadcast(
    database: db.Database, *, people: int = 5, parts: int = 1, state: str = "sending"
) -> int:
    """A broadcast with its ledger planned; contact ids are 1..people."""
    with database.write() as session:
        shop = channel(session, database)
        row = db.Broadcast(
            key="News",
            name="News",
            mode="specific",
            channels=[shop.id],
            content={str(shop.id): [Content(text=f"Part {n}").to_json() for n in range(parts)]},
            state=state,
            started_at=db.now(),
        )
        session.add(row)
        session.flush()
        for person in range(1, people + 1):
            contact = db.Contact(first_name=f"P{person}", phone=f"+5730000{person:05}")
            session.add(contact)
            session.flush()
            for part in range(1, parts + 1):
                session.add(
                    db.Message(
                        broadcast_id=row.id,
                        contact_id=contact.id,
                        channel_id=shop.id,
                        part=part,
                        address=contact.phone,
                        next_at=db.now() if part == 1 else None,
                    )
                )
        return row.id


def messages(database: db.Database, broadcast_id: int) -> list[db.Message]:
    with database.read() as session:
        return list(
            session.query(db.Message)
            .filter_by(broadcast_id=broadcast_id)
            .order_by(db.Message.contact_id, db.Message.part)
        )
