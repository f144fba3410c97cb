"""A broadcast: its draft, its one transition table, its confirmation. Only writer of its state."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from channels import KINDS
from channels.base import BadContent, Content, check
from engine import accounts, audience, db, frame, plan, segment, template
from engine.errors import Conflict, Invalid, NotFound, PregonError
from engine.language import N_

STATES = {
    "draft": N_("Draft"),
    "scheduled": N_("Scheduled"),
    "preparing": N_("Preparing"),
    "sending": N_("Sending"),
    "paused": N_("Paused"),
    "completed": N_("Completed"),
    "completed_with_errors": N_("Completed with errors"),
    "cancelled": N_("Cancelled"),
    "failed": N_("Failed"),
    "missed": N_("Missed"),
}
"""Stored as written: never rename a key."""

TRANSITIONS: dict[str, frozenset[str]] = {
    "draft": frozenset({"scheduled", "preparing"}),
    "scheduled": frozenset({"draft", "preparing", "missed", "cancelled"}),
    "missed": frozenset({"draft", "preparing", "cancelled"}),
    "preparing": frozenset({"sending", "paused", "cancelled", "failed"}),
    "sending": frozenset({"paused", "completed", "completed_with_errors", "cancelled", "failed"}),
    "paused": frozenset({"sending", "preparing", "cancelled"}),
    "completed": frozenset(),
    "completed_with_errors": frozenset(),
    "cancelled": frozenset(),
    "failed": frozenset(),
}

ENDED = frozenset(state for state, after in TRANSITIONS.items() if not after)
MESSAGES_MAX = 10
EDITABLE = frozenset(
    {
        "name", "labels", "segment_id", "mode", "channels", "content",
        "only_interacted", "start_local", "timezone", "rate_count", "rate_per",
    }
)  # fmt: skip
"""What a draft's editor may change."""


# The draft


def create(session: Session, *, name: str, labels: Iterable[str] = ()) -> db.Broadcast:
    """A new draft. Raises Conflict for a taken name, Invalid for an empty one."""
    row = db.Broadcast(key=name, name=_free_name(session, name), labels=_labels(labels))
    row.channels, row.content = [], {}
    session.add(row)
    session.flush()
    return row


def edit(session: Session, id: int, *, version: int | None = None, **changes: Any) -> db.Broadcast:
    """Change a draft. `version` is the one the editor saw: Conflict if somebody edited since."""
    row = db.get(session, db.Broadcast, id)
    if row.state != "draft":
        raise Conflict(
            "broadcast.not_draft",
            "“{name}” is no longer a draft, so it cannot be changed.",
            name=row.name,
        )
    if version is not None and version != row.version:
        raise Conflict(
            "broadcast.edited_elsewhere",
            "“{name}” was changed in another window; reload to go on from there.",
            name=row.name,
        )
    if unknown := set(changes) - EDITABLE:
        raise Invalid(
            "broadcast.unknown_field", "A broadcast has no “{field}”.", field=min(unknown)
        )
    for field, value in _cleaned(session, row, changes).items():
        setattr(row, field, value)
    row.version += 1
    row.updated_at = db.now()
    session.flush()
    return row


def delete(session: Session, id: int) -> None:
    """Remove a draft with its tests. What was once confirmed stays for ever."""
    row = db.get(session, db.Broadcast, id)
    if row.state != "draft":
        raise Conflict(
            "broadcast.not_draft",
            "“{name}” is no longer a draft, so it cannot be changed.",
            name=row.name,
        )
    session.execute(sa.delete(db.TestSend).where(db.TestSend.broadcast_id == id))
    session.delete(row)


def listing(session: Session) -> list[db.Broadcast]:
    """All broadcasts, the newest first."""
    return list(session.scalars(sa.select(db.Broadcast).order_by(db.Broadcast.id.desc())))


