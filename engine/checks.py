"""Whether a draft can be sent: everything that stops it, each a sentence that names its step."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from channels import KINDS
from channels.base import BadContent, Channel, Content, check
from engine import audience, db, drafts, plan, template
from engine.errors import Invalid, PregonError
from engine.segments import expectations, frame, segment

MESSAGES_MAX = 10
"""Messages one person may get from one broadcast, on one channel."""


def problems(
    database: db.Database, id: int, *, now: dt.datetime | None = None
) -> list[PregonError]:
    """Everything that stops it from being sent, in the order of the steps; empty when it can go."""
    now = now or db.now()
    with database.read() as session:
        row = db.get(session, db.Broadcast, id)
        found = [*_channel_problems(session, row), *_time_problems(row, now)]
        known = template.known(session)
        found += _content_problems(session, row, known)
        try:
            wanted = drafts.plan_of(session, id)
            segment.check(wanted.tree, frame.load(database).catalogue)
            red = expectations.red(database, row.segment_id, wanted.tree)
        except PregonError as error:
            return [error, *found]
    found = [*red, *found]
    return found or _audience_problems(row, audience.resolve(database, wanted, now))


def tests_hold(database: db.Database, id: int) -> None:
    """At the start of a confirmed broadcast: the tests of its segment, on the tree as confirmed.

    Raises Invalid that names the first red one.
    """
    with database.read() as session:
        segment_id = db.get(session, db.Broadcast, id).segment_id
        tree = drafts.plan_of(session, id).tree
    if red := expectations.red(database, segment_id, tree):
        raise red[0]


def _channel_problems(session: Session, row: db.Broadcast) -> list[PregonError]:
    if not row.channels:
        return [Invalid("broadcast.no_channel", "Step 5: choose the channel it goes out on.")]
    if row.mode == "specific" and len(row.channels) != 1:
        return [Invalid("broadcast.one_channel", "Step 5: choose exactly one channel.")]
    found: list[PregonError] = []
    for channel in (db.get(session, db.Channel, id) for id in row.channels):
        if channel.kind not in KINDS:
            found.append(
                Invalid(
                    "channel.not_broadcastable",
                    "Step 5: “{name}” cannot be broadcast to.",
                    name=channel.name,
                )
            )
        elif channel.state != "active":
            found.append(
                Invalid(
                    "channel.paused",
                    "Step 5: the channel “{name}” is paused: {reason}",
                    name=channel.name,
                    reason=channel.state_reason or "…",
                )
            )
    return found


def _content_problems(
    session: Session, row: db.Broadcast, known: frozenset[str]
) -> list[PregonError]:
    found: list[PregonError] = []
    messages = drafts.content(row)
    for channel in (db.get(session, db.Channel, id) for id in row.channels):
        provider = KINDS.get(channel.kind)
        if provider is None:
            continue
        written = messages.get(channel.id, ())
        if not written or len(written) > MESSAGES_MAX:
            found.append(
                Invalid(
                    "broadcast.no_content",
                    "Step 6: “{channel}” needs one to ten messages.",
                    channel=channel.name,
                )
            )
        for part, item in enumerate(written, 1):
            if problem := content_problem(provider, item, known):
                found.append(
                    Invalid(
                        problem.code,
                        "Step 6: message {part} on “{channel}”: {problem}",
                        part=part,
                        channel=channel.name,
                        problem=problem.sentence,
                    )
                )
    return found


def content_problem(
    provider: type[Channel], item: Content, known: frozenset[str]
) -> PregonError | None:
    """The first thing wrong with one message on one kind of channel, None when it is good."""
    try:
        check(provider, item)
        for source in item.slots().values():
            template.check(source, known)
    except BadContent as error:
        return Invalid(error.code, error.template, **error.details)
    except PregonError as error:
        return error
    return None


def _time_problems(row: db.Broadcast, now: dt.datetime) -> list[PregonError]:
    if row.start_local is None:
        return []
    try:
        start = plan.start_at(row.start_local, row.timezone or "UTC")
    except PregonError as error:
        return [error]
    if start <= now:
        return [
            Invalid(
                "broadcast.past",
                "Step 10: the start {start} ({zone}) is in the past.",
                start=row.start_local.replace("T", " "),
                zone=row.timezone or "UTC",
            )
        ]
    return []


def _audience_problems(row: db.Broadcast, who: audience.Audience) -> list[PregonError]:
    if not who.messages:
        return [
            Invalid(
                "broadcast.nobody",
                "Step 9: nobody would get it: {matched} contacts match and all are left out.",
                matched=who.matched,
            )
        ]
    if row.rate_count is None or row.rate_per is None:
        return []
    try:
        plan.check_rate(who.messages, row.rate_count, row.rate_per)
    except PregonError as error:
        return [error]
    return []
