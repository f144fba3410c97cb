"""People as an export has them: batches of typed columns, read in bulk, by contact_id.

Columns: contact_id (Int64); the built-in fields (String); tags (String, "a, b"); the custom fields
by key (by their type: text and choice String, number Float64, yes_no Boolean, date Date, datetime
Datetime µs UTC); created_at. Only when asked for: channels (String, "a, b", where the person can be
reached and has not opted out) and last_inbound_at.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import attributes, reach
from engine.errors import Invalid

BATCH = 50_000
FEW = 10_000
"""Ids in one statement: SQLite takes 32,766 values."""
MOMENT = pl.Datetime("us", "UTC")
EXTRA = ("channels", "last_inbound_at")
TYPES: dict[str, Any] = {
    "number": pl.Float64,
    "yes_no": pl.Boolean,
    "date": pl.Date,
    "datetime": MOMENT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What there is to write, in its order."""

    schema: dict[str, Any]
    custom: dict[str, str]
    """Key → type of the custom fields that are wanted."""
    tags: dict[int, str]
    channels: dict[int, tuple[str, bool]]
    """Id → (name, whether a phone number is an address there)."""


def shape(session: Session, columns: Sequence[str] | None = None) -> Shape:
    """All columns but EXTRA, or contact_id and `columns`. Raises Invalid for an unknown one."""
    fields = sorted(attributes.listing(session), key=lambda row: row.id)
    every: dict[str, Any] = dict.fromkeys(attributes.BUILT_IN, pl.String) | {"tags": pl.String}
    every |= {row.key: TYPES.get(row.type, pl.String) for row in fields}
    every |= {"created_at": MOMENT}
    extra = {"channels": pl.String, "last_inbound_at": MOMENT}
    wanted = list(every) if columns is None else [name for name in columns if name != "contact_id"]
    for name in wanted:
        if name not in every | extra:
            raise Invalid("export.no_column", "There is no column “{column}”.", column=name)
    known = extra | every
    tags = session.execute(sa.select(db.Tag.id, db.Tag.name).order_by(db.Tag.key))
    channels = session.scalars(sa.select(db.Channel).order_by(db.Channel.key))
    return Shape(
        schema={"contact_id": pl.Int64} | {name: known[name] for name in wanted},
        custom={row.key: row.type for row in fields if row.key in wanted},
        tags={row.id: row.name for row in tags},
        channels={row.id: (row.name, reach.by_phone(row)) for row in channels},
    )


def batches(
    session: Session, shape: Shape, ids: Sequence[int] | None = None
) -> Iterator[pl.DataFrame]:
    """Everybody, or those of `ids` that exist, in frames of `shape.schema`."""
    for where in _parts(session, ids):
        people = _people(session, shape, where)
        if people.height:
            yield people.select(*shape.schema)


def _parts(session: Session, ids: Sequence[int] | None) -> Iterator[Any]:
    """Conditions on a column of contact ids, in ascending order."""
    if ids is None:
        last = 0
        while end := session.scalar(_end_of_batch(last)):
            yield lambda id, low=last, high=end: sa.and_(id > low, id <= high)
            last = end
        return
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), FEW):
        yield lambda id, some=wanted[start : start + FEW]: id.in_(some)


def _end_of_batch(after: int) -> sa.Select[int]:
    ids = sa.select(db.Contact.id).where(db.Contact.id > after).order_by(db.Contact.id)
    return sa.select(sa.func.max(ids.limit(BATCH).subquery().c.id))


def _people(session: Session, shape: Shape, where: Any) -> pl.DataFrame:
    contact = db.Contact
    kinds = {"contact_id": pl.Int64} | dict.fromkeys(attributes.BUILT_IN, pl.String)
    statement = sa.select(
        contact.id,
        *(getattr(contact, name) for name in attributes.BUILT_IN),
        sa.type_coerce(contact.created_at, sa.BigInteger),
        sa.cast(contact.fields, sa.Text),
    )
    rows = _rows(session, statement.where(where(contact.id)).order_by(contact.id))
    kinds |= {"created_at": pl.Int64, "fields": pl.String}
    people = pl.DataFrame(rows, schema=kinds, orient="row")
    documents = people["fields"]
    people = people.drop("fields").with_columns(pl.col("created_at").cast(MOMENT))
    if shape.custom:
        people = people.with_columns(_custom(documents, shape.custom))
    if "tags" in shape.schema:
        people = people.with_columns(_tags(session, shape, where, people))
    if extra := set(EXTRA) & set(shape.schema) - set(shape.custom):
        found = _channels(session, shape, where, people)
        people = people.with_columns(column for column in found if column.name in extra)
    return people


