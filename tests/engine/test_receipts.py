"""A message's fate coming back, in any order."""

from __future__ import annotations

import datetime as dt
import itertools

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from channels.base import OptOut, Receipt, Reply
from engine import db, outbox, receipts, replies
from engine.dispatch import Outcome
from tests.engine import sending

AT = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)


def send(database: db.Database, id: int, token: str = "t") -> outbox.Outbox:
    return outbox.Outbox(database=database, broadcast_id=id, token=token)


def test_every_order_of_the_same_events_ends_in_the_same_state(database: db.Database):
    """Receipts before and after the record, by reference or by provider id."""
    id = sending.broadcast(database, people=24)
    mine = send(database, id)
    items = mine.claim(1, 24)
    orders = itertools.permutations(["record", "sent", "delivered", "read"])
    for item, order in zip(items, orders, strict=True):
        for step in order:
            if step == "record":
                mine.record(
                    [
                        Outcome(
                            id=item.id,
                            attempt=item.attempt,
                            kind="accepted",
                            provider_id=f"w{item.id}",
                        )
                    ]
                )
                continue
            event = Receipt(state=step, at=AT, provider_id=f"w{item.id}")  # type: ignore[arg-type]
            with database.write() as session:
                receipts.apply(session, 1, [event])
    rows = sending.messages(database, id)
    assert {row.state for row in rows} == {"read"}
    assert all(row.accepted_at and row.delivered_at and row.read_at for row in rows)
    with database.read() as session:
        assert session.query(db.Orphan).count() == 0


EVENTS = st.lists(st.sampled_from(["sent", "delivered", "read", "failed"]), max_size=6)


@hypothesis_settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(EVENTS, st.randoms(use_true_random=False))
def test_shuffled_and_repeated_receipts_agree(database: db.Database, events: list[str], random):
    def outcome(order: list[str]) -> tuple[object, ...]:
        with database.write() as session:
            for table in (db.Message, db.Broadcast, db.ContactChannel, db.Contact, db.Channel):
                session.query(table).delete()
        id = sending.broadcast(database, people=1)
        channel = sending.messages(database, id)[0].channel_id
        mine = send(database, id)
        [item] = mine.claim(channel, 1)
        mine.record([Outcome(id=item.id, attempt=item.attempt, kind="accepted", provider_id="w")])
        with database.write() as session:
            for state in order:
                event = Receipt(state=state, at=AT, provider_id="w", code="x")  # type: ignore[arg-type]
                receipts.apply(session, channel, [event])
        [row] = sending.messages(database, id)
        return row.state, row.delivered_at, row.read_at, row.failed_at, row.reason_class

    shuffled = [*events, *events]
    random.shuffle(shuffled)
    assert outcome(events) == outcome(shuffled)


def test_a_receipt_resolves_an_unknown_message(any_database: db.Database):
    id = sending.broadcast(any_database, people=1)
    mine = send(any_database, id)
    [item] = mine.claim(1, 1)
    mine.record([Outcome(id=item.id, attempt=item.attempt, kind="unknown", code="network")])
    with any_database.write() as session:
        receipts.apply(session, 1, [Receipt(state="sent", at=AT, reference=str(item.id))])
    assert sending.messages(any_database, id)[0].state == "accepted"


def test_a_receipt_of_another_channel_moves_nothing(database: db.Database):
    id = sending.broadcast(database, people=1)
    mine = send(database, id)
    [item] = mine.claim(1, 1)
    mine.record([Outcome(id=item.id, attempt=item.attempt, kind="accepted", provider_id="w")])
    with database.write() as session:
        other = sending.channel(session, database, name="Other")
        event = Receipt(state="read", at=AT, provider_id="w", reference=str(item.id))
        receipts.apply(session, other.id, [event])
    assert sending.messages(database, id)[0].state == "accepted"


def test_a_provider_id_that_looks_like_our_own_number_is_not_taken_for_it(
    any_database: db.Database,
):
    id = sending.broadcast(any_database, people=2)
    mine = send(any_database, id)
    first, second = mine.claim(1, 2)
    mine.record([Outcome(id=second.id, attempt=1, kind="accepted", provider_id=str(first.id))])
    events = [
        Receipt(state="read", at=AT, provider_id=str(first.id)),
        Receipt(state="read", at=AT, reference="9" * 40),
    ]
    with any_database.write() as session:
        receipts.apply(session, 1, events)
    assert [row.state for row in sending.messages(any_database, id)] == ["claimed", "read"]


def test_a_failure_that_means_opt_out_opts_out(any_database: db.Database):
    id = sending.broadcast(any_database, people=1)
    mine = send(any_database, id)
    [item] = mine.claim(1, 1)
    mine.record([Outcome(id=item.id, attempt=item.attempt, kind="accepted", provider_id="w")])
    with any_database.write() as session:
        receipts.apply(
            session,
            1,
            [Receipt(state="failed", at=AT, provider_id="w", code="131050", opted_out=True)],
        )
    with any_database.read() as session:
        assert session.query(db.ContactChannel).one().opted_out_at == AT


def reply(text: str, number: int = 1, **more: str) -> Reply:
    return Reply(address="+573000000001", provider_id=f"in{number}", at=db.now(), text=text, **more)


def test_a_reply_marks_the_message_it_answers_and_counts_once(any_database: db.Database):
    id = sending.broadcast(any_database, people=1)
    mine = send(any_database, id)
    [item] = mine.claim(1, 1)
    mine.record([Outcome(id=item.id, attempt=item.attempt, kind="accepted", provider_id="w")])
    for _ in range(2):
        with any_database.write() as session:
            channel = db.get(session, db.Channel, 1)
            replies.apply(session, channel, [reply("¡Gracias!")])
    [row] = sending.messages(any_database, id)
    assert row.replied_at is not None
    with any_database.read() as session:
        assert [kept.message_id for kept in session.query(db.Reply)] == [row.id]


def test_stop_in_both_languages_opts_out_and_start_comes_back(any_database: db.Database):
    sending.broadcast(any_database, people=1)
    for number, (text, out) in enumerate(
        [(" Baja. ", True), ("ALTA", False), ("stop", True), ("hola", True), ("start", False)]
    ):
        with any_database.write() as session:
            channel = db.get(session, db.Channel, 1)
            replies.apply(session, channel, [reply(text, number)])
        with any_database.read() as session:
            row = session.query(db.ContactChannel).one()
            assert (row.opted_out_at is not None) == out, text


def test_blocking_a_bot_opts_out(database: db.Database):
    sending.broadcast(database, people=1)
    with database.write() as session:
        channel = db.get(session, db.Channel, 1)
        event = OptOut(address="+573000000001", at=AT, reason="blocked")
        replies.apply(session, channel, [event])
    with database.read() as session:
        assert session.query(db.ContactChannel).one().opted_out_at == AT
