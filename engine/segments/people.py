"""Contacts as columns, read from the database: what the frame is made of.

Columns of `read`: id; first_name, last_name, phone, email, external_id (String); language, country,
timezone (Categorical); created_at, updated_at, last_inbound_at (Datetime µs UTC); last_channel
(Int64, where the latest message came in, whatever its kind); "field.<key>" by type (text String,
choice Categorical, number Float64, date Date, datetime Datetime µs UTC, yes_no Boolean);
"tag.<id>"; "reach.<channel id>" (has an address there), "invalid.<channel id>" (which does not
work), "out.<channel id>" (opted out): Boolean. Sorted by id.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.orm import Session

from channels import KINDS
from engine import db

Statement = sa.Select[*tuple[Any, ...]]
MOMENT = pl.Datetime("us", "UTC")
TEXTS = ("first_name", "last_name", "phone", "email", "external_id")
CHOICES = ("language", "country", "timezone")
BLOCK = 50_000
"""Rows taken from the driver at once."""
CHUNK = 10_000
"""Ids in one statement, on PostgreSQL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The definitions the columns follow from."""

    fields: Mapping[str, str]
    """Custom field key → type."""
    channels: Mapping[int, bool]
    """Channel id → whether a phone number is an address there."""
    tags: tuple[int, ...]

    @property
    def columns(self) -> list[str]:
        return [
            *("id", *TEXTS, *CHOICES, "created_at", "updated_at", "last_inbound_at"),
            "last_channel",
            *(f"field.{key}" for key in self.fields),
            *(f"{what}.{id}" for id in self.channels for what in ("reach", "invalid", "out")),
            *(f"tag.{id}" for id in self.tags),
        ]


def shape(session: Session) -> Shape:
    fields = session.execute(
        sa.select(db.ContactField.key, db.ContactField.type).order_by(db.ContactField.id)
    )
    channels = session.execute(sa.select(db.Channel.id, db.Channel.kind).order_by(db.Channel.id))
    return Shape(
        fields={row.key: row.type for row in fields},
        channels={id: _by_phone(kind) for id, kind in channels},
        tags=tuple(session.scalars(sa.select(db.Tag.id).order_by(db.Tag.id))),
    )


def _by_phone(kind: str) -> bool:
    return kind in KINDS and KINDS[kind].address == "phone"


def read(session: Session, shape: Shape, ids: Sequence[int] | None = None) -> pl.DataFrame:
    """Everybody, or the people with these ids, one row each."""
    people = _contacts(session, shape, ids)
    people = _with_channels(people, _channels(session, ids), shape)
    tags = dict(_tags(session, ids).group_by("tag").agg("contact").iter_rows())
    nobody = pl.Series([], dtype=pl.Int64)
    return people.with_columns(
        people["id"].is_in(pl.Series(tags.get(id, nobody)).implode()).alias(f"tag.{id}")
        for id in shape.tags
    ).select(shape.columns)


# Contacts and their custom fields


def _contacts(session: Session, shape: Shape, ids: Sequence[int] | None) -> pl.DataFrame:
    contact = db.Contact
    statement = sa.select(
        contact.id,
        *(getattr(contact, name) for name in (*TEXTS, *CHOICES)),
        *(sa.type_coerce(at, sa.BigInteger) for at in (contact.created_at, contact.updated_at)),
        sa.cast(contact.fields, sa.Text),
    )
    names = {name: pl.String() for name in (*TEXTS, *CHOICES)}
    schema: dict[str, pl.DataType] = {"id": pl.Int64(), **names, "created_at": pl.Int64()}
    schema |= {"updated_at": pl.Int64(), "fields": pl.String()}
    frame = _table(session, statement, schema, contact.id, ids).sort("id")
    return frame.with_columns(
        pl.col(CHOICES).cast(pl.Categorical),
        pl.col("created_at", "updated_at").cast(MOMENT),
        *_custom(frame["fields"], shape.fields),
    ).drop("fields")


def _custom(documents: pl.Series, types: Mapping[str, str]) -> list[pl.Series]:
    """Typed columns from the JSON objects; a value that is not of its field's type is null."""
    if not types:
        return []
    texts = _scalars(documents, list(types))
    return [
        texts.select(_typed(pl.col(key), kind).alias(f"field.{key}")).to_series()
        for key, kind in types.items()
    ]


def _scalars(documents: pl.Series, keys: list[str]) -> pl.DataFrame:
    """The members of JSON objects as texts. One that polars refuses makes all be read plainly."""
    kind = pl.Struct(dict.fromkeys(keys, pl.String))
    try:
        return documents.str.json_decode(kind).struct.unnest()
    except pl.exceptions.ComputeError:
        rows = [_plain(document, keys) for document in documents]
        return pl.DataFrame(rows, schema=dict.fromkeys(keys, pl.String), orient="row")


def _plain(document: str, keys: list[str]) -> list[str | None]:
    values = json.loads(document)
    values = values if isinstance(values, dict) else {}
    return [_text(values.get(key)) for key in keys]


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, bool | int | float) else None


