"""Tables and sessions. The only module that declares a table; times are UTC, stored as epoch µs."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from engine.errors import NotFound
from engine.language import N_
from engine.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
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


Row = TypeVar("Row", bound=Base)


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
    id: Mapped[int] = pk()
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
    contact_id: Mapped[int] = ref("contact.id", index=True)
    channel_id: Mapped[int] = ref("channel.id")
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
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    updated_at: Mapped[dt.datetime] = mapped_column(default=now)


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
    """permanent | retryable | opted_out | unclear | previous_part | cancelled"""
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
    contact_id: Mapped[int] = ref("contact.id", index=True)
    provider_id: Mapped[str]
    text: Mapped[str]
    at: Mapped[dt.datetime]
    message_id: Mapped[int | None] = ref("message.id", nullable=True, index=True)
    """The broadcast message it answers."""


_MISSING = {
    "contact": ("contact.not_found", N_("There is no contact with the number {id}.")),
    "contact_field": ("contact_field.not_found", N_("There is no field with the number {id}.")),
    "channel": ("channel.not_found", N_("There is no channel with the number {id}.")),
    "segment": ("segment.not_found", N_("There is no segment with the number {id}.")),
    "broadcast": ("broadcast.not_found", N_("There is no broadcast with the number {id}.")),
    "row": ("row.not_found", N_("There is nothing with the number {id} any more.")),
}
"""Table → (code, sentence) for a row that is not there."""


class Database:
    """One database: short sessions for reading, and writing ones that commit or leave no trace."""

    def __init__(self, engine: sa.Engine, settings: Settings) -> None:
        self.engine = engine
        self.settings = settings

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Session]:
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction. SQLite takes the write lock at once, so it cannot fail half-way."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            if self.is_sqlite:
                session.connection(execution_options={"pregon_begin": "IMMEDIATE"})
            yield session

    def close(self) -> None:
        self.engine.dispose()


def connect(settings: Settings) -> Database:
    """Open the database; tables are made by `migrate`, not here."""
    url = sa.make_url(settings.database)
    engine = sa.create_engine(url, pool_pre_ping=url.get_backend_name() != "sqlite")
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine, settings.sqlite_synchronous)
    return Database(engine, settings)


def migrate(database: Database) -> None:
    """Bring the tables to the newest version; harmless when they are."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def get(session: Session, kind: type[Row], id: int) -> Row:
    """The row, or NotFound in a sentence."""
    row = session.get(kind, id)
    if row is None:
        code, template = _MISSING.get(kind.__tablename__, _MISSING["row"])
        raise NotFound(code, template, id=id)
    return row


def touch_contacts(session: Session) -> None:
    """Tell every cache of contacts that they changed, in the transaction that changed them."""
    session.execute(sa.update(Workspace).values(contacts_version=Workspace.contacts_version + 1))


def seal(settings: Settings, secrets: Mapping[str, str]) -> bytes:
    """Encrypt a channel's secrets for Channel.secrets."""
    return settings.cipher.encrypt(json.dumps(dict(secrets)).encode())


def unseal(settings: Settings, sealed: bytes | None) -> dict[str, str]:
    """Decrypt Channel.secrets; never log or show what comes back."""
    if not sealed:
        return {}
    opened: dict[str, str] = json.loads(settings.cipher.decrypt(sealed))
    return opened


def _prepare_sqlite(engine: sa.Engine, synchronous: str) -> None:
    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, _: object) -> None:
        connection.isolation_level = None  # we begin ourselves, see below
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout=15000")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={'NORMAL' if synchronous == 'NORMAL' else 'FULL'}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA cache_size=-65536")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        kind = connection.get_execution_options().get("pregon_begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {kind}")
