"""People who may be one: suggested by what they share, merged into one, kept apart for ever."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl
import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import cldr
from engine.contacts.documents import CONTACT, ON
from engine.contacts.holdings import text_of
from engine.contacts.merging import Merged as Merged
from engine.contacts.merging import merge as merge
from engine.contacts.merging import preview as preview
from engine.contacts.rows import chunks
from engine.language import N_

REASONS = {
    "phone": N_("the same phone"),
    "email": N_("the same email"),
    "name_birthday": N_("the same name and birthday"),
}
"""What people can share. Keys of `by`."""
WEIGHT = {"phone": 4, "email": 2, "name_birthday": 1}

GROUP_MAX = 20
"""More people than this share an office's phone or mailbox; they are not one person."""

BIRTHDAY = ("birthday", "birth_date", "birthdate", "date_of_birth", "nacimiento", "cumple", "dob")
"""What stands in the plain key or label of the field with the birthday."""

SPELLINGS = {"+521": ("+52", 14), "+549": ("+54", 14)}
"""Prefixes of mobiles as WhatsApp has them → as dialled, and the length they have then.

Mexico dropped the 1 in 2019, Argentina's 9 is for calls from abroad (ITU-T E.164 national plans).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    kind: str
    """A key of REASONS."""
    value: str
    """What they share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    ids: tuple[int, ...]
    """The oldest first."""
    reasons: tuple[Reason, ...]

    @property
    def weight(self) -> int:
        return sum(WEIGHT[reason.kind] for reason in self.reasons)


def suggested(
    database: db.Database,
    *,
    by: Sequence[str] = tuple(REASONS),
    birthday: str | None = None,
    limit: int = 100,
) -> list[Group]:
    """Groups of people who may be one, those with most in common first.

    `birthday`: the key of the field; else the date field whose name says so. Nobody stands in a
    group with somebody they were said to be distinct from.
    """
    shared: dict[tuple[int, ...], list[Reason]] = {}
    with database.read() as session:
        apart = _apart(session)
        for kind in by:
            for value, ids in _shared(session, kind, birthday):
                for some in _together(ids, apart):
                    reasons = shared.setdefault(some, [])
                    if all(reason.kind != kind for reason in reasons):
                        reasons.append(Reason(kind=kind, value=value))
    groups = [Group(ids=ids, reasons=tuple(reasons)) for ids, reasons in shared.items()]
    return heapq.nsmallest(
        limit, groups, key=lambda group: (-group.weight, len(group.ids), group.ids)
    )


def _shared(
    session: Session, kind: str, birthday: str | None
) -> Iterable[tuple[str, Sequence[int]]]:
    match kind:
        case "phone":
            pairs = _phones(session)
        case "email":
            pairs = _emails(session)
        case _:
            pairs = _names(session, birthday or birthday_field(session))
    groups = (
        pairs.unique()
        .group_by("value")
        .agg(pl.col("id").unique().sort())
        .filter(pl.col("id").list.len().is_between(2, GROUP_MAX))
        .sort("value")
    )
    return ((value, ids) for value, ids in groups.iter_rows())


def _frame(session: Session, statement: sa.Select[*tuple[object, ...]]) -> pl.DataFrame:
    """[id, value], by the driver's own rows."""
    rows = session.connection().execute(statement).cursor.fetchall()
    return pl.DataFrame(rows, schema={"id": pl.Int64, "value": pl.String}, orient="row")


def _emails(session: Session) -> pl.DataFrame:
    email = CONTACT.c.email
    twice = sa.select(email).where(email.is_not(None)).group_by(email)
    twice = twice.having(sa.func.count() > 1)
    return _frame(session, sa.select(CONTACT.c.id, email).where(email.in_(twice)))


def _phones(session: Session) -> pl.DataFrame:
    """A number that is one person's phone and another's address, or the same in two spellings."""
    phone, where = CONTACT.c.phone, ON.c.address
    both = sa.select(CONTACT.c.id, ON.c.contact_id, phone).join_from(ON, CONTACT, where == phone)
    rows = session.execute(both.where(CONTACT.c.id != ON.c.contact_id)).all()
    found = [(id, number) for one, other, number in rows for id in (one, other)]
    pairs = pl.DataFrame(found, schema={"id": pl.Int64, "value": pl.String}, orient="row")
    return pl.concat([pairs, *_respelled(session), _ninth_digit(session)])


