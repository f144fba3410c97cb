"""Finding a person by what somebody types: parts of a name, a phone in any spelling, an email."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import cldr, cleaning, reach


def search(
    session: Session, text: str, *, channel_id: int | None = None, limit: int = 20
) -> list[db.Contact]:
    """People by name (words in any order, accents and case ignored), phone digits or email.

    With `channel_id` only those who can be reached there and have not opted out. Raises NotFound
    for a channel that does not exist.
    """
    contact = db.Contact
    statement = sa.select(contact).order_by(contact.first_name, contact.last_name, contact.id)
    if words := cleaning.tidy(text).split():
        glob = session.get_bind().dialect.name == "sqlite"
        conditions = [sa.and_(*(_has_word(word, glob=glob) for word in words))]
        if digits := _phone_digits(text):
            conditions.append(contact.phone.contains(digits))
        statement = statement.where(sa.or_(*conditions))
    if channel_id is not None:
        statement = statement.where(_reachable(db.get(session, db.Channel, channel_id)))
    return list(session.scalars(statement.limit(limit)))


def _has_word(word: str, *, glob: bool) -> sa.ColumnElement[bool]:
    """The word stands in a name or the email, or its digits in the phone."""
    contact = db.Contact
    pattern, operator = (_glob(word), "GLOB") if glob else (_regex(word), "~")
    names = (contact.first_name, contact.last_name)
    places: list[sa.ColumnElement[bool]] = [
        *(_spelt(word, name).op(operator, is_comparison=True)(pattern) for name in names),
        contact.email.contains(word.casefold(), autoescape=True),
    ]
    if digits := _phone_digits(word):
        places.append(contact.phone.contains(digits))
    return sa.or_(*places)


def _spelt(word: str, name: Any) -> sa.ColumnElement[str]:
    """The name, with ss for ß where that may matter: as `plain` has it in the word."""
    if "s" not in cldr.plain(word):
        return sa.type_coerce(name, sa.String)
    return sa.func.replace(sa.func.replace(name, "ß", "ss"), "ẞ", "ss")


def _glob(word: str) -> str:
    """SQLite GLOB: a class of all spellings for every letter, which LIKE and lower() cannot do."""
    return "*" + "".join(f"[{_spellings(c)}]" for c in cldr.plain(word)) + "*"


def _regex(word: str) -> str:
    """The same as a PostgreSQL regular expression."""
    return "".join(
        f"[{_spellings(c)}]" if c.isalpha() else re.sub(r"(\W)", r"\\\1", c)
        for c in cldr.plain(word)
    )


def _phone_digits(text: str) -> str:
    """The digits of what looks like (part of) a number, without a prefix's zeros; else ""."""
    if not re.fullmatch(r"[\d\s+().\-–/]+", text.strip(), re.ASCII):
        return ""
    digits = re.sub(r"\D", "", text).lstrip("0")
    return digits if len(digits) >= 3 else ""


def _reachable(channel: db.Channel) -> sa.ColumnElement[bool]:
    on = db.ContactChannel
    here = sa.and_(on.contact_id == db.Contact.id, on.channel_id == channel.id)
    barred = sa.exists().where(here, on.opted_out_at.is_not(None))
    works = sa.exists().where(here, on.invalid_at.is_(None))
    reached: sa.ColumnElement[bool] = works
    if reach.by_phone(channel):
        no_row = sa.and_(db.Contact.phone.is_not(None), ~sa.exists().where(here))
        reached = sa.or_(works, no_row)
    return sa.and_(reached, ~barred)


@lru_cache(maxsize=4096)
def _spellings(letter: str) -> str:
    """Every way to write a letter that `plain` folds to the same one, both cases."""
    found = {letter, letter.upper(), letter.lower(), *_accented().get(cldr.plain(letter), "")}
    return "".join(sorted(each for each in found if len(each) == 1))


@cache
def _accented() -> dict[str, str]:
    """Plain letter → the Latin letters of one code point that fold to it."""
    by_letter: dict[str, list[str]] = {}
    for code in (*range(0x41, 0x250), *range(0x1E00, 0x1F00)):
        by_letter.setdefault(cldr.plain(chr(code)), []).append(chr(code))
    return {plain_letter: "".join(letters) for plain_letter, letters in by_letter.items()}
