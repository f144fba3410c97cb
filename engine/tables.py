"""The tables. The only module that declares one; times are UTC, stored as epoch µs."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)


def micros(moment: dt.datetime) -> int:
    """Aware datetime → microseconds since 1970-01-01 UTC, as the columns store it."""
    return (moment - EPOCH) // MICROSECOND


def moment(micros: int) -> dt.datetime:
    """Microseconds since the epoch → aware UTC datetime."""
    return EPOCH + micros * MICROSECOND


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Moment(sa.types.TypeDecorator[dt.datetime]):
    """An aware UTC datetime kept as a BIGINT: the same, exact and fast on both engines."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: sa.Dialect) -> int | None:
        return None if value is None else micros(value)

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> dt.datetime | None:
        return None if value is None else moment(value)


class Key(sa.types.TypeDecorator[str]):
    """A name folded for comparison: unique whatever its case and outer spaces."""

    impl = sa.String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return None if value is None else fold(value)


def fold(name: str) -> str:
    """Names that fold alike are the same name."""
    return " ".join(name.split()).casefold()


Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Json = sa.JSON()


class Base(DeclarativeBase):
    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        dt.datetime: Moment,
        dict[str, Any]: Json,
        list[Any]: Json,
    }


def pk() -> Mapped[int]:
    return mapped_column(Id, primary_key=True)


def ref(target: str, **options: Any) -> Any:
    return mapped_column(Id, sa.ForeignKey(target), **options)


class Workspace(Base):
    """One row: counters that tell caches what moved."""

    __tablename__ = "workspace"
    id: Mapped[int] = pk()
    contacts_version: Mapped[int] = mapped_column(default=0)
    """Grows with every write to contacts, tags, fields or contact channels."""


class Contact(Base):
    __tablename__ = "contact"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: Mapped[int] = pk()
    """Never given twice, or the history of somebody deleted would become another person's."""
    first_name: Mapped[str] = mapped_column(default="")
    last_name: Mapped[str] = mapped_column(default="")
    phone: Mapped[str | None] = mapped_column(unique=True)
    """E.164, with the plus."""
    email: Mapped[str | None] = mapped_column(index=True)
    language: Mapped[str | None]
    country: Mapped[str | None]
    timezone: Mapped[str | None]
    external_id: Mapped[str | None] = mapped_column(unique=True)
    fields: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Custom fields by key: text str, number int|float, date and datetime ISO str, yes/no bool."""
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    updated_at: Mapped[dt.datetime] = mapped_column(default=now, index=True)


class ContactField(Base):
    __tablename__ = "contact_field"
    id: Mapped[int] = pk()
    key: Mapped[str] = mapped_column(Key, unique=True)
    """The variable's name: lower-case ASCII, digits and underscores."""
    label: Mapped[str]
    type: Mapped[str]
    """text | number | date | datetime | yes_no | choice"""
    options: Mapped[list[Any]] = mapped_column(default=list)


class Tag(Base):
    __tablename__ = "tag"
    id: Mapped[int] = pk()
    key: Mapped[str] = mapped_column(Key, unique=True)
    name: Mapped[str]


class ContactTag(Base):
    __tablename__ = "contact_tag"
    contact_id: Mapped[int] = ref("contact.id", primary_key=True)
    tag_id: Mapped[int] = ref("tag.id", primary_key=True, index=True)


class Channel(Base):
    __tablename__ = "channel"
    id: Mapped[int] = pk()
    key: Mapped[str] = mapped_column(Key, unique=True)
    name: Mapped[str]
    kind: Mapped[str]
    """A key of channels.KINDS, or of channels.NOT_BROADCASTABLE."""
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    secrets: Mapped[bytes | None]
    """The secret settings as JSON, encrypted; see seal and unseal."""
    sandbox: Mapped[bool] = mapped_column(default=False)
    ceiling: Mapped[float]
    """Units per second this account may send."""
    state: Mapped[str] = mapped_column(default="active")
    """active | paused"""
    state_reason: Mapped[str] = mapped_column(default="")
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class ContactChannel(Base):
    """A person on a channel; phone channels reach people without a row, it adds what happened."""

    __tablename__ = "contact_channel"
    __table_args__ = (
        sa.UniqueConstraint("channel_id", "address"),
        sa.Index("ix_contact_channel_contact", "contact_id", "channel_id"),
    )
    id: Mapped[int] = pk()
    contact_id: Mapped[int] = ref("contact.id")
    channel_id: Mapped[int] = ref("channel.id")
    address: Mapped[str]
    last_inbound_at: Mapped[dt.datetime | None]
    opted_out_at: Mapped[dt.datetime | None]
    opted_out_why: Mapped[str] = mapped_column(default="")
    invalid_at: Mapped[dt.datetime | None]
    invalid_why: Mapped[str] = mapped_column(default="")


