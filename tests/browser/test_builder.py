"""The segment builder in Chromium: by keyboard, by dragging, in the dark, on a phone; nothing is
lost, every number is right, and every control has a name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from engine import accounts, db, settings
from engine.contacts import contacts, tags
from engine.segments import segment
from tests.browser.conftest import Screen, Studio

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
pytestmark = pytest.mark.browser

Look = Callable[..., Screen]
Tree = dict[str, Any]
COUNTRIES = ("CO", "MX", "PE", "AR", "CL", "ES", "EC", "UY")
TAGS = ("VIP", "Newsletter", "Wholesale", "App user", "Store opening", "Gift buyer", "Complaint")


@pytest.fixture(scope="module")
def studio(
    start_studio: Callable[[settings.Settings], Studio], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Studio]:
    """A studio on forty-eight people of eight countries, with tags, a field and a channel."""
    folder = tmp_path_factory.mktemp("builder") / "data"
    made = start_studio(
        settings.Settings(_env_file=None, data=folder, sqlite_synchronous="NORMAL", language="")
    )
    with made.database.write() as session:
        contacts.define_field(session, key="orders", label="Orders", type="number")
        contacts.define_field(session, key="birthday", label="Birthday", type="date")
        accounts.add(session, made.settings, kind="email", name="Mail", values={}, sandbox=False)
        for place in range(48):
            contacts.create(
                session,
                first_name="Ana" if place % 3 else "Luis",
                last_name=f"Number {place}",
                country=COUNTRIES[place % len(COUNTRIES)],
                fields={"orders": place},
                tags=[TAGS[place % len(TAGS)]],
            )
    return made


def a_segment(studio: Studio, name: str, *of: Tree, match: str = "all") -> int:
    tree = {"match": match, "of": list(of)}
    with studio.database.write() as session:
        return segment.create(session, name=name, tree=segment.from_json(tree)).id


def opened(studio: Studio, screen: Look, id: int, **how: Any) -> Screen:
    made = screen(studio, **how)
    made.open(f"/segments?id={id}")
    made.page.locator(".match").first.wait_for()
    return made


def saved(made: Screen, id: int) -> Tree:
    """Press the button; it is off again when the segment is what the page shows."""
    expect(made.page.locator(".builder.waiting")).to_have_count(0, timeout=30_000)
    made.settle()
    button = made.page.get_by_role("button", name="Update segment")
    expect(button).to_be_enabled(timeout=30_000)
    button.click()
    expect(button).to_be_disabled(timeout=30_000)
    with made.studio.database.read() as session:
        return dict(segment.get(session, id).tree)


def fields_of(made: Screen) -> list[str]:
    """The conditions on the page, from top to bottom."""
    names = made.page.get_by_role("button", name=re.compile("^Field: ")).all()
    return [str(one.get_attribute("aria-label")).removeprefix("Field: ") for one in names]


def focused(made: Screen) -> str:
    """The name of what has the focus, inside the component."""
    name = made.page.evaluate(
        "() => { let at = document.activeElement;"
        " while (at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;"
        " return at.getAttribute('aria-label') || at.textContent; }"
    )
    return str(name)


def is_in(*countries: str) -> Tree:
    return {"field": "contact.country", "op": "is_any_of", "value": list(countries)}


def orders(least: int) -> Tree:
    return {"field": "field.orders", "op": "gte", "value": least}


def named(text: str) -> Tree:
    return {"field": "contact.first_name", "op": "is", "value": text}


def test_three_levels_are_built_with_the_keyboard_alone(studio: Studio, screen: Look) -> None:
    id = a_segment(studio, "By keyboard")
    made = opened(studio, screen, id)
    press, write = made.page.keyboard.press, made.page.keyboard.type
    made.page.get_by_role("button", name="+ Condition").focus()
    press("Enter")
    write("first name")
    press("Enter")
    write("ana")
    press("Control+Shift+Enter")  # a group below
    write("orders")
    press("Enter")
    write("10")
    press("Control+Shift+Enter")  # and one inside it
    write("mexico")  # a value finds its field
    press("Enter")
    made.settle()
    press("Control+Enter")
    write("orders")
    press("Enter")
    write("5")
    assert saved(made, id) == {
        "match": "all",
        "of": [
            named("ana"),
            {
                "match": "any",
                "of": [orders(10), {"match": "all", "of": [is_in("MX"), orders(5)]}],
            },
        ],
    }
    made.clean()


def test_rows_move_by_keyboard_within_into_and_out_of_groups(studio: Studio, screen: Look) -> None:
    inner = {"match": "any", "of": [orders(3)]}
    id = a_segment(studio, "Moved by keyboard", named("ana"), is_in("CO"), inner)
    made = opened(studio, screen, id)
    made.page.get_by_role("button", name="Field: First name").focus()
    made.page.keyboard.press("Alt+ArrowDown")
    assert fields_of(made) == ["Country", "First name", "Orders"]
    expect(made.page.get_by_text("Moved: 2 of 3.")).to_be_attached()
    assert focused(made) == "Field: First name"
    made.page.keyboard.press("Alt+ArrowRight")
    assert focused(made) == "Field: First name"
    made.page.keyboard.press("Alt+ArrowLeft")
    made.page.keyboard.press("Alt+ArrowRight")
    made.page.keyboard.press("Alt+ArrowDown")
    made.page.keyboard.press("Control+d")
    assert fields_of(made) == ["Country", "Orders", "First name", "First name"]
    made.page.keyboard.press("Delete")
    made.settle()
    tree = saved(made, id)
    assert tree["of"] == [is_in("CO"), {"match": "any", "of": [orders(3), named("ana")]}]
    made.clean()


def test_a_row_is_dragged_into_a_group_and_escape_puts_it_back(
    studio: Studio, screen: Look
) -> None:
    inner = {"match": "any", "of": [orders(3), is_in("CO")]}
    id = a_segment(studio, "Dragged", named("ana"), inner)
    made = opened(studio, screen, id)
    page = made.page

    def centre(of: Any) -> tuple[float, float]:
        box = of.bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    handle = page.get_by_role("button", name="Drag to move").first
    target = page.get_by_role("button", name="Field: Country")
    for drops in (False, True):
        made.settle()
        x, y = centre(target)
        page.mouse.move(*centre(handle))
        page.mouse.down()
        page.mouse.move(x, y - 30, steps=4)
        page.mouse.move(x, y - 8, steps=4)
        made.shot("builder-dragging")
        if not drops:
            page.keyboard.press("Escape")
        page.mouse.up()
        assert fields_of(made)[0] == ("Orders" if drops else "First name")
    assert saved(made, id)["of"] == [{"match": "any", "of": [orders(3), named("ana"), is_in("CO")]}]
    made.clean()


def test_a_sessions_edits_are_undone_and_done_again(studio: Studio, screen: Look) -> None:
    id = a_segment(studio, "Undone", named("ana"), orders(3))
    made = opened(studio, screen, id)
    press = made.page.keyboard.press
    box = made.page.get_by_label("First name: is", exact=True).get_by_role("textbox")
    box.focus()
    press("End")
    made.page.keyboard.type(" maria")  # one edit, however many keys
    made.page.get_by_role("button", name="Remove condition: Orders").click()
    assert fields_of(made) == ["First name"]
    press("Control+z")
    assert fields_of(made) == ["First name", "Orders"]
    press("Control+z")
    expect(box).to_have_value("ana")
    press("Control+Shift+z")
    expect(box).to_have_value("ana maria")
    press("Control+y")
    assert fields_of(made) == ["First name"]
    made.page.get_by_role("button", name="Undo", exact=True).click()
    assert fields_of(made) == ["First name", "Orders"]
    made.clean()


def test_each_row_says_what_the_segment_would_be_without_it(studio: Studio, screen: Look) -> None:
    id = a_segment(studio, "Weighed", is_in("MX", "CO"), orders(24))
    made = opened(studio, screen, id)
    page = made.page
    expect(
        page.get_by_role("group", name=re.compile("^Country is any of.*: 12 contacts"))
    ).to_have_count(1)
    gain = page.get_by_text("Without this: +18 contacts")
    expect(gain).to_have_css("opacity", "0")
    page.get_by_role("button", name="Field: Country").hover()
    expect(gain).to_have_css("opacity", "1")
    page.get_by_role("button", name="Field: Orders").focus()
    page.mouse.move(0, 0)
    expect(page.get_by_text("Without this: +6 contacts")).to_have_css("opacity", "1")
    expect(gain).to_have_css("opacity", "0")
    made.clean()


def test_nothing_typed_is_lost_by_a_rerun_another_page_or_a_reload(
    studio: Studio, screen: Look
) -> None:
    id = a_segment(studio, "Kept", named("ana"))
    made = opened(studio, screen, id)
    box = made.page.get_by_label("First name: is", exact=True).get_by_role("textbox")
    box.focus()
    made.page.keyboard.press("End")
    for part in (" maria", " del", " mar"):  # an answer comes in the middle of each
        made.page.keyboard.type(part, delay=90)
        made.page.wait_for_timeout(400)
    expect(box).to_have_value("ana maria del mar")
    assert focused(made) == "First name: is"
    made.settle()
    made.page.get_by_role("link", name="Contacts").click()
    made.settle()
    made.page.go_back()
    expect(box).to_have_value("ana maria del mar")
    made.page.get_by_role("button", name="Undo", exact=True).click()  # history came along
    made.page.get_by_role("button", name="Redo", exact=True).click()
    made.settle()
    made.page.reload()
    expect(box).to_have_value("ana maria del mar", timeout=30_000)
    assert saved(made, id)["of"] == [named("ana maria del mar")]
    made.clean()


def test_what_was_typed_just_before_the_save_is_saved(studio: Studio, screen: Look) -> None:
    id = a_segment(studio, "Typed and saved", orders(1))
    made = opened(studio, screen, id)
    box = made.page.get_by_role("textbox", name="Orders").first
    button = made.page.get_by_role("button", name="Update segment")
    box.fill("2")
    expect(button).to_be_enabled(timeout=30_000)
    box.fill("40")
    button.click()  # within the time that typing is waited for
    expect(button).to_be_disabled(timeout=30_000)
    with studio.database.read() as session:
        assert dict(segment.get(session, id).tree)["of"] == [orders(40)]
    made.clean()


def test_the_people_follow_the_count_and_quick_taps_are_all_counted(
    studio: Studio, screen: Look
) -> None:
    id = a_segment(studio, "Quick taps", is_in("PE", "CO", "MX"))
    made = opened(studio, screen, id)
    page = made.page
    total = page.locator("p.total")
    expect(total).to_contain_text("18 contacts", timeout=30_000)
    for country in ("Peru", "Mexico"):
        page.get_by_role("button", name=re.compile(f"^Remove.*: {country}")).click()
    expect(page.locator(".builder.waiting")).to_have_count(0, timeout=30_000)
    expect(page.locator(".builder .number").first).to_have_text("6")
    expect(total).to_contain_text("6 contacts", timeout=30_000)
    made.clean()


def test_what_was_deleted_is_told_at_its_place_and_the_rest_is_counted(
    studio: Studio, screen: Look
) -> None:
    with studio.database.write() as session:
        gone = tags.tag_ids(session, ["Short-lived"])["short-lived"]
    tree = {"field": "tag", "op": "has_any", "value": [gone]}
    id = a_segment(studio, "Broken", is_in("CO"), {"match": "any", "of": [tree, orders(40)]})
    with studio.database.write() as session:
        session.execute(sa.delete(db.Tag).where(db.Tag.id == gone))
        db.touch_contacts(session)
    made = opened(studio, screen, id)
    broken = made.page.get_by_role("group", name=re.compile("^Tags")).first
    expect(broken.get_by_text("A tag does not exist any more.")).to_be_visible()
    expect(made.page.get_by_role("group", name=re.compile("^Country.*: 6 contacts"))).to_have_count(
        1
    )
    expect(made.page.get_by_role("group", name=re.compile("^Orders.*: 8 contacts"))).to_have_count(
        1
    )
    made.shot("builder-broken")
    made.page.get_by_role("button", name="Remove: (deleted)").click()
    expect(broken.get_by_text("A tag does not exist any more.")).to_have_count(0)
    made.clean()


def test_many_values_are_pasted_and_the_unknown_are_named(studio: Studio, screen: Look) -> None:
    id = a_segment(studio, "Pasted", is_in("CO"))
    made = opened(studio, screen, id)
    made.page.get_by_role("button", name="Country: is any of: Add a value").click()
    search = made.page.get_by_role("combobox", name="Country: is any of: Search")
    option = made.page.get_by_role("option", name="Mexico (MX)")
    expect(option).to_contain_text("6")  # how many live there
    search.evaluate(
        "(box, text) => { const given = new DataTransfer(); given.setData('text', text);"
        " const how = {clipboardData: given, cancelable: true};"
        " box.dispatchEvent(new ClipboardEvent('paste', how)); }",
        "Mexico, peru\nNarnia; AR",
    )
    made.page.get_by_text("Not found: Narnia").wait_for()
    made.page.keyboard.press("Escape")
    assert saved(made, id)["of"] == [is_in("CO", "MX", "PE", "AR")]
    made.clean()


def test_a_row_is_copied_and_pasted_as_text(studio: Studio, screen: Look) -> None:
    id = a_segment(studio, "Copied", {"match": "any", "of": [orders(3), is_in("CO")]})
    made = opened(studio, screen, id)
    made.page.get_by_label("Match", exact=True).nth(1).focus()
    made.page.keyboard.press("Control+c")
    made.page.get_by_role("button", name="+ Condition").last.focus()
    made.page.keyboard.press("Control+v")
    tree = saved(made, id)
    assert tree["of"] == [{"match": "any", "of": [orders(3), is_in("CO")]}] * 2
    made.clean()


def test_ranges_say_what_is_wrong_and_days_are_quickly_chosen(studio: Studio, screen: Look) -> None:
    between = {"field": "field.orders", "op": "between", "value": [1, 9]}
    birthday = {"field": "field.birthday", "op": "on", "value": "2026-01-01"}
    id = a_segment(studio, "Ranges", between, birthday)
    made = opened(studio, screen, id)
    low = made.page.get_by_label("Orders: is between: From")
    low.fill("20")
    made.page.get_by_text("The first is larger than the second.").wait_for()
    made.page.get_by_text("unfinished").wait_for()
    low.fill("1,234.5")
    made.page.get_by_label("Orders: is between: To").fill("2,000")
    made.page.get_by_role("button", name="Birthday: Quick dates").click()
    made.page.get_by_role("menuitem", name="Last 30 days").click()
    assert saved(made, id)["of"] == [
        {"field": "field.orders", "op": "between", "value": [1234.5, 2000]},
        {"field": "field.birthday", "op": "in_last_days", "value": 30},
    ]
    made.clean()


def test_an_empty_segment_begins_with_one_click(studio: Studio, screen: Look) -> None:
    id = a_segment(studio, "Begun")
    made = opened(studio, screen, id)
    made.shot("builder-empty")
    made.page.get_by_role("button", name=re.compile("^Has the tag")).click()
    assert fields_of(made) == ["Tags"]
    assert saved(made, id)["of"][0]["op"] == "has_any"
    made.clean()


UNNAMED = """() => {
  const found = [];
  const look = (root) => {
    for (const at of root.querySelectorAll("*")) if (at.shadowRoot) look(at.shadowRoot);
    const builder = root.querySelector(".builder .stage");
    if (!builder) return;
    for (const at of builder.querySelectorAll("button, input, select, [role=group]")) {
      const text = at.tagName === "BUTTON" && at.textContent.trim();
      const name = at.getAttribute("aria-label") || text;
      if (!name && at.checkVisibility()) found.push(at.outerHTML.slice(0, 120));
    }
  };
  look(document);
  return found;
}"""
DEEP = (
    is_in("MX", "CO", "PE"),
    {
        "match": "any",
        "of": [
            orders(14),
            named("ana"),
            {
                "match": "none",
                "of": [
                    {"field": "channel.opted_out", "op": "has_any", "value": [1]},
                    {"field": "activity.created_at", "op": "more_than_days_ago", "value": 90},
                ],
            },
        ],
    },
)


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("deep", {}),
        ("dark", {"dark": True}),
        ("spanish", {"locale": "es-CO"}),
        ("phone", {"width": 390, "height": 1100}),
        ("phone-dark", {"width": 390, "height": 1100, "dark": True, "locale": "es-CO"}),
    ],
)
def test_every_control_has_a_name_and_nothing_scrolls_sideways(
    name: str, how: dict[str, Any], studio: Studio, screen: Look
) -> None:
    id = a_segment(studio, f"Reachable and loyal ({name})", *json.loads(json.dumps(DEEP)))
    made = opened(studio, screen, id, **how)
    made.settle()
    made.shot(f"builder-{name}")
    assert made.page.evaluate(UNNAMED) == []
    wide = made.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, "the page scrolls sideways"
    made.clean()


def test_the_shortcuts_are_one_key_away(studio: Studio, screen: Look) -> None:
    id = a_segment(studio, "Shortcuts", orders(3))
    made = opened(studio, screen, id)
    made.page.get_by_role("button", name="Field: Orders").focus()
    made.page.keyboard.press("?")
    sheet = made.page.get_by_role("dialog", name="Keyboard shortcuts")
    sheet.get_by_text("Move the row up or down").wait_for()
    made.shot("builder-shortcuts")
    made.page.keyboard.press("Escape")
    assert focused(made) == "Field: Orders"
    made.clean()
