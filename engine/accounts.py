"""Channels as the workspace has them: accounts at providers, their secrets sealed at rest."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.orm import Session

from channels import KINDS, NOT_BROADCASTABLE
from channels.base import BadContent, Channel
from engine import db
from engine.errors import Conflict, Invalid, NotFound
from engine.settings import Settings


def add(
    session: Session,
    settings: Settings,
    *,
    kind: str,
    name: str,
    values: Mapping[str, str] | None = None,
    sandbox: bool = False,
    ceiling: float | None = None,
) -> db.Channel:
    """Add a channel. `ceiling` is units per second; None takes the kind's default.

    Raises Invalid for an unknown kind or setting, Conflict for a taken name.
    """
    values = dict(values or {})
    if not name.strip():
        raise Invalid("channel.no_name", "A channel needs a name.")
    if session.scalar(sa.select(db.Channel.id).where(db.Channel.key == name)):
        raise Conflict("channel.taken", "A channel named “{name}” exists already.", name=name)
    if kind not in KINDS and kind not in NOT_BROADCASTABLE:
        raise Invalid("channel.unknown_kind", "There is no channel kind “{kind}”.", kind=kind)
    secrets: frozenset[str] = frozenset()
    if provider := KINDS.get(kind):
        secrets = provider.secret_names()
        try:
            provider.from_settings(values)
        except BadContent as error:
            raise Invalid(error.code, error.template, **error.details) from error
    row = db.Channel(
        key=name,
        name=name.strip(),
        kind=kind,
        settings={key: value for key, value in values.items() if key not in secrets},
        secrets=db.seal(settings, {key: values[key] for key in values if key in secrets}),
        sandbox=sandbox,
        ceiling=ceiling or (provider.limits.rate if provider else 0.0),
    )
    session.add(row)
    session.flush()
    db.touch_contacts(session)
    return row


def open(settings: Settings, row: db.Channel) -> Channel:
    """The channel ready to use: pointed at the sandbox if it lives there, secrets unsealed.

    Raises Invalid when the kind cannot be broadcast to.
    """
    provider = KINDS.get(row.kind)
    if provider is None:
        raise Invalid(
            "channel.not_broadcastable", "“{name}” cannot be broadcast to.", name=row.name
        )
    values = {**row.settings, **db.unseal(settings, row.secrets)}
    if row.sandbox:
        values["base_url"] = settings.sandbox_url
    values["callback_url"] = hook_url(settings, row.id)
    return provider.from_settings(values)


def hook_url(settings: Settings, channel_id: int) -> str:
    """Where the provider posts this channel's receipts and replies."""
    return f"{settings.door_url}/hooks/{channel_id}"


def listing(session: Session) -> list[db.Channel]:
    """All channels by name."""
    return list(session.scalars(sa.select(db.Channel).order_by(db.Channel.key)))


def broadcastable(session: Session) -> list[db.Channel]:
    """The channels a broadcast can go to, by name."""
    return [row for row in listing(session) if row.kind in KINDS]


def by_name(session: Session, name: str) -> db.Channel:
    """The channel of that name, whatever its case. Raises NotFound."""
    row = session.scalar(sa.select(db.Channel).where(db.Channel.key == name))
    if row is None:
        raise NotFound("channel.unknown", "There is no channel named “{name}”.", name=name)
    return row
