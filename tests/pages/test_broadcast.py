"""The notebook: what is typed is kept at once, mistakes are told in place, sending is careful."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from channels.base import Content
from engine import accounts, broadcast, db, drafts
from engine.contacts import contacts
from engine.segments import segment
from tests.pages.conftest import Open, text

SMS = {"account_sid": "AC1", "auth_token": "t", "sender": "+15005550006"}
BOT = {"token": "1:t", "webhook_secret": "s"}
PEOPLE = 3
STEPS = (
    *("name", "segment", "channel", "messages", "preview"),
    *("test", "audience", "start", "speed", "confirm"),
)


@pytest.fixture
def full(workspace: db.Database) -> dict[str, int]:
    """Three people, an SMS and a Telegram channel, one that is barred, and a segment: their ids."""
    with workspace.write() as session:
        made = {}
        for name, kind, values in (
            ("SMS", "twilio_sms", SMS),
            ("Bot", "telegram", BOT),
            ("Mail", "email", {}),
        ):
            row = accounts.add(
                session, workspace.settings, kind=kind, name=name, values=values, sandbox=True
            )
            made[name] = row.id
        for place in range(PEOPLE):
            contacts.create(session, first_name=f"Ana{place}", phone=f"+57300123000{place}")
        made["segment"] = segment.create(session, name="All").id
        made["draft"] = drafts.create(session, name="Fair", labels=["Season"]).id
    return made


def ready(workspace: db.Database, full: dict[str, int], **changes: Any) -> int:
    """The draft with everything it needs."""
    given: dict[str, Any] = {
        "segment_id": full["segment"],
        "channels": [full["SMS"]],
        "content": {full["SMS"]: (Content(text="Hi {{ first_name }}"), Content(text="Bye"))},
        **changes,
    }
    with workspace.write() as session:
        drafts.edit(session, full["draft"], **given)
    return full["draft"]


def stored(workspace: db.Database, id: int) -> db.Broadcast:
    with workspace.read() as session:
        return db.get(session, db.Broadcast, id)


def field(id: int, name: str, revision: int = 0) -> str:
    return f"{name}.{id}.{revision}"


def said(app: AppTest) -> str:
    return text(app).replace("\\", "")


def open_step(app: AppTest, *names: str) -> AppTest:
    """Open cells as a click on them does."""
    id = app.query_params["id"]
    draft = app.session_state[f"draft.{id[0] if isinstance(id, list) else id}"]
    draft.open |= set(names)
    return app.run()


# Opening


def test_an_unknown_broadcast_ends_in_one_sentence(open_page: Open) -> None:
    app = open_page("broadcast.py", id="999")
    assert len(app.error) == 1


def test_a_new_draft_opens_at_the_first_step_that_lacks_something(
    open_page: Open, full: dict[str, int]
) -> None:
    app = open_page("broadcast.py", id=str(full["draft"]))
    id = full["draft"]
    assert app.session_state[f"draft.{id}"].open == {"segment"}
    assert app.title[0].value == "Fair"
    labels = [cell.label for cell in app.expander]
    assert [label.split("**")[1].split(".")[0] for label in labels] == [
        *("1–3", "4", "5", "6", "7", "8", "9", "10", "11", "12")
    ]
    assert "Fair · Season" in labels[0]


def test_every_step_opens_in_both_languages(
    open_page: Open, workspace: db.Database, full: dict[str, int]
) -> None:
    id = ready(workspace, full, rate_count=5, rate_per="second", start_local="2031-01-05T09:30")
    for lang in ("en", "es"):
        app = open_step(open_page("broadcast.py", id=str(id), lang=lang), *STEPS)
        assert not app.exception
        assert not app.error


def test_it_opens_without_channels_segments_or_people(
    open_page: Open, workspace: db.Database
) -> None:
    with workspace.write() as session:
        id = drafts.create(session, name="Fair").id
    app = open_step(open_page("broadcast.py", id=str(id)), *STEPS)
    assert not app.exception
    assert "There is no channel yet" in app.info[0].value
    assert "Step 4" in said(app)


# What is typed


def test_choosing_a_segment_is_saved_and_opens_the_next_step(
    open_page: Open, workspace: db.Database, full: dict[str, int]
) -> None:
    id = full["draft"]
    app = open_page("broadcast.py", id=str(id))
    app.selectbox(key=field(id, "segment")).set_value(full["segment"]).run()
    assert stored(workspace, id).segment_id == full["segment"]
    assert app.session_state[f"draft.{id}"].open == {"segment", "channel"}


def test_a_taken_name_is_refused_in_place_and_stays_in_the_field(
    open_page: Open, workspace: db.Database, full: dict[str, int]
) -> None:
    with workspace.write() as session:
        drafts.create(session, name="Taken")
    id = full["draft"]
    app = open_step(open_page("broadcast.py", id=str(id)), "name")
    app.text_input(key=field(id, "name")).set_value(" taken ").run()
    assert [error.value.replace("\\", "") for error in app.error] == [
        "A broadcast named “taken” exists already."
    ]
    assert app.text_input(key=field(id, "name")).value == " taken "
    assert stored(workspace, id).name == "Fair"


def test_last_interacted_starts_with_every_channel_and_deselecting_is_saved(
    open_page: Open, workspace: db.Database, full: dict[str, int]
) -> None:
    id = full["draft"]
    app = open_step(open_page("broadcast.py", id=str(id)), "channel")
    assert "cannot be broadcast to" in said(app)
    assert "Mail" in said(app)
    app.button_group(key=field(id, "mode")).set_value("last_interacted").run()
    assert sorted(stored(workspace, id).channels) == sorted([full["SMS"], full["Bot"]])
    app.multiselect(key=field(id, "channels")).set_value([full["Bot"]]).run()
    assert stored(workspace, id).channels == [full["Bot"]]
    assert stored(workspace, id).mode == "last_interacted"


def test_what_was_saved_is_there_in_a_new_session(
    open_page: Open, workspace: db.Database, full: dict[str, int]
) -> None:
    id = ready(workspace, full, rate_count=7, rate_per="minute")
    app = open_step(open_page("broadcast.py", id=str(id)), "segment", "channel", "speed")
    assert app.selectbox(key=field(id, "segment")).value == full["segment"]
    assert app.selectbox(key=field(id, "channel")).value == full["SMS"]
    assert app.number_input(key=field(id, "rate")).value == 7
    assert app.button_group(key=field(id, "per")).value == "minute"


# Messages


def test_messages_are_added_moved_and_removed(
    open_page: Open, workspace: db.Database, full: dict[str, int]
) -> None:
    id = ready(workspace, full)

    def texts() -> list[str]:
        items = drafts.content(stored(workspace, id))[full["SMS"]]
        return [item.text for item in items]

    app = open_step(open_page("broadcast.py", id=str(id)), "messages")
    app.button(key="down_1").click().run()
    assert texts() == ["Bye", "Hi {{ first_name }}"]
    app.button(key="add_message").click().run()
    assert texts() == ["Bye", "Hi {{ first_name }}", ""]
    assert "The message has no text" in said(app)
    app.button(key="remove_1").click().run()
    assert texts() == ["Hi {{ first_name }}", ""]


def test_a_tenth_message_is_the_last(
    open_page: Open, workspace: db.Database, full: dict[str, int]
) -> None:
    id = ready(workspace, full, content={full["SMS"]: (Content(text="x"),) * 10})
    app = open_step(open_page("broadcast.py", id=str(id)), "messages")
    assert not [button for button in app.button if button.key == "add_message"]


def test_changing_the_kind_back_brings_the_text_back(
    open_page: Open, workspace: db.Database, full: dict[str, int]
) -> None:
    id = ready(
        workspace,
        full,
        channels=[full["Bot"]],
        content={full["Bot"]: (Content(text="Hi", buttons=("Yes", "No")),)},
    )
    app = open_step(open_page("broadcast.py", id=str(id)), "messages")
    key = next(box.key for box in app.selectbox if str(box.key).startswith("kind."))
    app.selectbox(key=key).set_value("image").run()
    item = drafts.content(stored(workspace, id))[full["Bot"]][0]
    assert item.kind == "image"
    assert "must start with https" in said(app)
    app.selectbox(key=key).set_value("text").run()
    item = drafts.content(stored(workspace, id))[full["Bot"]][0]
    assert (item.kind, item.text, item.buttons) == ("text", "Hi", ("Yes", "No"))


def test_an_unknown_variable_is_told_at_once_with_its_place(
    open_page: Open, workspace: db.Database, full: dict[str, int]
) -> None:
    id = ready(workspace, full, content={full["SMS"]: (Content(text="Hi {{ nickname }}"),)})
    app = open_step(open_page("broadcast.py", id=str(id)), "messages", "confirm")
    assert "There is no variable “nickname” (line 1, character 4)." in said(app)
    assert app.button(key="send").disabled


# Two tabs


def test_a_second_tab_is_told_and_overwrites_nothing(
    open_page: Open, workspace: db.Database, full: dict[str, int]
) -> None:
    id = ready(workspace, full)
    first = open_step(open_page("broadcast.py", id=str(id)), "speed", "name")
    second = open_step(open_page("broadcast.py", id=str(id)), "name")
    second.text_input(key=field(id, "name")).set_value("Theirs").run()
    first.text_input(key=field(id, "name")).set_value("Mine").run()
    assert "changed in another window" in said(first)
    assert stored(workspace, id).name == "Theirs"
    assert first.text_input(key=field(id, "name")).value == "Mine"
    first.button(key="take_theirs").click().run()
    assert first.text_input(key=field(id, "name", 1)).value == "Theirs"
    assert "changed in another window" not in said(first)


def test_what_was_typed_in_the_second_tab_can_be_kept(
    open_page: Open, workspace: db.Database, full: dict[str, int]
) -> None:
    id = ready(workspace, full)
    app = open_step(open_page("broadcast.py", id=str(id)), "name")
    with workspace.write() as session:
        drafts.edit(session, id, labels=["Theirs"])
    app.text_input(key=field(id, "name")).set_value("Mine").run()
    app.button(key="keep_mine").click().run()
    row = stored(workspace, id)
    assert (row.name, row.labels) == ("Mine", ["Theirs"])


# Audience, start and speed


def test_the_audience_is_told_in_one_sentence_and_the_switch_is_one_switch(
    open_page: Open, workspace: db.Database, full: dict[str, int]
) -> None:
    id = ready(workspace, full)
    app = open_step(open_page("broadcast.py", id=str(id)), "audience")
    assert "Sending a total of 6 messages to 3 recipients." in said(app)
    app.toggle(key=field(id, "only_interacted_beside")).set_value(True).run()
    assert app.toggle(key=field(id, "only_interacted")).value is True
    assert stored(workspace, id).only_interacted
    assert "Nobody would get it." in said(app)
    assert "3 match the segment = 0 recipients + 3 left out" in said(app)


def test_a_start_in_the_past_is_told_in_place(
    open_page: Open, workspace: db.Database, full: dict[str, int]
) -> None:
    id = ready(workspace, full)
    app = open_step(open_page("broadcast.py", id=str(id)), "start")
    app.button_group(key=field(id, "start")).set_value("later").run()
    assert stored(workspace, id).start_local is not None
    assert not app.error
    app.date_input(key=field(id, "date")).set_value(dt.date(2020, 1, 2)).run()
    assert "is in the past" in said(app)
    assert (stored(workspace, id).start_local or "").startswith("2020-01-02T")


def test_a_speed_that_needs_more_than_a_week_names_the_smallest_that_fits(
    open_page: Open, workspace: db.Database, full: dict[str, int]
) -> None:
    with workspace.write() as session:
        for place in range(200):
            contacts.create(session, first_name="B", phone=f"+57300124{place:04}")
    id = ready(workspace, full, rate_count=1, rate_per="hour")
    app = open_step(open_page("broadcast.py", id=str(id)), "speed", "confirm")
    assert "the smallest speed that fits is 3 per hour" in said(app)
    assert app.button(key="send").disabled
    app.number_input(key=field(id, "rate")).set_value(3).run()
    assert "smallest speed" not in said(app)


def test_a_speed_above_the_channels_is_warned_about(
    open_page: Open, workspace: db.Database, full: dict[str, int]
) -> None:
    id = ready(workspace, full, rate_count=5000, rate_per="second")
    app = open_step(open_page("broadcast.py", id=str(id)), "speed")
    assert "may send at most" in said(app)


# Confirming, and after


def test_a_finished_draft_is_sent_with_one_click(
    open_page: Open, workspace: db.Database, full: dict[str, int]
) -> None:
    id = ready(workspace, full)
    app = open_page("broadcast.py", id=str(id))
    app.button(key="send").click().run()
    assert not app.exception
    assert stored(workspace, id).state == "preparing"
    assert not app.expander  # read-only from here on
    assert not app.text_input
    assert "No worker is running" in said(app)
    assert [button.key for button in app.button] == ["pause", "cancel"]


def test_an_edit_elsewhere_stops_the_sending(
    open_page: Open, workspace: db.Database, full: dict[str, int]
) -> None:
    id = ready(workspace, full)
    app = open_page("broadcast.py", id=str(id))
    with workspace.write() as session:
        drafts.edit(session, id, only_interacted=True)
    app.button(key="send").click().run()
    assert stored(workspace, id).state == "draft"
    assert "changed in another window" in said(app)


def test_a_scheduled_broadcast_is_read_only_and_can_be_taken_back(
    open_page: Open, workspace: db.Database, full: dict[str, int]
) -> None:
    id = ready(workspace, full, start_local="2031-01-05T09:30", timezone="America/Bogota")
    broadcast.confirm(workspace, id)
    app = open_page("broadcast.py", id=str(id))
    assert "January 5, 2031" in app.info[0].value.replace("\\", "")
    assert not app.text_input
    app.button(key="to_draft").click().run()
    assert stored(workspace, id).state == "draft"
    assert app.expander


@pytest.mark.parametrize(
    ("state", "buttons"),
    [
        ("scheduled", ["to_draft", "cancel"]),
        ("missed", ["start_now", "to_draft", "cancel"]),
        ("preparing", ["pause", "cancel"]),
        ("sending", ["pause", "cancel"]),
        ("paused", ["resume", "cancel"]),
        ("completed", []),
        ("completed_with_errors", []),
        ("cancelled", []),
        ("failed", []),
    ],
)
def test_each_state_offers_what_it_allows(
    state: str,
    buttons: list[str],
    open_page: Open,
    workspace: db.Database,
    full: dict[str, int],
) -> None:
    id = ready(workspace, full)
    with workspace.write() as session:
        session.execute(
            sa.update(db.Broadcast)
            .where(db.Broadcast.id == id)
            .values(state=state, start_at=db.now(), state_reason="*Why* <b>so</b>")
        )
    app = open_page("broadcast.py", id=str(id))
    assert [button.key for button in app.button] == buttons
    assert app.warning[0].value == r"\*Why\* \<b\>so\<\/b\>"


def test_pausing_resuming_and_cancelling_move_the_state(
    open_page: Open, workspace: db.Database, full: dict[str, int]
) -> None:
    id = ready(workspace, full)
    broadcast.confirm(workspace, id)
    app = open_page("broadcast.py", id=str(id))
    app.button(key="pause").click().run()
    assert stored(workspace, id).state == "paused"
    app.button(key="resume").click().run()
    assert stored(workspace, id).state == "preparing"
    app.button(key="cancel").click().run()
    assert stored(workspace, id).state == "cancelled"
    assert not app.exception


def test_a_draft_is_deleted_only_while_it_is_one(
    open_page: Open, workspace: db.Database, full: dict[str, int]
) -> None:
    id = ready(workspace, full)
    app = open_page("broadcast.py", id=str(id))
    broadcast.confirm(workspace, id)
    app.button(key="delete").click().run()
    assert stored(workspace, id).state == "preparing"


def test_a_segment_deleted_meanwhile_is_no_longer_chosen(
    open_page: Open, workspace: db.Database, full: dict[str, int]
) -> None:
    id = ready(workspace, full)
    app = open_step(open_page("broadcast.py", id=str(id)), "segment")
    with workspace.write() as session:
        segment.delete(session, full["segment"])
    app.run()
    assert not app.exception
    assert app.selectbox(key=field(id, "segment")).value is None
    assert "Step 4: choose the segment" in said(app)


def test_a_new_segment_is_made_chosen_and_opened_here(
    open_page: Open, workspace: db.Database, full: dict[str, int]
) -> None:
    id = full["draft"]
    app = open_page("broadcast.py", id=str(id))
    app.text_input(key=field(id, "new_segment")).set_value("all").run()
    app.button(key="save_segment").click().run()
    assert "A segment named “all” exists already." in said(app)
    assert app.text_input(key=field(id, "new_segment")).value == "all"
    app.text_input(key=field(id, "new_segment")).set_value("New").run()
    app.button(key="save_segment").click().run()
    with workspace.read() as session:
        made = segment.by_name(session, "New").id
    assert stored(workspace, id).segment_id == made
    assert app.selectbox(key=field(id, "segment")).value == made
    assert app.toggle(key=field(id, "editing")).value is True


def test_a_test_is_sent_only_to_the_contact_that_was_chosen(
    open_page: Open, workspace: db.Database, full: dict[str, int]
) -> None:
    id = ready(workspace, full)
    app = open_step(open_page("broadcast.py", id=str(id)), "test")
    assert app.selectbox(key=field(id, "test_person")).value is None
    assert app.button(key="send_test").disabled
    app.text_input(key=field(id, "test_search")).set_value("ana1").run()
    chosen = app.selectbox(key=field(id, "test_person")).value
    with workspace.read() as session:
        assert db.get(session, db.Contact, chosen).first_name == "Ana1"
    assert "No worker is running" in said(app)
    app.text_input(key=field(id, "test_search")).set_value("nobody").run()
    assert "Nobody of that name or number" in said(app)
