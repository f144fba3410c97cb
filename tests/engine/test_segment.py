"""What a segment finds: polars against a row-by-row oracle, through the database and the frame."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections.abc import Callable
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import db
from engine.segments import frame, operators, segment
from engine.segments.catalogue import CATEGORIES, Catalogue, Field
from engine.segments.operators import OPERATORS
from engine.segments.tree import Condition, Group, Node, walk
from tests.engine import odd_people as odd
from tests.engine import people_world as world
from tests.engine.segment_oracle import Oracle, look

TEXTS = st.one_of(
    st.sampled_from(
        [text for text in (*world.CITIES, *world.NAMES, *world.CHOICES, *odd.TEXTS) if text]
    ),
    st.sampled_from(
        ["CO", "pe", "es", "a", "Á", "ñ", "🎉", "%", ".", "+57300", "u1@EXAMPLE", "x-"]
    ),
    st.text("aáÁñÑ 🎉%_.\\\"'xX", min_size=1, max_size=4),
).filter(lambda text: text.strip() != "")
NUMBERS = st.one_of(
    st.sampled_from([number for number in world.NUMBERS if number is not None]),
    st.integers(-2, 2),
    st.floats(-2, 2),
)
DAYS = st.one_of(
    st.sampled_from([day for day in world.DATES if day]),
    st.sampled_from([moment.date().isoformat() for moment in world.moments()]),
    st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)).map(str),
)
ONE = {"number": NUMBERS, "date": DAYS, "datetime": DAYS}


@st.composite
def conditions(draw: st.DrawFn, catalogue: Catalogue) -> Condition:
    field = draw(st.sampled_from(catalogue.fields))
    operator = draw(st.sampled_from(operators.for_type(field.type)))
    return Condition(field.key, operator.key, draw(_value(operator, field)))


def _value(operator: operators.Operator, field: Field) -> st.SearchStrategy[object]:
    ids = st.sampled_from([value for value, _ in field.options] or [0])
    one = ids if field.type == "channel" else ONE.get(field.type, TEXTS)
    match operator.value:
        case "nothing":
            return st.none()
        case "one":
            return one
        case "many":
            return st.lists(one, min_size=1, max_size=3).map(tuple)
        case "pair":
            return st.tuples(one, one).map(lambda pair: tuple(sorted(pair)))
        case "days":
            return st.sampled_from([0, 1, 7, 365, 3000, 36_500])
        case "id":
            return ids
        case "ids":
            return st.lists(ids, min_size=1, max_size=3).map(tuple)
        case "label":
            return st.sampled_from(["promo", "Ñ", "OTRA ", "nothing"])


def trees(catalogue: Catalogue) -> st.SearchStrategy[Group]:
    def grow(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
        members = st.lists(nodes, max_size=4).map(tuple)
        return st.builds(Group, st.sampled_from(["all", "any", "none"]), members)

    nodes = st.recursive(conditions(catalogue), grow, max_leaves=8)
    return nodes.map(lambda node: node if isinstance(node, Group) else Group("all", (node,)))


def in_zone(database: db.Database, zone: str) -> db.Database:
    changed = database.settings.model_copy(update={"timezone": zone})
    return db.Database(database.engine, changed)


def test_finds_who_a_plain_loop_over_everybody_finds(any_database: db.Database):
    world.fill(any_database)
    odd.fill(any_database)
    seen = look(any_database)
    catalogue = frame.load(any_database).catalogue
    zones = {zone: in_zone(any_database, zone) for zone in (*world.ZONES, *odd.ZONES)}

    @settings(
        max_examples=150 if any_database.is_sqlite else 30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        tree=trees(catalogue),
        zone=st.sampled_from([*zones]),
        today=st.sampled_from([*world.TODAYS, *odd.TODAYS]),
    )
    def check(tree: Group, zone: str, today: dt.date) -> None:
        oracle = Oracle(seen, ZoneInfo(zone), today)
        found = segment.counts(zones[zone], tree, today)
        expected = {place.path: len(oracle.matching(node)) for node, place in walk(tree)}
        assert found == expected
        people = segment.people(zones[zone], tree, today).collect()
        assert set(people["id"]) == oracle.matching(tree)
        assert segment.from_json(segment.to_json(tree)) == tree

    check()


PLACES = [
    *zip(world.ZONES, world.TODAYS, strict=True),
    *zip(odd.ZONES, odd.TODAYS, strict=True),
]
"""Zone and day: every pair of field and operator is asked in a few of them."""


def test_every_operator_of_every_field_agrees_with_the_oracle(any_database: db.Database):
    """Not left to chance: each pair of operator and type, and each field, on odd people too.

    Each must also tell people apart at least once, or it has not been tried.
    """
    world.fill(any_database)
    odd.fill(any_database)
    seen = look(any_database)
    draw = random.Random(1)
    most = 12 if any_database.is_sqlite else 7
    apart: set[tuple[str, str]] = set()
    fields: set[str] = set()
    catalogue = frame.load(any_database).catalogue
    places = itertools.cycle(
        (Oracle(seen, ZoneInfo(zone), today), in_zone(any_database, zone)) for zone, today in PLACES
    )
    for field in catalogue.fields:
        for operator in operators.for_type(field.type):
            values = _values(operator, field, draw)
            for value in draw.sample(values, min(len(values), most)):
                oracle, database = next(places)
                tree = Group("all", (Condition(field.key, operator.key, value),))
                expected = oracle.matching(tree)
                found = segment.people(database, tree, oracle.today).collect()
                assert set(found["id"]) == expected, (tree, oracle.zone, oracle.today)
                if 0 < len(expected) < len(seen.people):
                    apart.add((operator.key, field.type))
                    fields.add(field.key)
    assert apart == {(key, type) for key, row in OPERATORS.items() for type in row.types}
    assert fields == {field.key for field in catalogue.fields}
    assert {field.category for field in catalogue.fields} == set(CATEGORIES)


def _values(operator: operators.Operator, field: Field, draw: random.Random) -> list[object]:
    texts = ["bogotá", "Ñ", "ana", "gold", "co", "es", "+573", "america/lima", "🎉", "x-1", "u1@e"]
    texts += [text for text in odd.TEXTS if text.strip()]
    pools: dict[str, list[object]] = {
        "number": [0, 1, 0.1, 1e300, 5, 0.3, -1.5, 2**53, 5e-324],
        "date": ["2024-02-29", "2023-02-28", "2026-03-01", "2000-02-29", "2024-03-01"],
        "datetime": ["2024-02-29", "2018-11-04", "2011-12-31", "2024-04-07", "2024-03-10"],
        "channel": [1, 2, 3, 4],
    }
    pool = pools.get(field.type, list(texts))
    ids = [value for value, _ in field.options]
    some: dict[str, Callable[[], list[object]]] = {
        "nothing": lambda: [None] * len(PLACES),
        "one": lambda: pool,
        "many": lambda: [tuple(pool[:2]), tuple(pool[2:]), tuple(pool[::2])],
        "pair": lambda: [tuple(sorted(draw.sample(pool, 2), key=_order)) for _ in range(9)],
        "days": lambda: [0, 1, 2, 7, 28, 29, 365, 366, 3000] * len(PLACES),
        "id": lambda: ids * len(PLACES),
        "ids": lambda: [(ids[0],), tuple(ids[:2]), tuple(ids), tuple(ids[1:3])],
        "label": lambda: ["promo", "ñ", "OTRA"] * 3,
    }
    return some[operator.value]()


def _order(value: object) -> tuple[float, str]:
    return (value, "") if isinstance(value, int | float) else (0, str(value))


def test_an_empty_workspace_has_nobody_in_any_segment(any_database: db.Database):
    catalogue = frame.load(any_database).catalogue
    for field in catalogue.fields:
        if field.type == "text":
            for operator in operators.for_type(field.type):
                value = {"nothing": None, "many": ("a",)}.get(operator.value, "a")
                tree = Group("none", (Condition(field.key, operator.key, value),))
                assert segment.count(any_database, tree) == 0
    assert segment.count(any_database, segment.EVERYBODY) == 0


def test_a_group_without_members_holds_for_everybody(database: db.Database):
    world.fill(database)
    for match in ("all", "any", "none"):
        assert segment.count(database, Group(match)) == world.PEOPLE  # type: ignore[arg-type]
        held = Group("any", (Condition("tag", "has_any", (1,)), Group(match)))  # type: ignore[arg-type]
        assert segment.count(database, held) == world.PEOPLE


def test_a_moment_belongs_to_the_day_of_the_workspaces_zone(database: db.Database):
    at = dt.datetime(2024, 3, 1, 3, 0, tzinfo=dt.UTC)
    with database.write() as session:
        session.add(db.Contact(first_name="Ana", created_at=at))
        db.touch_contacts(session)
    on = {
        zone: segment.count(
            in_zone(database, zone),
            Group("all", (Condition("activity.created_at", "on", "2024-02-29"),)),
        )
        for zone in ("America/Bogota", "UTC")
    }
    assert on == {"America/Bogota": 1, "UTC": 0}


def test_a_new_receipt_counts_at_once_unless_an_older_answer_is_good_enough(
    database: db.Database,
):
    world.fill(database)
    tree = Group("all", (Condition("broadcast.read", "in_broadcast", 3),))
    before = segment.count(database, tree)
    with database.write() as session:
        who = {row for (row,) in session.query(db.Message.contact_id).distinct()}
        new = next(id for id in range(1, world.PEOPLE + 1) if id not in who)
        session.add(
            db.Message(
                broadcast_id=3,
                contact_id=new,
                channel_id=1,
                part=1,
                address="a",
                read_at=db.now(),
            )
        )
    assert segment.count(database, tree, stale=60) == before
    assert segment.count(database, tree) == before + 1
    assert segment.count(database, tree, stale=60) == before + 1
