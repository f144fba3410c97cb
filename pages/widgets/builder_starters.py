"""Where an empty segment may begin: three conditions made from what the workspace holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine import db
from engine.language import N_
from engine.segments import frame, segment
from pages.widgets import builder_catalogue
from pages.widgets.language import _

DAYS = 30
ACTIVE = "activity.last_inbound_at"


def starters(database: db.Database) -> list[dict[str, Any]]:
    """[{icon, label, node, count}]: the largest tag, who wrote lately, the largest country."""
    return [
        *_most(database, "tag", "has_any", N_("Has the tag {name}"), "tag"),
        *_active(database),
        *_most(database, "contact.country", "is_any_of", N_("Is in {name}"), "globe"),
    ]


def _most(
    database: db.Database, key: str, op: str, text: str, icon: str
) -> Iterator[dict[str, Any]]:
    tally = segment.option_counts(database, key)
    value = max(tally, key=lambda option: tally[option], default=None)
    if value is None or not tally[value]:
        return
    field = frame.load(database).catalogue.field(key)
    name = builder_catalogue.name(field, field.option(value) or str(value))
    node = {"field": key, "op": op, "value": [value]}
    label = _(text).format(name=name.partition(" (")[0] if key == "contact.country" else name)
    yield {"icon": icon, "label": label, "node": node, "count": tally[value]}


def _active(database: db.Database) -> Iterator[dict[str, Any]]:
    node = {"field": ACTIVE, "op": "in_last_days", "value": DAYS}
    count = segment.count(database, segment.from_json({"match": "all", "of": [node]}))
    if count:
        label = _("Wrote to us in the last 30 days")
        yield {"icon": "activity", "label": label, "node": node, "count": count}
