"""What a change did, as a sentence in the reader's language."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Protocol

from babel.dates import format_date, format_time
from babel.numbers import format_decimal

from engine.contacts import cleaning
from engine.language import N_, Translate, translator

KINDS = {
    "create": N_("Added {people} contacts"),
    "edit": N_("Edited {people} contacts"),
    "delete": N_("Deleted {people} contacts"),
    "tag": N_("Tagged {people} contacts with {names}"),
    "untag": N_("Took {names} from {people} contacts"),
    "tag_merge": N_("Merged the tag {was} of {people} contacts into {into}"),
    "set_field": N_("Set {label} to “{value}” for {people} contacts"),
    "clear_field": N_("Cleared {label} of {people} contacts"),
    "opt_out": N_("Opted {people} contacts out of {channel}"),
    "opt_in": N_("Opted {people} contacts in to {channel} again"),
    "merge": N_("Merged {people} contacts into {name}"),
    "import": N_("Imported {people} contacts from {name}"),
    "field_label": N_("Renamed the field {was} to {label}"),
    "field_options": N_("Changed the choices of {label}"),
    "field_type": N_("Made {label} a field of type {type}"),
    "field_delete": N_("Deleted the field {label}"),
}
"""Stored in change.kind: never rename a key. What a change did, filled from its `about`."""

ONE = {
    "create": N_("Added 1 contact"),
    "edit": N_("Edited 1 contact"),
    "delete": N_("Deleted 1 contact"),
    "tag": N_("Tagged 1 contact with {names}"),
    "untag": N_("Took {names} from 1 contact"),
    "tag_merge": N_("Merged the tag {was} of 1 contact into {into}"),
    "set_field": N_("Set {label} to “{value}” for 1 contact"),
    "clear_field": N_("Cleared {label} of 1 contact"),
    "opt_out": N_("Opted 1 contact out of {channel}"),
    "opt_in": N_("Opted 1 contact in to {channel} again"),
    "import": N_("Imported 1 contact from {name}"),
}
"""The same about one person."""

NAMED = {
    "create": N_("Added {name}"),
    "edit": N_("Edited {name}"),
    "delete": N_("Deleted {name}"),
    "tag": N_("Tagged {name} with {names}"),
    "untag": N_("Took {names} from {name}"),
    "set_field": N_("Set {label} to “{value}” for {name}"),
    "clear_field": N_("Cleared {label} of {name}"),
    "opt_out": N_("Opted {name} out of {channel}"),
    "opt_in": N_("Opted {name} in to {channel} again"),
}
"""And about one whose name is known."""

PARTS = ("names", "name", "label", "value", "channel", "was", "into", "type")
"""What the sentences are filled with, besides the number of people."""
SAID = {True: N_("yes"), False: N_("no")}
LOCALES = {"es": "es_419"}


class Change(Protocol):
    """A change, as stored or as listed."""

    @property
    def kind(self) -> str: ...
    @property
    def about(self) -> dict[str, Any]: ...
    @property
    def people(self) -> int: ...


def sentence(change: Change, language: str) -> str:
    """What it did, without a full stop."""
    t, locale = translator(language), LOCALES.get(language, language)
    about = {name: "" if (part := change.about.get(name)) is None else part for name in PARTS}
    shown = {name: _shown(part) for name, part in about.items()}
    if change.about.get("key") in cleaning.BUILT_IN:
        shown["label"] = t(shown["label"])
    shown["type"] = t(shown["type"])
    shown["value"] = _value(about["value"], change.about.get("of_type"), t, locale)
    people = format_decimal(change.people, format="#,##0", locale=locale)
    return t(_template(change.kind, change.people, about)).format(**shown, people=people)


def _template(kind: str, people: int, about: Mapping[str, Any]) -> str:
    if people != 1:
        return KINDS[kind]
    named = NAMED.get(kind) if about["name"] else None
    return named or ONE.get(kind, KINDS[kind])


def _shown(part: object) -> str:
    return ", ".join(map(str, part)) if isinstance(part, list | tuple) else str(part)


def _value(value: object, type: object, t: Translate, locale: str) -> str:
    """A field's value as its readers write it; `type` is the field's."""
    if isinstance(value, bool):
        return t(SAID[value])
    if isinstance(value, int | float):
        return format_decimal(value, locale=locale, decimal_quantization=False)
    text = str(value)
    if type not in ("date", "datetime"):
        return text
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return text
    day = format_date(moment, locale=locale)
    return day if type == "date" else f"{day}, {format_time(moment, 'short', locale=locale)} UTC"
