"""A custom field gets another type, other choices or another name; nothing is lost unsaid."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import db
from engine.contacts import attributes, changes, contacts, converting
from engine.errors import Conflict, Invalid, NotFound
from engine.segments import frame, saved
from engine.segments.tree import Condition, Group


@pytest.fixture
def people(any_database: db.Database) -> list[int]:
    with any_database.write() as session:
        contacts.define_field(session, key="size", label="Size", type="text")
        texts = ("1", "2.5", "1", "big", " ", "2024-02-29", "2024-02-29T10:00:00")
        return [
            contacts.create(session, first_name=text or "x", fields={"size": text}).id
            for text in (text if text.strip() else "no" for text in texts)
        ]


def values(database: db.Database) -> list[object]:
    return frame.load(database).people["field.size"].to_list()


@pytest.mark.parametrize(
    ("to", "fits", "lost"), [("number", 3, 4), ("date", 1, 6), ("yes_no", 3, 4), ("choice", 7, 0)]
)
def test_a_preview_says_what_fits_and_what_would_be_lost(
    any_database: db.Database, people: list[int], to: str, fits: int, lost: int
) -> None:
    seen = attributes.convertible(any_database, "size", to)
    assert (seen.fits, seen.lost) == (fits, lost)
    if to == "date":
        assert ("2024-02-29T10:00:00", "2024-02-29", 1) in seen.samples


def test_a_type_change_is_refused_while_it_loses_something(
    any_database: db.Database, people: list[int]
) -> None:
    with pytest.raises(Conflict) as refused:
        attributes.change_type(any_database, "size", "number")
    assert (refused.value.code, refused.value.details["people"]) == ("field.would_lose", 4)
    assert values(any_database)[:4] == ["1", "2.5", "1", "big"]
    change = attributes.change_type(any_database, "size", "number", drop_lost=True)
    assert values(any_database) == [1, 2.5, 1, None, None, None, None]
    assert changes.undo(any_database, change).kept == 0
    assert values(any_database)[:4] == ["1", "2.5", "1", "big"]


def test_a_text_becomes_a_choice_of_what_there_is(
    any_database: db.Database, people: list[int]
) -> None:
    attributes.change_type(any_database, "size", "choice")
    with any_database.read() as session:
        options = attributes.get(session, "size").options
    assert options == ["1", "2.5", "2024-02-29", "2024-02-29T10:00:00", "big", "no"]
    assert set(values(any_database)) == set(options)


def test_a_segment_that_asks_with_the_old_types_operators_refuses(
    any_database: db.Database, people: list[int]
) -> None:
    asked = (("Big ones", "contains", "bi"), ("Some", "is_set", None), ("Is big", "is", "big"))
    with any_database.write() as session:
        for name, op, value in asked:
            tree = Group(of=(Group(match="none", of=(Condition("field.size", op, value),)),))
            saved.create(session, name=name, tree=tree)
    for to, named in (("number", "“Big ones”, “Is big”"), ("choice", "“Big ones”")):
        with pytest.raises(Conflict) as refused:
            attributes.change_type(any_database, "size", to, drop_lost=True)
        assert refused.value.details["names"] == named
    with any_database.write() as session:
        for row in saved.listing(session):
            if row.name != "Some":
                saved.delete(session, row.id)
    attributes.change_type(any_database, "size", "number", drop_lost=True)
    with pytest.raises(Conflict), any_database.write() as session:
        attributes.delete(session, "size")


def test_values_follow_a_renamed_choice(any_database: db.Database) -> None:
    with any_database.write() as session:
        contacts.define_field(
            session, key="size", label="Size", type="choice", options=["S", "M", "L"]
        )
        for size in ("S", "M", "M", "L"):
            contacts.create(session, first_name=size, fields={"size": size})
    with pytest.raises(Conflict) as refused:
        attributes.set_options(any_database, "size", ["Small", "M"], renamed={"S": "Small"})
    assert (refused.value.code, refused.value.details["choices"]) == ("field.choice_held", "L")
    change = attributes.set_options(
        any_database, "size", ["Small", "M"], renamed={"S": "Small"}, drop_lost=True
    )
    assert values(any_database) == ["Small", "M", "M", None]
    changes.undo(any_database, change)
    assert values(any_database) == ["S", "M", "M", "L"]
    attributes.set_options(any_database, "size", ["S", "M", "L", "XL"])
    with any_database.write() as session:
        tree = Group(of=(Condition("field.size", "is_any_of", ("XL", "L")),))
        saved.create(session, name="Large", tree=tree)
    with pytest.raises(Conflict) as refused:
        attributes.set_options(any_database, "size", ["S", "M", "L"])
    assert refused.value.details["names"] == "“Large”"
    with any_database.write() as session:
        contacts.define_field(session, key="note", label="Note", type="text")
    with pytest.raises(Invalid):
        attributes.set_options(any_database, "note", ["a"])


def test_a_field_gets_another_label(any_database: db.Database, people: list[int]) -> None:
    with any_database.write() as session:
        change = attributes.rename(session, "size", " Talla ").id
        assert attributes.get(session, "size").label == "Talla"
        with pytest.raises(NotFound):
            attributes.rename(session, "nothing", "x")
    with any_database.write() as session:
        attributes.rename(session, "size", "Medida")
    assert changes.undo(any_database, change).kept == 1
    with any_database.read() as session:
        assert attributes.get(session, "size").label == "Medida"


SCALARS = st.one_of(
    st.text(min_size=1).filter(lambda text: attributes.tidy(text) == text),
    st.integers(-(10**15) + 1, 10**15 - 1),
    st.floats(1e-90, 1e90),
    st.booleans(),
    st.dates().map(str),
    st.datetimes().map(lambda at: at.isoformat() + "+00:00"),
)


@given(value=SCALARS, to=st.sampled_from(sorted(attributes.TYPES)))
def test_what_is_said_to_fit_is_all_there(value: object, to: str) -> None:
    was = type_of(value)
    new, whole = converting.converted(value, was, to)  # type: ignore[arg-type]
    assert (new is None) <= (not whole)
    if new is None or not whole:
        return
    field = db.ContactField(key="k", label="K", type=to, options=[])
    assert attributes.clean_custom(field, new) == new
    back, _ = converting.converted(new, to, was)
    if was != "text":
        assert back == value


def type_of(value: object) -> str:
    if isinstance(value, bool):
        return "yes_no"
    if isinstance(value, int | float):
        return "number"
    text = str(value)
    if len(text) == 10 and attributes.read_date(text) == text:
        return "date"
    return "datetime" if text.endswith("+00:00") and attributes.read_date(text) else "text"
