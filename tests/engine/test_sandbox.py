"""The sandbox answers as the three providers do, and logs every arrival."""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine import accounts
from engine.sandbox import sandbox
from engine.sandbox.population import Population
from engine.settings import Settings, environment

Run = Callable[..., Any]
Wait = Callable[[Callable[[], object]], object]


def send_all(running: Any) -> dict[str, httpx.Response]:
    return {
        "whatsapp": running.whatsapp(),
        "telegram": running.telegram(),
        "twilio_sms": running.twilio(),
    }


def logged(running: Any) -> list[dict[str, Any]]:
    """The log after the sandbox stopped."""
    running.stop()
    rows: list[dict[str, Any]] = sandbox.arrivals(running.log).to_dicts()
    running.start()
    return rows


# What is accepted


def test_an_accepted_message_is_answered_in_each_providers_form(run_sandbox: Run) -> None:
    answers = send_all(run_sandbox())
    meta, telegram, twilio = (answer.json() for answer in answers.values())
    assert [answer.status_code for answer in answers.values()] == [200, 200, 201]
    assert meta["messages"][0]["id"].startswith("wamid.")
    assert meta["contacts"] == [{"input": "573001112233", "wa_id": "573001112233"}]
    assert telegram["ok"] is True
    assert telegram["result"]["chat"]["id"] == 5501
    assert isinstance(telegram["result"]["message_id"], int)
    assert twilio["sid"].startswith("SM")
    assert len(twilio["sid"]) == 34
    assert (twilio["status"], twilio["to"]) == ("queued", "+573001112233")


def test_every_arrival_is_logged_with_what_the_judge_needs(run_sandbox: Run) -> None:
    running = run_sandbox()
    answers = send_all(running)
    running.whatsapp(biz_opaque_callback_data="41")
    rows = logged(running)
    assert [row["kind"] for row in rows] == ["whatsapp", "telegram", "twilio_sms", "whatsapp"]
    assert [row["address"] for row in rows[:3]] == ["573001112233", "5501", "+573001112233"]
    assert {row["outcome"] for row in rows} == {"accepted"}
    assert rows[0]["provider_id"] == answers["whatsapp"].json()["messages"][0]["id"]
    assert rows[1]["provider_id"] == f"5501:{answers['telegram'].json()['result']['message_id']}"
    assert rows[2]["provider_id"] == answers["twilio_sms"].json()["sid"]
    assert (rows[2]["reference"], rows[3]["reference"]) == ("77", "41")
    assert rows[0]["digest"] == rows[3]["digest"]
    judgement = sandbox.judge(running.log)
    assert (judgement.arrivals, judgement.accepted, judgement.doubled) == (4, 4, 1)


def test_no_secret_reaches_the_log(run_sandbox: Run) -> None:
    running = run_sandbox()
    send_all(running)
    running.http.post("/bot1:wrong-token/sendMessage", json={"chat_id": 1, "text": "x"})
    running.stop()
    written = running.log.read_text()
    running.start()
    for secret in (running.token, running.bot, running.auth_token, "wrong-token"):
        assert secret not in written
    shown = repr(sandbox.accounts(running.database))
    for secret in (running.token, running.app_secret, running.bot, running.auth_token):
        assert secret not in shown


def test_an_account_check_answers_a_right_token_and_is_no_arrival(run_sandbox: Run) -> None:
    running = run_sandbox()
    bearer = {"Authorization": f"Bearer {running.token}"}
    basic = b64encode(f"{running.sid}:{running.auth_token}".encode()).decode()
    account = f"/2010-04-01/Accounts/{running.sid}.json"
    good = [
        running.http.get(f"/v23.0/{running.phone_id}?fields=verified_name", headers=bearer),
        running.http.get(f"/bot{running.bot}/getMe"),
        running.http.post(f"/bot{running.bot}/getMe"),
        running.http.get(account, headers={"Authorization": f"Basic {basic}"}),
    ]
    assert [answer.status_code for answer in good] == [200] * 4
    assert running.stats()["arrivals"] == 0


def test_media_buttons_and_templates_are_taken(calm_sandbox: Any) -> None:
    running = calm_sandbox
    buttons = [{"type": "reply", "reply": {"id": str(n), "title": f"Sí {n}"}} for n in range(3)]
    interactive = {"type": "button", "body": {"text": "¿Vienes?"}, "action": {"buttons": buttons}}
    parameters = [{"type": "text", "text": "Ana"}]
    template = {
        "name": "promo",
        "language": {"code": "es"},
        "components": [{"type": "body", "parameters": parameters}],
    }
    image = {"link": "https://example.com/a.jpg", "caption": "Mira"}
    answers = [
        running.whatsapp(type="interactive", interactive=interactive),
        running.whatsapp(type="template", template=template),
        running.whatsapp(type="image", image=image),
        running.telegram(text="<b>Hola</b> &amp; <i>adiós</i>", parse_mode="HTML"),
        running.telegram(reply_markup={"keyboard": [[{"text": "Sí"}], ["No"]]}),
        running.twilio(MediaUrl="https://example.com/a.jpg", Body=None),
        running.http.post(
            f"/bot{running.bot}/sendPhoto",
            data={"chat_id": "5501", "photo": "https://example.com/a.jpg"},
        ),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 200, 201, 200]


