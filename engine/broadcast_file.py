"""A broadcast as a file: the parsed YAML becomes a draft, and a draft a file again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from channels.base import BadContent, Content
from engine import accounts, db, drafts, plan
from engine.errors import Invalid
from engine.segments import segment


def read(session: Session, document: Mapping[str, Any]) -> db.Broadcast:
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
    row = drafts.create(
        session, name=str(document.get("name", "")), labels=document.get("labels") or ()
    )
    changes: dict[str, Any] = {"only_interacted": bool(document.get("only_interacted", False))}
    if name := document.get("segment"):
        changes["segment_id"] = segment.by_name(session, str(name)).id
    changes |= _document_channels(session, document)
    if start := document.get("start"):
        changes["start_local"] = str(start).replace(" ", "T", 1)[:16]
        changes["timezone"] = str(document.get("timezone") or "UTC")
    if text := document.get("rate"):
        changes["rate_count"], changes["rate_per"] = plan.rate(str(text))
    return drafts.edit(session, row.id, **changes)


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


def write(session: Session, id: int) -> dict[str, Any]:
    """The draft as a file's content; `read` makes the same again."""
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
