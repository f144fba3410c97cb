"""The layout of SQLite and PostgreSQL: a contact table, link tables, and indexes that help."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from crowd import names, people
from peers.sql import FOLDED, Writer, spelled

KNOWN = (
    "id", "first_name", "last_name", "phone", "email", "external_id", "language", "country",
    "timezone", "created_at", "last_inbound_at", "last_channel", *people.FIELDS,
)  # fmt: skip
COLUMNS = (*KNOWN, *(f"{column}_folded" for column in FOLDED))
"""Texts that are asked in any case have a folded twin: SQLite folds ASCII only."""
LINKS = ("contact_tag", "reachable", "opted_out")
INDEXES = (
    "CREATE INDEX by_country ON contact (country, language)",
    "CREATE INDEX by_city ON contact (city_folded)",
    "CREATE INDEX by_external_id ON contact (external_id)",
    "CREATE INDEX by_created_at ON contact (created_at)",
    "CREATE INDEX by_inbound_at ON contact (last_inbound_at, last_channel)",
    "CREATE INDEX by_purchase ON contact (last_purchase)",
    "CREATE INDEX by_birthday ON contact (birthday)",
    "CREATE INDEX by_spent ON contact (spent, visits)",
    "CREATE INDEX by_tier ON contact (tier)",
)


class RowWriter(Writer):
    def subject(self, column: str) -> str:
        return f"{column}_folded" if column in FOLDED else column

    def like(self, subject: str, op: str, text: str) -> str:
        if op == "starts_with":  # what an index can answer
            after = text[:-1] + chr(ord(text[-1]) + 1)
            return f"{subject} >= '{text}' AND {subject} < '{after}'"
        return super().like(subject, op, text)

    def tags(self, op: str, ids: tuple[int, ...]) -> str:
        return self._linked("contact_tag", op, ids)

    def channels(self, what: str, op: str, ids: tuple[int, ...]) -> str:
        return self._linked(what, op, ids)

    def _linked(self, table: str, op: str, ids: tuple[int, ...]) -> str:
        if op == "has_any":
            listed = ", ".join(map(str, ids))
            return f"id IN (SELECT contact_id FROM {table} WHERE item_id IN ({listed}))"
        return " AND ".join(
            f"id IN (SELECT contact_id FROM {table} WHERE item_id = {id})" for id in ids
        )


def contacts(block: pl.DataFrame) -> pl.DataFrame:
    """[*COLUMNS], moments as numbers."""
    folded = [spelled(column).str.to_lowercase().alias(f"{column}_folded") for column in FOLDED]
    return block.with_columns(pl.selectors.datetime(time_zone="UTC").to_physical(), *folded).select(
        COLUMNS
    )


def links(block: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """(table, [item_id, contact_id])."""
    yield "contact_tag", block.select("tags", "id").explode("tags").drop_nulls()
    for table, prefix in (("reachable", "reach"), ("opted_out", "out")):
        for id in range(1, len(names.CHANNELS) + 1):
            yield table, block.filter(f"{prefix}.{id}").select(pl.lit(id).alias("item_id"), "id")
