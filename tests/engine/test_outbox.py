"""The ledger going out, on both databases."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from engine import broadcast, db, journal, ledger, outbox
from engine.contacts import reach
from engine.dispatch import Item, Outcome
from tests.engine import sending


def box(database: db.Database, id: int, token: str = "t1") -> outbox.Outbox:
    return outbox.Outbox(database=database, broadcast_id=id, token=token)


def accepted(item: Item, provider_id: str = "", wait: float = 0.0) -> Outcome:
    return Outcome(
        id=item.id,
        attempt=item.attempt,
        kind="accepted",
        provider_id=provider_id or f"wamid.{item.id}",
        wait=wait,
        sent_at=1_700_000_000_000_000,
    )


def test_two_dispatchers_never_claim_the_same_message(any_database: db.Database):
    id = sending.broadcast(any_database, people=60)
    taken: list[int] = []
    lock = threading.Lock()

    def claim(token: str) -> None:
        while items := box(any_database, id, token).claim(1, 7):
            with lock:
                taken.extend(item.id for item in items)

    threads = [threading.Thread(target=claim, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 60


def test_parts_go_in_order_and_wait_for_the_pause_between_two_messages(any_database: db.Database):
    id = sending.broadcast(any_database, people=1, parts=2)
    mine = box(any_database, id)
    [first] = mine.claim(1, 10)
    assert first.part == 1
    assert mine.claim(1, 10) == []
    mine.record([accepted(first, wait=30)])
    assert mine.claim(1, 10) == []
    assert 20 < (mine.ready_in(1) or 0) <= 30


def test_the_second_part_is_cancelled_when_the_first_failed(any_database: db.Database):
    id = sending.broadcast(any_database, people=1, parts=2)
    mine = box(any_database, id)
    [first] = mine.claim(1, 10)
    mine.record([Outcome(id=first.id, attempt=first.attempt, kind="failed", code="131026")])
    assert mine.ready_in(1) is None
    states = [(row.state, row.reason_class) for row in sending.messages(any_database, id)]
    assert states == [("failed", "permanent"), ("cancelled", "previous_part")]
    with any_database.write() as session:
        assert broadcast.finish(session, id) == "completed_with_errors"


def test_a_result_of_an_older_attempt_changes_nothing(any_database: db.Database):
    id = sending.broadcast(any_database, people=1)
    mine = box(any_database, id)
    [first] = mine.claim(1, 1)
    mine.record([Outcome(id=first.id, attempt=first.attempt, kind="unsent")])
    [second] = mine.claim(1, 1)
    assert second.attempt == first.attempt + 1
    mine.record([Outcome(id=first.id, attempt=first.attempt, kind="failed", code="late")])
    assert sending.messages(any_database, id)[0].state == "claimed"
    mine.record([accepted(second)])
    mine.record([accepted(second)])
    assert sending.messages(any_database, id)[0].state == "accepted"


def test_people_who_opted_out_after_the_confirmation_get_nothing(any_database: db.Database):
    id = sending.broadcast(any_database, people=2)
    with any_database.write() as session:
        reach.opt_out(session, contact_id=1, channel_id=1, source="reply", reason="BAJA")
    items = box(any_database, id).claim(1, 10)
    assert [item.address for item in items] == ["+573000000002"]
    gone = sending.messages(any_database, id)[0]
    assert (gone.state, gone.reason_class) == ("cancelled", "opted_out")


def test_people_who_were_deleted_after_the_confirmation_get_nothing(any_database: db.Database):
    id = sending.broadcast(any_database, people=3)
    with any_database.write() as session:
        session.delete(session.get(db.Contact, 2))
    assert len(box(any_database, id).claim(1, 10)) == 2
    gone = sending.messages(any_database, id)[1]
    assert (gone.state, gone.reason_class) == ("cancelled", "deleted")


def test_an_opted_out_answer_opts_the_person_out(any_database: db.Database):
    id = sending.broadcast(any_database, people=1)
    mine = box(any_database, id)
    [item] = mine.claim(1, 1)
    mine.record([Outcome(id=item.id, attempt=item.attempt, kind="opted_out", code="131050")])
    with any_database.read() as session:
        row = session.query(db.ContactChannel).one()
    assert row.opted_out_at is not None
    assert sending.messages(any_database, id)[0].reason_class == "opted_out"


@pytest.mark.parametrize("state", ["paused", "cancelled", "draft"])
def test_nothing_is_claimed_of_a_broadcast_that_is_not_sending(database: db.Database, state: str):
    id = sending.broadcast(database, people=3, state=state)
    assert box(database, id).claim(1, 10) == []


def test_what_comes_back_to_a_cancelled_broadcast_is_cancelled(any_database: db.Database):
    id = sending.broadcast(any_database, people=3)
    mine = box(any_database, id)
    items = mine.claim(1, 2)
    with any_database.write() as session:
        broadcast.cancel(session, id)
    mine.record([Outcome(id=item.id, attempt=item.attempt, kind="unsent") for item in items])
    with any_database.write() as session:
        ledger.sweep(session)
    assert {row.state for row in sending.messages(any_database, id)} == {"cancelled"}


def test_a_dead_dispatchers_claims_are_settled_by_its_journal(
    any_database: db.Database, tmp_path: Path
):
    """Answered, maybe left, never left: accepted, unknown, planned again."""
    id = sending.broadcast(any_database, people=4)
    diary = journal.open_journal(tmp_path, "dead")
    items = box(any_database, id, "dead").claim(1, 3)
    diary.fired(items[0].id, items[0].attempt, 1_700_000_000_000_000)
    diary.done(items[0].id, items[0].attempt, accepted(items[0]).to_json())
    diary.fired(items[1].id, items[1].attempt, 1_700_000_000_000_000)
    assert outbox.recover(any_database, tmp_path) == 0, "its owner lives"
    diary.close()
    assert outbox.recover(any_database, tmp_path) == 3
    states = [row.state for row in sending.messages(any_database, id)]
    assert states == ["accepted", "unknown", "planned", "planned"]
    assert all(row.sent_at for row in sending.messages(any_database, id)[:2])
    assert not list(tmp_path.glob("*.log"))


def test_a_claim_whose_commit_went_unheard_is_planned_again(
    any_database: db.Database, tmp_path: Path
):
    """The dispatcher ended well and never knew that it held the message."""
    id = sending.broadcast(any_database, people=1)
    diary = journal.open_journal(tmp_path, "calm")
    box(any_database, id, "calm").claim(1, 1)
    diary.close()
    assert outbox.recover(any_database, tmp_path) == 1
    assert sending.messages(any_database, id)[0].state == "planned"


def test_after_the_machine_restarted_every_claim_is_unknown(
    database: db.Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    id = sending.broadcast(database, people=1)
    diary = journal.open_journal(tmp_path, "dead")
    box(database, id, "dead").claim(1, 1)
    diary.close()
    monkeypatch.setattr(journal, "BOOT_ID", tmp_path / "another")
    outbox.recover(database, tmp_path)
    assert sending.messages(database, id)[0].state == "unknown"


def test_a_cut_last_line_of_a_journal_is_no_line(tmp_path: Path):
    diary = journal.open_journal(tmp_path, "t")
    diary.fired(7, 1, 99)
    diary.close()
    with (tmp_path / "t.log").open("ab") as file:
        file.write(b"F 8 1 9")
    [(left, _)] = journal.abandoned(tmp_path)
    assert left.fired == {(7, 1): 99}
