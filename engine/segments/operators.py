"""What a condition can ask, one row an operator: the compiler, the builder, the words and the tests
read this table.

A condition is never null: a value that is not there satisfies no positive operator, and a negative
operator is the exact opposite of its positive, so "is not Lima" includes people without a city.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import Any

import polars as pl

from engine.language import N_
from engine.segments.values import Span, Takes, Type

Subject = Any
"""What is asked: a column (text folded, blank is null), or a column by id (set); as expressions or
as series, which know the same methods."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    key: str
    """Stored in trees: never rename."""
    label: str
    types: tuple[Type, ...]
    value: Takes
    expression: Callable[[Subject, Any], Any]
    """(subject, prepared value) → what the positive operator holds for; null counts as no. Of
    expressions an expression, of series a series."""
    sentence: str
    """The condition in words, from {field} and {value}."""
    negative: bool = False

    def holds(self, subject: Subject, value: Any) -> Any:
        """The condition as a boolean column without nulls."""
        found = self.expression(subject, value)
        if isinstance(found, pl.Expr) or found.null_count():
            found = found.fill_null(False)
        return ~found if self.negative else found


# Expressions of the positive operators


def _equals(subject: pl.Expr, value: Any) -> pl.Expr:
    return subject.eq(value)


def _among(subject: pl.Expr, values: list[Any]) -> pl.Expr:
    return subject.is_in(values)


def _contains(subject: pl.Expr, text: str) -> pl.Expr:
    return subject.str.contains(text, literal=True)


def _starts(subject: pl.Expr, text: str) -> pl.Expr:
    return subject.str.starts_with(text)


def _ends(subject: pl.Expr, text: str) -> pl.Expr:
    return subject.str.ends_with(text)


def _within(subject: pl.Expr, value: Span | tuple[float, float]) -> pl.Expr:
    if isinstance(value, Span):
        return (subject >= value.start) & (subject < value.end)
    return subject.is_between(*value)


def _before(subject: pl.Expr, span: Span) -> pl.Expr:
    return subject < span.start


def _after(subject: pl.Expr, span: Span) -> pl.Expr:
    return subject >= span.end


def _present(subject: pl.Expr, _: None) -> pl.Expr:
    return subject.is_not_null()


def _any(subject: Mapping[int, Any], ids: list[int]) -> Any:
    return reduce(or_, [subject[id] for id in ids])


def _all(subject: Mapping[int, Any], ids: list[int]) -> Any:
    return reduce(and_, [subject[id] for id in ids])


def _itself(subject: pl.Expr, _: object = None) -> pl.Expr:
    return subject


def _not_itself(subject: pl.Expr, _: object = None) -> pl.Expr:
    return ~subject


# The table

_TEXT: tuple[Type, ...] = ("text", "choice", "number")
_DATES: tuple[Type, ...] = ("date", "datetime")
_RANGES: tuple[Type, ...] = ("number", *_DATES)
_SET: tuple[Type, ...] = (*_TEXT, *_DATES, "yes_no", "channel")


def _row(
    key: str,
    label: str,
    types: tuple[Type, ...],
    value: Takes,
    expression: Callable[..., pl.Expr],
    sentence: str,
    *,
    negative: bool = False,
) -> tuple[str, Operator]:
    return key, Operator(
        key=key,
        label=label,
        types=types,
        value=value,
        expression=expression,
        sentence=sentence,
        negative=negative,
    )