def _rows(session: Session, statement: Any) -> list[Any]:
    """The driver's own rows: no column here needs SQLAlchemy's conversions."""
    return list(session.connection().execute(statement).cursor.fetchall())


# Custom fields


def _custom(documents: pl.Series, types: dict[str, str]) -> list[pl.Series]:
    """Typed columns of JSON objects; a value that has not its field's form is null."""
    texts = _texts(documents, list(types))
    return [
        texts.select(_typed(pl.col(key), type).alias(key)).to_series()
        for key, type in types.items()
    ]


def _texts(documents: pl.Series, keys: list[str]) -> pl.DataFrame:
    kind = pl.Struct(dict.fromkeys(keys, pl.String))
    try:
        return documents.str.json_decode(kind).struct.unnest()
    except pl.exceptions.ComputeError:  # one document polars cannot read: all plainly
        rows = [[_text(json.loads(each).get(key)) for key in keys] for each in documents]
        return pl.DataFrame(rows, schema=dict.fromkeys(keys, pl.String), orient="row")


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


def _typed(text: pl.Expr, type: str) -> pl.Expr:
    match type:
        case "number":
            number = text.cast(pl.Float64, strict=False)
            return pl.when(number.is_finite()).then(number)
        case "yes_no":
            return pl.when(text == "true").then(True).when(text == "false").then(False)
        case "date":
            return text.str.to_date("%Y-%m-%d", strict=False)
        case "datetime":
            shape = "%Y-%m-%dT%H:%M:%S%.f%#z"
            return text.str.to_datetime(shape, time_unit="us", time_zone="UTC", strict=False)
        case _:
            return text


# Tags and channels


def _tags(session: Session, shape: Shape, where: Any, people: pl.DataFrame) -> pl.Series:
    link = db.ContactTag
    rows = _rows(session, sa.select(link.contact_id, link.tag_id).where(where(link.contact_id)))
    held = pl.DataFrame(rows, schema={"contact_id": pl.Int64, "id": pl.Int64}, orient="row")
    return _joined(people, held, shape.tags).alias("tags")


def _joined(people: pl.DataFrame, held: pl.DataFrame, names: dict[int, str]) -> pl.Series:
    """[contact_id, id] → "a, b" a person, in the order of `names`."""
    order = pl.DataFrame(
        {"id": list(names), "place": range(len(names)), "name": list(names.values())},
        schema={"id": pl.Int64, "place": pl.Int64, "name": pl.String},
    )
    texts = (
        held.join(order, on="id")
        .sort("contact_id", "place")
        .group_by("contact_id", maintain_order=True)
        .agg(pl.col("name").str.join(", "))
    )
    joined = people.select("contact_id").join(
        texts, on="contact_id", how="left", maintain_order="left"
    )
    return joined["name"].fill_null("")


def _channels(session: Session, shape: Shape, where: Any, people: pl.DataFrame) -> list[pl.Series]:
    on = db.ContactChannel
    statement = sa.select(
        on.contact_id,
        on.channel_id,
        sa.type_coerce(on.last_inbound_at, sa.BigInteger),
        sa.case((on.opted_out_at.is_not(None), 1), else_=0),
        sa.case((on.invalid_at.is_not(None), 1), else_=0),
    ).where(where(on.contact_id))
    names = ("contact_id", "id", "inbound", "out", "invalid")
    rows = _rows(session, statement)
    held = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.Int64), orient="row")
    rows_of = held.group_by("contact_id", "id").agg(pl.col("out").max(), pl.col("invalid").min())
    fine = rows_of.filter((pl.col("out") == 0) & (pl.col("invalid") == 0)).select(
        "contact_id", "id"
    )
    phones = people.filter(pl.col("phone").is_not_null()).select("contact_id")
    by_phone = [id for id, (_, phone) in shape.channels.items() if phone]
    assumed = phones.join(pl.DataFrame({"id": by_phone}, schema={"id": pl.Int64}), how="cross")
    assumed = assumed.join(rows_of, on=["contact_id", "id"], how="anti")
    reached = pl.concat([fine, assumed])
    latest = people.select("contact_id").join(
        held.group_by("contact_id").agg(pl.col("inbound").max()),
        on="contact_id",
        how="left",
        maintain_order="left",
    )
    named = {id: name for id, (name, _) in shape.channels.items()}
    return [
        _joined(people, reached, named).alias("channels"),
        latest["inbound"].cast(MOMENT).alias("last_inbound_at"),
    ]
