"""The segment page in Chromium: the live table, facets, ticks, columns, export, the drawer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from playwright.sync_api import expect

from engine.segments import saved, segment, view
from engine.segments.tree import Group
from engine.segments.view import View
from tests.browser.conftest import Screen, Studio

pytestmark = pytest.mark.browser
Look = Callable[..., Screen]
PATIENCE = 30_000


@pytest.fixture
def opened(demo_studio: Studio, screen: Look, request: pytest.FixtureRequest) -> Screen:
    """A segment of everybody, its own for each test, in a browser."""
    with demo_studio.database.write() as session:
        id = saved.create(session, name=request.node.name, tree=Group()).id
    made: Screen = screen(demo_studio, height=1400)
    made.open(f"/segments?id={id}")
    expect(made.page.locator("tbody tr")).to_have_count(50, timeout=PATIENCE)
    return made


def ids(page: Any) -> list[int]:
    rows = page.locator("tbody tr").evaluate_all("rows => rows.map((row) => row.dataset.id)")
    return [int(id) for id in rows]


def ticked(page: Any) -> set[int]:
    rows = page.locator("tbody tr:has(input:checked)")
    return {int(id) for id in rows.evaluate_all("rows => rows.map((row) => row.dataset.id)")}


def wait_for_ids(page: Any, wanted: list[int]) -> None:
    page.wait_for_function(
        """wanted => {
          const found = [];
          const walk = (root) => root.querySelectorAll("*").forEach((each) => {
            if (each.matches("tbody tr[data-id]")) found.push(Number(each.dataset.id));
            if (each.shadowRoot) walk(each.shadowRoot);
          });
          walk(document);
          return JSON.stringify(found) === JSON.stringify(wanted);
        }""",
        arg=wanted,
        timeout=PATIENCE,
    )


def expected(studio: Studio, look: View, offset: int = 0) -> list[int]:
    rows = view.page(studio.database, look, offset=offset, length=50, columns=[])
    return rows["id"].to_list()


def test_ticks_stay_the_same_people_over_sort_search_and_pages(opened: Screen) -> None:
    page, studio = opened.page, opened.studio
    first = ids(page)[:3]
    for id in first:
        page.locator(f'tr[data-id="{id}"] input').check()
    expect(page.get_by_text("3 selected")).to_be_visible()
    page.get_by_role("button", name="Name", exact=True).click()
    wait_for_ids(page, expected(studio, View(sort="name")))
    assert ticked(page) == set(first) & set(ids(page))
    page.get_by_role("button", name="Next page").click()
    wait_for_ids(page, expected(studio, View(sort="name"), 50))
    assert ticked(page) == set(first) & set(ids(page))
    name = segment_name(studio, first[1])
    page.get_by_role("searchbox", name="Name, phone or email").fill(name)
    wait_for_ids(page, expected(studio, View(sort="name", text=name)))
    assert first[1] in ticked(page) <= set(first)
    expect(page.get_by_text("3 selected")).to_be_visible()
    opened.clean()


def segment_name(studio: Studio, id: int) -> str:
    rows = segment.people(studio.database, segment.EVERYBODY).filter(pl.col("id") == id).collect()
    return f"{rows['first_name'][0]} {rows['last_name'][0]}"


def test_everybody_who_matches_is_selected_with_one_click(opened: Screen) -> None:
    page, studio = opened.page, opened.studio
    page.get_by_role("checkbox", name="Select everybody on this page").check()
    everybody = view.found(studio.database, View()).total
    page.get_by_role("button", name=f"Select all {everybody:,} that match").click()
    expect(page.get_by_text(f"All {everybody:,} that match are selected")).to_be_visible()
    page.get_by_role("searchbox", name="Name, phone or email").fill("zzzz")
    expect(page.get_by_text("Nobody found")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("that match are selected")).to_be_hidden()
    opened.shot("segments-none-found")
    page.get_by_role("button", name="Clear search and filters").click()
    wait_for_ids(page, expected(studio, View()))
    assert ticked(page) == set()
    opened.clean()


def test_a_facet_narrows_the_table_and_its_chip_takes_it_back(opened: Screen) -> None:
    page, studio = opened.page, opened.studio
    page.get_by_role("checkbox", name="Mexico").check()
    look = View(facets=(("contact.country", ("MX",)),))
    wait_for_ids(page, expected(studio, look))
    total = view.found(studio.database, look).total
    expect(page.locator("p.total")).to_contain_text(f"{total:,} contacts")
    opened.shot("segments-facets")
    page.get_by_role("button", name="Remove: Country Mexico").click()
    wait_for_ids(page, expected(studio, View()))
    expect(page.get_by_role("checkbox", name="Mexico")).not_to_be_checked()
    opened.clean()


def test_columns_are_chosen_and_stay_for_other_segments(opened: Screen) -> None:
    page = opened.page
    page.get_by_role("button", name="Columns").click()
    panel = page.get_by_role("dialog", name="Columns")
    panel.get_by_label("Email").check()
    panel.get_by_label("Tags").uncheck()
    expect(page.get_by_role("columnheader", name="Email")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("columnheader", name="Tags")).to_have_count(0)
    expect(panel.get_by_label("Email")).to_be_visible()  # the panel stays open
    page.keyboard.press("Escape")
    opened.settle()
    page.get_by_role("button", name="All segments").click()
    page.get_by_role("button", name="Gone quiet").click()
    expect(page.get_by_role("columnheader", name="Email")).to_be_visible(timeout=PATIENCE)
    opened.clean()


def test_the_keyboard_walks_ticks_and_opens_a_person(opened: Screen) -> None:
    page = opened.page
    first, second = ids(page)[:2]
    page.locator(f'tr[data-id="{first}"] button.who').focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("x")
    expect(page.get_by_text("1 selected")).to_be_visible()
    assert ticked(page) == {second}
    opened.settle()
    page.keyboard.press("Enter")
    name = segment_name(opened.studio, second)
    page.get_by_role("dialog").get_by_text(name).first.wait_for(timeout=PATIENCE)
    opened.clean()


@pytest.mark.parametrize(("label", "ending"), [("CSV", "csv"), ("Parquet", "parquet")])
def test_the_ticked_are_exported(opened: Screen, label: str, ending: str, tmp_path: Path) -> None:
    page = opened.page
    wanted = ids(page)[1:3]
    for id in wanted:
        page.locator(f'tr[data-id="{id}"] input').check()
    opened.settle()
    page.get_by_role("button", name="Export").click()
    with page.expect_download(timeout=PATIENCE) as download:
        page.get_by_role("button", name=label).click()
    path = tmp_path / f"people.{ending}"
    download.value.save_as(path)
    table = pl.read_csv(path) if ending == "csv" else pl.read_parquet(path)
    assert table["contact_id"].to_list() == sorted(wanted)
    opened.clean()


def test_everybody_found_is_exported_when_nobody_is_ticked(opened: Screen, tmp_path: Path) -> None:
    page = opened.page
    shown = ids(page)
    page.get_by_role("button", name="Export").click()
    with page.expect_download(timeout=PATIENCE) as download:
        page.get_by_role("button", name="CSV").click()
    download.value.save_as(tmp_path / "people.csv")
    exported = pl.read_csv(tmp_path / "people.csv")["contact_id"].to_list()
    assert set(shown) <= set(exported)
    assert len(exported) > 0
    opened.clean()


@pytest.mark.parametrize(
    ("width", "dark", "locale"),
    [(1360, False, "en-US"), (1360, True, "es-CO"), (390, False, "es-CO"), (390, True, "en-US")],
)
def test_it_fits_wide_and_narrow_light_and_dark(
    width: int, dark: bool, locale: str, demo_studio: Studio, screen: Look
) -> None:
    made = screen(demo_studio, width=width, height=1500, dark=dark, locale=locale)
    made.open("/segments?id=1")
    expect(made.page.locator("tbody tr").first).to_be_visible(timeout=PATIENCE)
    made.shot(f"segment-{width}-{'dark' if dark else 'light'}-{locale[:2]}")
    made.open("/segments")
    made.shot(f"segments-{width}-{'dark' if dark else 'light'}-{locale[:2]}")
    made.clean()
    wide = made.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, "the page scrolls sideways"
