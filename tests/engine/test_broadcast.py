"""A broadcast's life, from its draft to its end."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest
import sqlalchemy as sa

from channels.base import Content
from engine import accounts, broadcast, broadcast_file, checks, db, drafts
from engine.contacts import contacts
from engine.errors import Conflict, Invalid, PregonError
from engine.segments import segment
from tests.engine import sending

TEMPLATE = Content(
    kind="template", template="news", language="es", parameters=("{{ first_name }}",)
)
"""Free text would reach only those who wrote within 24 hours."""


def draft(database: db.Database, *, people: int = 3, **changes: object) -> int:
    """A draft that can be sent, but for `changes`."""
    with database.write() as session:
        shop = sending.channel(session, database)
        for person in range(people):
            contacts.create(session, first_name=f"P{person}", phone=f"+5730000{person:05}")
        everybody = segment.create(session, name="Everybody")
        row = drafts.create(session, name="News")
        ready: dict[str, object] = {
            "segment_id": everybody.id,
            "mode": "specific",
            "channels": [shop.id],
            "content": {shop.id: [TEMPLATE]},
        }
        drafts.edit(session, row.id, **(ready | changes))
        return row.id


def state(database: db.Database, id: int) -> str:
    with database.read() as session:
        return db.get(session, db.Broadcast, id).state


@pytest.mark.parametrize(("old", "new"), list(itertools.product(broadcast.STATES, repeat=2)))
def test_every_pair_of_states_moves_only_along_the_table(database: db.Database, old: str, new: str):
    id = sending.broadcast(database, people=0, state=old)
    with database.write() as session:
        moved = broadcast.move(session, id, new)
    assert moved == (new in broadcast.TRANSITIONS[old])
    assert state(database, id) == (new if moved else old)


def test_the_table_names_every_state_and_no_other():
    assert broadcast.TRANSITIONS.keys() == broadcast.STATES.keys()
    assert set().union(*broadcast.TRANSITIONS.values()) <= broadcast.STATES.keys()


def test_names_are_unique_whatever_their_case(any_database: db.Database):
    with any_database.write() as session:
        drafts.create(session, name="Black Friday")
        with pytest.raises(Conflict, match="exists already"):
            drafts.create(session, name="  BLACK   friday ")
        with pytest.raises(Invalid):
            drafts.create(session, name="  ")


def test_labels_are_kept_once_each(database: db.Database):
    with database.write() as session:
        row = drafts.create(session, name="N", labels=["Promo", "promo ", "", "Autumn"])
        assert row.labels == ["Autumn", "promo"]


def test_of_two_windows_the_second_to_save_is_told(database: db.Database):
    id = draft(database)
    with database.write() as session:
        seen = db.get(session, db.Broadcast, id).version
        drafts.edit(session, id, version=seen, name="First")
        with pytest.raises(Conflict, match="another window"):
            drafts.edit(session, id, version=seen, name="Second")


def test_a_good_draft_has_no_problems_and_starts_at_once(any_database: db.Database):
    id = draft(any_database)
    assert checks.problems(any_database, id) == []
    assert broadcast.confirm(any_database, id) == "preparing"
    with any_database.read() as session:
        row = db.get(session, db.Broadcast, id)
    assert row.tree is not None
    assert row.confirmed_at is not None
    with pytest.raises(Conflict):
        broadcast.confirm(any_database, id)
    with any_database.write() as session, pytest.raises(Conflict):
        drafts.edit(session, id, name="Late")


IMPOSSIBLE = [
    ({"segment_id": None}, "broadcast.no_segment"),
    ({"channels": []}, "broadcast.no_channel"),
    ({"content": {}}, "broadcast.no_content"),
    ({"content": {1: [Content(text="Hola {{ city }}")]}}, "template.unknown_variable"),
    ({"content": {1: [Content(text="x" * 5000)]}}, "content.too_long"),
    ({"content": {1: [Content(text="Hola {{ first_name")]}}, "template."),
    ({"start_local": "2020-01-01T09:00", "timezone": "UTC"}, "broadcast.past"),
    ({"start_local": "soon", "timezone": "UTC"}, "plan.bad_time"),
    ({"only_interacted": True}, "broadcast.nobody"),
]


@pytest.mark.parametrize(("changes", "code"), IMPOSSIBLE)
def test_what_cannot_be_sent_is_refused_with_one_sentence(
    database: db.Database, changes: dict[str, object], code: str
):
    id = draft(database, **changes)
    found = checks.problems(database, id)
    assert found[0].code.startswith(code), found
    assert found[0].sentence.endswith("."), found[0].sentence
    with pytest.raises(PregonError):
        broadcast.confirm(database, id)
    assert state(database, id) == "draft"


def test_more_than_seven_days_is_refused_with_the_smallest_speed_that_fits(database: db.Database):
    id = draft(database, people=400, rate_count=1, rate_per="hour")
    [problem] = checks.problems(database, id)
    assert problem.code == "plan.too_slow"
    assert problem.details["smallest"] == 3


def test_a_segment_on_a_deleted_field_is_refused(database: db.Database):
    with database.write() as session:
        contacts.define_field(session, key="city", label="City", type="text")
    id = draft(database)
    with database.write() as session:
        everybody = segment.by_name(session, "Everybody")
        tree = {"match": "all", "of": [{"field": "field.city", "op": "is", "value": "Lima"}]}
        segment.save(session, everybody.id, segment.from_json(tree))
        session.execute(sa.delete(db.ContactField))  # contacts.delete_field would refuse it
    [problem] = checks.problems(database, id)
    assert problem.code == "segment.unknown_field"


def test_a_scheduled_start_is_picked_up_once_and_a_slept_through_one_is_missed(
    any_database: db.Database,
):
    at = dt.datetime(2030, 5, 1, 9, tzinfo=dt.UTC)
    grace = dt.timedelta(minutes=30)
    id = draft(any_database, start_local="2030-05-01T09:00", timezone="UTC")
    assert broadcast.confirm(any_database, id) == "scheduled"
    with any_database.write() as session:
        assert broadcast.due(session, at - dt.timedelta(seconds=1)) == []
        assert broadcast.due(session, at) == [id]
        assert broadcast.begin(session, id, now=at, grace=grace) == "preparing"
        assert broadcast.begin(session, id, now=at, grace=grace) is None
    with any_database.write() as session:
        late = drafts.create(session, name="Late")
        session.flush()
        late.state, late.start_at = "scheduled", at
    with any_database.write() as session:
        late_now = at + dt.timedelta(hours=2)
        assert broadcast.begin(session, late.id, now=late_now, grace=grace) == "missed"
    with any_database.write() as session:
        broadcast.start_missed(session, late.id)
    assert state(any_database, late.id) == "preparing"


def test_unscheduling_makes_a_draft_again(database: db.Database):
    id = draft(database, start_local="2030-05-01T09:00", timezone="UTC")
    broadcast.confirm(database, id)
    with database.write() as session:
        broadcast.unschedule(session, id)
    with database.write() as session:
        drafts.edit(session, id, name="Changed")
        assert db.get(session, db.Broadcast, id).tree is None


def test_pause_resume_and_cancel(database: db.Database):
    id = sending.broadcast(database, people=3)
    with database.write() as session:
        broadcast.pause(session, id, reason="Wait")
        with pytest.raises(Conflict, match="paused"):
            broadcast.pause(session, id)
        broadcast.resume(session, id)
        broadcast.cancel(session, id)
        with pytest.raises(Conflict):
            broadcast.resume(session, id)
    assert {row.state for row in sending.messages(database, id)} == {"cancelled"}


def test_a_paused_channel_stops_the_confirmation(database: db.Database):
    id = draft(database)
    with database.write() as session:
        channel = db.get(session, db.Channel, 1)
        channel.state, channel.state_reason = "paused", "Payment"
    [problem] = checks.problems(database, id)
    assert problem.code == "channel.paused"
    assert "Payment" in problem.sentence


def test_what_cannot_be_broadcast_to_is_said(database: db.Database):
    with database.write() as session:
        mail = accounts.add(session, database.settings, kind="email", name="Mail")
    id = draft(database, channels=[mail.id])
    assert checks.problems(database, id)[0].code == "channel.not_broadcastable"


def test_a_draft_survives_the_way_to_a_file_and_back(database: db.Database):
    id = draft(
        database,
        only_interacted=True,
        rate_count=20,
        rate_per="second",
        start_local="2030-05-01T09:00",
        timezone="America/Bogota",
    )
    with database.write() as session:
        document = broadcast_file.write(session, id)
        drafts.delete(session, id)
        again = broadcast_file.read(session, document)
        session.flush()
        assert broadcast_file.write(session, again.id) == document
        assert again.rate_count == 20


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"name": "A", "colour": "red"}, "broadcast.unknown_field"),
        ({"name": ""}, "broadcast.no_name"),
        ({"name": "A", "segment": "Nope"}, "segment."),
        ({"name": "A", "channel": "Nope"}, "channel.unknown"),
        ({"name": "A", "rate": "fast"}, "plan.bad_rate"),
        ({"name": "A", "channel": "Shop", "messages": [{"txt": "x"}]}, "content.unknown_field"),
        ({"name": "A", "channel": "Shop", "messages": [3]}, "broadcast.file_message"),
    ],
)
def test_a_bad_file_is_one_sentence_and_leaves_nothing(
    database: db.Database, document: dict[str, object], code: str
):
    with database.write() as session:
        sending.channel(session, database)
    with pytest.raises(PregonError) as caught, database.write() as session:
        broadcast_file.read(session, document)
    assert caught.value.code.startswith(code)
    with database.read() as session:
        assert drafts.listing(session) == []
