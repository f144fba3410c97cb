"""One file being imported: what must exist is made, then its rows are stored batch by batch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import attributes, contacts
from engine.importing import mapping as mapped
from engine.importing import merging, rows, storing
from engine.importing.batch import Batch, Progress
from engine.importing.options import Options, settled
from engine.importing.sheet import Sheet

BATCH = 2_000
"""Rows in one transaction: others wait for the write lock no longer than that takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What an import adds to the workspace besides people."""

    fields: Mapping[str, str] = field(default_factory=dict)
    """Key → type."""
    options: Mapping[str, list[str]] = field(default_factory=dict)
    """Key → the options a choice field that was there has gained."""
    tags: tuple[str, ...] = ()


def plan(database: db.Database, sheet: Sheet, options: Options) -> Options:
    """The options with everything filled in, the types of new fields included; writes nothing.

    Raises Invalid for what cannot be asked for.
    """
    with database.read() as session:
        chosen = settled(session, sheet, options, country=database.settings.country)
        known = {row.key for row in attributes.listing(session)}
    mapping = {**(chosen.mapping or {})}
    new = {
        column: target
        for column, target in mapping.items()
        if target.startswith("field.") and rows.key_of(target) not in known
    }
    for column, type in mapped.types(sheet, new, country=chosen.country).items():
        mapping[column] = f"field.{rows.key_of(mapping[column])}:{type}"
    return dataclasses.replace(chosen, mapping=mapping)


def prepare(session: Session, sheet: Sheet, planned: Options) -> Made:
    """Make the fields and tags an import needs. Raises Invalid for a bad tag."""
    db.touch_contacts(session)  # the lock: two imports define a new field once
    before = {row.key: list(row.options) for row in attributes.listing(session)}
    known = set(session.scalars(sa.select(db.Tag.key)))
    contacts.tag_ids(session, planned.tags)
    created = rows.define_fields(session, sheet, planned.mapping or {}, country=planned.country)
    after = {row.key: list(row.options) for row in attributes.listing(session)}
    gained = {
        key: [option for option in after[key] if option not in options]
        for key, options in before.items()
        if after[key] != options
    }
    tags = tuple(name for name in planned.tags if db.fold(name) not in known)
    return Made(fields=created, options=gained, tags=tags)


def cleaner(database: db.Database, sheet: Sheet, options: Options) -> rows.Cleaner:
    """How the sheet's cells become rows; the fields of the mapping exist by now."""
    with database.read() as session:
        fields = {row.key: row for row in attributes.listing(session)}
    return rows.Cleaner(reading(sheet, options, fields, zone=database.settings.timezone))


def reading(
    sheet: Sheet, options: Options, fields: Mapping[str, db.ContactField], *, zone: str
) -> rows.Reading:
    return rows.Reading(
        sheet=sheet,
        targets={
            name: target.partition(":")[0]
            for name, target in (options.mapping or {}).items()
            if target != "ignore"
        },
        fields=fields,
        country=options.country,
        zone=zone,
    )


def progress(options: Options) -> Progress:
    return Progress(
        mode=options.mode,
        match=options.match,
        tags=options.tags,
        keep_problems=options.keep_problems,
    )


def store(
    database: db.Database,
    cleaned: rows.Cleaner,
    doing: Progress,
    *,
    start: int = 0,
    opened: storing.Open | None = None,
    note: storing.Note | None = None,
) -> None:
    """Store the rows from `start` on."""
    for place in range(start, len(cleaned), BATCH):
        batch = cleaned.rows(place, place + BATCH)
        storing.store(database, batch, doing, opened=opened, note=note)


def recall(
    database: db.Database, cleaned: rows.Cleaner, doing: Progress, *, stop: int, mine: set[int]
) -> None:
    """Know again whom the rows before `stop` were, after another process stored them.

    `mine`: ids of the people the import has changed; of others only those it left as they were.
    """
    for place in range(0, stop, BATCH):
        batch = Batch(cleaned.rows(place, min(place + BATCH, stop)), doing)
        with database.read() as session:
            batch.people = merging.load(session, batch.rows)
        for row, person in batch.recall():
            if person.id in mine or doing.mode != "add":
                doing.lines.setdefault(person.id, row.line)
