"""What a segment can ask about here: built-in and custom fields, with their choices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.errors import Invalid
from engine.language import N_
from engine.segments.values import Type

CONTACT = N_("Contact field")
TAG = N_("Tag")
CHANNEL = N_("Channel")
ACTIVITY = N_("Activity")
BROADCAST = N_("Broadcast")
SEGMENT = N_("Segment")
CATEGORIES = (CONTACT, TAG, CHANNEL, ACTIVITY, BROADCAST, SEGMENT)

Option = tuple[str | int, str]
"""(value as it stands in a tree, name as people see it)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    key: str
    """Stored in trees: never rename."""
    label: str
    """Of a built-in field an English text to translate, of a custom one a person's own words."""
    category: str
    type: Type
    options: tuple[Option, ...] = ()
    negative: str = ""
    """The label under a negative operator, where it differs."""

    @property
    def custom(self) -> bool:
        return self.key.startswith("field.")

    @property
    def column(self) -> str:
        """The frame's column of a field that has one of its own."""
        return self.key if self.custom else COLUMNS.get(self.key, self.key.rpartition(".")[2])

    def option(self, value: object) -> str | None:
        """The name of a choice, or None when it is not (any more) one."""
        return next((name for known, name in self.options if known == value), None)


COLUMNS = {"contact.name": "name", "channel.last_interacted": "last_channel"}


def _built_in(key: str, label: str, category: str, type: Type, negative: str = "") -> Field:
    return Field(key=key, label=label, category=category, type=type, negative=negative)


BUILT_IN = (
    _built_in("contact.first_name", N_("First name"), CONTACT, "text"),
    _built_in("contact.last_name", N_("Last name"), CONTACT, "text"),
    _built_in("contact.name", N_("Full name"), CONTACT, "text"),
    _built_in("contact.phone", N_("Phone"), CONTACT, "text"),
    _built_in("contact.email", N_("Email"), CONTACT, "text"),
    _built_in("contact.external_id", N_("External ID"), CONTACT, "text"),
    _built_in("contact.language", N_("Language"), CONTACT, "choice"),
    _built_in("contact.country", N_("Country"), CONTACT, "choice"),
    _built_in("contact.timezone", N_("Time zone"), CONTACT, "choice"),
    _built_in("tag", N_("Tags"), TAG, "set"),
    _built_in("channel.reachable", N_("Reachable on"), CHANNEL, "set"),
    _built_in("channel.opted_out", N_("Opted out of"), CHANNEL, "set"),
    _built_in("channel.last_interacted", N_("Last interacted channel"), CHANNEL, "channel"),
    _built_in("activity.created_at", N_("Created"), ACTIVITY, "datetime"),
    _built_in("activity.last_inbound_at", N_("Last incoming message"), ACTIVITY, "datetime"),
    _built_in(
        "broadcast.sent",
        N_("Was sent a broadcast"),
        BROADCAST,
        "history",
        N_("Was not sent a broadcast"),
    ),
    _built_in(
        "broadcast.delivered",
        N_("Received a broadcast"),
        BROADCAST,
        "history",
        N_("Did not receive a broadcast"),
    ),
    _built_in(
        "broadcast.read",
        N_("Read a broadcast"),
        BROADCAST,
        "history",
        N_("Did not read a broadcast"),
    ),
    _built_in(
        "broadcast.failed",
        N_("Failed to receive a broadcast"),
        BROADCAST,
        "history",
        N_("Did not fail to receive a broadcast"),
    ),
    _built_in(
        "broadcast.replied",
        N_("Replied to a broadcast"),
        BROADCAST,
        "history",
        N_("Did not reply to a broadcast"),
    ),
    _built_in("segment", N_("Segment"), SEGMENT, "segment"),
)


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """Everything conditions refer to, as it was at one moment."""

    fields: tuple[Field, ...]
    trees: Mapping[int, Mapping[str, Any]]
    """Every saved segment's tree by id."""
    labels: Mapping[int, tuple[str, ...]]
    """Every broadcast's labels by id."""

    @cached_property
    def _by_key(self) -> dict[str, Field]:
        return {item.key: item for item in self.fields}

    def field(self, key: str) -> Field:
        """Raises Invalid."""
        found = self._by_key.get(key)
        if found is None:
            raise Invalid("segment.unknown_field", "There is no field “{field}”.", field=key)
        return found

    def ids(self, key: str) -> list[int]:
        """The ids that are choices of a field: tags, channels, segments or broadcasts."""
        return [value for value, _ in self.field(key).options if isinstance(value, int)]

    def observed(self, values: Callable[[str], Iterable[str]]) -> Catalogue:
        """The same, with the choices found in a column added: values(column) gives them."""
        return replace(self, fields=tuple(_with_found(item, values) for item in self.fields))


def read(session: Session) -> Catalogue:
    """The workspace's catalogue. Choices of country, language and zone are added by the frame."""
    tags = _options(session, db.Tag)
    channels = _options(session, db.Channel)
    broadcasts = session.execute(
        sa.select(db.Broadcast.id, db.Broadcast.name, db.Broadcast.labels).order_by(
            db.Broadcast.id.desc()
        )
    ).all()
    segments = session.execute(
        sa.select(db.Segment.id, db.Segment.name, db.Segment.tree).order_by(db.Segment.key)
    ).all()
    history = tuple((id, name) for id, name, _ in broadcasts)
    options: dict[str, tuple[Option, ...]] = {
        "tag": tags,
        "segment": tuple((id, name) for id, name, _ in segments),
        **{item.key: channels for item in BUILT_IN if item.category == CHANNEL},
        **{item.key: history for item in BUILT_IN if item.category == BROADCAST},
    }
    built_in = tuple(replace(item, options=options.get(item.key, ())) for item in BUILT_IN)
    custom = tuple(_custom(row) for row in session.scalars(sa.select(db.ContactField)))
    at = next(place for place, item in enumerate(built_in) if item.category != CONTACT)
    return Catalogue(
        fields=(*built_in[:at], *sorted(custom, key=_by_label), *built_in[at:]),
        trees={id: tree for id, _, tree in segments},
        labels={id: tuple(map(str, labels)) for id, _, labels in broadcasts},
    )


def _options(session: Session, table: type[db.Tag] | type[db.Channel]) -> tuple[Option, ...]:
    rows = session.execute(sa.select(table.id, table.name).order_by(table.key))
    return tuple((id, name) for id, name in rows)


def _custom(row: db.ContactField) -> Field:
    return Field(
        key=f"field.{row.key}",
        label=row.label,
        category=CONTACT,
        type=cast(Type, row.type),
        options=tuple((str(option), str(option)) for option in row.options),
    )


def _by_label(item: Field) -> tuple[str, str]:
    return db.fold(item.label), item.key


def _with_found(item: Field, values: Callable[[str], Iterable[str]]) -> Field:
    if item.type != "choice":
        return item
    known = {value for value, _ in item.options}
    found = sorted(set(values(item.column)) - known)
    return replace(item, options=(*item.options, *((value, value) for value in found)))
