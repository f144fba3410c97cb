"""Tests, changes and overlap of a segment in Chromium: what a marketer sees of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from channels.base import Content
from engine import audience, broadcast, db, drafts, ledger
from engine.contacts import contacts
from engine.segments import expectations, frozen, overlap, segment
from tests.browser.conftest import Screen, Studio

pytestmark = pytest.mark.browser
Look = Callable[..., Screen]
COLOMBIA = {"match": "all", "of": [{"field": "contact.country", "op": "is", "value": "CO"}]}


@pytest.fixture(scope="module")
def proven(demo_studio: Studio) -> int:
    """A segment with tests, two versions and a broadcast that started a while ago."""
    database = demo_studio.database
    with database.write() as session:
        id = segment.create(session, name="Colombia", tree=segment.from_json(COLOMBIA)).id
        started = _draft(session, id)
    broadcast.confirm(database, started)
    with database.read() as session:
        wanted = drafts.plan_of(session, started)
    who = audience.resolve(database, wanted)
    assert ledger.prepare(database, started, who, frozen.take(database, wanted.tree))
    with database.write() as session:
        broadcast.cancel(session, started)
        _move(session, "CO", "MX", 40)
        _move(session, "PE", "CO", 15)
        spanish = {"field": "contact.language", "op": "is", "value": "es"}
        tree = {"match": "all", "of": [*COLOMBIA["of"], spanish]}
        segment.save(session, id, segment.from_json(tree))
        ana, luis = (
            contacts.create(
                session, first_name=name, last_name=last, phone=phone, country=code, language="es"
            )
            for name, last, phone, code in (
                ("Ana", "Pérez Bermúdez", "+573009998877", "MX"),
                ("Luis", "Zapata Ñáñez", "+573009998878", "CO"),
            )
        )
        expectations.put(session, id, inside=[ana.id, luis.id], least=100, most=5_000)
    return id


def _draft(session: Any, id: int) -> int:
    channel = session.scalars(sa.select(db.Channel).filter_by(kind="whatsapp")).first()
    row = drafts.create(session, name="Autumn news")
    template = Content(kind="template", template="news", language="es")
    drafts.edit(
        session,
        row.id,
        segment_id=id,
        channels=[channel.id],
        content={channel.id: [template]},
    )
    return row.id


def _move(session: Any, old: str, new: str, count: int) -> None:
    rows = session.scalars(sa.select(db.Contact).filter_by(country=old).limit(count)).all()
    for row in rows:
        contacts.update(session, row.id, country=new)


def tab(made: Screen, name: str) -> None:
    made.page.get_by_role("tab", name=name).click()
    made.settle()


def test_a_red_test_is_told_in_words_and_a_person_is_pinned(
    proven: int, demo_studio: Studio, screen: Look
) -> None:
    made = screen(demo_studio)
    made.open(f"/segments?id={proven}")
    tab(made, "Tests")
    page = made.page
    page.get_by_text("1 test is red").wait_for()
    page.get_by_text(
        "Ana Pérez Bermúdez is not in: Country is “Colombia” does not hold."
    ).wait_for()
    page.get_by_label("Pin a person").fill("zapata nanez")
    made.settle()
    made.shot("segment-tests")
    page.get_by_role("button", name="Must be out").click()
    page.get_by_text("2 tests are red").wait_for()
    page.get_by_text("Luis Zapata Ñáñez is in: Country is “Colombia” holds").wait_for()
    page.get_by_role("button", name="Must be in").click()
    page.get_by_text("1 test is red").wait_for()
    made.clean()


@pytest.mark.parametrize(
    ("width", "dark", "locale"),
    [(1360, False, "en-US"), (1360, True, "es-CO"), (390, True, "es-CO")],
)
def test_the_three_tabs_fit_any_screen_in_both_languages(
    width: int, dark: bool, locale: str, proven: int, demo_studio: Studio, screen: Look
) -> None:
    made = screen(demo_studio, width=width, height=1_900, dark=dark, locale=locale)
    made.open(f"/segments?id={proven}")
    for place, name in enumerate(("people", "tests", "changes", "overlap")):
        made.page.get_by_role("tab").nth(place).click()
        made.settle()
        made.page.wait_for_timeout(700)  # the figure's entry animation
        made.shot(f"segment-{name}-{width}-{'dark' if dark else 'light'}-{locale[:2]}")
        wide = made.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{name} scrolls sideways"
    made.clean()


def test_changes_say_who_left_and_why(proven: int, demo_studio: Studio, screen: Look) -> None:
    made = screen(demo_studio)
    made.open(f"/segments?id={proven}")
    tab(made, "Changes")
    page = made.page
    page.get_by_text("is new in the segment").first.wait_for()
    page.get_by_role("combobox", name="Compare with").click()
    page.get_by_role("option", name="Autumn news").click()
    made.settle()
    page.get_by_text("no longer holds").first.wait_for()
    made.shot("segment-changes-broadcast")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Export").click()
    text = waiting.value.path().read_text(encoding="utf-8-sig")
    assert len(text.splitlines()) > 1
    made.clean()


def test_a_bar_of_the_overlap_opens_its_people(
    proven: int, demo_studio: Studio, screen: Look
) -> None:
    made = screen(demo_studio, height=1_500)
    made.open(f"/segments?id={proven}")
    tab(made, "Overlap")
    page = made.page
    figure = page.locator("[class*=overlap-figure] canvas").first
    figure.wait_for()
    page.wait_for_timeout(1_000)  # the figure's entry animation
    with demo_studio.database.read() as session:
        rows = [segment.get(session, proven)]
        rows += [row for row in segment.listing(session) if row.id != proven][:2]
        trees = [(row.name, segment.from_json(row.tree)) for row in rows]
    parts = overlap.of(demo_studio.database, trees).parts
    assert len(parts) > 1
    box = figure.bounding_box()
    left, right, top = 196, 8, 24  # the margins of the bars, as charts.overlap has them
    second = left + (box["width"] - left - right) * 1.5 / len(parts)
    page.mouse.click(box["x"] + second, box["y"] + top + 190 - 4)
    made.settle()
    chosen = page.get_by_role("combobox", name="People of")
    expect(chosen).to_have_value(re.compile(f": {parts[1].people:,}$"))
    page.get_by_text(f"{parts[1].people:,} contacts").first.wait_for()
    made.shot("segment-overlap-clicked")
    made.clean()
