"""What a draft would do as it stands: where it goes, who gets it, and why others do not."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from channels import KINDS
from channels.base import Content
from engine import accounts, audience, checks, db, drafts, plan, template
from engine.errors import PregonError
from engine.language import N_
from engine.segments import frame, segment
from pages.widgets import workspace
from pages.widgets.draft import Draft
from pages.widgets.language import _, counted

SECONDS = plan.SECONDS
FRESH = "10s"
"""How long an audience is reused: contacts that change are seen at once, the ledger after this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """An audience in numbers. matched = recipients + the sum of reasons."""

    matched: int
    recipients: int
    messages: int
    reasons: Mapping[str, int]
    channels: Mapping[int, int]
    """Recipients by selected channel."""

    @property
    def left_out(self) -> int:
        return self.matched - self.recipients

    @property
    def sentence(self) -> str:
        """ "Sending a total of 20 messages to 10 recipients." """
        if not self.recipients:
            return _("Nobody would get it.")
        people = counted(self.recipients, N_("1 recipient"), N_("{count} recipients"))
        if not self.messages:
            return _("{recipients} so far, and no message yet.").format(recipients=people)
        messages = counted(self.messages, N_("1 message"), N_("{count} messages"))
        return _("Sending a total of {messages} to {recipients}.").format(
            messages=messages, recipients=people
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """One look at a draft: read once a run, given to every step."""

    draft: Draft
    channels: Mapping[int, db.Channel]
    """Those that can be broadcast to, by id."""
    barred: tuple[db.Channel, ...]
    """Those that cannot."""
    segments: Mapping[int, db.Segment]
    variables: tuple[str, ...]
    content: Mapping[int, tuple[Content, ...]]
    who: audience.Audience | None
    """None when there is no audience yet, or it cannot be told; see `problem`."""
    count: Count | None
    problem: PregonError | None

    @property
    def row(self) -> db.Broadcast:
        return self.draft.row

    @property
    def segment(self) -> db.Segment | None:
        return self.segments.get(self.row.segment_id or 0)

    @property
    def selected(self) -> list[db.Channel]:
        return [self.channels[id] for id in self.row.channels if id in self.channels]

    def messages(self, channel_id: int) -> tuple[Content, ...]:
        return self.content.get(channel_id, ())

    def message_problem(self, channel: db.Channel, item: Content) -> PregonError | None:
        known = frozenset(self.variables)
        return checks.content_problem(KINDS[channel.kind], item, known)

    @property
    def written(self) -> bool:
        """Whether every selected channel has messages, all of them good."""
        return bool(self.selected) and all(
            self.messages(channel.id)
            and not any(self.message_problem(channel, item) for item in self.messages(channel.id))
            for channel in self.selected
        )

    @property
    def per_second(self) -> float | None:
        """The chosen speed, None for as fast as possible."""
        if not self.row.rate_count or self.row.rate_per not in SECONDS:
            return None
        return self.row.rate_count / SECONDS[self.row.rate_per]

    @property
    def slower(self) -> list[db.Channel]:
        """Selected channels that may not send at the chosen speed."""
        wanted = self.per_second
        return [row for row in self.selected if wanted is not None and row.ceiling < wanted]

    @property
    def seconds(self) -> float | None:
        """How long the send takes at best, None when nobody gets it."""
        count = self.count
        if count is None or not count.messages:
            return None
        parts = {id: len(self.messages(id)) for id in count.channels}
        messages = {id: float(people * parts[id]) for id, people in count.channels.items()}
        ceilings = {id: channel.ceiling for id, channel in self.channels.items()}
        return plan.seconds(messages, ceilings, self.per_second)

    @property
    def rate_problem(self) -> PregonError | None:
        """Why the chosen speed cannot be, None when it can."""
        count = self.count
        if count is None or not self.row.rate_count or not self.row.rate_per:
            return None
        try:
            plan.check_rate(count.messages, self.row.rate_count, self.row.rate_per)
        except PregonError as error:
            return error
        return None

    @property
    def start(self) -> dt.datetime | None:
        """The chosen start in UTC, None for now. Raises Invalid for a time that is none."""
        if self.row.start_local is None:
            return None
        return plan.start_at(self.row.start_local, self.row.timezone or "UTC")

    @property
    def in_time(self) -> bool:
        """Whether the chosen start is still to come."""
        try:
            return self.start is None or self.start > db.now()
        except PregonError:
            return False

    def recipient(self, contact_id: int) -> dict[str, Any] | None:
        """A recipient's row of the audience, None for anybody else."""
        if self.who is None:
            return None
        people = self.who.recipients
        place = people["contact_id"].search_sorted(contact_id)
        if place == people.height or people["contact_id"][place] != contact_id:
            return None
        found: dict[str, Any] = people.row(place, named=True)
        return found

    def some_on(self, channel_id: int, limit: int) -> list[int]:
        """Contact ids of the first recipients on a channel."""
        if self.who is None:
            return []
        people = self.who.recipients
        places = (people["channel_id"] == channel_id).arg_true().head(limit)
        return [int(id) for id in people["contact_id"].gather(places)]


def look(draft: Draft, *, people: bool = True) -> Outlook:
    """`people` says whether to find out who gets it."""
    with workspace.database().read() as session:
        channels = accounts.listing(session)
        segments = segment.listing(session)
        variables = template.known(session)
    who, problem = None, None
    if people and draft.row.channels and draft.row.segment_id:
        try:
            who = _audience(draft.row)
        except PregonError as error:
            problem = error
    return Outlook(
        draft=draft,
        channels={row.id: row for row in channels if row.kind in KINDS},
        barred=tuple(row for row in channels if row.kind not in KINDS),
        segments={row.id: row for row in segments},
        variables=_ordered(variables),
        content=drafts.content(draft.row),
        who=who,
        count=None if who is None else _count(who),
        problem=problem,
    )


def _count(who: audience.Audience) -> Count:
    return Count(
        matched=who.matched,
        recipients=who.recipients.height,
        messages=who.messages,
        reasons=who.reasons(),
        channels=who.by_channel(),
    )


def _ordered(variables: frozenset[str]) -> tuple[str, ...]:
    """Those most used first, then by name."""
    first = [name for name in ("first_name", "last_name", "name") if name in variables]
    return (*first, *sorted(variables - set(first)))


def _audience(row: db.Broadcast) -> audience.Audience:
    database = workspace.database()
    with database.read() as session:
        wanted = drafts.plan_of(session, row.id)
    shape = {
        "tree": segment.to_json(wanted.tree),
        "mode": wanted.mode,
        "channels": wanted.channels,
        "content": row.content,
        "only_interacted": wanted.only_interacted,
    }
    return _resolved(database, wanted, json.dumps(shape), frame.load(database).version)


@st.cache_resource(ttl=FRESH, max_entries=8, show_spinner=False)
def _resolved(
    _database: db.Database, _plan: audience.Plan, shape: str, version: int
) -> audience.Audience:
    """One resolve for all sessions that look at the same plan over the same contacts."""
    return audience.resolve(_database, _plan)
