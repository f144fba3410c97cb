"""The contacts page in Chromium: a person edited, many changed at once, undone, merged, split."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine import accounts, db, settings
from engine.contacts import contacts
from tests.browser.conftest import Screen, Studio
from tests.conftest import Wait

pytestmark = pytest.mark.browser
Look = Callable[..., Screen]
FIRST = ("Ana", "Luis", "Sofía", "Mateo", "Elena", "Hugo", "Lucía", "Íñigo")
LAST = ("Pérez", "Gómez", "Núñez", "Ortiz", "Vega")


@pytest.fixture(scope="module")
def crm(
    start_studio: Callable[[settings.Settings], Studio], tmp_path_factory: pytest.TempPathFactory
) -> Studio:
    """A workspace of 40 people, two of them alike, with a field of every kind and a channel."""
    folder = tmp_path_factory.mktemp("crm")
    config = settings.Settings(_env_file=None, data=folder / "data", sqlite_synchronous="NORMAL")
    database = db.connect(config)
    db.migrate(database)
    with database.write() as session:
        for key, type, options in (
            ("city", "choice", ["Bogotá", "Lima"]),
            ("points", "number", []),
            ("birthday", "date", []),
            ("member", "yes_no", []),
            ("nickname", "text", []),
        ):
            contacts.define_field(
                session, key=key, label=key.capitalize(), type=type, options=options
            )
        values = {"account_sid": "AC" + "0" * 32, "auth_token": "t" * 32, "sender": "+15005550006"}
        accounts.add(session, config, kind="twilio_sms", name="SMS", values=values, sandbox=True)
        for place, (first, last) in enumerate((f, name) for name in LAST for f in FIRST):
            contacts.create(
                session,
                first_name=first,
                last_name=last,
                phone=f"+57300555{place:04}",
                country="CO",
                tags=["vip"] if place % 4 == 0 else [],
                fields={"city": "Lima"} if place % 2 else {},
            )
        contacts.create(session, first_name="Marta", last_name="Ruiz", email="m@ruiz.example")
        contacts.create(
            session, first_name="Marta", email="m@ruiz.example", phone="+573005559999", tags=["vip"]
        )
    database.close()
    return start_studio(config)


def found(studio: Studio, text: str) -> list[db.Contact]:
    with studio.database.read() as session:
        return contacts.search(session, text)


def tags_of(studio: Studio, id: int) -> set[str]:
    with studio.database.read() as session:
        return set(contacts.tags_of(session, id).values())


def tick(page: Any, *names: str) -> None:
    for name in names:
        page.get_by_role("checkbox", name=f"Select: {name}", exact=True).check()


def test_a_person_is_edited_in_the_drawer_and_mistakes_stand_beside_their_fields(
    crm: Studio, screen: Look
) -> None:
    ana = found(crm, "Ana Pérez")[0]
    made = screen(crm)
    made.open("/contacts")
    page = made.page
    made.shot("contacts-people")
    page.get_by_role("button", name="Ana Pérez").click()
    made.settle()
    drawer = page.get_by_role("dialog")
    page.wait_for_url(f"**person={ana.id}")
    made.shot("contacts-person")
    drawer.get_by_role("button", name="Edit").click()
    drawer.get_by_label("Last name").fill("Pérez Luna")
    drawer.get_by_label("Phone").fill("12")
    drawer.get_by_label("Email").fill("ana@")
    drawer.get_by_role("button", name="Save").click()
    drawer.get_by_text("“12” is not a valid phone number.").wait_for()
    drawer.get_by_text("“ana@” is not an email address.").wait_for()
    made.shot("contacts-person-mistakes")
    assert drawer.get_by_label("Last name").input_value() == "Pérez Luna"
    drawer.get_by_label("Phone").fill("300 555 0001")
    drawer.get_by_label("Email").fill("ana@example.com")
    drawer.get_by_role("button", name="Save").click()
    drawer.get_by_text("Another contact has “+573005550001” already.").wait_for()
    drawer.get_by_label("Phone").fill("300 555 8888")
    drawer.get_by_label("Points").fill("12.5")
    drawer.get_by_role("button", name="Save").click()
    page.get_by_role("dialog", name="Ana Pérez Luna").wait_for()
    now = found(crm, "Ana Pérez Luna")[0]
    assert (now.id, now.phone, now.email) == (ana.id, "+573005558888", "ana@example.com")
    assert now.fields == {"points": 12.5}
    page.get_by_role("dialog").get_by_role("button", name="Undo").click()
    made.settle()
    assert found(crm, "Ana Pérez")[0].last_name == "Pérez"
    page.keyboard.press("Escape")
    page.wait_for_url("**/contacts")
    made.clean()


def test_ticks_are_people_whatever_the_order_and_the_search(crm: Studio, screen: Look) -> None:
    made = screen(crm)
    made.open("/contacts")
    page = made.page
    tick(page, "Luis Gómez", "Sofía Vega")
    made.settle()
    page.get_by_role("columnheader", name="Name").get_by_role("button").click()
    made.settle()
    page.get_by_role("searchbox").or_(page.get_by_placeholder("Name, phone or email")).first.fill(
        "nunez"
    )
    page.get_by_text("8 contacts").first.wait_for()
    tick(page, "Hugo Núñez")
    made.settle()
    page.get_by_role("button", name="Add tags").click()
    made.settle()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("heading", name="Add tags to 3 people").wait_for()
    dialog.get_by_text("2 of them are not in the list as filtered now.").wait_for()
    dialog.get_by_role("combobox").fill("fair")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    dialog.get_by_role("button", name="Add tags to 3 people").click()
    page.get_by_text("Tagged 3 contacts with fair").first.wait_for()
    made.shot("contacts-tagged")
    for name in ("Luis Gómez", "Sofía Vega", "Hugo Núñez"):
        assert "fair" in tags_of(crm, found(crm, name)[0].id), name
    assert "fair" not in tags_of(crm, found(crm, "Luis Núñez")[0].id)
    page.get_by_role("button", name="Undo").click()
    made.settle()
    for name in ("Luis Gómez", "Sofía Vega", "Hugo Núñez"):
        assert "fair" not in tags_of(crm, found(crm, name)[0].id), name
    made.clean()


def test_many_are_deleted_and_come_back_as_they_were(crm: Studio, screen: Look) -> None:
    before = {row.id: (row.phone, row.fields) for row in found(crm, "ortiz")}
    assert len(before) == 8
    made = screen(crm)
    made.open("/contacts")
    page = made.page
    page.get_by_placeholder("Name, phone or email").first.fill("ortiz")
    page.get_by_text("8 contacts").first.wait_for()
    page.get_by_role("checkbox", name="Select everybody on this page").check()
    made.settle()
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Delete").or_(
        page.get_by_role("option", name="Delete")
    ).first.click()
    made.settle()
    made.shot("contacts-delete")
    page.get_by_role("dialog").get_by_role("button", name="Delete 8 people").click()
    page.get_by_text("Deleted 8 contacts").first.wait_for()
    made.settle()
    assert not found(crm, "ortiz")
    page.get_by_role("button", name="Undo").click()
    made.settle()
    assert {row.id: (row.phone, row.fields) for row in found(crm, "ortiz")} == before
    made.clean()


def test_a_person_is_deleted_from_the_drawer_and_the_list_of_changes_brings_them_back(
    crm: Studio, screen: Look, eventually: Wait
) -> None:
    hugo = found(crm, "Hugo Vega")[0]
    made = screen(crm)
    made.open(f"/contacts?person={hugo.id}")
    page = made.page
    drawer = page.get_by_role("dialog")
    drawer.get_by_role("button", name="Delete").click()
    drawer.get_by_role("button", name="Delete contact").click()
    page.get_by_text("Deleted Hugo Vega").first.wait_for()
    made.settle()
    assert not found(crm, "Hugo Vega")
    page.get_by_text("Changes", exact=True).click()
    page.wait_for_url("**view=changes")
    made.settle()
    made.shot("contacts-changes")
    page.locator(".st-key-notice_page").get_by_role("button", name="Close").click()
    made.settle()
    page.get_by_role("button", name="Undo").first.click()
    eventually(lambda: found(crm, "Hugo Vega"))
    assert found(crm, "Hugo Vega")[0].id == hugo.id
    made.settle()
    made.clean()


def test_two_are_merged_as_chosen_and_split_again(crm: Studio, screen: Look) -> None:
    one, other = sorted(row.id for row in found(crm, "Marta"))
    made = screen(crm)
    made.open("/contacts?view=duplicates")
    page = made.page
    page.get_by_text("the same email").wait_for()
    made.shot("contacts-duplicates")
    page.get_by_role("button", name="Compare").click()
    page.get_by_text("After the merge").wait_for()
    made.settle()
    made.shot("contacts-merge")
    page.get_by_role("button", name="Merge 2 people").click()
    page.get_by_text("Merged 2 contacts into Marta Ruiz").first.wait_for()
    made.settle()
    with crm.database.read() as session:
        left = contacts.get(session, one)
        assert (left.last_name, left.phone) == ("Ruiz", "+573005559999")
    assert tags_of(crm, one) == {"vip"}
    assert [row.id for row in found(crm, "Marta")] == [one]
    page.get_by_role("button", name="Undo").click()
    made.settle()
    assert sorted(row.id for row in found(crm, "Marta")) == [one, other]
    assert tags_of(crm, one) == set()
    page.get_by_role("button", name="Not the same").click()
    page.get_by_text("No duplicates found.").wait_for()
    made.clean()


def test_somebody_opts_out_with_a_reason_and_back_in(crm: Studio, screen: Look) -> None:
    elena = found(crm, "Elena Vega")[0].id
    made = screen(crm)
    made.open(f"/contacts?person={elena}")
    page = made.page
    drawer = page.get_by_role("dialog").first
    drawer.get_by_role("tab", name="Channels").click()
    drawer.get_by_role("button", name="Opt out").click()
    open = page.get_by_test_id("stPopoverBody")
    open.get_by_role("textbox", name="Reason").fill("Told us in the shop")
    open.get_by_role("button", name="Opt out").click()
    drawer.get_by_text("Reason: Told us in the shop").wait_for()
    made.shot("contacts-opted-out")
    drawer.get_by_role("button", name="Opt in again").click()
    page.get_by_test_id("stPopoverBody").get_by_role("button", name="Opt in again").click()
    drawer.get_by_text("Reachable", exact=True).wait_for()
    drawer.get_by_role("tab", name="Timeline").click()
    drawer.get_by_text("Opted in again").first.wait_for()
    made.shot("contacts-timeline")
    made.clean()


def test_a_type_change_says_first_what_would_be_lost(crm: Studio, screen: Look) -> None:
    made = screen(crm)
    made.open("/contacts?view=fields")
    page = made.page
    made.shot("contacts-fields")
    page.locator(".st-key-field_city").get_by_role("button", name="Change").click()
    page.get_by_text("Change type", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox").click()
    page.get_by_role("option", name="Number").click()
    dialog.get_by_text("20 people lose theirs, or a part.").wait_for()
    made.settle()
    made.shot("contacts-type-change")
    button = dialog.get_by_role("button", name="Change type")
    assert button.is_disabled()
    dialog.get_by_text("Go on and lose them. It can be undone.").click()
    made.settle()
    button.click()
    page.get_by_text("Made City a field of type Number").first.wait_for()
    assert found(crm, "Luis Vega")[0].fields == {}
    page.get_by_role("button", name="Undo").click()
    made.settle()
    assert found(crm, "Luis Vega")[0].fields == {"city": "Lima"}
    made.clean()


@pytest.mark.parametrize("path", ["", "?view=fields", "?view=duplicates", "?view=changes"])
def test_the_views_fit_a_phone_in_the_dark_in_spanish(path: str, crm: Studio, screen: Look) -> None:
    made = screen(crm, width=390, height=844, dark=True, locale="es-CO")
    made.open(f"/contacts{path}")
    made.shot(f"contacts-phone{path.replace('?view=', '-')}")
    wide = made.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, "the page scrolls sideways"
    made.clean()
