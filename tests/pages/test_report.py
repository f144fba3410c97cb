"""The report: every number on the page is one of reports.report, and texts are shown as written."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from engine import accounts, db, drafts, reports
from engine.contacts import contacts
from tests.pages.conftest import Open, text

SMS = {"account_sid": "AC1", "auth_token": "t", "sender": "+15005550006"}
START = dt.datetime(2026, 11, 2, 15, tzinfo=dt.UTC)
NASTY = "<img src=x onerror=alert(1)> **bold** [x](javascript:alert(1))"


@pytest.fixture
def sent(workspace: db.Database) -> int:
    """A finished broadcast of two messages to four people, one left out, with failures."""
    with workspace.write() as session:
        channel = accounts.add(
            session, workspace.settings, kind="twilio_sms", name="SMS", values=SMS, sandbox=True
        )
        row = drafts.create(session, name="Fair *2026*", labels=["Season"])
        people = [
            contacts.create(session, first_name=f"Ana{n}", phone=f"+57300123000{n}").id
            for n in range(5)
        ]
        session.add(db.LeftOut(broadcast_id=row.id, contact_id=people[4], reason="invalid_address"))
        for place, person in enumerate(people[:4]):
            for part in (1, 2):
                session.add(message(row.id, person, channel.id, part, place))
        session.flush()
        session.execute(
            sa.update(db.Broadcast)
            .where(db.Broadcast.id == row.id)
            .values(
                state="completed_with_errors",
                rate_count=2,
                rate_per="second",
                started_at=START,
                finished_at=START,
            )
        )
        return row.id


def message(broadcast_id: int, person: int, channel: int, part: int, place: int) -> db.Message:
    at = START + dt.timedelta(seconds=place, milliseconds=400 * part)
    moments = {"sent_at": at, "accepted_at": at}
    state = ("delivered", "read", "accepted", "failed")[place]
    if state in ("delivered", "read"):
        moments["delivered_at"] = at
    if state == "read":
        moments |= {"read_at": at, "replied_at": at}
    if state == "failed":
        moments = {"sent_at": at, "failed_at": at}
    failed = {"reason_class": "permanent", "reason_code": "21211", "reason_text": NASTY}
    return db.Message(
        broadcast_id=broadcast_id,
        contact_id=person,
        channel_id=channel,
        part=part,
        address=f"+5730012300{place}",
        state=state,
        **moments,
        **(failed if state == "failed" else {}),
    )


def test_an_unknown_broadcast_ends_in_one_sentence(open_page: Open) -> None:
    assert len(open_page("report.py", id="999").error) == 1


def test_a_draft_has_nothing_to_report(open_page: Open, workspace: db.Database) -> None:
    with workspace.write() as session:
        id = drafts.create(session, name="Fair").id
    app = open_page("report.py", id=str(id))
    assert "Nothing was sent yet" in app.info[0].value


def test_every_number_is_the_reports(open_page: Open, workspace: db.Database, sent: int) -> None:
    with workspace.read() as session:
        found = reports.report(session, sent)
    app = open_page("report.py", id=str(sent))
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown == {
        "Recipients": str(found.recipients),
        "Messages": str(found.messages),
        "Accepted": str(found.funnel["accepted"]),
        "Delivered": str(found.funnel["delivered"]),
        "Read": str(found.funnel["read"]),
        "Replied": str(found.funnel["replied"]),
        "Failed": str(found.states["failed"]),
        "Unknown": str(found.states["unknown"]),
    }
    assert (found.matched, found.recipients, found.messages) == (5, 4, 8)
    assert "**5** matched the segment = **4 recipients** + **1 left out**." in text(app)


def test_the_states_of_the_table_add_up_to_the_messages(open_page: Open, sent: int) -> None:
    table = open_page("report.py", id=str(sent)).table[0].value
    row = table.iloc[0].to_dict()
    assert row.pop("Channel") == "SMS"
    assert int(row.pop("Messages")) == sum(int(count) for count in row.values()) == 8


def test_the_largest_window_is_told_against_the_limit(open_page: Open, sent: int) -> None:
    said = text(open_page("report.py", id=str(sent))).replace("\\", "")
    assert "The most in any second: 2 messages. The limit: 2 per second." in said


def test_a_providers_words_are_shown_as_text(open_page: Open, sent: int) -> None:
    app = open_page("report.py", id=str(sent))
    assert app.dataframe[0].value["Text"].tolist() == [NASTY]
    assert NASTY not in text(app)
    assert app.title[0].value == r"Fair \*2026\*"


def test_it_speaks_spanish(open_page: Open, sent: int) -> None:
    app = open_page("report.py", id=str(sent), lang="es")
    assert "Destinatarios" in [metric.label for metric in app.metric]
    assert not app.exception