def by_name(session: Session, name: str) -> db.Broadcast:
    """The broadcast of that name, whatever its case. Raises NotFound."""
    row = session.scalar(sa.select(db.Broadcast).where(db.Broadcast.key == name))
    if row is None:
        raise NotFound("broadcast.unknown", "There is no broadcast named “{name}”.", name=name)
    return row


def _free_name(session: Session, name: str, but: int | None = None) -> str:
    if not name.strip():
        raise Invalid("broadcast.no_name", "A broadcast needs a name.")
    taken = session.scalar(sa.select(db.Broadcast.id).where(db.Broadcast.key == name))
    if taken and taken != but:
        raise Conflict(
            "broadcast.taken", "A broadcast named “{name}” exists already.", name=name.strip()
        )
    return " ".join(name.split())


def _labels(labels: Iterable[str]) -> list[str]:
    folded = {db.fold(label): " ".join(label.split()) for label in labels if label.strip()}
    return sorted(folded.values(), key=str.casefold)


def _cleaned(session: Session, row: db.Broadcast, changes: Mapping[str, Any]) -> dict[str, Any]:
    clean = dict(changes)
    if "name" in clean:
        clean["name"] = _free_name(session, clean["name"], but=row.id)
        clean["key"] = clean["name"]
    if "labels" in clean:
        clean["labels"] = _labels(clean["labels"])
    if clean.get("segment_id") is not None and "segment_id" in clean:
        db.get(session, db.Segment, clean["segment_id"])
    if clean.get("mode", "specific") not in ("specific", "last_interacted"):
        raise Invalid(
            "broadcast.mode", "A broadcast goes to one channel or to the last interacted."
        )
    if "channels" in clean:
        clean["channels"] = [int(id) for id in clean["channels"]]
        for id in clean["channels"]:
            db.get(session, db.Channel, id)
    if "content" in clean:
        clean["content"] = {
            str(id): [item.to_json() for item in messages]
            for id, messages in clean["content"].items()
        }
    if clean.get("rate_per") is not None and clean["rate_per"] not in plan.SECONDS:
        raise Invalid("plan.rate_unit", "A speed is a whole number per second, minute or hour.")
    return clean


# What it will do


def content(row: db.Broadcast) -> dict[int, tuple[Content, ...]]:
    """Messages in order by channel id."""
    return {
        int(id): tuple(Content.from_json(item) for item in messages)
        for id, messages in row.content.items()
    }


def plan_of(session: Session, id: int) -> audience.Plan:
    """What audience.resolve needs. After confirming, the segment is the frozen one."""
    row = db.get(session, db.Broadcast, id)
    if row.tree is not None:
        tree = row.tree
    elif row.segment_id is None:
        raise Invalid("broadcast.no_segment", "Step 4: choose the segment that gets it.")
    else:
        tree = db.get(session, db.Segment, row.segment_id).tree
    return audience.Plan(
        tree=segment.from_json(tree),
        mode=row.mode,
        channels=tuple(row.channels),
        content=content(row),
        only_interacted=row.only_interacted,
    )


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
            wanted = plan_of(session, id)
            segment.check(wanted.tree, frame.load(database).catalogue)
        except PregonError as error:
            return [error, *found]
    return found or _audience_problems(row, audience.resolve(database, wanted, now))


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
    messages = content(row)
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


def content_problem(provider: Any, item: Content, known: frozenset[str]) -> PregonError | None:
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


# Its states


def move(session: Session, id: int, to: str, *, reason: str = "", **stamps: Any) -> bool:
    """Compare-and-set along TRANSITIONS. False when it is elsewhere by now; nothing is written."""
    sources = [state for state, after in TRANSITIONS.items() if to in after]
    result = session.execute(
        sa.update(db.Broadcast)
        .where(db.Broadcast.id == id, db.Broadcast.state.in_(sources))
        .values(state=to, state_reason=reason, updated_at=db.now(), **stamps)
        .execution_options(synchronize_session=False)
    )
    return bool(result.rowcount)  # type: ignore[attr-defined]


