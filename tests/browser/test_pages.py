"""Every page opens in Chromium, empty and full: no error, and nothing asked of another host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from engine.contacts import contacts
from engine.segments import segment
from tests.browser.conftest import Screen, Studio

pytestmark = pytest.mark.browser
PAGES = ["/", "/broadcasts", "/broadcast?id=1", "/report?id=1", "/segments", "/contacts"]
FULL = [*PAGES, "/segments?id=1", "/contacts?view=import"]
Look = Callable[..., Screen]


def name_of(path: str) -> str:
    return path.strip("/").replace("?", "-").replace("=", "-") or "home"


@pytest.mark.parametrize("path", PAGES)
def test_opens_on_an_empty_workspace(path: str, empty_studio: Studio, screen: Look) -> None:
    made = screen(empty_studio)
    made.open(path)
    made.shot(f"empty-{name_of(path)}")
    made.clean()


@pytest.mark.parametrize("path", FULL)
@pytest.mark.parametrize(
    ("width", "dark", "locale"), [(1360, False, "en-US"), (390, True, "es-CO")]
)
def test_opens_on_the_demo_workspace(
    path: str, width: int, dark: bool, locale: str, demo_studio: Studio, screen: Look
) -> None:
    made = screen(demo_studio, width=width, dark=dark, locale=locale)
    made.open(path)
    made.shot(f"demo-{name_of(path)}-{width}")
    made.clean()
    wide = made.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, "the page scrolls sideways"


def test_the_language_is_switched_on_the_page_one_is_on(demo_studio: Studio, screen: Look) -> None:
    made = screen(demo_studio)
    made.open("/segments?id=1")
    made.page.get_by_role("link", name="Español").click()
    made.page.wait_for_url("**/segments?id=1")
    made.settle()
    made.page.get_by_text("Actualizar segmento").wait_for()
    made.open("/contacts")
    made.page.get_by_text("Agregar contacto").wait_for()
    made.clean()


def a_segment(studio: Studio, name: str) -> int:
    with studio.database.write() as session:
        return segment.create(session, name=name).id


def saved(page: Any) -> None:
    """Press the button; it is off again when the segment is what the page shows."""
    button = page.get_by_role("button", name="Update segment")
    button.click()
    expect(button).to_be_disabled(timeout=30_000)


def test_a_segment_is_built_with_the_keyboard_alone(demo_studio: Studio, screen: Look) -> None:
    id = a_segment(demo_studio, "Built by keyboard")
    made = screen(demo_studio)
    made.open(f"/segments?id={id}")
    page = made.page
    page.get_by_role("button", name="+ Condition").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("first na")
    page.keyboard.press("Enter")
    page.keyboard.type("a")
    page.keyboard.press("Enter")  # another condition below
    page.keyboard.type("country")
    page.keyboard.press("Enter")
    page.get_by_label("Country: Operator").select_option("is_not_set")
    made.settle()
    saved(page)
    with demo_studio.database.read() as session:
        assert segment.get(session, id).tree == {
            "match": "all",
            "of": [
                {"field": "contact.first_name", "op": "is", "value": "a"},
                {"field": "contact.country", "op": "is_not_set"},
            ],
        }
    made.clean()


def test_the_builder_counts_while_it_is_edited_and_loses_nothing(
    demo_studio: Studio, screen: Look
) -> None:
    id = a_segment(demo_studio, "Counted live")
    tree = {
        "match": "any",
        "of": [{"field": "contact.country", "op": "is_any_of", "value": ["MX"]}],
    }
    people = f"{segment.count(demo_studio.database, segment.from_json(tree)):,}"
    made = screen(demo_studio)
    made.open(f"/segments?id={id}")
    page = made.page
    page.get_by_role("button", name="+ Condition").click()
    page.get_by_role("combobox", name="Field: Search").fill("country")
    page.get_by_role("option", name="Country").click()
    page.get_by_label("Country: Operator").select_option("is_any_of")
    page.get_by_role("button", name="Country: is any of: Add a value").click()
    page.get_by_role("combobox", name="Country: is any of: Search").fill("mex")
    page.get_by_role("option", name="Mexico").click()
    page.keyboard.press("Escape")
    page.locator("p.total", has_text=f"{people} contacts").wait_for()
    page.get_by_label("Match", exact=True).first.select_option("any")
    page.get_by_role("button", name="+ Group").click()  # left half done
    page.keyboard.press("Escape")
    made.settle()
    page.get_by_role("link", name="Contacts").click()
    made.settle()
    page.go_back()
    made.settle()
    page.locator("p.total", has_text=f"{people} contacts").wait_for()
    assert page.get_by_text("unfinished").count() == 1
    saved(page)
    with demo_studio.database.read() as session:
        assert segment.get(session, id).tree == tree
    made.clean()


def test_a_contact_is_added_and_a_mistake_is_told_in_place(
    demo_studio: Studio, screen: Look
) -> None:
    made = screen(demo_studio)
    made.open("/contacts")
    page = made.page
    page.get_by_role("button", name="Add contact").click()
    form = page.get_by_role("dialog")
    form.get_by_label("First name").fill("Zenobia")
    form.get_by_label("Phone").fill("12")
    form.get_by_role("button", name="Add contact").click()
    form.get_by_text("“12” is not a valid phone number.").wait_for()
    assert form.get_by_label("First name").input_value() == "Zenobia"
    form.get_by_label("Phone").fill("+57 300 765 4321")
    form.get_by_role("button", name="Add contact").click()
    form.wait_for(state="detached")
    with demo_studio.database.read() as session:
        assert contacts.search(session, "Zenobia")[0].phone == "+573007654321"
    made.clean()
