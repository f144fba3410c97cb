"""The door: what is forged leaves no trace, what is genuine is stored before the answer."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from channels.base import Hook
from engine import db, inbox, webhooks
from tests.engine import sending

URL = "/hooks/1"


def status(reference: int, state: str = "delivered") -> bytes:
    """A WhatsApp status webhook; shape as in Meta's OpenAPI, /whatsapp/webhooks."""
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550001", "phone_number_id": "1001"},
        "statuses": [
            {
                "id": f"wamid.{reference}",
                "status": state,
                "timestamp": "1790000000",
                "recipient_id": "573000000001",
                "biz_opaque_callback_data": str(reference),
            }
        ],
    }
    change = {"field": "messages", "value": value}
    return json.dumps(
        {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}
    ).encode()


def signed(body: bytes, secret: str = sending.WHATSAPP["app_secret"]) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"x-hub-signature-256": f"sha256={digest}", "content-type": "application/json"}


@pytest.fixture
def door(database: db.Database) -> TestClient:
    return TestClient(Starlette(routes=webhooks.routes(database)))


def sent(database: db.Database) -> int:
    """The id of a message that is claimed, its request out."""
    id = sending.broadcast(database, people=1)
    with database.write() as session:
        session.query(db.Message).update({"state": "claimed", "claimed_by": "t", "attempt": 1})
    return sending.messages(database, id)[0].id


def test_a_signed_call_is_stored_applied_and_answered(
    database: db.Database, door: TestClient, eventually
):
    message = sent(database)
    body = status(message)
    with door:
        assert door.post(URL, content=body, headers=signed(body)).status_code == 200
        eventually(lambda: state_of(database, message) == "delivered")
        eventually(lambda: waiting(database) == 0)


def state_of(database: db.Database, message: int) -> str:
    with database.read() as session:
        return db.get(session, db.Message, message).state


def waiting(database: db.Database) -> int:
    with database.read() as session:
        return session.query(db.Receipt).filter(db.Receipt.applied_at.is_(None)).count()


def test_the_same_call_twice_is_stored_once(database: db.Database, door: TestClient):
    body = status(sent(database))
    with door:
        for _ in range(3):
            assert door.post(URL, content=body, headers=signed(body)).status_code == 200
    with database.read() as session:
        assert session.query(db.Receipt).count() == 1


def test_a_forged_call_is_refused_and_stores_nothing(database: db.Database, door: TestClient):
    message = sent(database)
    body = status(message)
    with door:
        forged = door.post(URL, content=body, headers=signed(body, "wrong"))
        unsigned = door.post(URL, content=body)
    assert forged.status_code == unsigned.status_code == 401
    assert state_of(database, message) == "claimed"
    with database.read() as session:
        assert session.query(db.Receipt).count() == 0


def test_the_handshake_echoes_the_challenge_for_the_right_token_only(
    database: db.Database, door: TestClient
):
    sent(database)
    query = {"hub.mode": "subscribe", "hub.challenge": "1158201444"}
    with door:
        good = door.get(URL, params=query | {"hub.verify_token": "verify-w"})
        bad = door.get(URL, params=query | {"hub.verify_token": "other"})
    assert (good.status_code, good.text) == (200, "1158201444")
    assert bad.status_code == 401


def test_an_unknown_channel_and_a_huge_body_are_refused(database: db.Database, door: TestClient):
    sent(database)
    with door:
        assert door.post("/hooks/99", content=b"{}").status_code == 404
        huge = door.post(URL, content=b"x" * (webhooks.BODY_MAX + 1))
    assert huge.status_code == 413


def test_a_signed_call_that_cannot_be_read_is_kept_with_the_reason(
    database: db.Database, door: TestClient, eventually
):
    sent(database)
    body = b'{"object": "whatsapp_business_account", "entry": ['
    with door:
        assert door.post(URL, content=body, headers=signed(body)).status_code == 200

        def problem() -> str:
            with database.read() as session:
                return session.query(db.Receipt).one().problem

        eventually(problem)


def test_calls_a_crash_left_behind_are_applied_later(database: db.Database):
    message = sent(database)
    body = status(message, "read")
    with database.read() as session:
        row = db.get(session, db.Channel, 1)

    hook = Hook(method="POST", url="http://x/hooks/1", headers=signed(body), body=body)
    inbox.store(database, [(row.id, hook)])
    assert state_of(database, message) == "claimed"
    assert inbox.sweep(database, older_than=dt.timedelta()) == 1
    assert state_of(database, message) == "read"
    assert inbox.sweep(database, older_than=dt.timedelta()) == 0
