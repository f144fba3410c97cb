"""DuckDB, laid out twice: as anyone would, and shaped like the contact frame."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from crowd import names, people
from engine.segments.tree import Group, Node
from peers.sql import FOLDED, Writer, quoted, spelled

TAGS = dict(enumerate(names.TAGS, 1))
CHANNELS = {id: name for id, (name, _, _) in enumerate(names.CHANNELS, 1)}
KNOWN = (
    "id", "first_name", "last_name", "phone", "email", "external_id", "language", "country",
    "timezone", "created_at", "updated_at", "last_inbound_at", "last_channel", *people.FIELDS,
)  # fmt: skip
LONG = 60
NAIVE = pl.selectors.datetime(time_zone="UTC").dt.replace_time_zone(None)
"""DuckDB's plain TIMESTAMP compares without its calendar extension."""


class PlainWriter(Writer):
    def like(self, subject: str, op: str, text: str) -> str:
        name = {"starts_with": "starts_with", "ends_with": "ends_with"}.get(op, op)
        return f"{name}({subject}, {quoted(text)})"

    def among(self, subject: str, literals: list[str]) -> str:
        """A long list is joined, not compared one by one, also inside an OR."""
        if len(literals) > LONG:
            return f"{subject} IN (SELECT unnest([{', '.join(literals)}]))"
        return super().among(subject, literals)

    def tags(self, op: str, ids: tuple[int, ...]) -> str:
        return self._listed("tags", op, [TAGS[id] for id in ids])

    def channels(self, what: str, op: str, ids: tuple[int, ...]) -> str:
        return self._listed(what, op, [CHANNELS[id] for id in ids])

    def _listed(self, column: str, op: str, values: list[str]) -> str:
        if len(values) == 1:
            return f"list_contains({column}, {quoted(values[0])})"
        listed = ", ".join(map(quoted, values))
        return f"list_{op}({column}, [{listed}])"


class ShapedWriter(PlainWriter):
    """Booleans for sets, ENUMs for the texts that are few, folded twins for the rest."""

    def __init__(self, enums: set[str]) -> None:
        self.enums = enums

    def subject(self, column: str) -> str:
        return f"{column}_folded" if column in FOLDED else column

    def stored(self, column: str) -> str:
        return "name_folded" if column == "name" else column

    def like(self, subject: str, op: str, text: str) -> str:
        return super().like(f"{subject}::VARCHAR" if subject in self.enums else subject, op, text)

    def tags(self, op: str, ids: tuple[int, ...]) -> str:
        return self._columns("tag", op, ids)

    def channels(self, what: str, op: str, ids: tuple[int, ...]) -> str:
        return self._columns(what, op, ids)

    def _columns(self, prefix: str, op: str, ids: tuple[int, ...]) -> str:
        return (" AND " if op == "has_all" else " OR ").join(f"{prefix}_{id}" for id in ids)


class Duck:
    """In memory: faster than from its own file, and as ours is."""

    name = "duckdb"

    def __init__(self) -> None:
        self.writer: Writer = PlainWriter()

    @cached_property
    def connection(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(":memory:")

    def open(self, folder: Path, rows: int) -> None:
        for number, block in enumerate(people.blocks(rows)):
            self._insert("contact", self.layout(block), new=number == 0)

    def layout(self, block: pl.DataFrame) -> pl.DataFrame:
        return block.select(
            NAIVE,
            *(pl.col(name) for name in KNOWN if block.schema[name] != people.MOMENT),
            tags=_named(pl.col("tags"), TAGS),
            reachable=_listed("reach"),
            opted_out=_listed("out"),
        ).select(*KNOWN, "tags", "reachable", "opted_out")

    def count(self, tree: Group) -> int:
        return int(self.one(self.writer.count(tree))[0])

    def counts(self, nodes: list[Node]) -> tuple[int, ...]:
        """All nodes in one pass."""
        each = ", ".join(f"count(*) FILTER (WHERE {self.writer.node(node)})" for node in nodes)
        return self.one(f"SELECT {each} FROM contact")

    def edit(self, ids: list[int]) -> None:
        """A new name, number and tag of these people."""
        self.connection.execute(
            "UPDATE contact SET first_name = 'Guadalupe', spent = 777.0, "
            "tags = list_distinct(list_append(tags, 'vip')) "
            f"WHERE id IN (SELECT unnest([{', '.join(map(str, ids))}]))"
        )

    def one(self, statement: str) -> tuple[Any, ...]:
        row = self.connection.execute(statement).fetchone()
        assert row is not None
        return row

    def bytes(self) -> int:
        """What it holds in memory."""
        query = "SELECT sum(memory_usage_bytes) FROM duckdb_memory()"
        return int(self.one(query)[0])

    def close(self) -> None:
        self.connection.close()

    def _insert(self, table: str, rows: pl.DataFrame, *, new: bool) -> None:
        self.connection.register("rows", rows.to_arrow())
        verb = f"CREATE TABLE {table} AS" if new else f"INSERT INTO {table}"
        self.connection.execute(f"{verb} SELECT * FROM rows")
        self.connection.unregister("rows")


class ShapedDuck(Duck):
    name = "duckdb_shaped"
    FEW = ("language", "country", "timezone", "tier", "first_name", "last_name", "city")
    FEW_FOLDED = ("first_name_folded", "last_name_folded", "city_folded")

    def __init__(self) -> None:
        self.writer = ShapedWriter({*self.FEW, *self.FEW_FOLDED})

    def open(self, folder: Path, rows: int) -> None:
        super().open(folder, rows)
        for column in (*self.FEW, *self.FEW_FOLDED):
            self.connection.execute(
                f"CREATE TYPE {column}_t AS ENUM "
                f"(SELECT DISTINCT {column} FROM contact WHERE {column} IS NOT NULL)"
            )
            self.connection.execute(f"ALTER TABLE contact ALTER {column} TYPE {column}_t")
        self.connection.execute("CREATE TABLE packed AS SELECT * FROM contact")
        self.connection.execute("DROP TABLE contact")
        self.connection.execute("ALTER TABLE packed RENAME TO contact")

    def layout(self, block: pl.DataFrame) -> pl.DataFrame:
        folded = [spelled(column).str.to_lowercase().alias(f"{column}_folded") for column in FOLDED]
        sets = {"tag": TAGS, "reach": CHANNELS, "out": CHANNELS}
        named = {"reach": "reachable", "out": "opted_out"}
        return block.with_columns(
            NAIVE, *(pl.col("tags").list.contains(id).alias(f"tag.{id}") for id in TAGS)
        ).select(
            *KNOWN,
            *folded,
            *(
                pl.col(f"{what}.{id}").alias(f"{named.get(what, what)}_{id}")
                for what, ids in sets.items()
                for id in ids
            ),
        )


def _named(ids: pl.Expr, names: dict[int, str]) -> pl.Expr:
    return ids.list.eval(pl.element().replace_strict(names, return_dtype=pl.String))


def _listed(prefix: str) -> pl.Expr:
    each = [pl.when(f"{prefix}.{id}").then(pl.lit(name)) for id, name in CHANNELS.items()]
    return pl.concat_list(each).list.drop_nulls()
