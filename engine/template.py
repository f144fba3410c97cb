"""Message templates: Liquid's `{{ name | default: "amigo" }}` and a closed set of filters, no tags.

A template renders one row and compiles to a polars expression, and both give the same text.
What a variable holds is only ever inserted, never read as a template.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import polars as pl
import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db, filters
from engine.errors import Invalid

BUILT_IN = frozenset(
    {
        *("first_name", "last_name", "name", "phone", "email"),
        *("language", "country", "timezone", "external_id"),
    }
)
"""Variables every contact has. Stored in templates: never rename."""

OPENING = re.compile(r"\{\{|\{%")
TOKEN = re.compile(
    r"""\s*(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)|"(?P<double>[^"]*)"|'(?P<single>[^']*)'"""
    r"""|(?P<number>-?[0-9]{1,15}(?:\.[0-9]{1,15})?)|(?P<sign>[|:,]))"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One filter with its arguments."""

    name: str
    arguments: tuple[filters.Argument, ...]

    def row(self, value: filters.Value) -> filters.Value:
        return filters.FILTERS[self.name].row(value, *self.arguments)

    def column(self, text: pl.Expr) -> pl.Expr:
        """A step of its own: filters read their input several times, and chains would explode."""
        return text.map_batches(self._texts, return_dtype=pl.String, is_elementwise=True)

    def _texts(self, texts: pl.Series) -> pl.Series:
        step = filters.FILTERS[self.name].column(pl.col("text"), *self.arguments)
        return pl.select(text=texts.fill_null("")).select(step.alias("text"))["text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One `{{ variable | filter … }}`."""

    variable: str
    calls: tuple[Call, ...]
    line: int
    character: int

    @property
    def required(self) -> bool:
        """Without a value this slot would be empty."""
        return all(call.name != "default" for call in self.calls)

    def render(self, given: object) -> str:
        value = filters.value_of(given)
        for call in self.calls:
            value = call.row(value)
        return filters.text_of(value)

    def expression(self, dtype: pl.DataType) -> pl.Expr:
        value = filters.value_column(pl.col(self.variable), dtype)
        if dtype == pl.Boolean and self.calls and self.calls[0].name == "default":
            value = pl.when(value).then(value)  # false is what default replaces
        text = filters.text_column(value, dtype)
        for call in self.calls:
            text = call.column(text)
        return text.fill_null("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A parsed text: literal pieces and slots in order."""

    pieces: tuple[str | Slot, ...]

    @property
    def slots(self) -> tuple[Slot, ...]:
        return tuple(piece for piece in self.pieces if isinstance(piece, Slot))

    @property
    def variables(self) -> frozenset[str]:
        return frozenset(slot.variable for slot in self.slots)

    @property
    def required(self) -> frozenset[str]:
        """Variables that stand somewhere without a default."""
        return frozenset(slot.variable for slot in self.slots if slot.required)

    def render(self, values: Mapping[str, object]) -> str:
        """The text for one row; a variable that is absent has no value."""
        return "".join(
            piece if isinstance(piece, str) else piece.render(values.get(piece.variable))
            for piece in self.pieces
        )

    def expression(self, schema: Mapping[str, pl.DataType]) -> pl.Expr:
        """The text as a String column, never null, over columns named like the variables.

        A variable that `schema` lacks has no value. Without variables it is one row long.
        """
        texts = []
        for piece in self.pieces:
            if isinstance(piece, str):
                texts.append(pl.lit(piece))
            elif piece.variable in schema:
                texts.append(piece.expression(schema[piece.variable]))
            else:
                texts.append(pl.lit(piece.render(None)))
        return pl.concat_str(texts) if texts else pl.lit("")


@lru_cache(maxsize=512)
def parse(source: str) -> Template:
    """Raises Invalid, with the place, for anything that is not text, a variable or a filter."""
    pieces: list[str | Slot] = []
    start = 0
    while found := OPENING.search(source, start):
        if found[0] == "{%":
            raise Invalid(
                "template.tag",
                "Tags like {{% if %}} cannot be used (line {line}, character {character}).",
                **_place(source, found.start()),
            )
        end = source.find("}}", found.end())
        if end < 0:
            raise Invalid(
                "template.open",
                "A {{{{ is not closed with }}}} (line {line}, character {character}).",
                **_place(source, found.start()),
            )
        pieces += [source[start : found.start()], _slot(source, found.end(), end)]
        start = end + 2
    pieces.append(source[start:])
    return Template(pieces=tuple(piece for piece in pieces if piece != ""))


def check(source: str, known: Collection[str]) -> None:
    """Raises Invalid as `parse` does, and for a variable that is not among `known`."""
    for slot in parse(source).slots:
        if slot.variable not in known:
            raise Invalid(
                "template.unknown_variable",
                "There is no variable “{name}” (line {line}, character {character}).",
                name=slot.variable,
                line=slot.line,
                character=slot.character,
            )


def known(session: Session) -> frozenset[str]:
    """The variables of this workspace: the built-in ones and every contact field's key."""
    return BUILT_IN | frozenset(session.scalars(sa.select(db.ContactField.key)))


def _place(source: str, offset: int) -> dict[str, int]:
    return {
        "line": source.count("\n", 0, offset) + 1,
        "character": offset - source.rfind("\n", 0, offset),
    }


def _slot(source: str, start: int, end: int) -> Slot:
    place = _place(source, start - 2)
    parts: list[list[re.Match[str]]] = [[]]
    for token in _tokens(source, start, end):
        if token["sign"] == "|":
            parts.append([])
        else:
            parts[-1].append(token)
    first, *rest = parts
    if len(first) != 1 or not first[0]["name"]:
        raise Invalid(
            "template.no_variable",
            "{{{{ needs the name of one variable (line {line}, character {character}).",
            **place,
        )
    calls = tuple(_call(part, place) for part in rest)
    return Slot(variable=first[0]["name"], calls=calls, **place)


def _tokens(source: str, start: int, end: int) -> Iterator[re.Match[str]]:
    while rest := source[start:end].lstrip():
        token = TOKEN.match(source, start, end)
        if token is None:
            raise Invalid(
                "template.unreadable",
                "“{text}” cannot be read (line {line}, character {character}); "
                "texts stand in straight quotes.",
                text=rest.rstrip()[:20],
                **_place(source, end - len(rest)),
            )
        yield token
        start = token.end()


def _call(tokens: list[re.Match[str]], place: dict[str, int]) -> Call:
    name = tokens[0]["name"] if tokens else None
    if not name:
        raise Invalid(
            "template.no_filter",
            "A filter's name must follow | (line {line}, character {character}).",
            **place,
        )
    place = _place(tokens[0].string, tokens[0].start("name"))
    found = filters.FILTERS.get(name)
    if found is None:
        raise Invalid(
            "template.unknown_filter",
            "There is no filter “{name}” (line {line}, character {character}); the filters are "
            "{filters}.",
            name=name,
            filters=", ".join(filters.FILTERS),
            **place,
        )
    signs = [token["sign"] for token in tokens[1::2]]
    arguments = tuple(argument for token in tokens[2::2] for argument in _arguments(token))
    if signs != [":", ","][: len(arguments)] or not found.accepts(arguments):
        raise Invalid(
            "template.wrong_filter",
            "The filter “{name}” is written like {example} (line {line}, character {character}).",
            name=name,
            example=found.example,
            **place,
        )
    return Call(name=name, arguments=arguments)


def _arguments(token: re.Match[str]) -> list[filters.Argument]:
    """The literal a token stands for, or nothing."""
    if token["number"]:
        return [float(token["number"]) if "." in token["number"] else int(token["number"])]
    return [text for text in (token["double"], token["single"]) if text is not None]