def _must_move(session: Session, id: int, to: str, **values: Any) -> None:
    if not move(session, id, to, **values):
        session.expire_all()
        row = db.get(session, db.Broadcast, id)
        raise Conflict(
            "broadcast.wrong_state",
            "“{name}” is {state}, so this cannot be done now.",
            name=row.name,
            state=STATES[row.state].lower(),
        )
    session.expire_all()


def confirm(database: db.Database, id: int, *, now: dt.datetime | None = None) -> str:
    """Freeze the segment and let it go: "scheduled", or "preparing" when it starts now.

    Raises the first of `problems`, or Conflict when it is no draft.
    """
    now = now or db.now()
    with database.read() as session:
        if db.get(session, db.Broadcast, id).state != "draft":
            _refuse_second_confirm(session, id)
    if found := problems(database, id, now=now):
        raise found[0]
    with database.write() as session:
        row = db.get(session, db.Broadcast, id)
        start = plan.start_at(row.start_local, row.timezone or "UTC") if row.start_local else now
        to = "scheduled" if row.start_local else "preparing"
        tree = db.get(session, db.Segment, row.segment_id or 0).tree
        _must_move(session, id, to, tree=tree, confirmed_at=now, start_at=start)
    return to


def _refuse_second_confirm(session: Session, id: int) -> None:
    row = db.get(session, db.Broadcast, id)
    raise Conflict(
        "broadcast.wrong_state",
        "“{name}” is {state}, so this cannot be done now.",
        name=row.name,
        state=STATES[row.state].lower(),
    )


def unschedule(session: Session, id: int) -> None:
    """Scheduled or missed → draft again, its segment live again."""
    _must_move(session, id, "draft", tree=None, confirmed_at=None, start_at=None)


def start_missed(session: Session, id: int) -> None:
    """A person lets a missed start go now."""
    _must_move(session, id, "preparing", start_at=db.now())


def pause(session: Session, id: int, *, reason: str = "") -> None:
    _must_move(session, id, "paused", reason=reason)


def resume(session: Session, id: int) -> None:
    """Go on where the ledger stands: sending, or preparing if it was not all planned yet."""
    row = db.get(session, db.Broadcast, id)
    _must_move(session, id, "sending" if row.started_at else "preparing")


def cancel(session: Session, id: int, *, reason: str = "") -> None:
    """Nothing more is planned or sent; what is on its way keeps its fate."""
    _must_move(session, id, "cancelled", reason=reason, finished_at=db.now())
    session.execute(
        sa.update(db.Message)
        .where(db.Message.broadcast_id == id, db.Message.state == "planned")
        .values(state="cancelled", reason_class="cancelled", next_at=None)
    )


def due(session: Session, now: dt.datetime) -> list[int]:
    """Scheduled broadcasts whose start has come."""
    return list(
        session.scalars(
            sa.select(db.Broadcast.id).where(
                db.Broadcast.state == "scheduled", db.Broadcast.start_at <= now
            )
        )
    )


def begin(session: Session, id: int, *, now: dt.datetime, grace: dt.timedelta) -> str | None:
    """A scheduled start has come: "preparing", "missed" when too late, None when not ours."""
    row = db.get(session, db.Broadcast, id)
    if row.state != "scheduled" or row.start_at is None:
        return None
    to = "missed" if now - row.start_at > grace else "preparing"
    return to if move(session, id, to) else None


def finish(session: Session, id: int) -> str | None:
    """Sending → completed when nothing is planned or claimed; None while something is."""
    counted = session.execute(
        sa.select(db.Message.state, sa.func.count())
        .where(db.Message.broadcast_id == id)
        .group_by(db.Message.state)
    )
    states: dict[str, int] = dict(counted.all())
    if states.get("planned") or states.get("claimed"):
        return None
    clean = not (states.get("failed") or states.get("unknown"))
    to = "completed" if clean else "completed_with_errors"
    return to if move(session, id, to, finished_at=db.now()) else None


