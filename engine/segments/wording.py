"""A tree as one sentence, in both languages."""

from __future__ import annotations

import datetime as dt
from typing import Any

import babel
from babel.dates import format_date
from babel.numbers import format_decimal

from engine.errors import Invalid
from engine.language import N_, translator
from engine.segments.catalogue import Catalogue, Field
from engine.segments.operators import OPERATORS, Operator
from engine.segments.tree import Condition, Node

_DAY = N_("{days} day")
_DAYS = N_("{days} days")
_PAIR = N_("{low} and {high}")
_JOINED = {"all": N_("and"), "any": N_("or"), "none": N_("or")}
_NONE = N_("none of ({conditions})")
_EVERYBODY = N_("everybody")
_GONE = N_("something that was deleted")
VALUES_SHOWN = 5
_MORE = N_("{values} and {number} more")


def words(tree: Node, catalogue: Catalogue, language: str = "en") -> str:
    """The tree in words, also one that cannot be used: what is not known is shown as written."""
    text = _node(tree, catalogue, language, inside=False)
    return text[:1].upper() + text[1:]


def name_of(field: Field, value: object, language: str = "en") -> str:
    """A value as people see it: a tag's name, a country in their language, a date."""
    locale = babel.Locale(language)
    if field.key == "contact.country":
        return str(locale.territories.get(str(value).upper(), value))
    if field.key == "contact.language":
        return str(locale.languages.get(str(value).lower(), value))
    named = field.option(value)
    if named is None and isinstance(value, int) and field.type not in ("number", "choice"):
        return translator(language)(_GONE)
    return named or str(value)


def _node(node: Node, catalogue: Catalogue, language: str, *, inside: bool) -> str:
    """`inside`: it stands beside others, so that what joins its own members needs brackets."""
    t = translator(language)
    if isinstance(node, Condition):
        return _condition(node, catalogue, language)
    if not node.of:
        return t(_EVERYBODY)
    several = len(node.of) > 1
    within = several or (inside and node.match != "none")
    members = [_node(member, catalogue, language, inside=within) for member in node.of]
    text = f" {t(_JOINED[node.match])} ".join(members)
    if node.match == "none":
        return t(_NONE).format(conditions=text)
    return f"({text})" if inside and several else text


def _condition(condition: Condition, catalogue: Catalogue, language: str) -> str:
    t = translator(language)
    operator = OPERATORS.get(condition.op)
    try:
        field = catalogue.field(condition.field)
    except Invalid:
        field = None
    if field is None or operator is None:
        return " ".join(str(part) for part in (condition.field, condition.op, condition.value))
    label = field.negative if operator.negative and field.negative else field.label
    return t(operator.sentence).format(
        field=label if field.custom else t(label),
        value=_value(condition.value, operator, field, language),
    )


def _value(value: Any, operator: Operator, field: Field, language: str) -> str:
    t = translator(language)
    if operator.value == "days":
        return t(_DAY if value == 1 else _DAYS).format(days=value)
    if operator.value == "pair" and isinstance(value, tuple) and len(value) == 2:
        low, high = (_one(item, field, language) for item in value)
        return t(_PAIR).format(low=low, high=high)
    if not isinstance(value, tuple):
        return _one(value, field, language)
    shown = ", ".join(_one(item, field, language) for item in value[:VALUES_SHOWN])
    more = len(value) - VALUES_SHOWN
    return t(_MORE).format(values=shown, number=more) if more > 0 else shown


def _one(value: object, field: Field, language: str) -> str:
    if field.type in ("date", "datetime") and isinstance(value, str):
        return _date(value, language)
    if field.type == "number" and isinstance(value, int | float):
        return format_decimal(value, locale=language)
    return f"“{name_of(field, value, language)}”"


def _date(value: str, language: str) -> str:
    try:
        return format_date(dt.date.fromisoformat(value), format="medium", locale=language)
    except ValueError:
        return value
