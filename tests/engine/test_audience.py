"""Everybody who matches is a recipient or has one reason: polars against a row-by-row oracle."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, replace

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels import KINDS
from channels.base import Content
from engine import audience, db, template
from engine.errors import Invalid
from engine.segments import segment

NOW = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)
CHANNELS = {1: "whatsapp", 2: "twilio_sms", 3: "telegram", 4: "telegram", 5: "instagram"}
PERU = segment.Group("all", (segment.Condition("contact.country", "is", "PE"),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A person on a channel."""

    channel: int
    address: str
    wrote: int | None = None
    """Hours before NOW."""
    out: bool = False
    invalid: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    phone: str | None = None
    first_name: str = "Ana"
    city: str | None = None
    country: str = "PE"
    rows: tuple[Row, ...] = ()


def fill(database: db.Database, people: list[Person]) -> None:
    """A workspace of just these people, numbered from 1."""
    with database.write() as session:
        for table in (db.ContactChannel, db.Contact, db.Channel, db.ContactField):
            session.execute(sa.delete(table))
        session.add(db.ContactField(id=1000, key="city", label="City", type="text"))
        session.add_all(
            db.Channel(id=id, key=f"c{id}", name=f"C{id}", kind=kind, ceiling=1.0)
            for id, kind in CHANNELS.items()
        )
        for id, person in enumerate(people, 1):
            session.add(
                db.Contact(
                    id=id,
                    phone=person.phone,
                    first_name=person.first_name,
                    country=person.country,
                    fields={} if person.city is None else {"city": person.city},
                    created_at=NOW,
                    updated_at=db.now(),
                )
            )
        session.flush()
        session.add_all(
            contact_channel(id, row) for id, person in enumerate(people, 1) for row in person.rows
        )
        db.touch_contacts(session)


def contact_channel(contact: int, row: Row) -> db.ContactChannel:
    return db.ContactChannel(
        contact_id=contact,
        channel_id=row.channel,
        address=row.address,
        last_inbound_at=None if row.wrote is None else NOW - dt.timedelta(hours=row.wrote),
        opted_out_at=NOW if row.out else None,
        invalid_at=NOW if row.invalid else None,
    )


# The oracle


def oracle(people: list[Person], plan: audience.Plan) -> dict[int, tuple[int, str] | str]:
    """Contact id → (channel, address), or the reason."""
    matched = {
        id: one
        for id, one in enumerate(people, 1)
        if plan.tree == segment.EVERYBODY or one.country == "PE"
    }
    asked = {id: ask(one, plan) for id, one in matched.items()}
    holders: dict[tuple[str, str], int] = {}
    for id in sorted(asked):
        channel, address, reasons = asked[id]
        if not reasons:
            holders.setdefault((space(channel), address), id)
    found: dict[int, tuple[int, str] | str] = {}
    for id, (channel, address, reasons) in asked.items():
        if channel is not None and holders.get((space(channel), address), id) != id:
            reasons = [*reasons, "same_address"]
        first = sorted(reasons, key=list(audience.REASONS).index)
        found[id] = first[0] if first else (channel, address)
    return found


def space(channel: int) -> str:
    kind = CHANNELS[channel]
    return "phone" if KINDS[kind].address == "phone" else kind


def ask(person: Person, plan: audience.Plan) -> tuple[int | None, str, list[str]]:
    """The channel, the address, and every reason that has to do with this person alone."""
    if plan.mode == "specific":
        channel = plan.channels[0] if plan.channels else None
    else:
        wrote = [row for row in person.rows if row.wrote is not None]
        channel = min(wrote, key=lambda row: row.wrote).channel if wrote else None
    if channel is None or CHANNELS[channel] not in KINDS:
        return None, "", ["not_on_channel"]
    if channel not in plan.channels:
        return None, "", ["channel_deselected"]
    here = [row for row in person.rows if row.channel == channel]
    kind = KINDS[CHANNELS[channel]]
    if not here and (kind.address == "id" or not person.phone):
        return None, "", ["not_on_channel"]
    hours = [row.wrote for row in here if row.wrote is not None]
    best = min(
        here, key=lambda row: (row.invalid, 999 if row.wrote is None else row.wrote), default=None
    )
    address = best.address if best else str(person.phone)
    messages = plan.content.get(channel, ())
    free = any(message.kind != "template" for message in messages)
    window = kind.limits.window_hours
    values = {"first_name": person.first_name, "city": person.city}
    needed = {name for one in plan.templates(channel) for name in one.required}
    tests = {
        "never_interacted": plan.only_interacted and not hours,
        "opted_out": any(row.out for row in here),
        "invalid_address": best is not None and best.invalid,
        "outside_window": window is not None and free and (not hours or min(hours) > window),
        "missing_variable": any(not (values[name] or "").strip() for name in needed),
    }
    return channel, address, [reason for reason, applies in tests.items() if applies]


