"""Who gets a broadcast, on which channel and where, and why everybody else does not.

The one rule: matched = recipients + left out, and each person left out has exactly one reason,
the first of REASONS that applies.
"""

from __future__ import annotations

import datetime as dt
import threading
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import polars as pl
import sqlalchemy as sa
from sqlalchemy.orm import Session

from channels import KINDS
from channels.base import Content
from engine import db, filters, template
from engine.errors import Invalid
from engine.language import N_
from engine.segments import segment

REASONS = {
    "not_on_channel": N_("Not on the channel"),
    "never_interacted": N_("Never interacted on the channel"),
    "channel_deselected": N_("Their channel is not selected"),
    "opted_out": N_("Opted out"),
    "invalid_address": N_("Invalid address"),
    "same_address": N_("Same address as another recipient"),
    "outside_window": N_("Outside the channel's messaging window"),
    "missing_variable": N_("A variable has no value"),
}
"""Why somebody is left out, in the order in which it is asked. Stored: never rename a key."""

Mode = Literal["specific", "last_interacted"]
HOUR = 3_600_000_000
"""In microseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Whom a broadcast wants to reach, and how."""

    tree: segment.Group
    mode: str
    """specific | last_interacted"""
    channels: tuple[int, ...]
    """Selected channel ids; one when specific."""
    content: Mapping[int, tuple[Content, ...]]
    """The messages in order, by channel id."""
    only_interacted: bool = False

    def templates(self, channel_id: int) -> list[template.Template]:
        """Raises Invalid for a text that cannot be read."""
        messages = self.content.get(channel_id, ())
        return [template.parse(text) for item in messages for text in item.slots().values()]

    def variables(self) -> list[str]:
        """All that the selected channels' messages use, sorted."""
        used = {
            name for id in self.channels for one in self.templates(id) for name in one.variables
        }
        return sorted(used)

    def required(self, channel_id: int) -> list[str]:
        """Those of one channel that stand somewhere without a default, sorted."""
        return sorted({name for one in self.templates(channel_id) for name in one.required})


@dataclass(frozen=True, kw_only=True, eq=False)
class Audience:
    """The outcome. Frames are in the order of contact ids."""

    recipients: pl.DataFrame
    """contact_id, channel_id Int64; address String; parts Int32; "var.<name>" a variable."""
    left_out: pl.DataFrame
    """contact_id Int64; reason String, a key of REASONS."""
    channels: tuple[int, ...]

    @property
    def matched(self) -> int:
        """Contacts in the segment."""
        return self.recipients.height + self.left_out.height

    @cached_property
    def messages(self) -> int:
        return int(self.recipients["parts"].sum())

    def reasons(self) -> dict[str, int]:
        """People left out by reason, in order, zeros included."""
        counted = dict(self.left_out["reason"].value_counts().iter_rows())
        return {reason: counted.get(reason, 0) for reason in REASONS}

    def by_channel(self) -> dict[int, int]:
        """Recipients by selected channel, zeros included."""
        counted = dict(self.recipients["channel_id"].value_counts().iter_rows())
        return {id: counted.get(id, 0) for id in self.channels}


def resolve(database: db.Database, plan: Plan, now: dt.datetime | None = None) -> Audience:
    """The audience as of `now`.

    Raises Invalid for a template that cannot be read, a variable that does not exist, or more
    than one channel in specific mode.
    """
    if plan.mode == "specific" and len(plan.channels) > 1:
        raise Invalid("audience.one_channel", "Choose exactly one channel.")
    kinds = _kinds(database)
    selected = [id for id in plan.channels if kinds.get(id) in KINDS]
    people = _people(database, plan, broadcastable=[id for id in kinds if kinds[id] in KINDS])
    reached = people.join(
        _channel_rows(database, selected), on=["contact_id", "channel_id"], how="left"
    ).with_columns(_address(kinds, selected), _space(kinds, selected))
    judged = _judge(reached, plan, kinds=kinds, now=db.micros(now or db.now()))
    return Audience(
        recipients=judged.filter(pl.col("reason").is_null()).select(
            "contact_id", "channel_id", "address", _parts(plan), pl.col(r"^var\..*$")
        ),
        left_out=judged.filter(pl.col("reason").is_not_null()).select("contact_id", "reason"),
        channels=plan.channels,
    )