class OptOut(Base):
    """The log of opt-outs and opt-ins; contact_channel holds what is true now."""

    __tablename__ = "opt_out"
    id: Mapped[int] = pk()
    contact_id: Mapped[int] = mapped_column(Id, index=True)
    """Stays when the person is deleted."""
    channel_id: Mapped[int] = ref("channel.id")
    address: Mapped[str | None] = mapped_column(index=True)
    """Where it was said: it holds for whoever has that address later."""
    kind: Mapped[str]
    """out | in"""
    source: Mapped[str]
    """reply | provider | person | import"""
    reason: Mapped[str] = mapped_column(default="")
    at: Mapped[dt.datetime] = mapped_column(default=now)


class Segment(Base):
    __tablename__ = "segment"
    id: Mapped[int] = pk()
    key: Mapped[str] = mapped_column(Key, unique=True)
    name: Mapped[str]
    tree: Mapped[dict[str, Any]]
    expectations: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    """Its tests, all optional: {"in": [contact ids], "out": [contact ids], "least", "most"}."""
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    updated_at: Mapped[dt.datetime] = mapped_column(default=now)


class SegmentVersion(Base):
    """What a segment asked before: one row a save, the newest as it is now."""

    __tablename__ = "segment_version"
    id: Mapped[int] = pk()
    segment_id: Mapped[int] = ref("segment.id", index=True)
    tree: Mapped[dict[str, Any]]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class Broadcast(Base):
    __tablename__ = "broadcast"
    id: Mapped[int] = pk()
    key: Mapped[str] = mapped_column(Key, unique=True)
    name: Mapped[str]
    labels: Mapped[list[Any]] = mapped_column(default=list)
    segment_id: Mapped[int | None] = ref("segment.id", nullable=True)
    tree: Mapped[dict[str, Any] | None]
    """The segment as frozen at confirm."""
    mode: Mapped[str] = mapped_column(default="specific")
    """specific | last_interacted"""
    channels: Mapped[list[Any]] = mapped_column(default=list)
    """Selected channel ids; exactly one when specific."""
    content: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Channel id as text → list of channels.base.Content as JSON."""
    only_interacted: Mapped[bool] = mapped_column(default=False)
    start_local: Mapped[str | None]
    """Wall time "2026-12-01T09:30" a person chose; None means now."""
    timezone: Mapped[str | None]
    start_at: Mapped[dt.datetime | None]
    """The same in UTC, set at confirm."""
    rate_count: Mapped[int | None]
    rate_per: Mapped[str | None]
    """second | minute | hour"""
    state: Mapped[str] = mapped_column(default="draft", index=True)
    state_reason: Mapped[str] = mapped_column(default="")
    version: Mapped[int] = mapped_column(default=1)
    """Grows with every edit of the draft: the compare-and-set of two tabs."""
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    updated_at: Mapped[dt.datetime] = mapped_column(default=now)
    confirmed_at: Mapped[dt.datetime | None]
    started_at: Mapped[dt.datetime | None]
    finished_at: Mapped[dt.datetime | None]


class LeftOut(Base):
    """Who matched the segment and got nothing, each with the one reason, frozen at the start."""

    __tablename__ = "left_out"
    broadcast_id: Mapped[int] = ref("broadcast.id", primary_key=True)
    contact_id: Mapped[int] = mapped_column(Id, primary_key=True)
    reason: Mapped[str]
    """A key of audience.REASONS."""


class FrozenAudience(Base):
    """Who matched when a broadcast was frozen, condition by condition, to compare with later."""

    __tablename__ = "frozen_audience"
    broadcast_id: Mapped[int] = ref("broadcast.id", primary_key=True)
    tree: Mapped[dict[str, Any]]
    people: Mapped[bytes]
    """Parquet: id, and a boolean column a condition of `tree`, named by its path."""
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class Message(Base):
    """The ledger: one row a message, the only truth about what was sent and what came of it."""

    __tablename__ = "message"
    __table_args__ = (
        sa.UniqueConstraint("broadcast_id", "contact_id", "part"),
        sa.Index("ix_message_queue", "broadcast_id", "channel_id", "state", "next_at"),
        sa.Index("ix_message_provider", "provider_id"),
        sa.Index("ix_message_contact", "contact_id", "channel_id", "accepted_at"),
        sa.Index("ix_message_claim", "claimed_by"),
    )
    id: Mapped[int] = pk()
    broadcast_id: Mapped[int] = ref("broadcast.id")
    contact_id: Mapped[int] = mapped_column(Id)
    channel_id: Mapped[int] = ref("channel.id")
    part: Mapped[int]
    """1..N, sent in order."""
    address: Mapped[str]
    variables: Mapped[dict[str, Any]] = mapped_column(default=dict)
    units: Mapped[int] = mapped_column(default=1)
    """What the provider counts: SMS parts, else 1."""
    state: Mapped[str] = mapped_column(default="planned")
    """planned | claimed | accepted | delivered | read | failed | unknown | cancelled"""
    attempt: Mapped[int] = mapped_column(default=0)
    """Grows with every claim: the fence that late results are checked against."""
    tries: Mapped[int] = mapped_column(default=0)
    """Temporary refusals so far."""
    next_at: Mapped[dt.datetime | None]
    """Earliest moment for the next attempt; None while an earlier part is on its way."""
    provider_id: Mapped[str | None]
    reason_class: Mapped[str] = mapped_column(default="")
    """permanent | retryable | opted_out | deleted | unclear | previous_part | cancelled"""
    reason_code: Mapped[str] = mapped_column(default="")
    reason_text: Mapped[str] = mapped_column(default="")
    planned_at: Mapped[dt.datetime] = mapped_column(default=now)
    claimed_at: Mapped[dt.datetime | None]
    claimed_by: Mapped[str | None]
    sent_at: Mapped[dt.datetime | None]
    """When the last request was written; the pace is judged by it."""
    accepted_at: Mapped[dt.datetime | None]
    delivered_at: Mapped[dt.datetime | None]
    read_at: Mapped[dt.datetime | None]
    failed_at: Mapped[dt.datetime | None]
    replied_at: Mapped[dt.datetime | None]


class TestSend(Base):
    """A test message to one person, beside the ledger: never counted in its broadcast."""

    __tablename__ = "test_send"
    id: Mapped[int] = pk()
    broadcast_id: Mapped[int] = ref("broadcast.id", index=True)
    contact_id: Mapped[int] = mapped_column(Id)
    channel_id: Mapped[int] = ref("channel.id")
    address: Mapped[str]
    content: Mapped[list[Any]]
    variables: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[str] = mapped_column(default="planned")
    """planned | claimed | accepted | failed"""
    reason: Mapped[str] = mapped_column(default="")
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    finished_at: Mapped[dt.datetime | None]


class Receipt(Base):
    """A webhook call as it came, so nothing a provider said is lost."""

    __tablename__ = "receipt"
    __table_args__ = (sa.Index("ix_receipt_waiting", "applied_at"),)
    id: Mapped[int] = pk()
    channel_id: Mapped[int] = ref("channel.id")
    digest: Mapped[str] = mapped_column(unique=True)
    """SHA-256 of channel, URL and body: the same call twice is stored once."""
    method: Mapped[str]
    url: Mapped[str]
    headers: Mapped[dict[str, Any]]
    body: Mapped[bytes]
    received_at: Mapped[dt.datetime] = mapped_column(default=now)
    applied_at: Mapped[dt.datetime | None]
    problem: Mapped[str] = mapped_column(default="")


class Orphan(Base):
    """A delivery event that came before its message was recorded; it waits and is applied then."""

    __tablename__ = "orphan"
    __table_args__ = (sa.UniqueConstraint("channel_id", "provider_id", "state"),)
    id: Mapped[int] = pk()
    channel_id: Mapped[int] = ref("channel.id")
    provider_id: Mapped[str]
    state: Mapped[str]
    at: Mapped[dt.datetime]
    code: Mapped[str] = mapped_column(default="")
    text: Mapped[str] = mapped_column(default="")


class Reply(Base):
    """An inbound message."""

    __tablename__ = "reply"
    __table_args__ = (sa.UniqueConstraint("channel_id", "provider_id"),)
    id: Mapped[int] = pk()
    channel_id: Mapped[int] = ref("channel.id")
    contact_id: Mapped[int] = mapped_column(Id, index=True)
    """Stays when the person is deleted."""
    provider_id: Mapped[str]
    text: Mapped[str]
    at: Mapped[dt.datetime]
    message_id: Mapped[int | None] = ref("message.id", nullable=True, index=True)
    """The broadcast message it answers."""


class Change(Base):
    """Something done to contacts that can be undone: an edit, a bulk action, a merge, an import."""

    __tablename__ = "change"
    id: Mapped[int] = pk()
    kind: Mapped[str]
    """A key of contacts.changes.KINDS."""
    about: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What its sentence says: numbers and names."""
    people: Mapped[int] = mapped_column(default=0)
    at: Mapped[dt.datetime] = mapped_column(default=now, index=True)
    undone_at: Mapped[dt.datetime | None]