# Random workspaces

phones = st.sampled_from([f"+5198765430{n}" for n in range(6)])
names = st.sampled_from(["", " ", "Ana", "Íñigo"])
contents = st.lists(
    st.sampled_from(
        [
            Content(text="Hola"),
            Content(text="Hola {{ first_name }}"),
            Content(text="Hola {{ city | default: 'vos' }}"),
            Content(kind="template", template="hi", language="es", parameters=("{{ city }}",)),
            Content(kind="template", template="hi", language="es"),
            Content(kind="image", media_url="https://x/{{ city }}.png"),
        ]
    ),
    max_size=3,
)


@st.composite
def workspaces(draw: st.DrawFn) -> list[Person]:
    """Some share phones by a row of another's number; some have two addresses on a channel."""
    used: set[tuple[int, str] | str] = set()
    people = []
    for _ in range(draw(st.integers(0, 8))):
        phone = draw(st.none() | phones)
        phone = None if phone in used else phone
        used |= {phone} if phone else set()
        hours = iter(draw(st.permutations(range(0, 50, 6))))
        rows = []
        for channel in draw(st.lists(st.sampled_from(list(CHANNELS)), max_size=4)):
            address = draw(phones if channel <= 2 else st.sampled_from(["a", "b", "c", "d"]))
            if (channel, address) not in used:
                used.add((channel, address))
                wrote = next(hours) if draw(st.booleans()) else None
                out, invalid = draw(st.integers(0, 4)) == 0, draw(st.integers(0, 3)) == 0
                rows.append(
                    Row(channel=channel, address=address, wrote=wrote, out=out, invalid=invalid)
                )
        people.append(
            Person(
                phone=phone,
                first_name=draw(names),
                city=draw(st.none() | names),
                country=draw(st.sampled_from(["PE", "PE", "MX"])),
                rows=tuple(rows),
            )
        )
    return people


@st.composite
def plans(draw: st.DrawFn) -> audience.Plan:
    mode = draw(st.sampled_from(["specific", "last_interacted"]))
    limit = 1 if mode == "specific" else 4
    chosen = draw(st.lists(st.sampled_from([1, 2, 3, 4]), max_size=limit, unique=True))
    return audience.Plan(
        tree=draw(st.sampled_from([segment.EVERYBODY, PERU])),
        mode=mode,
        channels=tuple(chosen),
        content={id: tuple(draw(contents)) for id in chosen},
        only_interacted=draw(st.booleans()),
    )


@given(workspaces(), plans())
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_everybody_is_a_recipient_or_has_the_first_reason_that_applies(
    database: db.Database, people: list[Person], plan: audience.Plan
) -> None:
    fill(database, people)
    found = audience.resolve(database, plan, NOW)
    expected = oracle(people, plan)
    sent = {id: (channel, address) for id, channel, address, *_ in found.recipients.iter_rows()}
    left = dict(found.left_out.iter_rows())
    assert sent | left == expected
    assert found.matched == len(expected) == len(sent) + len(left)
    assert found.matched == segment.people(database, plan.tree).collect().height
    assert found.reasons() == {
        reason: Counter(left.values())[reason] for reason in audience.REASONS
    }
    assert found.by_channel() == {
        id: sum(channel == id for channel, _ in sent.values()) for id in plan.channels
    }
    parts = dict(found.recipients.select("contact_id", "parts").iter_rows())
    assert parts == {id: len(plan.content[channel]) for id, (channel, _) in sent.items()}
    assert found.messages == sum(parts.values())
    assert len(set(found.recipients.select("channel_id", "address").iter_rows())) == len(sent)
    for row in found.recipients.iter_rows(named=True):
        person = people[row["contact_id"] - 1]
        for name in plan.variables():
            value = getattr(person, name) or ""
            assert row[f"var.{name}"] == (value if value.strip() else None)