# What is refused


@pytest.mark.parametrize(
    ("share", "outcome", "expected"),
    [
        ("throttled", "throttled", [(429, 130429), (429, 429), (429, 20429)]),
        ("unavailable", "unavailable", [(503, 2), (500, 500), (503, 20503)]),
        ("invalid", "invalid", [(400, 131026), (400, 400), (400, 21211)]),
        ("blocked", "opted_out", [(400, 131050), (403, 403), (400, 21610)]),
    ],
)
def test_each_refusal_has_the_providers_own_form_and_processes_nothing(
    run_sandbox: Run, door: Any, share: str, outcome: str, expected: list[tuple[int, int]]
) -> None:
    running = run_sandbox(Population(**{share: 1.0}))
    answers = send_all(running)
    meta, telegram, twilio = (answer.json() for answer in answers.values())
    codes = [meta["error"]["code"], telegram["error_code"], twilio["code"]]
    statuses = [answer.status_code for answer in answers.values()]
    assert list(zip(statuses, codes, strict=True)) == expected
    assert (telegram["ok"], twilio["status"]) == (False, statuses[2])
    rows = logged(running)
    assert [(row["outcome"], row["provider_id"]) for row in rows] == [(outcome, "")] * 3
    assert [row["status"] for row in rows] == statuses
    assert running.stats()["webhooks"]["waiting"] == 0
    assert not door.taken


def test_a_throttled_sender_is_told_how_long_to_wait(run_sandbox: Run) -> None:
    answers = send_all(run_sandbox(Population(throttled=1, retry_after=3)))
    assert [answer.headers["retry-after"] for answer in answers.values()] == ["3"] * 3
    assert answers["telegram"].json()["parameters"] == {"retry_after": 3}


def test_telegram_says_who_blocked_and_what_chat_is_unknown(run_sandbox: Run) -> None:
    blocked = run_sandbox(Population(blocked=1, invalid=0)).telegram().json()
    unknown = run_sandbox(Population(invalid=1)).telegram().json()
    assert blocked["description"] == "Forbidden: bot was blocked by the user"
    assert unknown["description"] == "Bad Request: chat not found"


def test_a_message_throttled_once_is_accepted_later(run_sandbox: Run) -> None:
    running = run_sandbox(Population(throttled=0.5, invalid=0, blocked=0, unavailable=0))
    for number in range(20):
        tries = 0
        while running.telegram(number + 1).status_code == 429:
            tries += 1
            assert tries < 60
    assert running.stats()["outcomes"]["accepted"] == 20
    assert running.stats()["outcomes"]["throttled"] > 3


def test_wrong_credentials_are_refused_as_each_provider_does(run_sandbox: Run) -> None:
    running = run_sandbox()
    body = {"messaging_product": "whatsapp", "to": "573001112233", "text": {"body": "x"}}
    messages = f"/2010-04-01/Accounts/{running.sid}/Messages.json"

    def basic(user: str, token: str) -> dict[str, str]:
        return {"Authorization": "Basic " + b64encode(f"{user}:{token}".encode()).decode()}

    answers = [
        running.http.post(f"/v23.0/{running.phone_id}/messages", json=body),
        running.http.post(
            f"/v23.0/{running.phone_id}/messages", json=body, headers={"Authorization": "Bearer no"}
        ),
        running.http.post(
            "/v23.0/1/messages", json=body, headers={"Authorization": f"Bearer {running.token}"}
        ),
        running.http.get(f"/v23.0/{running.phone_id}"),
        running.http.post("/bot1:no/sendMessage", json={"chat_id": 1, "text": "x"}),
        running.http.get("/bot1:no/getMe"),
        running.http.post(messages, data={"To": "+573001112233"}),
        running.http.post(messages, data={}, headers=basic(running.sid, "no")),
        running.http.post(messages, data={}, headers=basic("ACother", running.auth_token)),
        running.http.post(messages, data={}, headers={"Authorization": "Basic ñ%".encode()}),
        running.http.get(f"/2010-04-01/Accounts/{running.sid}.json"),
    ]
    assert [answer.status_code for answer in answers] == [401] * len(answers)
    codes = [answer.json().get("error", answer.json()) for answer in answers]
    assert [code.get("code", code.get("error_code")) for code in codes] == (
        [190] * 4 + [401] * 2 + [20003] * 5
    )
    assert [row["outcome"] for row in logged(running)] == ["unauthorised"] * 8


