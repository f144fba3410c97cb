"""How a test of a segment came out, in words, and as what stops a broadcast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from babel.numbers import format_decimal

from engine.errors import Invalid, PregonError
from engine.language import N_, translator
from engine.segments.catalogue import Catalogue
from engine.segments.truth import Guilt
from engine.segments.wording import words

REASONS_SHOWN = 3

IS_IN = N_("{person} is in.")
IS_OUT = N_("{person} is out.")
NOT_IN = N_("{person} is not in: {reasons}.")
NOT_OUT = N_("{person} is in: {reasons}.")
NOT_OUT_PLAIN = N_("{person} is in: no condition keeps anybody out.")
DELETED = N_("{person} was deleted and cannot be checked any more.")
NOBODY = N_("The person with the number {id}")
HOLDS = N_("{condition} holds")
HOLDS_NOT = N_("{condition} does not hold")
AND_MORE = N_("{reasons}; and {number} more")
LEAST_OK = N_("{people} people, at least {bound} are wanted.")
LEAST_RED = N_("{people} people, fewer than {bound}.")
MOST_OK = N_("{people} people, at most {bound} are wanted.")
MOST_RED = N_("{people} people, more than {bound}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One test and how it came out."""

    kind: str
    """in | out | least | most"""
    ok: bool
    contact: int | None = None
    """Of in and out: the person pinned."""
    name: str = ""
    """As people know them; "" when they were deleted and nothing tells any more."""
    deleted: bool = False
    guilty: tuple[Guilt, ...] = ()
    """The conditions that keep the person where they should not be."""
    people: int = 0
    """How many the segment holds."""
    bound: int = 0
    """Of least and most."""


def sentence(verdict: Verdict, catalogue: Catalogue, language: str = "en") -> str:
    """How a test came out, with the conditions responsible."""
    t = translator(language)
    if verdict.contact is None:
        texts = {"least": (LEAST_OK, LEAST_RED), "most": (MOST_OK, MOST_RED)}[verdict.kind]
        return t(texts[not verdict.ok]).format(
            people=_number(verdict.people, language), bound=_number(verdict.bound, language)
        )
    person = verdict.name or t(NOBODY).format(id=verdict.contact)
    if verdict.deleted:
        return t(DELETED).format(person=person)
    if verdict.ok:
        return t(IS_IN if verdict.kind == "in" else IS_OUT).format(person=person)
    if not verdict.guilty:
        return t(NOT_OUT_PLAIN).format(person=person)
    text = t(NOT_IN if verdict.kind == "in" else NOT_OUT)
    return text.format(person=person, reasons=reasons(verdict.guilty, catalogue, language))


def reasons(guilty: Sequence[Guilt], catalogue: Catalogue, language: str = "en") -> str:
    """“Country is Colombia does not hold; …”, the first few."""
    t = translator(language)
    told = [
        t(HOLDS if guilt.holds else HOLDS_NOT).format(
            condition=words(guilt.condition, catalogue, language)
        )
        for guilt in guilty[:REASONS_SHOWN]
    ]
    more = len(guilty) - REASONS_SHOWN
    text = "; ".join(told)
    return t(AND_MORE).format(reasons=text, number=more) if more > 0 else text


def _number(value: int, language: str) -> str:
    return str(format_decimal(value, locale={"es": "es_419"}.get(language, language)))


def problem(segment: str, verdict: Verdict) -> PregonError:
    """The sentence that stops a broadcast: it names the segment and the test."""
    person = verdict.name or f"#{verdict.contact}"
    if verdict.deleted:
        return Invalid(
            "segment.red_test",
            "A test of the segment “{segment}” is red: {person} was deleted.",
            segment=segment,
            person=person,
        )
    if verdict.kind == "in":
        return Invalid(
            "segment.red_test",
            "A test of the segment “{segment}” is red: {person} must be in and is not.",
            segment=segment,
            person=person,
        )
    if verdict.kind == "out":
        return Invalid(
            "segment.red_test",
            "A test of the segment “{segment}” is red: {person} must be out and is in.",
            segment=segment,
            person=person,
        )
    if verdict.kind == "least":
        return Invalid(
            "segment.red_test",
            "A test of the segment “{segment}” is red: it holds {people} people, "
            "and at least {bound} are wanted.",
            segment=segment,
            people=verdict.people,
            bound=verdict.bound,
        )
    return Invalid(
        "segment.red_test",
        "A test of the segment “{segment}” is red: it holds {people} people, "
        "and at most {bound} are wanted.",
        segment=segment,
        people=verdict.people,
        bound=verdict.bound,
    )
