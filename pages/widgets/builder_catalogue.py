"""What can be asked about, as the builder's component takes it: fields, operators, choices."""

from __future__ import annotations

from typing import Any

from babel import Locale

from engine.segments import catalogue as categories
from engine.segments import operators
from engine.segments.catalogue import Catalogue, Field
from pages.widgets import language
from pages.widgets.builder_texts import KEYWORDS
from pages.widgets.language import _

ONE = {"text": "text", "choice": "choice", "number": "number", "date": "date", "datetime": "date"}
MANY = {"text": "texts", "number": "number_list"}
ICONS = {
    "contact.phone": "phone",
    "contact.email": "email",
    "contact.country": "globe",
    "contact.language": "globe",
    "contact.timezone": "globe",
    "contact.first_name": "person",
    "contact.last_name": "person",
    "contact.name": "person",
    "activity.last_inbound_at": "activity",
}
CATEGORIES = {
    categories.TAG: "tag",
    categories.CHANNEL: "channel",
    categories.BROADCAST: "broadcast",
    categories.SEGMENT: "segment",
}
"""Category → its icon, where the type says less. Icons are drawn in builder_icons.js."""


def fields(catalogue: Catalogue, *, but: int | None = None) -> list[dict[str, Any]]:
    """What can be asked about, for the component: in the order people see it.

    `but` is a segment that cannot be chosen: the one being built.
    """
    return [_field(item, catalogue, but) for item in catalogue.fields]


def _field(item: Field, catalogue: Catalogue, but: int | None) -> dict[str, Any]:
    options = [
        (value, name(item, str(label)))
        for value, label in item.options
        if item.key != "segment" or value != but
    ]
    labels = sorted({label for held in catalogue.labels.values() for label in held})
    made = {}
    for operator in operators.for_type(item.type):
        about: dict[str, Any] = {"label": _(operator.label), "value": _editor(item, operator.value)}
        if operator.value == "label":
            about["options"] = [(label, label) for label in labels]
        made[operator.key] = about
    return {
        "key": item.key,
        "label": item.label if item.custom else _(item.label),
        "group": _(item.category),
        "type": item.type,
        "icon": ICONS.get(item.key) or CATEGORIES.get(item.category) or item.type,
        "keywords": _(KEYWORDS[item.key]) if item.key in KEYWORDS else "",
        "options": options or None,
        "operators": made,
    }


def _editor(item: Field, takes: str) -> str:
    """The kind of value editor in value_editors.js."""
    match takes:
        case "nothing":
            return "none"
        case "one":
            return ONE.get(item.type, "choice")
        case "many":
            return MANY.get(item.type, "choices")
        case "pair":
            return "numbers" if item.type == "number" else "dates"
        case "days":
            return "days"
        case "ids":
            return "choices"
        case _:
            return "choice"


def name(item: Field, label: str) -> str:
    """Countries and languages by their names, everything else as it is called."""
    names = Locale.parse(language.current())
    known = {"contact.country": names.territories, "contact.language": names.languages}
    found = known.get(item.key, {}).get(label)
    return f"{found} ({label})" if found else label