def _typed(text: pl.Expr, kind: str) -> pl.Expr:
    match kind:
        case "number":
            number = text.cast(pl.Float64, strict=False)
            return pl.when(number.is_finite()).then(number)
        case "date":
            return text.str.to_date("%Y-%m-%d", strict=False)
        case "datetime":
            return text.str.to_datetime(
                "%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="us", time_zone="UTC", strict=False
            )
        case "yes_no":
            return pl.when(text == "true").then(True).when(text == "false").then(False)
        case "choice":
            return text.cast(pl.Categorical)
    return text


# Channels and tags


def _channels(session: Session, ids: Sequence[int] | None) -> pl.DataFrame:
    """[contact, channel, inbound, out, invalid]: one row a person and channel."""
    on = db.ContactChannel
    statement = sa.select(
        on.contact_id,
        on.channel_id,
        sa.type_coerce(on.last_inbound_at, sa.BigInteger),
        sa.case((on.opted_out_at.is_not(None), 1), else_=0),
        sa.case((on.invalid_at.is_not(None), 1), else_=0),
    )
    names = ("contact", "channel", "inbound", "out", "invalid")
    schema = dict.fromkeys(names, pl.Int64())
    frame = _table(session, statement, schema, on.contact_id, ids)
    return frame.group_by("contact", "channel").agg(
        pl.col("inbound", "out").max(), pl.col("invalid").min()
    )


def _with_channels(people: pl.DataFrame, on: pl.DataFrame, shape: Shape) -> pl.DataFrame:
    latest = (
        on.drop_nulls("inbound")
        .sort("inbound", "channel", descending=[True, False])
        .unique("contact", keep="first", maintain_order=True)
        .select(
            id="contact", last_inbound_at=pl.col("inbound").cast(MOMENT), last_channel="channel"
        )
    )
    people = people.join(latest, on="id", how="left", maintain_order="left")
    columns: list[pl.Series] = []
    for id, by_phone in shape.channels.items():
        here = on.filter(pl.col("channel") == id)
        listed = people["id"].is_in(here["contact"].implode())
        reached = listed | people["phone"].is_not_null() if by_phone else listed
        columns.append(reached.alias(f"reach.{id}"))
        for what in ("invalid", "out"):
            who = here.filter(pl.col(what) == 1)["contact"]
            columns.append(people["id"].is_in(who.implode()).alias(f"{what}.{id}"))
    return people.with_columns(columns)


def _tags(session: Session, ids: Sequence[int] | None) -> pl.DataFrame:
    link = db.ContactTag
    statement = sa.select(link.contact_id, link.tag_id)
    schema = {"contact": pl.Int64(), "tag": pl.Int64()}
    return _table(session, statement, schema, link.contact_id, ids)


def _table(
    session: Session,
    statement: Statement,
    schema: Mapping[str, pl.DataType],
    key: Any = None,
    ids: Sequence[int] | None = None,
) -> pl.DataFrame:
    """The driver's own values, some rows at a time: no column here needs SQLAlchemy's conversions,
    and a million people never stand in memory as Python objects."""
    blocks = [pl.DataFrame(schema=schema)]
    sqlite = session.get_bind().dialect.name == "sqlite"
    for part in _parts(statement, key, ids, sqlite=sqlite):
        cursor = session.connection().execute(part).cursor
        while rows := cursor.fetchmany(BLOCK):
            columns = zip(schema.items(), zip(*rows, strict=True), strict=True)
            blocks.append(
                pl.DataFrame([pl.Series(name, values, kind) for (name, kind), values in columns])
            )
    return pl.concat(blocks, rechunk=True)


def _parts(
    statement: Statement, key: Any, ids: Sequence[int] | None, *, sqlite: bool
) -> Iterator[Statement]:
    if ids is None:
        yield statement
        return
    if sqlite:  # one value, where ten thousand take longer to write than to answer
        listed = sa.func.json_each(json.dumps(list(ids))).table_valued("value")
        yield statement.where(key.in_(sa.select(listed.c.value)))
        return
    for start in range(0, len(ids), CHUNK):
        yield statement.where(key.in_(ids[start : start + CHUNK]))


# What changed


def stamps(session: Session, since: int | None = None) -> pl.DataFrame:
    """[id, updated_at] of people changed at `since` (µs) or later, or of everybody."""
    at = sa.type_coerce(db.Contact.updated_at, sa.BigInteger)
    statement = sa.select(db.Contact.id, at)
    if since is not None:
        statement = statement.where(at >= since)
    schema = {"id": pl.Int64(), "updated_at": pl.Int64()}
    return _table(session, statement, schema).with_columns(pl.col("updated_at").cast(MOMENT))


def checksum(session: Session) -> tuple[int, int]:
    """(people, sum of their updated_at in µs): in parts, so that no engine's sum overflows."""
    at = sa.type_coerce(db.Contact.updated_at, sa.BigInteger)
    count, high, low = session.execute(
        sa.select(
            sa.func.count(),
            sa.func.coalesce(sa.func.sum(at.op(">>")(sa.literal_column("20"))), 0),
            sa.func.coalesce(sa.func.sum(at.bitwise_and(2**20 - 1)), 0),
        ).select_from(db.Contact)
    ).one()
    return int(count), (int(high) << 20) + int(low)


def sum_of(moments: pl.Series) -> int:
    """The exact sum of a column of moments in µs, past what 64 bits hold."""
    stamps = moments.to_physical()
    high, low = stamps // 2**20, stamps % 2**20
    return (int(high.sum()) << 20) + int(low.sum())
