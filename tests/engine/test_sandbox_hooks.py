"""What the sandbox tells our door: signed, complete, and again until it is taken."""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from typing import Any

from engine.sandbox import sandbox
from engine.sandbox import whatsapp as sandbox_whatsapp
from engine.sandbox.population import Population
from engine.sandbox.wire import Account, Message, News

Run = Callable[..., Any]
Wait = Callable[[Callable[[], object]], object]


def people(**changes: Any) -> Population:
    """Nothing goes wrong, everything is told at once."""
    plain: dict[str, Any] = {
        **dict.fromkeys(("invalid", "blocked", "throttled", "unavailable", "failed"), 0),
        **dict.fromkeys(("twice", "disordered", "early", "late", "replies", "leaves"), 0),
        **dict.fromkeys(("receipt_seconds", "read_seconds", "reply_seconds"), (0.02, 0.1)),
        "delivered": 1,
        "read": 1,
    }
    return Population(**{**plain, **changes})


def statuses(door: Any) -> list[dict[str, Any]]:
    values = [told.json["entry"][0]["changes"][0]["value"] for told in list(door.taken)]
    return [status for value in values for status in value.get("statuses", [])]


def test_whatsapp_receipts_are_signed_and_echo_our_reference(
    run_sandbox: Run, door: Any, eventually: Wait
) -> None:
    running = run_sandbox(people())
    answer = running.whatsapp(biz_opaque_callback_data="ref-9").json()
    eventually(lambda: len(statuses(door)) == 3)
    told = statuses(door)
    assert [status["status"] for status in told] == ["sent", "delivered", "read"]
    assert {status["id"] for status in told} == {answer["messages"][0]["id"]}
    assert {status["biz_opaque_callback_data"] for status in told} == {"ref-9"}
    assert all(abs(int(status["timestamp"]) - time.time()) < 60 for status in told)
    for call in door.taken:
        assert call.path == f"/hooks/{running.channels['whatsapp']}"
        digest = hmac.new(running.app_secret.encode(), call.body, hashlib.sha256).hexdigest()
        assert call.headers["x-hub-signature-256"] == f"sha256={digest}"


def test_many_whatsapp_receipts_travel_in_one_call() -> None:
    account = Account(kind="whatsapp", account="1", token="t", secret="s", hook_url="http://x/1")
    news = [
        News(what=what, at=1.0, number=place, provider_id="w", message=message, text="ok")
        for place in range(120)
        for what in ("sent", "reply")
        for message in [Message(address="573001112233", digest="d")]
    ]
    calls = list(sandbox_whatsapp.calls(account, news))
    assert [call.news for call in calls] == [50, 50, 20] + [1] * 120
    assert sum(call.news for call in calls) == len(news)


def test_twilio_receipts_go_to_the_url_of_the_message_with_its_signature(
    run_sandbox: Run, door: Any, eventually: Wait
) -> None:
    running = run_sandbox(people())
    url = f"http://127.0.0.1:{door.port}/hooks/9?ref=a%20b&x=1"
    answer = running.twilio(StatusCallback=url).json()
    eventually(lambda: len(door.taken) == 2)
    forms = [told.form for told in door.taken]
    assert [form["MessageStatus"] for form in forms] == ["sent", "delivered"]
    assert {form["MessageSid"] for form in forms} == {answer["sid"]}
    for told, form in zip(door.taken, forms, strict=True):
        assert told.path == "/hooks/9?ref=a%20b&x=1"
        text = url + "".join(name + form[name] for name in sorted(form))
        digest = hmac.new(running.auth_token.encode(), text.encode(), hashlib.sha1).digest()
        assert told.headers["x-twilio-signature"] == b64encode(digest).decode()


def test_failures_come_with_a_code(run_sandbox: Run, door: Any, eventually: Wait) -> None:
    running = run_sandbox(people(delivered=0, failed=1))
    for number in range(15):
        running.whatsapp(f"57300{number:07d}")
    eventually(lambda: len(statuses(door)) == 30)
    failed = [status for status in statuses(door) if status["status"] == "failed"]
    assert {status["errors"][0]["code"] for status in failed} == {131026, 131049}
    door.taken.clear()
    for number in range(15):
        running.twilio(f"+57300{number:07d}")
    eventually(lambda: len(door.taken) == 30)
    codes = [told.form["ErrorCode"] for told in door.taken if "ErrorCode" in told.form]
    assert set(codes) == {"30003", "30005"}