class ChangeItem(Base):
    """What a change did to one person: only what differs, before and after."""

    __tablename__ = "change_item"
    __table_args__ = (sa.UniqueConstraint("change_id", "contact_id"),)
    id: Mapped[int] = pk()
    change_id: Mapped[int] = ref("change.id")
    contact_id: Mapped[int] = mapped_column(Id, index=True)
    before: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    """None: the person was made by the change."""
    after: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    """None: the person was deleted by it."""


class Distinct(Base):
    """Two people somebody said are not the same; never suggested as duplicates again."""

    __tablename__ = "distinct_people"
    one_id: Mapped[int] = mapped_column(Id, primary_key=True)
    """The smaller id."""
    other_id: Mapped[int] = mapped_column(Id, primary_key=True)


class ContactImport(Base):
    """A file being imported, or imported: its progress, its report, and the way back."""

    __tablename__ = "contact_import"
    id: Mapped[int] = pk()
    name: Mapped[str]
    """The file's."""
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[str] = mapped_column(default="waiting", index=True)
    """waiting | running | done | cancelled | failed | undoing | undone"""
    reason: Mapped[str] = mapped_column(default="")
    cancel_wanted: Mapped[bool] = mapped_column(default=False)
    rows: Mapped[int | None]
    """Rows of the file, once it is read."""
    done: Mapped[int] = mapped_column(default=0)
    """Rows dealt with so far; a restarted import goes on from here."""
    report: Mapped[dict[str, Any]] = mapped_column(default=dict)
    change_id: Mapped[int | None] = ref("change.id", nullable=True)
    seen_at: Mapped[dt.datetime | None]
    """The last sign of life of who runs it."""
    created_at: Mapped[dt.datetime] = mapped_column(default=now, index=True)
    finished_at: Mapped[dt.datetime | None]


class ImportFile(Base):
    """A file as uploaded, until its import has ended. SQLite writes a row anew with every change of
    it, and that of an import changes with every batch."""

    __tablename__ = "import_file"
    import_id: Mapped[int] = ref("contact_import.id", primary_key=True)
    data: Mapped[bytes]


class ImportMapping(Base):
    """How the columns of a kind of file are read, kept under a name for the next one."""

    __tablename__ = "import_mapping"
    id: Mapped[int] = pk()
    key: Mapped[str] = mapped_column(Key, unique=True)
    name: Mapped[str]
    options: Mapped[dict[str, Any]]
    """Mapping, mode, match and tags, as in ContactImport.options."""
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
