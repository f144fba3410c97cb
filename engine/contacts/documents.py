"""A person as one flat document: what a change compares, keeps and puts back.

Keys: the built-in fields and "created_at" (µs); "field.<key>"; "tag.<id>": True; and for every
address "on.<channel id>.<address>": True, with "inbound.…": µs, "out.…" and "invalid.…": [µs, why].
What is empty has no key. Keys are stored in change_item: never rename.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from engine import db
from engine.contacts import cleaning, rows

Doc = dict[str, Any]
Part = Literal["values", "tags", "channels"]

PARTS: frozenset[Part] = frozenset({"values", "tags", "channels"})
FACTS = ("inbound", "out", "invalid")
"""What is known of an address."""

CONTACT: Any = db.Contact.__table__
ON: Any = db.ContactChannel.__table__
COLUMNS = tuple(cleaning.BUILT_IN)


def read(session: Session, ids: Iterable[int], parts: Collection[Part] = PARTS) -> dict[int, Doc]:
    """The documents of those who are there; only the keys of `parts`."""
    found: dict[int, Doc] = {}
    link = db.ContactTag
    for chunk in rows.chunks(ids):
        if "values" in parts:
            found |= _values(session, chunk)
        else:
            there = sa.select(CONTACT.c.id).where(rows.among(session, CONTACT.c.id, chunk))
            found |= {row[0]: {} for row in rows.fetch(session, there)}
        if "tags" in parts:
            mine = rows.among(session, link.contact_id, chunk)
            for who, what in rows.fetch(
                session, sa.select(link.contact_id, link.tag_id).where(mine)
            ):
                found[who][f"tag.{what}"] = True
        if "channels" in parts:
            _read_channels(session, chunk, found)
    return found


def _values(session: Session, ids: list[int]) -> dict[int, Doc]:
    contact = db.Contact
    columns = [CONTACT.c[name] for name in COLUMNS]
    statement = sa.select(
        contact.id, contact.created_at, sa.cast(contact.fields, sa.Text), *columns
    )
    found: dict[int, Doc] = {}
    mine = statement.where(rows.among(session, contact.id, ids))
    for id, created, fields, *values in rows.fetch(session, mine):
        doc = {name: value for name, value in zip(COLUMNS, values, strict=True) if value}
        doc["created_at"] = created
        if fields and fields != "{}":
            for key, value in rows.loaded(fields).items():
                if value is not None:
                    doc[f"field.{key}"] = value
        found[id] = doc
    return found


def _read_channels(session: Session, ids: list[int], found: dict[int, Doc]) -> None:
    on = ON.c
    statement = sa.select(
        *(on.contact_id, on.channel_id, on.address, on.last_inbound_at),
        *(on.opted_out_at, on.opted_out_why, on.invalid_at, on.invalid_why),
    ).where(rows.among(session, on.contact_id, ids))
    for who, channel, address, inbound, out, out_why, invalid, why in rows.fetch(
        session, statement.order_by(on.id)
    ):
        doc, place = found[who], f"{channel}.{address}"
        doc[f"on.{place}"] = True
        if inbound is not None:
            doc[f"inbound.{place}"] = inbound
        if out is not None:
            doc[f"out.{place}"] = [out, out_why]
        if invalid is not None:
            doc[f"invalid.{place}"] = [invalid, why]


def differ(before: Doc, after: Doc) -> tuple[Doc, Doc]:
    """Only what is not the same in both."""
    keys = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
    return (
        {key: before[key] for key in keys if key in before},
        {key: after[key] for key in keys if key in after},
    )


def places(doc: Mapping[str, Any]) -> list[str]:
    """The "<channel id>.<address>" of its addresses."""
    return [key.removeprefix("on.") for key in doc if key.startswith("on.")]


def custom(doc: Mapping[str, Any]) -> dict[str, Any]:
    """Its custom fields as contact.fields holds them."""
    return {key[6:]: value for key, value in doc.items() if key.startswith("field.")}


def split(place: str) -> tuple[int, str]:
    """(channel id, address) of a place."""
    channel, _, address = place.partition(".")
    return int(channel), address
