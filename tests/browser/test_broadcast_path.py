"""The whole path in a browser: a segment, messages, a test, a confirmation, and the final numbers.

Everything is real: Redis, a worker, the door, the sandbox provider, the studio and Chromium.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from engine import accounts, db, drafts, jobs, reports, settings
from engine.contacts import contacts
from engine.processes import parts
from engine.sandbox import sandbox
from engine.segments import segment
from tests.browser.conftest import ROOT, Screen, Studio
from tests.conftest import Wait

sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

PEOPLE = 24
ELSEWHERE = 6
SANDBOX = """
from engine import settings
from engine.sandbox import sandbox
from engine.sandbox.population import Population
sandbox.serve(
    settings.load(),
    population=Population(
        invalid=0.05, throttled=0.05, delivered=0.85, failed=0.15, replies=0.2, stops=0.3,
        late=0, receipt_seconds=(0.05, 0.4), read_seconds=(0.1, 0.5), reply_seconds=(0.2, 0.8),
    ),
)
"""
Start = Callable[[settings.Settings], Studio]
Look = Callable[..., Screen]


@pytest.fixture(scope="module")
def studio(
    start_studio: Start, redis_url: str, tmp_path_factory: pytest.TempPathFactory, eventually: Wait
) -> Iterator[Studio]:
    """A studio with everything that sends, on a workspace of thirty people and three channels."""
    door, provider = parts.free_ports(2)
    config = settings.Settings(
        _env_file=None,
        data=tmp_path_factory.mktemp("path") / "data",
        sqlite_synchronous="NORMAL",
        redis_url=redis_url,
        door_port=door,
        sandbox_port=provider,
    )
    made = start_studio(config)
    populate(made)
    commands = {
        "worker": parts.cli("worker"),
        "door": parts.cli("door"),
        "sandbox": [sys.executable, "-c", SANDBOX],
    }
    running = [spawn(config, name, command) for name, command in commands.items()]
    eventually(lambda: answers(f"{config.door_url}/healthz"))
    eventually(lambda: answers(f"{config.sandbox_url}/healthz"))
    eventually(lambda: jobs.workers(config))
    yield made
    for process in running:
        process.terminate()
    for process in running:
        process.wait(30)


def spawn(config: settings.Settings, name: str, command: list[str]) -> subprocess.Popen[bytes]:
    with (config.folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            command, cwd=ROOT, env=settings.environment(config), stdout=log, stderr=log
        )


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except OSError:
        return False


def populate(studio: Studio) -> None:
    with studio.database.write() as session:
        sms = {"account_sid": "AC1", "auth_token": "t", "sender": "+15005550006"}
        bot = {"token": "1:t", "webhook_secret": "s"}
        for kind, name, values in (
            ("twilio_sms", "SMS", sms),
            ("telegram", "Bot", bot),
            ("email", "Mail", {}),
        ):
            accounts.add(
                session, studio.settings, kind=kind, name=name, values=values, sandbox=bool(values)
            )
        for place in range(PEOPLE + ELSEWHERE):
            country = "CO" if place < PEOPLE else "MX"
            phone = f"+57300123{place:04}" if place < PEOPLE else f"+52551234{place:04}"
            contacts.create(session, first_name=f"Ana{place}", phone=phone, country=country)


# What a person does


def key(screen: Screen, name: str) -> Any:
    return screen.page.locator(f".st-key-{name}")


def field(screen: Screen, name: str) -> Any:
    """A field of the notebook: its key ends with the broadcast and the revision."""
    return screen.page.locator(f'[class*="st-key-{name}-"]')


def press(screen: Screen, name: str) -> None:
    key(screen, name).get_by_role("button").click()
    screen.settle()


def choose(screen: Screen, name: str, option: str) -> None:
    box = field(screen, name)
    box.get_by_role("combobox").click()
    screen.page.get_by_role("option", name=option, exact=True).click()
    screen.settle()


def write(screen: Screen, message: int, text: str) -> None:
    area = key(screen, f"message_{message}").locator("textarea")
    area.click()
    area.press_sequentially(text)
    area.blur()
    screen.settle()


def start(screen: Screen, name: str) -> int:
    """From the list, a new draft; its id."""
    screen.open("/broadcasts")
    press(screen, "add_broadcast")
    dialog = screen.page.get_by_role("dialog")
    dialog.locator("input").first.fill(name)
    dialog.locator(".st-key-create button").click()
    screen.page.wait_for_url(re.compile(r"/broadcast\?id=\d+"))
    screen.settle()
    return int(screen.page.url.rsplit("=", 1)[1])


def text_of(screen: Screen, name: str) -> str:
    return str(key(screen, name).first.inner_text())


def settled(studio: Studio, id: int, eventually: Wait) -> reports.Report:
    """The report once nothing is on its way and nothing more comes back."""
    seen: list[dict[str, Any]] = []

    def still() -> reports.Report | None:
        with studio.database.read() as session:
            found = reports.report(session, id)
        waiting = sum(found.states[state] for state in ("planned", "claimed", "accepted"))
        seen.append(found.to_json())
        calm = len(seen) > 30 and all(one == seen[-1] for one in seen[-30:])
        time.sleep(0.1)
        return found if calm and not waiting and found.messages else None

    found = eventually(still)
    assert isinstance(found, reports.Report)
    return found


# What must come of it


def counted(studio: Studio, id: int) -> dict[str, int]:
    """Messages by state straight from the ledger."""
    query = (
        sa.select(db.Message.state, sa.func.count())
        .where(db.Message.broadcast_id == id)
        .group_by(db.Message.state)
    )
    with studio.database.read() as session:
        return dict(iter(session.execute(query)))


def check_numbers(screen: Screen, studio: Studio, found: reports.Report) -> None:
    """The page, the report and the ledger say the same."""
    ledger = counted(studio, found.id)
    assert {state: count for state, count in found.states.items() if count} == ledger
    assert found.messages == sum(ledger.values())
    shown = {
        "recipients": found.recipients,
        "messages": found.messages,
        "delivered": found.funnel["delivered"],
        "read": found.funnel["read"],
        "replied": found.funnel["replied"],
        "failed": ledger.get("failed", 0),
        "unknown": ledger.get("unknown", 0),
    }
    for name, count in shown.items():
        value = key(screen, f"number_{name}").get_by_test_id("stMetricValue").inner_text()
        assert (name, value) == (name, str(count))


def test_a_broadcast_goes_from_a_segment_to_its_final_numbers(
    studio: Studio, screen: Look, eventually: Wait
) -> None:
    made = screen(studio, height=1000)
    page = made.page
    id = start(made, "Spring fair")

    # a segment, built here
    key(made, "add_segment").get_by_role("button").click()
    field(made, "new_segment").locator("input").fill("In Colombia")
    press(made, "save_segment")
    page.get_by_role("button", name="+ Condition").click()
    page.get_by_role("combobox", name="Field: Search").fill("country")
    page.get_by_role("option", name="Country").click()
    page.get_by_label("Country: Operator").select_option("is_any_of")
    page.get_by_role("button", name="Colombia (CO)").click()
    key(made, "step_segment").get_by_text(f"{PEOPLE} contacts", exact=True).first.wait_for()
    press(made, "update_segment")
    made.shot("path-segment")
    press(made, "continue_segment")

    # where it goes out, and what it says
    choose(made, "channel", "SMS (Twilio)")
    press(made, "continue_channel")
    press(made, "add_message")
    write(made, 1, "Hi ")
    key(made, "message_1").get_by_role("button", name="first_name").click()
    write(made, 1, ", the fair <b>opens</b> today.")
    press(made, "add_message")
    write(made, 2, "Come by until {{ nickname }}!")
    key(made, "message_2").get_by_text("There is no variable").wait_for()
    key(made, "message_2").locator("textarea").fill("Come by until Sunday!")
    key(made, "message_2").get_by_text("There is no variable").wait_for(state="detached")
    made.settle()
    with studio.database.read() as session:
        written = drafts.content(db.get(session, db.Broadcast, id))
    texts = [item.text for items in written.values() for item in items]
    assert texts == [
        "Hi {{ first_name }}, the fair <b>opens</b> today.",
        "Come by until Sunday!",
    ]
    beside = key(made, "beside")
    total = f"Sending a total of {2 * PEOPLE} messages to {PEOPLE} recipients."
    beside.get_by_text(total).wait_for()
    made.shot("path-messages")

    # nothing of it is lost by a reload, and the phone shows a real person's text
    page.reload()
    made.settle()
    key(made, "step_preview").locator("summary").click()
    made.settle()
    field(made, "preview_search").locator("input").fill("Ana7")
    made.settle()
    choose(made, "person", "Ana7 · +573001230007")
    bubbles = key(made, "phone").locator(".bubble .text")
    assert bubbles.nth(0).inner_text() == "Hi Ana7, the fair <b>opens</b> today."
    press(made, "continue_preview")

    # a test on one phone
    field(made, "test_search").locator("input").fill("3001230003")
    found_one = field(made, "test_person").get_by_role("combobox")
    sync_api.expect(found_one).to_have_value("Ana3 · +573001230003")
    made.settle()
    press(made, "send_test")
    key(made, "test_result").get_by_text("accepted the test for Ana3").wait_for()
    made.shot("path-test")
    press(made, "continue_test")
    assert f"{PEOPLE}" in text_of(made, "step_audience")
    press(made, "continue_audience")
    press(made, "continue_start")

    # how fast
    field(made, "speed").get_by_text("At most").click()
    made.settle()
    field(made, "rate").locator("input").fill("40")
    field(made, "rate").locator("input").press("Enter")
    made.settle()
    press(made, "continue_speed")

    # the last look, and off it goes
    made.settle()
    made.shot("path-confirm")
    began = time.time()  # the test before it said the same to one of them
    press(made, "send")
    page.get_by_test_id("stMetric").first.wait_for()
    eventually(lambda: state_of(studio, id).startswith("completed"))
    page.get_by_text("Completed", exact=False).first.wait_for()
    made.settle()
    made.shot("path-live")

    # what came of it
    found = settled(studio, id, eventually)
    page.get_by_role("link", name="Report").click()
    page.wait_for_url("**/report?id=*")
    made.settle()
    made.open(f"/report?id={id}")
    check_numbers(made, studio, found)
    with page.expect_download() as download:
        key(made, "download").get_by_role("button").click()
    assert json.loads(download.value.path().read_text()) == found.to_json()
    assert found.recipients == PEOPLE
    assert found.messages == 2 * PEOPLE
    assert found.matched == found.recipients + sum(found.left_out.values())
    assert found.largest_window is not None
    assert found.largest_window.count <= 40
    made.shot("path-report")
    judged = sandbox.judge(sandbox.log_path(studio.settings), since=began)
    assert judged.doubled == 0
    assert judged.accepted == found.funnel["accepted"]
    made.clean()


def state_of(studio: Studio, id: int) -> str:
    with studio.database.read() as session:
        return db.get(session, db.Broadcast, id).state


def test_the_same_path_in_spanish_on_a_phone(
    studio: Studio, screen: Look, eventually: Wait
) -> None:
    with studio.database.write() as session:
        segment.create(session, name="Todos")
    made = screen(studio, width=390, height=844, locale="es-CO")
    id = start(made, "Feria de otoño")
    choose(made, "segment", "Todos")
    press(made, "continue_segment")
    choose(made, "channel", "SMS (Twilio)")
    press(made, "continue_channel")
    press(made, "add_message")
    write(made, 1, "Hola {{ first_name }}, la feria abre hoy.")
    made.shot("path-es-messages")
    key(made, "step_confirm").locator("summary").click()
    made.settle()
    made.settle()
    press(made, "send")
    eventually(lambda: state_of(studio, id).startswith("completed"))
    found = settled(studio, id, eventually)
    made.open(f"/report?id={id}")
    made.shot("path-es-report")
    check_numbers(made, studio, found)
    assert found.matched == PEOPLE + ELSEWHERE  # some have left since the first broadcast
    assert found.messages == found.recipients == found.matched - sum(found.left_out.values())
    made.clean()