def _respelled(session: Session) -> Iterable[pl.DataFrame]:
    phone = CONTACT.c.phone
    for long, (short, length) in SPELLINGS.items():
        written = sa.select(CONTACT.c.id, phone).where(phone >= long, phone < f"{long}:")
        some = _frame(session, written.where(sa.func.length(phone) == length))
        plain = some.with_columns(value=short + pl.col("value").str.slice(len(long)))
        yield _with_owners(session, plain)


def _ninth_digit(session: Session) -> pl.DataFrame:
    """Brazil's mobiles have a 9 before their eight digits since 2016; WhatsApp may know them bare.

    Landlines begin with 2 to 5 and never had one.
    """
    phone = CONTACT.c.phone
    written = sa.select(CONTACT.c.id, phone).where(phone >= "+55", phone < "+55:")
    bare = _frame(session, written.where(sa.func.length(phone) == 13))
    value = pl.col("value")
    bare = bare.filter(value.str.slice(5, 1).is_in(["6", "7", "8", "9"]))
    return _with_owners(
        session, bare.with_columns(value.str.slice(0, 5) + "9" + value.str.slice(5))
    )


def _with_owners(session: Session, pairs: pl.DataFrame) -> pl.DataFrame:
    """The pairs, and whoever has one of the numbers as their phone."""
    owners = [pairs]
    for some in chunks(pairs["value"]):
        mine = sa.select(CONTACT.c.id, CONTACT.c.phone).where(CONTACT.c.phone.in_(some))
        owners.append(_frame(session, mine))
    return pl.concat(owners)


def birthday_field(session: Session) -> str | None:
    """The key of the date field whose key or label says that it is the birthday."""
    dates = sa.select(db.ContactField).where(db.ContactField.type.in_(("date", "datetime")))
    for field in session.scalars(dates.order_by(db.ContactField.id)):
        said = f"{field.key} {cldr.plain(field.label).replace(' ', '_')}"
        if any(word in said for word in BIRTHDAY):
            return field.key
    return None


def _names(session: Session, birthday: str | None) -> pl.DataFrame:
    nobody = pl.DataFrame(schema={"id": pl.Int64, "value": pl.String})
    if birthday is None:
        return nobody
    born = text_of(session, birthday)
    name = sa.func.trim(CONTACT.c.first_name + " " + CONTACT.c.last_name)
    named = sa.select(CONTACT.c.id, name, born).where(born.is_not(None), name != "")
    rows = session.connection().execute(named).cursor.fetchall()
    schema = {"id": pl.Int64, "name": pl.String, "born": pl.String}
    people = pl.DataFrame(rows, schema=schema, orient="row")
    born_together = people.filter(pl.col("born").str.slice(0, 10).is_duplicated())
    folded = born_together.with_columns(
        _plain(pl.col("name")).alias("plain"), pl.col("born").str.slice(0, 10)
    )
    twice = folded.filter(pl.struct("plain", "born").is_duplicated())
    return twice.select("id", value=pl.concat_str("plain", "born", separator=", "))


def _plain(name: pl.Expr) -> pl.Expr:
    """Case, accents and double spaces folded, as cldr.plain does."""
    letters = name.str.normalize("NFKD").str.replace_all(r"\p{M}", "").str.to_lowercase()
    return letters.str.replace_all(r"\s+", " ").str.strip_chars()


# Kept apart


def dismiss(session: Session, ids: Sequence[int]) -> None:
    """These people are not one; they are not suggested together again."""
    known = _apart(session)
    for one, other in itertools.combinations(sorted(set(ids)), 2):
        if (one, other) not in known:
            session.add(db.Distinct(one_id=one, other_id=other))
    session.flush()


def _apart(session: Session) -> set[tuple[int, int]]:
    pairs = session.execute(sa.select(db.Distinct.one_id, db.Distinct.other_id))
    return {(one, other) for one, other in pairs}


def _together(ids: Sequence[int], apart: set[tuple[int, int]]) -> list[tuple[int, ...]]:
    """The ids, in order, in groups without anybody who is distinct from another member."""
    if not apart or apart.isdisjoint(itertools.combinations(ids, 2)):
        return [tuple(ids)]
    groups: list[list[int]] = []
    for id in ids:
        for group in groups:
            if not any((other, id) in apart for other in group):
                group.append(id)
                break
        else:
            groups.append([id])
    return [tuple(group) for group in groups if len(group) > 1]
