"""A look at people: narrowed by search and facets, in order, and by the page."""

from __future__ import annotations

import pytest

from engine import db
from engine.contacts import contacts
from engine.errors import Invalid
from engine.segments import frame, segment, view
from engine.segments.tree import Condition, Group
from engine.segments.view import View

PEOPLE = (
    ("Ana", "Ruiz", "+51987654321", "PE", "es", ("VIP",)),
    ("Luis", "Ñuñez", "+573001234567", "CO", "es", ("VIP", "New")),
    ("Inés", "Alba", None, "PE", "en", ()),
    ("ana", "Zapata", "+525512345678", "MX", None, ("New",)),
    ("", "", None, None, "en", ()),
)
FROM_PERU = Group("all", (Condition("contact.country", "is_any_of", ("PE",)),))


@pytest.fixture
def filled(any_database: db.Database) -> db.Database:
    with any_database.write() as session:
        session.add(db.Channel(key="sms", name="SMS", kind="twilio_sms", ceiling=1.0))
        session.add(db.Channel(key="tg", name="Telegram", kind="telegram", ceiling=1.0))
        session.flush()
        for first, last, phone, country, language, tags in PEOPLE:
            contacts.create(
                session,
                first_name=first,
                last_name=last,
                phone=phone,
                country=country,
                language=language,
                tags=tags,
                email=None if phone else f"{len(first)}@example.com",
            )
        contacts.opt_out(session, contact_id=1, channel_id=1, source="person")
    return any_database


def names(database: db.Database, look: View, offset: int = 0, length: int = 50) -> list[str]:
    rows = view.page(database, look, offset=offset, length=length, columns=["first_name"])
    return rows["first_name"].to_list()


def values(database: db.Database, look: View, key: str) -> dict[object, int]:
    return dict(view.facets(database, look)[key])


def test_a_look_at_everybody_finds_everybody_by_id(filled: db.Database):
    looked = view.found(filled, View())
    assert (looked.total, looked.everybody) == (5, 5)
    assert view.ids(filled, View()) == [1, 2, 3, 4, 5]


def test_segment_search_and_facets_narrow_together(filled: db.Database):
    assert view.ids(filled, View(tree=FROM_PERU)) == [1, 3]
    assert view.ids(filled, View(text="ana")) == [1, 4]
    assert view.ids(filled, View(text="ANA", facets=(("contact.country", ("MX", "PE")),))) == [1, 4]
    assert view.ids(filled, View(tree=FROM_PERU, text="ana")) == [1]
    assert view.ids(filled, View(tree=FROM_PERU, facets=(("tag", (2,)),))) == []


def test_a_facet_finds_any_of_its_values_and_several_facets_all(filled: db.Database):
    assert view.ids(filled, View(facets=(("tag", (1, 2)),))) == [1, 2, 4]
    both = (("tag", (1,)), ("contact.country", ("CO", "MX")))
    assert view.ids(filled, View(facets=both)) == [2]


def test_an_order_has_no_value_last_both_ways(filled: db.Database):
    up = view.page(filled, View(sort="phone"), offset=0, length=9, columns=["phone"])
    down = view.page(
        filled, View(sort="phone", descending=True), offset=0, length=9, columns=["phone"]
    )
    known = sorted(phone for _, _, phone, *_ in PEOPLE if phone)
    assert up["phone"].to_list() == [*known, None, None]
    assert down["phone"].to_list() == [*reversed(known), None, None]


def test_an_order_by_name_takes_the_whole_name_and_has_the_nameless_last(filled: db.Database):
    assert names(filled, View(sort="name")) == ["Ana", "ana", "Inés", "Luis", ""]
    assert names(filled, View(sort="name", descending=True)) == ["Luis", "Inés", "ana", "Ana", ""]


@pytest.mark.parametrize("sort", ["id", "name", "first_name", "phone", "created_at", "country"])
@pytest.mark.parametrize("descending", [False, True])
def test_pages_hold_each_person_once_in_any_order(filled: db.Database, sort: str, descending: bool):
    look = View(facets=(("contact.language", ("es", "en")),), sort=sort, descending=descending)
    pages = [
        view.page(filled, look, offset=at, length=3, columns=[])["id"].to_list() for at in (0, 3, 6)
    ]
    assert sorted(id for part in pages for id in part) == view.ids(filled, look)
    assert [len(part) for part in pages] == [3, 1, 0]


