"""How a file is to be imported: chosen once, checked before anything is written, kept with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from sqlalchemy.orm import Session

from engine.contacts import attributes
from engine.errors import Invalid
from engine.importing import mapping as mapped
from engine.importing.batch import Mode
from engine.importing.merging import Match
from engine.importing.sheet import Sheet
from engine.language import N_

MODES: dict[Mode, str] = {
    "both": N_("Add new people and update known ones"),
    "add": N_("Only add new people"),
    "update": N_("Only update known people"),
}
MATCHES: dict[Match, str] = {
    "auto": N_("Whatever fits: phone, then external ID, then email"),
    "phone": N_("Phone"),
    "email": N_("Email"),
    "external_id": N_("External ID"),
    "contact_id": N_("Contact number in this workspace"),
}
"""What makes a row somebody who is here already."""

_COLUMN_OF = {
    "phone": "contact.phone",
    "email": "contact.email",
    "external_id": "contact.external_id",
    "contact_id": "contact.id",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Stored as JSON in contact_import.options and import_mapping.options: never rename."""

    mapping: Mapping[str, str] | None = None
    """Column → target (see mapping.TARGETS); guessed when None. Other columns are not imported."""
    mode: Mode = "both"
    match: Match = "auto"
    country: str = ""
    """Reads phones without a prefix where the row names no country; "" is the workspace's."""
    tags: tuple[str, ...] = ()
    """For everybody imported."""
    keep_problems: bool = True
    """Whether a row with a cell that cannot be used comes in without that cell."""

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self) | {"tags": list(self.tags)}


def from_json(data: Mapping[str, Any]) -> Options:
    known = {field.name for field in dataclasses.fields(Options)}
    values = {name: value for name, value in data.items() if name in known}
    return Options(**(values | {"tags": tuple(values.get("tags", ()))}))


def settled(session: Session, sheet: Sheet, options: Options, *, country: str) -> Options:
    """The options with everything filled in. Raises Invalid for what cannot be asked for."""
    if options.mode not in MODES:
        raise Invalid("import.bad_mode", "The mode is both, add or update.")
    if options.match not in get_args(Match):
        raise Invalid(
            "import.bad_match",
            "People are matched by auto, phone, email, external_id or contact_id.",
        )
    region = attributes.clean_built_in("country", options.country or country) or ""
    given = options.mapping
    chosen = {**(mapped.guess(sheet, session) if given is None else given)}
    mapped.check(sheet, chosen)
    column = _COLUMN_OF.get(options.match)
    if column and column not in chosen.values():
        raise Invalid(
            "import.no_match_column",
            "No column goes to “{target}”, by which people are to be matched.",
            target=mapped.TARGETS[column],
        )
    return dataclasses.replace(options, mapping=chosen, country=region)