# One reason at a time


def whatsapp(**values: object) -> audience.Plan:
    plan = audience.Plan(
        tree=segment.EVERYBODY,
        mode="specific",
        channels=(1,),
        content={1: (Content(kind="template", template="hi", language="es"),)},
    )
    return replace(plan, **values)


def last(*channels: int) -> audience.Plan:
    content = {id: (Content(text="Hola"),) for id in channels}
    return whatsapp(mode="last_interacted", channels=channels, content=content)


PHONE = "+51987654300"
CASES = {
    "no phone": (Person(), whatsapp(), "not_on_channel"),
    "only an id": (
        Person(rows=(Row(channel=3, address="7"),)),
        whatsapp(),
        "not_on_channel",
    ),
    "a phone does not reach an id channel": (
        Person(phone=PHONE),
        whatsapp(channels=(3,), content={3: ()}),
        "not_on_channel",
    ),
    "nobody wrote": (Person(phone=PHONE), last(1), "not_on_channel"),
    "wrote last where nobody can be broadcast to": (
        Person(
            phone=PHONE,
            rows=(Row(channel=5, address="i", wrote=1), Row(channel=1, address=PHONE, wrote=2)),
        ),
        last(1),
        "not_on_channel",
    ),
    "never wrote": (Person(phone=PHONE), whatsapp(only_interacted=True), "never_interacted"),
    "wrote elsewhere": (
        Person(phone=PHONE, rows=(Row(channel=3, address="7", wrote=1),)),
        whatsapp(only_interacted=True),
        "never_interacted",
    ),
    "wrote on a channel not chosen": (
        Person(phone=PHONE, rows=(Row(channel=3, address="7", wrote=1, out=True),)),
        last(1, 2),
        "channel_deselected",
    ),
    "said stop": (
        Person(rows=(Row(channel=1, address=PHONE, wrote=1, out=True, invalid=True),)),
        whatsapp(),
        "opted_out",
    ),
    "said stop from another number": (
        Person(rows=(Row(channel=1, address=PHONE), Row(channel=1, address="+5", out=True))),
        whatsapp(),
        "opted_out",
    ),
    "a number that does not work": (
        Person(rows=(Row(channel=1, address=PHONE, invalid=True),)),
        whatsapp(),
        "invalid_address",
    ),
    "wrote too long ago": (
        Person(rows=(Row(channel=1, address=PHONE, wrote=25),)),
        whatsapp(content={1: (Content(text="Hola"),)}),
        "outside_window",
    ),
    "never opened the window": (
        Person(phone=PHONE),
        whatsapp(content={1: (Content(text="Hola"),)}),
        "outside_window",
    ),
    "one message of two is free-form": (
        Person(phone=PHONE),
        whatsapp(
            content={
                1: (Content(kind="template", template="a", language="es"), Content(text="Hola"))
            }
        ),
        "outside_window",
    ),
    "a picture is free-form too": (
        Person(phone=PHONE),
        whatsapp(content={1: (Content(kind="image", media_url="https://x/y.png"),)}),
        "outside_window",
    ),
    "no city": (
        Person(phone=PHONE),
        whatsapp(channels=(2,), content={2: (Content(text="{{ city }}"),)}),
        "missing_variable",
    ),
    "a blank city": (
        Person(phone=PHONE, city="  "),
        whatsapp(channels=(2,), content={2: (Content(text="{{ city }}"),)}),
        "missing_variable",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_reason_fits_the_case(database: db.Database, case: str) -> None:
    person, plan, reason = CASES[case]
    fill(database, [person])
    found = audience.resolve(database, plan, NOW)
    assert found.left_out.rows() == [(1, reason)]
    assert found.reasons()[reason] == 1
    assert (found.matched, found.messages, found.by_channel()) == (
        1,
        0,
        dict.fromkeys(plan.channels, 0),
    )


def test_both_databases_give_the_same_reasons(any_database: db.Database) -> None:
    for person, plan, reason in CASES.values():
        fill(any_database, [person])
        assert audience.resolve(any_database, plan, NOW).left_out.rows() == [(1, reason)]


def test_every_reason_has_a_case() -> None:
    assert {reason for _, _, reason in CASES.values()} | {"same_address"} == set(audience.REASONS)


def test_an_opt_out_counts_from_the_moment_it_is_written(any_database: db.Database) -> None:
    fill(any_database, [Person(phone=PHONE), Person(rows=(Row(channel=1, address="+1"),))])
    assert audience.resolve(any_database, whatsapp(), NOW).recipients.height == 2
    with any_database.write() as session:
        session.execute(sa.update(db.ContactChannel).values(opted_out_at=NOW))
        db.touch_contacts(session)
    assert audience.resolve(any_database, whatsapp(), NOW).left_out.rows() == [(2, "opted_out")]
    with any_database.write() as session:
        session.add(contact_channel(1, Row(channel=1, address=PHONE, invalid=True)))
        db.touch_contacts(session)
    assert audience.resolve(any_database, whatsapp(), NOW).left_out.rows() == [
        (1, "invalid_address"),
        (2, "opted_out"),
    ]


def sent(found: audience.Audience) -> list[tuple[int, int, str]]:
    return found.recipients.select("contact_id", "channel_id", "address").rows()


def test_a_default_or_a_template_lets_the_same_people_in(database: db.Database) -> None:
    fill(database, [Person(phone=PHONE)])
    text = (Content(text="{{ city | default: 'vos' }}"),)
    found = audience.resolve(database, whatsapp(channels=(2,), content={2: text}), NOW)
    assert sent(found) == [(1, 2, PHONE)]
    assert sent(audience.resolve(database, whatsapp(), NOW)) == [(1, 1, PHONE)]


def test_the_window_is_open_to_its_last_moment(database: db.Database) -> None:
    fill(database, [Person(rows=(Row(channel=1, address=PHONE, wrote=24),))])
    plan = whatsapp(content={1: (Content(text="Hola"),)})
    assert sent(audience.resolve(database, plan, NOW)) == [(1, 1, PHONE)]
    assert not sent(audience.resolve(database, plan, NOW + db.MICROSECOND))


def test_only_a_recipient_keeps_others_off_an_address(database: db.Database) -> None:
    plan = whatsapp(channels=(2,), content={2: (Content(text="{{ city }}"),)})
    first = Person(phone="+1", city="Lima", rows=(Row(channel=2, address=PHONE),))
    second = Person(phone=PHONE, city="Cusco")
    fill(database, [first, second])
    found = audience.resolve(database, plan, NOW)
    assert (sent(found), found.left_out.rows()) == ([(1, 2, PHONE)], [(2, "same_address")])
    fill(database, [replace(first, city=None), second])
    found = audience.resolve(database, plan, NOW)
    assert (sent(found), found.left_out.rows()) == ([(2, 2, PHONE)], [(1, "same_address")])


def test_one_phone_gets_it_on_one_of_two_phone_channels(database: db.Database) -> None:
    fill(
        database,
        [
            Person(rows=(Row(channel=2, address=PHONE, wrote=3),)),
            Person(rows=(Row(channel=1, address=PHONE, wrote=3),)),
        ],
    )
    found = audience.resolve(database, last(1, 2), NOW)
    assert (sent(found), found.left_out.rows()) == ([(1, 2, PHONE)], [(2, "same_address")])


def test_the_same_id_at_another_provider_is_another_person(database: db.Database) -> None:
    fill(
        database,
        [
            Person(rows=(Row(channel=2, address=PHONE, wrote=3),)),
            Person(rows=(Row(channel=3, address=PHONE, wrote=3),)),
        ],
    )
    assert sent(audience.resolve(database, last(2, 3), NOW)) == [(1, 2, PHONE), (2, 3, PHONE)]


def test_two_messages_to_each_of_two_people_are_four(database: db.Database) -> None:
    fill(database, [Person(phone=f"+5198765430{n}") for n in range(2)])
    content = {2: (Content(text="Hola"), Content(text="¿Qué tal?"))}
    found = audience.resolve(database, whatsapp(channels=(2,), content=content), NOW)
    assert (found.messages, found.recipients.height, found.matched) == (4, 2, 2)
    assert found.by_channel() == {2: 2}


def test_people_are_written_to_where_they_wrote_last_at_an_address_that_works(
    database: db.Database,
) -> None:
    rows = (
        Row(channel=3, address="old", wrote=30),
        Row(channel=3, address="gone", wrote=1, invalid=True),
        Row(channel=3, address="new", wrote=5),
        Row(channel=1, address=PHONE, wrote=2),
    )
    fill(database, [Person(phone=PHONE, rows=rows)])
    assert sent(audience.resolve(database, last(1, 3, 4), NOW)) == [(1, 3, "new")]


def test_variables_keep_their_types_and_their_text(any_database: db.Database) -> None:
    fill(any_database, [])
    fields = {"born": "1990-05-03", "points": 1234.5, "vip": False, "plan": "Oro"}
    types = {"born": "date", "points": "number", "vip": "yes_no", "plan": "choice"}
    with any_database.write() as session:
        session.add_all(
            db.ContactField(key=key, label=key, type=kind) for key, kind in types.items()
        )
        session.add(
            db.Contact(
                id=1,
                first_name="Ana",
                last_name="Ñu",
                phone=PHONE,
                fields=fields,
                updated_at=db.now(),
            )
        )
        db.touch_contacts(session)
    source = "{{ name }} {{ born | date: '%d/%m' }} {{ points | number: 2 }} {{ vip }} {{ plan }}"
    plan = whatsapp(channels=(2,), content={2: (Content(text=source),)})
    (row,) = audience.resolve(any_database, plan, NOW).recipients.iter_rows(named=True)
    values = {name.removeprefix("var."): row[name] for name in row if name.startswith("var.")}
    assert values == {"name": "Ana Ñu", **fields}
    assert template.parse(source).render(values) == "Ana Ñu 03/05 1,234.50 false Oro"


def test_what_cannot_be_resolved_is_refused_in_a_sentence(database: db.Database) -> None:
    fill(database, [Person(phone=PHONE)])
    with pytest.raises(Invalid, match="There is no variable “town”"):
        audience.resolve(database, whatsapp(content={1: (Content(text="{{ town }}"),)}), NOW)
    with pytest.raises(Invalid, match="exactly one channel"):
        audience.resolve(database, whatsapp(channels=(1, 2)), NOW)


def test_nobody_gets_a_broadcast_without_a_channel(database: db.Database) -> None:
    fill(database, [Person(phone=PHONE)])
    for plan in (whatsapp(channels=(), content={}), last(), whatsapp(channels=(5,), content={})):
        found = audience.resolve(database, plan, NOW)
        assert found.left_out["contact_id"].to_list() == [1]
        assert found.recipients.is_empty()


def test_a_crowd_is_split_without_a_person_lost(database: db.Database) -> None:
    """Five thousand people, every second one on Telegram, every fifth opted out."""
    fill(database, [])
    with database.write() as session:
        crowd = range(1, 5_001)
        session.execute(
            sa.insert(db.Contact),
            [{"id": id, "fields": {}, "updated_at": db.now()} for id in crowd],
        )
        session.execute(
            sa.insert(db.ContactChannel),
            [
                {
                    "contact_id": id,
                    "channel_id": 3,
                    "address": str(id),
                    "opted_out_at": NOW if id % 5 == 0 else None,
                }
                for id in crowd
                if id % 2 == 0
            ],
        )
        db.touch_contacts(session)
    plan = whatsapp(channels=(3,), content={3: (Content(text="Hola"),)})
    found = audience.resolve(database, plan, NOW)
    assert found.matched == 5_000
    assert found.recipients["contact_id"].to_list() == [
        id for id in crowd if id % 2 == 0 and id % 5
    ]
    assert {reason: n for reason, n in found.reasons().items() if n} == {
        "not_on_channel": 2_500,
        "opted_out": 500,
    }