def test_a_page_has_the_ids_of_tags_and_channels(filled: db.Database):
    columns = ["country", "tags", "channels", "opted_out", "gone"]
    rows = view.page(filled, View(), offset=0, length=2, columns=columns)
    assert rows.rows() == [(1, "PE", [1], [], [1]), (2, "CO", [1, 2], [1], [])]


def test_lists_are_empty_where_there_are_no_tags_or_channels(any_database: db.Database):
    with any_database.write() as session:
        contacts.create(session, first_name="Ana")
        contacts.create(session, first_name="Luis")
    rows = view.page(any_database, View(), offset=0, length=2, columns=["tags", "channels"])
    assert rows.rows() == [(1, [], []), (2, [], [])]


def test_facets_count_what_the_look_finds_largest_first(filled: db.Database):
    counted = view.facets(filled, View())
    assert counted["contact.country"] == [("PE", 2), ("CO", 1), ("MX", 1)]
    assert counted["contact.language"] == [("en", 2), ("es", 2)]
    assert counted["tag"] == [(1, 2), (2, 2)]
    assert counted["channel.reachable"] == [(1, 3)]
    assert values(filled, View(text="ana"), "contact.country") == {"PE": 1, "MX": 1}


def test_a_facet_is_not_narrowed_by_its_own_choice_but_by_the_others(filled: db.Database):
    look = View(facets=(("contact.country", ("PE",)),))
    assert values(filled, look, "contact.country") == {"PE": 2, "CO": 1, "MX": 1}
    assert values(filled, look, "tag") == {1: 1}


def test_a_choice_that_nobody_has_any_more_stays_in_sight(filled: db.Database):
    look = View(tree=FROM_PERU, facets=(("tag", (2,)),))
    assert values(filled, look, "tag") == {1: 1, 2: 0}


def test_a_deleted_tag_is_not_asked_for(filled: db.Database):
    look = View(facets=(("tag", (99,)),))
    assert len(view.ids(filled, look)) == 5
    assert 99 not in values(filled, look, "tag")


def test_every_facet_count_is_what_choosing_it_finds(filled: db.Database):
    look = View(tree=Group("none", FROM_PERU.of), text="a")
    for key, rows in view.facets(filled, look).items():
        for value, people in rows:
            chosen = View(tree=look.tree, text=look.text, facets=((key, (value,)),))
            assert view.found(filled, chosen).total == people, (key, value)


def test_a_look_follows_what_is_written(filled: db.Database):
    look = View(tree=FROM_PERU, sort="first_name")
    assert names(filled, look) == ["Ana", "Inés"]
    assert view.facets(filled, look)["tag"] == [(1, 1)]
    with filled.write() as session:
        contacts.create(session, first_name="Berta", country="PE", tags=["VIP"])
    assert names(filled, look) == ["Ana", "Berta", "Inés"]
    assert view.facets(filled, look)["tag"] == [(1, 2)]


def test_a_look_through_another_segment_follows_its_tree(filled: db.Database):
    with filled.write() as session:
        inner = segment.create(session, name="inner", tree=FROM_PERU).id
    look = View(tree=Group("all", (Condition("segment", "in_segment", inner),)), sort="first_name")
    assert len(names(filled, look)) == 2
    with filled.write() as session:
        segment.save(session, inner, segment.EVERYBODY)
    assert len(names(filled, look)) == 5


def test_the_mask_is_of_the_frame_it_comes_with(filled: db.Database):
    looked = view.found(filled, View(tree=FROM_PERU))
    assert looked.frame is frame.load(filled)
    assert looked.frame.people["id"].filter(looked.mask).to_list() == [1, 3]


def test_a_tree_that_cannot_be_used_is_an_error(filled: db.Database):
    broken = View(tree=Group("all", (Condition("field.gone", "is_set"),)))
    with pytest.raises(Invalid):
        view.found(filled, broken)
    with pytest.raises(Invalid):
        view.facets(filled, broken)