def test_replies_come_by_each_provider(run_sandbox: Run, door: Any, eventually: Wait) -> None:
    running = run_sandbox(people(replies=1, stops=1))
    sent = running.whatsapp().json()["messages"][0]["id"]
    running.telegram(5501)
    running.twilio()

    def replies() -> dict[str, Any]:
        found: dict[str, Any] = {}
        for told in list(door.taken):
            if told.path == f"/hooks/{running.channels['telegram']}":
                assert told.headers["x-telegram-bot-api-secret-token"] == running.webhook_secret
                found["telegram"] = told.json["message"]
            elif told.path == f"/hooks/{running.channels['twilio_sms']}":
                found["twilio"] = told.form
            elif told.path == f"/hooks/{running.channels['whatsapp']}":
                value = told.json["entry"][0]["changes"][0]["value"]
                found.update({"whatsapp": value["messages"][0]} if "messages" in value else {})
        return found

    eventually(lambda: len(replies()) == 3)
    meta, telegram, twilio = (replies()[name] for name in ("whatsapp", "telegram", "twilio"))
    assert (meta["from"], telegram["chat"]["id"], twilio["From"]) == (
        "573001112233",
        5501,
        "+573001112233",
    )
    texts = (meta["text"]["body"], telegram["text"], twilio["Body"])
    assert {text.upper() for text in texts} <= {"STOP", "BAJA"}
    assert meta["id"] != sent
    assert twilio["To"] == running.sender


def test_a_button_press_names_its_message(run_sandbox: Run, door: Any, eventually: Wait) -> None:
    running = run_sandbox(people(replies=1, stops=0, read=0))
    reply = {"type": "reply", "reply": {"id": "0", "title": "¡Voy!"}}
    interactive = {"type": "button", "body": {"text": "?"}, "action": {"buttons": [reply]}}
    parameters = [{"type": "payload", "payload": "go"}]
    component = {"type": "button", "sub_type": "quick_reply", "index": "0"}
    template = {
        "name": "promo",
        "language": {"code": "es"},
        "components": [{**component, "parameters": parameters}],
    }
    inline = {"inline_keyboard": [[{"text": "¡Voy!", "callback_data": "0:x"}]]}
    sent = set()
    for number in range(12):
        to = f"57300{number:07d}"
        answers = (
            running.whatsapp(to, type="interactive", interactive=interactive),
            running.whatsapp(to, type="template", template=template),
        )
        sent |= {answer.json()["messages"][0]["id"] for answer in answers}
        sent.add(running.telegram(number + 1, reply_markup=inline).json()["result"]["message_id"])

    def pressed() -> dict[str, tuple[object, object]]:
        found: dict[str, tuple[object, object]] = {}
        for told in list(door.taken):
            if query := told.json.get("callback_query"):
                found["callback_query"] = (query["data"], query["message"]["message_id"])
                continue
            if "update_id" in told.json:
                continue
            value = told.json["entry"][0]["changes"][0]["value"]
            for message in value.get("messages", []):
                context = message.get("context", {}).get("id")
                if message["type"] == "interactive":
                    chosen = message["interactive"]["button_reply"]
                    found["interactive"] = (chosen["title"], context)
                if message["type"] == "button":
                    found["button"] = (message["button"]["payload"], context)
        return found

    eventually(lambda: len(pressed()) == 3)
    assert {what for what, _ in pressed().values()} == {"0:x", "¡Voy!", "go"}
    assert {context for _, context in pressed().values()} <= sent


def test_who_blocks_the_bot_is_told_and_gets_nothing_more(
    run_sandbox: Run, door: Any, eventually: Wait
) -> None:
    running = run_sandbox(people(leaves=1))
    assert running.telegram(5501).status_code == 200
    eventually(lambda: door.taken)
    member = door.taken[0].json["my_chat_member"]
    assert member["chat"] == {"id": 5501, "first_name": "Sandbox", "type": "private"}
    assert member["new_chat_member"]["status"] == "kicked"
    assert running.telegram(5501, text="otra").status_code == 403
    assert running.telegram(5502).status_code == 200