def test_a_channel_added_or_changed_later_is_known_at_once(run_sandbox: Run) -> None:
    running = run_sandbox()
    path, message = "/bot99:new/sendMessage", {"chat_id": 1, "text": "x"}
    assert running.http.post(path, json=message).status_code == 401
    with running.database.write() as session:
        accounts.add(
            session,
            running.settings,
            kind="telegram",
            name="second",
            values={"token": "99:new", "webhook_secret": "s"},
            sandbox=True,
        )
    assert running.http.post(path, json=message).status_code == 200


def test_a_channel_that_is_not_sandboxed_is_unknown(run_sandbox: Run) -> None:
    running = run_sandbox()
    with running.database.write() as session:
        accounts.add(
            session,
            running.settings,
            kind="telegram",
            name="real",
            values={"token": "7:real", "webhook_secret": "s"},
        )
    assert running.http.get("/bot7:real/getMe").status_code == 401


TEMPLATE = {"name": "promo", "language": {"code": "es"}}
TWO_BUTTONS = [{"type": "reply", "reply": {"id": "1", "title": "Sí"}}] * 2
LONG_TITLE = [{"type": "reply", "reply": {"id": "1", "title": "x" * 21}}]


def body_parameter(text: object) -> dict[str, object]:
    parameters = [{"type": "text", "text": text}]
    return {**TEMPLATE, "components": [{"type": "body", "parameters": parameters}]}


def buttons(*listed: object) -> dict[str, object]:
    return {"type": "button", "body": {"text": "?"}, "action": {"buttons": list(listed)}}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"messaging_product": None}, 131008),
        ({"to": ""}, 131009),
        ({"to": "ana"}, 131009),
        ({"to": 573001112233}, 131009),
        ({"text": {"body": ""}}, 131008),
        ({"text": {"body": "x" * 4097}}, 100),
        ({"text": None}, 131008),
        ({"type": "poem", "poem": {}}, 100),
        ({"type": "image", "image": {"link": "file:///x"}}, 100),
        ({"type": "image", "image": {"link": "https://x.co/a", "caption": "x" * 1025}}, 100),
        ({"biz_opaque_callback_data": "x" * 513}, 100),
        ({"type": "template", "template": {"name": "promo"}}, 131008),
        ({"type": "template", "template": body_parameter("")}, 131008),
        ({"type": "template", "template": body_parameter("a\nb")}, 132012),
        ({"type": "template", "template": {**TEMPLATE, "components": ["x"]}}, 100),
        ({"type": "interactive", "interactive": buttons()}, 100),
        ({"type": "interactive", "interactive": buttons(*TWO_BUTTONS)}, 100),
        ({"type": "interactive", "interactive": buttons(*LONG_TITLE)}, 100),
        ({"type": "interactive", "interactive": buttons("x")}, 131008),
    ],
)
def test_whatsapp_refuses_what_breaks_its_rules(
    calm_sandbox: Any, changes: dict[str, Any], code: int
) -> None:
    before = calm_sandbox.stats()["outcomes"].get("rejected", 0)
    answer = calm_sandbox.whatsapp(**changes)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert calm_sandbox.stats()["outcomes"]["rejected"] == before + 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"chat_id": None}, "chat_id is empty"),
        ({"chat_id": "Ana María"}, "chat not found"),
        ({"text": "  "}, "message text is empty"),
        ({"text": 5}, "text must be a string"),
        ({"text": "x" * 4097}, "message is too long"),
        ({"text": "<b>x", "parse_mode": "RTF"}, "unsupported parse_mode"),
        ({"text": "a < b", "parse_mode": "HTML"}, "can't parse entities"),
        ({"text": "<p>a</p>", "parse_mode": "HTML"}, "can't parse entities"),
        ({"text": "Q&A", "parse_mode": "HTML"}, "can't parse entities"),
        ({"reply_markup": {"inline_keyboard": [[{"callback_data": "1"}]]}}, "keyboard button"),
        (
            {"reply_markup": {"inline_keyboard": [[{"text": "x", "callback_data": "x" * 65}]]}},
            "BUTTON_DATA_INVALID",
        ),
    ],
)
def test_telegram_refuses_what_breaks_its_rules(
    calm_sandbox: Any, changes: dict[str, Any], words: str
) -> None:
    answer = calm_sandbox.telegram(**changes)
    assert answer.status_code == 400
    assert words in answer.json()["description"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"To": None}, 21604),
        ({"To": "3001112233"}, 21211),
        ({"From": None}, 21603),
        ({"From": "+15005550001"}, 21606),
        ({"Body": None}, 21602),
        ({"Body": ""}, 21602),
        ({"Body": "x" * 1601}, 21617),
        ({"MediaUrl": "x"}, 21620),
        ({"StatusCallback": "door"}, 21609),
    ],
)
def test_twilio_refuses_what_breaks_its_rules(
    calm_sandbox: Any, changes: dict[str, Any], code: int
) -> None:
    answer = calm_sandbox.twilio(**changes)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'{"to": "\\ud800"}'])