# fmt: off
# One row an operator, so that it reads as the table it is.
OPERATORS: dict[str, Operator] = dict([
    _row("is", N_("is"), _TEXT, "one", _equals, N_("{field} is {value}")),
    _row("is_not", N_("is not"), _TEXT, "one", _equals, N_("{field} is not {value}"),
         negative=True),
    _row("is_any_of", N_("is any of"), (*_TEXT, "channel"), "many", _among,
         N_("{field} is any of {value}")),
    _row("is_none_of", N_("is none of"), (*_TEXT, "channel"), "many", _among,
         N_("{field} is none of {value}"), negative=True),
    _row("contains", N_("contains"), ("text",), "one", _contains, N_("{field} contains {value}")),
    _row("not_contains", N_("does not contain"), ("text",), "one", _contains,
         N_("{field} does not contain {value}"), negative=True),
    _row("starts_with", N_("starts with"), ("text",), "one", _starts,
         N_("{field} starts with {value}")),
    _row("ends_with", N_("ends with"), ("text",), "one", _ends, N_("{field} ends with {value}")),
    _row("gt", N_("is more than"), ("number",), "one", lambda subject, value: subject > value,
         N_("{field} is more than {value}")),
    _row("gte", N_("is at least"), ("number",), "one", lambda subject, value: subject >= value,
         N_("{field} is at least {value}")),
    _row("lt", N_("is less than"), ("number",), "one", lambda subject, value: subject < value,
         N_("{field} is less than {value}")),
    _row("lte", N_("is at most"), ("number",), "one", lambda subject, value: subject <= value,
         N_("{field} is at most {value}")),
    _row("between", N_("is between"), _RANGES, "pair", _within, N_("{field} is between {value}")),
    _row("not_between", N_("is not between"), _RANGES, "pair", _within,
         N_("{field} is not between {value}"), negative=True),
    _row("before", N_("is before"), _DATES, "one", _before, N_("{field} is before {value}")),
    _row("after", N_("is after"), _DATES, "one", _after, N_("{field} is after {value}")),
    _row("on", N_("is on"), _DATES, "one", _within, N_("{field} is on {value}")),
    _row("not_on", N_("is not on"), _DATES, "one", _within, N_("{field} is not on {value}"),
         negative=True),
    _row("in_last_days", N_("in the last … days"), (*_DATES, "history"), "days", _within,
         N_("{field} in the last {value}")),
    _row("not_in_last_days", N_("not in the last … days"), ("history",), "days", _within,
         N_("{field} in the last {value}"), negative=True),
    _row("more_than_days_ago", N_("more than … days ago"), _DATES, "days", _before,
         N_("{field} more than {value} ago")),
    _row("is_set", N_("is set"), _SET, "nothing", _present, N_("{field} is set")),
    _row("is_not_set", N_("is not set"), _SET, "nothing", _present, N_("{field} is not set"),
         negative=True),
    _row("is_true", N_("is yes"), ("yes_no",), "nothing", _itself, N_("{field} is yes")),
    _row("is_false", N_("is no"), ("yes_no",), "nothing", _not_itself, N_("{field} is no")),
    _row("has_any", N_("any of"), ("set",), "ids", _any, N_("{field}: any of {value}")),
    _row("has_all", N_("all of"), ("set",), "ids", _all, N_("{field}: all of {value}")),
    _row("has_none", N_("none of"), ("set",), "ids", _any, N_("{field}: none of {value}"),
         negative=True),
    _row("in_broadcast", N_("in the broadcast"), ("history",), "id", _itself,
         N_("{field} named {value}")),
    _row("not_in_broadcast", N_("not in the broadcast"), ("history",), "id", _itself,
         N_("{field} named {value}"), negative=True),
    _row("with_label", N_("in a broadcast labelled"), ("history",), "label", _itself,
         N_("{field} labelled {value}")),
    _row("without_label", N_("in no broadcast labelled"), ("history",), "label", _itself,
         N_("{field} labelled {value}"), negative=True),
    _row("in_segment", N_("is in"), ("segment",), "id", _itself, N_("in the segment {value}")),
    _row("not_in_segment", N_("is not in"), ("segment",), "id", _itself,
         N_("not in the segment {value}"), negative=True),
])
# fmt: on


def for_type(type: Type) -> list[Operator]:
    """The operators of a field type, in the order people see them."""
    return [operator for operator in OPERATORS.values() if type in operator.types]