def _kinds(database: db.Database) -> dict[int, str]:
    with database.read() as session:
        rows = session.execute(sa.select(db.Channel.id, db.Channel.kind).order_by(db.Channel.id))
        return {row.id: row.kind for row in rows}


def _people(database: db.Database, plan: Plan, *, broadcastable: Iterable[int]) -> pl.DataFrame:
    """Who matches: contact_id, phone, the wanted channel_id (null: none), one column a variable."""
    people = segment.people(database, plan.tree)
    schema = people.collect_schema()
    wanted = pl.col("last_channel")
    if plan.mode == "specific":
        wanted = pl.lit(next(iter(plan.channels), None), pl.Int64)
    found: pl.DataFrame = (
        people.select(
            pl.col("id").alias("contact_id"),
            pl.col("phone").cast(pl.String),
            pl.when(wanted.is_in(list(broadcastable))).then(wanted).alias("channel_id"),
            *_variables(plan.variables(), schema),
        )
        .sort("contact_id")
        .collect()
    )
    return found


def _variables(names: list[str], schema: Mapping[str, pl.DataType]) -> list[pl.Expr]:
    full_name = pl.concat_str(
        pl.col("first_name", "last_name").cast(pl.String), separator=" ", ignore_nulls=True
    ).str.strip_chars()
    found = []
    for name in names:
        column = name if name in template.BUILT_IN else f"field.{name}"
        if name == "name":
            value = filters.value_column(full_name, pl.String())
        elif column in schema:
            value = filters.value_column(pl.col(column), schema[column])
        else:
            raise Invalid("audience.unknown_variable", "There is no variable “{name}”.", name=name)
        found.append(value.alias(f"var.{name}"))
    return found


# Channel rows: read once a change of the contacts, kept by channel


class _Kept:
    """One database's channel rows, by channel, as of a contacts_version."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.version = -1
        self.rows: dict[int, pl.DataFrame] = {}


_databases: weakref.WeakKeyDictionary[db.Database, _Kept] = weakref.WeakKeyDictionary()
_databases_lock = threading.Lock()


def _channel_rows(database: db.Database, channels: Iterable[int]) -> pl.DataFrame:
    """`_on_channel` for all these channels, from memory where no contact has changed since."""
    with _databases_lock:
        kept = _databases.setdefault(database, _Kept())
    with kept.lock, database.read() as session:
        version = session.scalar(sa.select(db.Workspace.contacts_version)) or 0
        if version != kept.version:
            kept.version, kept.rows = version, {}
        for id in channels:
            if id not in kept.rows:
                kept.rows[id] = _read_channel(session, id)
        nobody = _on_channel(pl.DataFrame(schema=ROWS), 0)
        return pl.concat([nobody, *(kept.rows[id] for id in channels)])


ROWS = {
    "contact_id": pl.Int64,
    "id": pl.Int64,
    "row_address": pl.String,
    "inbound": pl.Int64,
    "out_at": pl.Int64,
    "invalid_at": pl.Int64,
}
"""As the database has them, moments in µs."""


def _read_channel(session: Session, id: int) -> pl.DataFrame:
    row = db.ContactChannel
    columns = (row.contact_id, row.id, row.address)
    moments = (row.last_inbound_at, row.opted_out_at, row.invalid_at)
    query = sa.select(*columns, *moments).where(row.channel_id == id)
    cursor = session.connection().execute(query).cursor  # the driver's own rows: µs, and fast
    rows = cursor.fetchall() if cursor else []
    return _on_channel(pl.DataFrame(rows, schema=ROWS, orient="row"), id)


def _on_channel(rows: pl.DataFrame, id: int) -> pl.DataFrame:
    """One row a person: contact_id, row_address, inbound, out, invalid, channel_id.

    Of several addresses one that works comes first, then the one they last wrote from. Opting
    out with one of them is opting out of the channel.
    """
    marked = rows.select(
        *("contact_id", "id", "row_address", "inbound"),
        out=pl.col("out_at").is_not_null(),
        invalid=pl.col("invalid_at").is_not_null(),
        channel_id=pl.lit(id, pl.Int64),
    )
    if not rows["contact_id"].is_duplicated().any():
        return marked.drop("id")
    order = marked.sort(
        "invalid", "inbound", "id", descending=[False, True, False], nulls_last=True
    )
    return order.group_by("contact_id", maintain_order=True).agg(
        pl.col("row_address").first(),
        pl.col("inbound").max(),
        pl.col("out").any(),
        pl.col("invalid", "channel_id").first(),
    )


# Judging


def _address(kinds: Mapping[int, str], selected: list[int]) -> pl.Expr:
    by_phone = [id for id in selected if KINDS[kinds[id]].address == "phone"]
    phone = pl.when(pl.col("channel_id").is_in(by_phone) & (pl.col("phone") != "")).then("phone")
    return pl.coalesce("row_address", phone).alias("address")


def _space(kinds: Mapping[int, str], selected: list[int]) -> pl.Expr:
    """Where an address is one person's: a phone number on all phone channels, an id on its kind."""
    spaces = {id: "phone" if KINDS[kinds[id]].address == "phone" else kinds[id] for id in selected}
    channel = pl.col("channel_id")
    return channel.replace_strict(spaces, default=None, return_dtype=pl.String).alias("space")