def test_who_texts_stop_to_twilio_gets_nothing_more(
    run_sandbox: Run, door: Any, eventually: Wait
) -> None:
    running = run_sandbox(people(replies=1, stops=1))
    for number in range(12):
        running.twilio(f"+57300{number:07d}")
    eventually(lambda: len(door.taken) == 36)
    inbound = [told.form for told in door.taken if "Body" in told.form]
    stopped = {form["From"] for form in inbound if form["Body"].upper() == "STOP"}
    assert stopped == {form["From"] for form in inbound if form.get("OptOutType") == "STOP"}
    assert 0 < len(stopped) < 12
    for number in range(12):
        to = f"+57300{number:07d}"
        expected = 400 if to in stopped else 201
        assert running.twilio(to, Body="otra").status_code == expected


def test_receipts_come_twice_late_and_out_of_order_as_told(
    run_sandbox: Run, door: Any, eventually: Wait
) -> None:
    running = run_sandbox(people(twice=1, disordered=1))
    for number in range(10):
        running.whatsapp(f"57300{number:07d}")
    eventually(lambda: len(statuses(door)) == 40)
    counted = Counter((status["id"], status["status"]) for status in statuses(door))
    assert sorted(counted.values()) == [1] * 20 + [2] * 10
    firsts = {status["id"]: status["status"] for status in reversed(statuses(door))}
    assert set(firsts.values()) == {"read"}


def test_an_early_receipt_overtakes_the_answer(run_sandbox: Run, door: Any) -> None:
    running = run_sandbox(people(early=1, receipt_seconds=(60, 60)))

    def overtaken(number: int) -> bool:
        before = len(door.taken)
        running.whatsapp(f"57300{number:07d}")
        return len(door.taken) > before

    assert any(overtaken(number) for number in range(20))


def test_a_door_that_refuses_is_asked_again_until_it_takes_everything(
    run_sandbox: Run, door: Any, eventually: Wait
) -> None:
    door.status = lambda number: 503 if number < 6 else 200
    running = run_sandbox(people())
    for number in range(20):
        running.twilio(f"+57300{number:07d}")
    eventually(lambda: len(door.taken) == 40)
    assert door.refused == 6
    pairs = Counter((told.form["MessageSid"], told.form["MessageStatus"]) for told in door.taken)
    assert set(pairs.values()) == {1}
    eventually(lambda: running.stats()["webhooks"] == {"told": 40, "repeated": 6, "waiting": 0})


def test_a_door_that_restarts_loses_nothing(run_sandbox: Run, door: Any, eventually: Wait) -> None:
    running = run_sandbox(people())
    door.close()
    for number in range(20):
        running.whatsapp(f"57300{number:07d}")
    eventually(lambda: running.stats()["webhooks"].get("repeated", 0) > 0)
    door.open(door.port)
    eventually(lambda: len(statuses(door)) == 60)


def test_a_call_to_another_host_is_never_made(run_sandbox: Run, eventually: Wait) -> None:
    running = run_sandbox(people())
    running.twilio(StatusCallback="http://example.com/hooks/1")
    eventually(lambda: running.stats()["webhooks"].get("not_loopback") == 2)


def test_calls_signed_for_the_public_address_reach_the_door_itself(
    run_sandbox: Run, door: Any, eventually: Wait
) -> None:
    running = run_sandbox(people())
    public = running.settings.model_copy(update={"public_url": "https://crier.example"})
    running.stop()
    running.settings = public
    running.start()
    url = running.hook_url("twilio_sms")
    assert url.startswith("https://crier.example/hooks/")
    running.twilio()
    eventually(lambda: door.taken)
    form = door.taken[0].form
    text = f"{url}?ref=77" + "".join(name + form[name] for name in sorted(form))
    digest = hmac.new(running.auth_token.encode(), text.encode(), hashlib.sha1).digest()
    assert door.taken[0].headers["x-twilio-signature"] == b64encode(digest).decode()


def test_stopping_does_not_wait_for_receipts_that_are_not_due(run_sandbox: Run, door: Any) -> None:
    running = run_sandbox(people(receipt_seconds=(3600, 3600)))
    running.whatsapp()
    running.stop()
    assert sandbox.judge(running.log).accepted == 1
    assert not door.taken
    running.start()
