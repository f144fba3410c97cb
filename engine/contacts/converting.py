"""Another type for a custom field, and what becomes of the values people hold."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from engine import db
from engine.contacts import cleaning, definitions, holdings
from engine.contacts.holdings import Value
from engine.contacts.undoing import Progress, definition
from engine.errors import Conflict, Invalid

SAMPLES = 10
OPTIONS_MAX = 500
"""Choices a list can still be picked from."""

ALIKE: Mapping[tuple[str, str], frozenset[str]] = {
    ("text", "choice"): frozenset({"is", "is_not", "is_any_of", "is_none_of"}),
    ("choice", "text"): frozenset({"is", "is_not", "is_any_of", "is_none_of"}),
}
"""Operators that ask the same of both types."""
ANY_TYPE = frozenset({"is_set", "is_not_set"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What another type would do to the values of a field."""

    key: str
    was: str
    to: str
    fits: int
    """People whose value is the same in the new type."""
    lost: int
    """People whose value would go, or keep less than it says (a moment that becomes its day)."""
    samples: tuple[tuple[str, str, int], ...]
    """(value, what would be left of it, people), the lost ones that most people hold."""
    options: tuple[str, ...] = ()
    """The choices there would be."""


def convertible(database: db.Database, key: str, to: str) -> Conversion:
    """What `change_type` would do. Raises NotFound, Invalid."""
    with database.read() as session:
        return _weigh(session, definitions.get(session, key), to)[0]


def change_type(
    database: db.Database,
    key: str,
    to: str,
    *,
    drop_lost: bool = False,
    progress: Progress | None = None,
) -> int:
    """Make the field one of another type, everybody's value with it; the change's id.

    Raises Conflict while values would be lost (unless `drop_lost`), and while a segment asks for
    it with an operator that the new type has not.
    """
    with database.write() as session:
        db.touch_contacts(session)
        row = definitions.get(session, key)
        conversion, targets = _weigh(session, row, to)
        allowed = ANY_TYPE | ALIKE.get((row.type, to), frozenset())
        if row.type != to:
            definitions.refuse_users(session, key, allowed=allowed)
        if conversion.lost and not drop_lost:
            raise Conflict(
                "field.would_lose",
                "Values of “{label}” that do not fit the new type would be lost.",
                label=row.label,
                people=conversion.lost,
                type=to,
            )
        was = definition(row)
        row.type, row.options = to, list(conversion.options)
        change = definitions.begin(session, "field_type", row, was, {"type": cleaning.TYPES[to]})
        change_id = change.id
    holdings.rewrite(database, change_id, key, targets, progress=progress)
    return change_id


def _weigh(
    session: Session, row: db.ContactField, to: str
) -> tuple[Conversion, dict[Value, Value | None]]:
    """The conversion, and what each value that changes becomes."""
    if to not in cleaning.TYPES:
        raise Invalid("field.bad_type", "There is no field type “{type}”.", type=to)
    held = holdings.distinct(session, row.key)
    made = {value: converted(value, row.type, to) for value, _ in held}
    lost = [(value, people) for value, people in held if not made[value][1]]
    conversion = Conversion(
        key=row.key,
        was=row.type,
        to=to,
        fits=sum(people for value, people in held if made[value][1]),
        lost=sum(people for _, people in lost),
        samples=tuple(
            (str(value), "" if made[value][0] is None else str(made[value][0]), people)
            for value, people in lost[:SAMPLES]
        ),
        options=_options(row, to, [new for new, _ in made.values()]),
    )
    changing = {old: new for old, (new, _) in made.items() if (type(new), new) != (type(old), old)}
    return conversion, changing


def _options(row: db.ContactField, to: str, values: list[Value | None]) -> tuple[str, ...]:
    if to != "choice":
        return ()
    kept = row.options if row.type == "choice" else []
    options = tuple(dict.fromkeys([*kept, *sorted(str(v) for v in values if v is not None)]))
    if len(options) > OPTIONS_MAX:
        raise Invalid(
            "field.too_many_choices",
            "“{label}” has {count} different values; a choice can have {most}.",
            label=row.label,
            count=f"{len(options):,}",
            most=OPTIONS_MAX,
        )
    return options


def converted(value: Value, was: str, to: str) -> tuple[Value | None, bool]:
    """(the value in the new type, whether all of it is there)."""
    if was == to:
        return value, True
    if to in ("text", "choice"):
        text = _written(value)
        return (text or None), bool(text)
    if was == "datetime" and to == "date":
        moment = dt.datetime.fromisoformat(str(value))
        return moment.date().isoformat(), moment.time() == dt.time()
    if was == "yes_no" and to == "number":
        return int(bool(value)), True
    if was == "number" and to == "yes_no":
        return (bool(value), True) if value in (0, 1) else (None, False)
    if (was, to) not in READABLE:
        return None, False
    field = db.ContactField(key="", label="", type=to, options=[])
    try:
        new = cleaning.clean_custom(field, value)
    except Invalid:
        return None, False
    whole = to != "date" or len(str(value).strip()) == len("2024-12-31")
    return new, new is not None and whole


READABLE = frozenset(
    {(was, to) for was in ("text", "choice") for to in ("number", "date", "datetime", "yes_no")}
    | {("date", "datetime")}
)
"""Types that are read from what the other one writes."""


def _written(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value).strip()