def test_a_body_that_cannot_be_read_is_refused(calm_sandbox: Any, body: bytes) -> None:
    running = calm_sandbox
    headers = {"Authorization": f"Bearer {running.token}", "Content-Type": "application/json"}
    meta = running.http.post(f"/v23.0/{running.phone_id}/messages", content=body, headers=headers)
    telegram = running.http.post(f"/bot{running.bot}/sendMessage", content=body, headers=headers)
    assert (meta.status_code, telegram.status_code) == (400, 400)


def test_an_unknown_path_is_not_found(calm_sandbox: Any) -> None:
    running = calm_sandbox
    for path in ("/", "/v23.0", "/bot", "/2010-04-01/Accounts", "/hooks/1"):
        assert running.http.get(path).status_code == 404
    assert running.http.post(f"/bot{running.bot}/flyToTheMoon").status_code == 404
    assert running.http.get("/healthz").json() == {"ok": True}


# Faults of the network


def test_a_dropped_connection_gives_no_answer_and_half_of_them_were_accepted(
    run_sandbox: Run,
) -> None:
    running = run_sandbox(Population(dropped=1, throttled=0, unavailable=0, invalid=0, blocked=0))
    for number in range(30):
        with pytest.raises(httpx.RemoteProtocolError):
            running.telegram(number + 1)
    outcomes = running.stats()["outcomes"]
    assert set(outcomes) == {"accepted", "cut"}
    assert sum(outcomes.values()) == 30
    assert {row["status"] for row in logged(running)} == {0}


def test_a_slow_answer_is_stamped_when_it_arrived(run_sandbox: Run) -> None:
    running = run_sandbox(Population(slow=1, slow_seconds=(0.4, 0.5), invalid=0, blocked=0))
    asked = running.telegram().elapsed.total_seconds()
    assert asked >= 0.4
    slow = logged(running)[0]["at"]
    running.telegram(5502)
    assert logged(running)[1]["at"] - slow >= 0.4


def test_the_providers_rate_is_enforced_only_when_asked_to(run_sandbox: Run) -> None:
    calm = Population.calm()
    free, strict = run_sandbox(calm), run_sandbox(dataclasses.replace(calm, enforce_rates=True))

    def burst(running: Any) -> set[str]:
        threads = [
            threading.Thread(target=lambda n=n: [running.twilio() for _ in range(15)])
            for n in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return set(running.stats()["outcomes"])

    assert burst(free) == {"accepted"}
    assert "throttled" in burst(strict)
    strict.stop()
    frame = sandbox.arrivals(strict.log)
    strict.start()
    moments = frame.filter(frame["outcome"] == "accepted")["at"].to_list()
    assert 10 <= len(moments) <= 10 * (1 + moments[-1] - moments[0])


# Restarts


def test_a_restart_hands_out_no_provider_id_again(run_sandbox: Run) -> None:
    running = run_sandbox()
    for _ in range(3):
        for number in range(20):
            running.whatsapp()
            running.telegram(number + 1)
            running.twilio()
        running.stop()
        running.start()
    ids = sandbox.arrivals(running.log)["provider_id"].to_list()
    assert len(ids) == 180
    assert len(set(ids)) == 180


def test_the_same_people_meet_the_same_fate_after_a_restart(run_sandbox: Run) -> None:
    running = run_sandbox(Population(invalid=0.3, blocked=0.2, throttled=0, unavailable=0))
    people = [f"57300{number:07d}" for number in range(40)]
    before = [running.whatsapp(person).status_code for person in people]
    running.stop()
    running.start()
    assert [running.whatsapp(person).status_code for person in people] == before
    assert set(before) == {200, 400}


def test_it_serves_as_a_process_and_ends_on_a_signal(tmp_path: Path, eventually: Wait) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = Settings(_env_file=None, data=tmp_path / "data", sandbox_port=port)
    command = (
        "from engine import settings; from engine.sandbox import sandbox; "
        "sandbox.serve(settings.load(_env_file=None))"
    )
    process = subprocess.Popen([sys.executable, "-c", command], env=environment(config))

    def up() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
        except httpx.TransportError:
            return False

    try:
        eventually(up)
        # no table yet: a workspace that is not ready is not a wrong token
        answer = httpx.post(f"http://127.0.0.1:{port}/bot1:x/sendMessage", json={})
        assert answer.status_code == 500
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(30) in (0, -signal.SIGTERM)
    finally:
        process.kill()
    assert sandbox.arrivals(sandbox.log_path(config))["outcome"].to_list() == ["unavailable"]
