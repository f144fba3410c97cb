"""A segment as the SQL somebody would write by hand; what differs between peers is a method each.

What is unknown holds for no positive condition, so a NOT stands before `coalesce(…, false)`;
AND and OR of unknowns need none, as WHERE takes what is unknown for no.
"""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from crowd import people
from engine.segments.tree import Condition, Node

NEGATIVE = {
    "is_not": "is",
    "is_none_of": "is_any_of",
    "not_contains": "contains",
    "not_between": "between",
    "is_not_set": "is_set",
    "has_none": "has_any",
}
FOLDED = ("first_name", "last_name", "name", "email", "city", "company")
"""People write these in any case; the other texts are stored in one way."""
COLUMNS = {"contact.name": "name", "channel.last_interacted": "last_channel"}
TYPES = {key: kind for key, (_, kind) in people.FIELDS.items()} | {
    "created_at": "datetime",
    "last_inbound_at": "datetime",
    "last_channel": "channel",
}


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def pattern(text: str) -> str:
    """A text inside LIKE, with ESCAPE '!'."""
    for sign in "!%_":
        text = text.replace(sign, "!" + sign)
    return text.replace("'", "''")


def spelled(column: str) -> pl.Expr:
    """A text column of the crowd; "name" is first and last name."""
    if column == "name":
        return pl.concat_str("first_name", "last_name", separator=" ")
    return pl.col(column)


class Writer(ABC):
    """The plainest SQL; peers override what they do better or otherwise."""

    zone = ZoneInfo("America/Bogota")
    today = people.TODAY
    false = "false"

    def count(self, tree: Node) -> str:
        return f"SELECT count(*) FROM contact WHERE {self.node(tree)}"

    def node(self, node: Node) -> str:
        if isinstance(node, Condition):
            return self.condition(node)
        members = [f"({self.node(member)})" for member in node.of]
        joined = (" AND " if node.match == "all" else " OR ").join(members)
        return f"NOT coalesce({joined}, {self.false})" if node.match == "none" else joined

    def condition(self, condition: Condition) -> str:
        op = NEGATIVE.get(condition.op)
        if op is None:
            return self.positive(condition.field, condition.op, condition.value)
        held = self.positive(condition.field, op, condition.value)
        if condition.field in ("tag", "channel.opted_out", "channel.reachable"):
            return f"NOT ({held})"
        return f"NOT coalesce({held}, {self.false})"

    def positive(self, key: str, op: str, value: Any) -> str:
        if key == "tag":
            return self.tags(op, value)
        if key in ("channel.opted_out", "channel.reachable"):
            return self.channels(key.rpartition(".")[2], op, value)
        column = COLUMNS.get(key, key.rpartition(".")[2])
        match TYPES.get(column, "text"):
            case "text" | "choice":
                return self.text(column, op, value)
            case "yes_no":
                return self.yes_no(column, op)
            case "date":
                return self.days(column, op, value, self.day)
            case "datetime":
                return self.days(column, op, value, self.moment)
        return self.number(column, op, value)

    # Texts

    def text(self, column: str, op: str, value: Any) -> str:
        if op == "is_set":
            return f"{self.stored(column)} <> ''"
        subject = self.subject(column)
        if op == "is_any_of":
            return self.among(subject, [self.literal(column, item) for item in value])
        if op == "is":
            return f"{subject} = {self.literal(column, value)}"
        return self.like(subject, op, self.asked(column, value))

    def among(self, subject: str, literals: list[str]) -> str:
        return f"{subject} IN ({', '.join(literals)})"

    def like(self, subject: str, op: str, text: str) -> str:
        text = pattern(text)
        shape = {"contains": f"%{text}%", "starts_with": f"{text}%", "ends_with": f"%{text}"}[op]
        return f"{subject} LIKE '{shape}' ESCAPE '!'"

    def asked(self, column: str, value: str) -> str:
        return value.lower() if column in FOLDED else value

    def literal(self, column: str, value: str) -> str:
        return quoted(self.asked(column, value))

    def stored(self, column: str) -> str:
        """The column as it is."""
        return "first_name || ' ' || last_name" if column == "name" else column

    def subject(self, column: str) -> str:
        """The column as it is searched."""
        return f"lower({self.stored(column)})" if column in FOLDED else column

    # Numbers, days, yes or no

    def number(self, column: str, op: str, value: Any) -> str:
        if op == "is_set":
            return f"{column} IS NOT NULL"
        if op == "is_any_of":
            return f"{column} IN ({', '.join(map(str, value))})"
        if op == "between":
            return f"{column} BETWEEN {value[0]} AND {value[1]}"
        return f"{column} {({'gt': '>', 'gte': '>=', 'lt': '<', 'lte': '<='})[op]} {value}"

    def days(self, column: str, op: str, value: Any, literal: Any) -> str:
        day, one = dt.date.fromisoformat, dt.timedelta(1)
        match op:
            case "is_set":
                return f"{column} IS NOT NULL"
            case "before":
                return f"{column} < {literal(day(value))}"
            case "after":
                return f"{column} >= {literal(day(value) + one)}"
            case "more_than_days_ago":
                return f"{column} < {literal(self.today - dt.timedelta(value))}"
            case "on":
                first = last = day(value)
            case "between":
                first, last = map(day, value)
            case "in_last_days":
                first, last = self.today - dt.timedelta(value), self.today
        return f"{column} >= {literal(first)} AND {column} < {literal(last + one)}"

    def day(self, day: dt.date) -> str:
        return f"DATE '{day}'"

    def midnight(self, day: dt.date) -> dt.datetime:
        """The day's first moment in the workspace's zone, as UTC."""
        wall = dt.datetime(day.year, day.month, day.day, tzinfo=self.zone)
        return wall.astimezone(dt.UTC)

    def moment(self, day: dt.date) -> str:
        return f"TIMESTAMP '{self.midnight(day):%Y-%m-%d %H:%M:%S}'"

    def yes_no(self, column: str, op: str) -> str:
        return {
            "is_set": f"{column} IS NOT NULL",
            "is_true": f"coalesce({column}, {self.false})",
            "is_false": f"coalesce(NOT {column}, {self.false})",
        }[op]

    # Sets

    @abstractmethod
    def tags(self, op: str, ids: tuple[int, ...]) -> str: ...

    @abstractmethod
    def channels(self, what: str, op: str, ids: tuple[int, ...]) -> str: ...
