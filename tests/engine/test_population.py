"""The sandbox's people: shares that hold, fates that repeat."""

from __future__ import annotations

from collections import Counter

import pytest

from engine.errors import Invalid
from engine.sandbox.population import Population

TELLS = frozenset({"sent", "delivered", "read", "failed", "reply", "left"})
PEOPLE = [f"57300{number:07d}" for number in range(20_000)]


def test_the_shares_of_a_demo_are_met() -> None:
    people = Population()
    standings = Counter(people.standing("whatsapp", person) for person in PEOPLE)
    weather = Counter(people.weather("whatsapp", p, "d", attempt=0)[0] for p in PEOPLE)
    steps = [people.course("whatsapp", p, "d", tells=TELLS).steps for p in PEOPLE]
    told = Counter(what for course in steps for what in {step.what for step in course})
    size = len(PEOPLE)
    assert standings["invalid"] / size == pytest.approx(0.02, abs=0.004)
    assert standings["blocked"] / size == pytest.approx(0.01, abs=0.003)
    assert weather["throttled"] / size == pytest.approx(0.004, abs=0.002)
    assert weather["unavailable"] / size == pytest.approx(0.003, abs=0.002)
    assert told["delivered"] / size == pytest.approx(0.88, abs=0.01)
    assert told["failed"] / size == pytest.approx(0.04, abs=0.006)
    assert told["read"] / told["delivered"] == pytest.approx(0.60, abs=0.015)
    assert told["reply"] / told["delivered"] == pytest.approx(0.07, abs=0.008)


def test_some_replies_say_stop() -> None:
    people = Population()
    texts = [
        step.text.upper()
        for person in PEOPLE
        for step in people.course("twilio_sms", person, "d", tells=TELLS).steps
        if step.what == "reply"
    ]
    stops = [text for text in texts if text in ("STOP", "BAJA")]
    assert {"STOP", "BAJA"} == set(stops)
    assert len(stops) / len(texts) == pytest.approx(0.10, abs=0.03)


def test_the_same_seed_repeats_a_run_and_another_seed_does_not() -> None:
    def fates(seed: int) -> list[object]:
        people = Population(seed=seed, throttled=0.2)
        return [
            (
                people.standing("telegram", person),
                people.weather("telegram", person, "d", attempt=0),
                people.course("telegram", person, "d", tells=TELLS),
            )
            for person in PEOPLE[:2000]
        ]

    assert fates(7) == fates(7)
    assert fates(7) != fates(8)


def test_a_second_attempt_meets_weather_of_its_own() -> None:
    people = Population(throttled=0.5)
    both = [
        [people.weather("whatsapp", p, "d", attempt=n)[0] for n in range(2)] for p in PEOPLE[:500]
    ]
    assert ["throttled", "fine"] in both
    assert ["throttled", "throttled"] in both


def test_every_receipt_of_a_calm_population_comes_once_and_in_order() -> None:
    rank = {"sent": 0, "delivered": 1, "read": 2, "reply": 2}
    people = Population.calm()
    for person in PEOPLE[:3000]:
        assert people.standing("whatsapp", person) == "fine"
        assert people.weather("whatsapp", person, "d", attempt=0) == ("fine", 0.0)
        course = people.course("whatsapp", person, "d", tells=TELLS)
        ranks = [rank[step.what] for step in course.steps]
        assert ranks == sorted(ranks)
        assert ranks[:2] == [0, 1]
        assert len({step.what for step in course.steps}) == len(course.steps)
        assert not course.early


def test_the_first_receipt_comes_within_its_stated_delay() -> None:
    people = Population(late=0, early=0, disordered=0)
    for person in PEOPLE[:3000]:
        first = people.course("whatsapp", person, "d", tells=TELLS).steps[0]
        assert 0.2 <= first.after <= 2.0


def test_receipts_come_twice_and_out_of_order_when_asked_to() -> None:
    people = Population(twice=1, disordered=1, delivered=1, read=1, replies=0, leaves=0)
    for person in PEOPLE[:500]:
        told = [s.what for s in people.course("whatsapp", person, "d", tells=TELLS).steps]
        assert len(told) == 4
        assert set(told) == {"sent", "delivered", "read"}
        firsts = list(dict.fromkeys(told))
        assert firsts[0] == "read"


def test_an_early_receipt_is_due_before_the_answer() -> None:
    people = Population(early=1, delivered=1)
    course = people.course("whatsapp", PEOPLE[0], "d", tells=TELLS)
    assert course.early
    assert course.steps[0].after == 0


def test_a_pressed_button_exists() -> None:
    people = Population(replies=1, stops=0, delivered=1)
    pressed = {
        step.button
        for person in PEOPLE[:500]
        for step in people.course("whatsapp", person, "d", tells=TELLS, buttons=3).steps
        if step.what == "reply"
    }
    assert pressed == {None, 0, 1, 2}


def test_a_provider_without_receipts_tells_none() -> None:
    people = Population(replies=1, delivered=1)
    steps = people.course("telegram", PEOPLE[0], "d", tells={"reply", "left"}).steps
    assert {step.what for step in steps} <= {"reply", "left"}
    assert steps


@pytest.mark.parametrize("share", [-0.1, 1.1, 2])
def test_a_share_outside_0_to_1_is_refused_by_name(share: float) -> None:
    with pytest.raises(Invalid, match="invalid"):
        Population(invalid=share)