# As a file


def from_document(session: Session, document: Mapping[str, Any]) -> db.Broadcast:
    """A draft from the parsed YAML of a broadcast file; the whole file or nothing."""
    known = {
        "name", "labels", "segment", "channel", "channels", "messages",
        "only_interacted", "start", "timezone", "rate",
    }  # fmt: skip
    if not isinstance(document, Mapping):
        raise Invalid("broadcast.file", "A broadcast file is a list of “key: value” lines.")
    if unknown := set(map(str, document)) - known:
        raise Invalid(
            "broadcast.unknown_field", "A broadcast has no “{field}”.", field=min(unknown)
        )
    row = create(session, name=str(document.get("name", "")), labels=document.get("labels") or ())
    changes: dict[str, Any] = {"only_interacted": bool(document.get("only_interacted", False))}
    if name := document.get("segment"):
        changes["segment_id"] = segment.by_name(session, str(name)).id
    changes |= _document_channels(session, document)
    if start := document.get("start"):
        changes["start_local"] = str(start).replace(" ", "T", 1)[:16]
        changes["timezone"] = str(document.get("timezone") or "UTC")
    if text := document.get("rate"):
        changes["rate_count"], changes["rate_per"] = plan.rate(str(text))
    return edit(session, row.id, **changes)


def _document_channels(session: Session, document: Mapping[str, Any]) -> dict[str, Any]:
    if not document.get("channel"):
        return {}
    last = db.fold(str(document["channel"])).replace(" ", "_") == "last_interacted"
    if not last:
        chosen = [accounts.by_name(session, str(document["channel"]))]
    elif names := document.get("channels"):
        chosen = [accounts.by_name(session, str(name)) for name in names]
    else:
        chosen = accounts.broadcastable(session)
    messages = document.get("messages") or []
    by_channel: dict[int, list[Content]] = {}
    for channel in chosen:
        own = messages
        if isinstance(messages, Mapping):
            folded = {db.fold(str(name)): items for name, items in messages.items()}
            own = folded.get(channel.key, [])
        by_channel[channel.id] = [_document_content(item) for item in own]
    return {
        "mode": "last_interacted" if last else "specific",
        "channels": [channel.id for channel in chosen],
        "content": by_channel,
    }


def _document_content(item: object) -> Content:
    try:
        if isinstance(item, str):
            return Content(text=item)
        if isinstance(item, Mapping):
            return Content.from_json(item)
    except BadContent as error:
        raise Invalid(error.code, error.template, **error.details) from error
    raise Invalid("broadcast.file_message", "A message is a text, or “key: value” lines.")


def to_document(session: Session, id: int) -> dict[str, Any]:
    """The draft as a file's content; from_document reads it back."""
    row = db.get(session, db.Broadcast, id)
    names = {channel.id: channel.name for channel in accounts.listing(session)}
    last = row.mode == "last_interacted"
    document: dict[str, Any] = {"name": row.name, "labels": list(row.labels)}
    if row.segment_id:
        document["segment"] = db.get(session, db.Segment, row.segment_id).name
    if row.channels:
        document["channel"] = "last interacted" if last else names[row.channels[0]]
        document["messages"] = {
            names[int(id)]: items for id, items in row.content.items() if int(id) in row.channels
        }
    if last:
        document["channels"] = [names[id] for id in row.channels]
    if row.only_interacted:
        document["only_interacted"] = True
    if row.start_local:
        document |= {"start": row.start_local.replace("T", " "), "timezone": row.timezone}
    if row.rate_count:
        document["rate"] = f"{row.rate_count} per {row.rate_per}"
    return document


def changes_of(messages: Sequence[Content]) -> list[dict[str, Any]]:
    """Messages as they are stored in a draft."""
    return [item.to_json() for item in messages]
