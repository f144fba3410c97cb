"""Whether a tree can be used here: every field, operator, value and reference, each with its place.

Nothing is ever skipped: a condition on what is gone is an error, not a smaller or larger audience.
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from engine.errors import Invalid
from engine.language import N_
from engine.segments import values
from engine.segments.catalogue import CHANNEL, TAG, Catalogue, Field
from engine.segments.operators import OPERATORS, Operator
from engine.segments.tree import DEPTH_MAX, Condition, Node, Place, from_json, walk
from engine.segments.values import BadValue, Calendar

ANY_DAY = Calendar(ZoneInfo("UTC"), dt.date(2000, 1, 1))

_GONE = {
    TAG: N_("A tag does not exist any more (condition {condition} of group {group})."),
    CHANNEL: N_("A channel does not exist any more (condition {condition} of group {group})."),
}
_NO_BROADCAST = N_("A broadcast does not exist any more (condition {condition} of group {group}).")
_NO_SEGMENT = N_("A segment does not exist any more (condition {condition} of group {group}).")


def check(tree: Node, catalogue: Catalogue) -> None:
    """Raises Invalid for the first condition, in reading order, that cannot be used."""
    _check(tree, catalogue, (), set())


def parts(
    condition: Condition, place: Place, catalogue: Catalogue, calendar: Calendar
) -> tuple[Field, Operator, Any]:
    """The condition's field, operator and prepared value. Raises Invalid with the place."""
    try:
        field = catalogue.field(condition.field)
    except Invalid as error:
        raise Invalid(
            "segment.unknown_field",
            "There is no field “{field}” (condition {condition} of group {group}).",
            field=condition.field,
            **place.details(),
        ) from error
    operator = OPERATORS.get(condition.op)
    if operator is None or field.type not in operator.types:
        raise Invalid(
            "segment.unknown_operator",
            "“{field}” has no operator “{op}” (condition {condition} of group {group}).",
            field=field.label,
            op=condition.op,
            **place.details(),
        )
    try:
        value = values.prepare(operator.value, condition.value, type=field.type, calendar=calendar)
    except BadValue as error:
        raise Invalid("segment.bad_value", str(error), **place.details()) from error
    _references(field, operator, value, place, catalogue)
    return field, operator, value


def _references(
    field: Field, operator: Operator, value: Any, place: Place, catalogue: Catalogue
) -> None:
    """Every id in a value is still there."""
    if field.type in ("set", "channel") and isinstance(value, list):
        if not set(value) <= set(catalogue.ids(field.key)):
            raise Invalid("segment.gone", _GONE[field.category], **place.details())
    elif operator.value == "id" and value not in catalogue.ids(field.key):
        text = _NO_SEGMENT if field.type == "segment" else _NO_BROADCAST
        raise Invalid("segment.gone", text, **place.details())


def _check(tree: Node, catalogue: Catalogue, trail: tuple[int, ...], sound: set[int]) -> None:
    """`trail`: the saved segments we are inside of. `sound`: those found good before."""
    for node, place in walk(tree):
        if isinstance(node, Condition):
            field, _, value = parts(node, place, catalogue, ANY_DAY)
            if field.type == "segment" and value not in sound:
                _segment(value, place, catalogue, trail, sound)
                sound.add(value)


def _segment(
    id: int, place: Place, catalogue: Catalogue, trail: tuple[int, ...], sound: set[int]
) -> None:
    name = catalogue.field("segment").option(id)
    if id in trail:
        raise Invalid(
            "segment.cycle",
            "The segment “{segment}” leads back to itself "
            "(condition {condition} of group {group}).",
            segment=name,
            **place.details(),
        )
    if len(trail) == DEPTH_MAX:
        raise Invalid(
            "segment.chain_too_long",
            "Segments stand in one another more than {depth} deep "
            "(condition {condition} of group {group}).",
            depth=DEPTH_MAX,
            **place.details(),
        )
    try:
        _check(from_json(catalogue.trees[id]), catalogue, (*trail, id), sound)
    except Invalid as error:
        if error.code in ("segment.cycle", "segment.chain_too_long"):
            details = error.details | place.details()
            raise Invalid(error.code, error.template, **details) from error
        raise Invalid(
            "segment.broken_reference",
            "The segment “{segment}” cannot be used as it stands: open it to see why "
            "(condition {condition} of group {group}).",
            segment=name,
            **place.details(),
        ) from error