def _judge(people: pl.DataFrame, plan: Plan, *, kinds: Mapping[int, str], now: int) -> pl.DataFrame:
    """Add `reason`, null for recipients. Only who has no other reason holds an address."""
    channel, inbound = pl.col("channel_id"), pl.col("inbound")
    selected = channel.is_in(list(plan.channels))
    tests = {
        "not_on_channel": channel.is_null() | (selected & pl.col("address").is_null()),
        "never_interacted": selected & inbound.is_null() & plan.only_interacted,
        "channel_deselected": selected.not_(),
        "opted_out": pl.col("out"),
        "invalid_address": pl.col("invalid"),
        "outside_window": _outside(plan, kinds=kinds, now=now),
        "missing_variable": _missing(plan),
    }
    tested = people.with_columns(
        test.fill_null(False).alias(f"is.{name}") for name, test in tests.items()
    )
    free = pl.any_horizontal(pl.col(r"^is\..*$")).not_()
    holder = pl.when(free).then("contact_id").min().over("space", "address")
    same = (holder != pl.col("contact_id")).fill_null(False)
    reason = pl.lit(None, pl.String)
    for name in reversed(REASONS):
        applies = same if name == "same_address" else pl.col(f"is.{name}")
        reason = pl.when(applies).then(pl.lit(name)).otherwise(reason)
    return tested.with_columns(reason.alias("reason"))


def _outside(plan: Plan, *, kinds: Mapping[int, str], now: int) -> pl.Expr:
    """Free-form content, and the person has not written within the channel's window."""
    ends = {}
    for id in plan.channels:
        kind = KINDS.get(kinds.get(id, ""))
        free = any(item.kind != "template" for item in plan.content.get(id, ()))
        if kind and kind.limits.window_hours is not None and free:
            ends[id] = now - kind.limits.window_hours * HOUR
    end = pl.col("channel_id").replace_strict(ends, default=None, return_dtype=pl.Int64)
    return end.is_not_null() & (pl.col("inbound").is_null() | (pl.col("inbound") < end))


def _missing(plan: Plan) -> pl.Expr:
    missing = pl.lit(False)
    for id in plan.channels:
        for name in plan.required(id):
            missing |= (pl.col("channel_id") == id) & pl.col(f"var.{name}").is_null()
    return missing


def _parts(plan: Plan) -> pl.Expr:
    parts = {id: len(plan.content.get(id, ())) for id in plan.channels}
    channel = pl.col("channel_id")
    return channel.replace_strict(parts, default=0, return_dtype=pl.Int32).alias("parts")
