"""Many rows at once, past what costs most a row: ids as one value, JSON as text, plain tuples."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

Value = TypeVar("Value")

CHUNK = 5_000
"""Values in one statement."""
_LONG = re.compile(r"\d{18}")
"""orjson reads integers past 64 bits as floats."""


def is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def chunks(values: Iterable[Value], size: int = CHUNK) -> Iterator[list[Value]]:
    """Lists of at most `size`, each value once."""
    unique = list(dict.fromkeys(values))
    for start in range(0, len(unique), size):
        yield unique[start : start + size]


def among(
    session: Session, column: Any, values: Collection[int] | Collection[str]
) -> sa.ColumnElement[bool]:
    """The column is one of the values, which travel as one."""
    if is_sqlite(session):
        listed = sa.func.json_each(dumped(list(values))).table_valued("value")
        found: sa.ColumnElement[bool] = column.in_(sa.select(listed.c.value))
    else:
        array = postgresql.ARRAY(column.type)
        found = column == sa.any_(sa.bindparam(None, list(values), type_=array))
    return found


def fetch(session: Session, statement: sa.Select[*tuple[Any, ...]]) -> list[Any]:
    """The driver's own rows: moments in µs, JSON as text when it is cast."""
    return list(session.connection().execute(statement).cursor.fetchall())


def write(session: Session, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run an SQL statement, with ? for each value, for every row as the driver takes it."""
    if rows:
        mark = "?" if is_sqlite(session) else "%s"
        session.connection().exec_driver_sql(statement.replace("?", mark), list(rows))


def dumped(value: Mapping[str, Any] | list[Any]) -> str:
    """JSON."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # an integer past 64 bits
        return json.dumps(value)


def loaded(text: str) -> Any:
    """What JSON says."""
    return json.loads(text) if _LONG.search(text) else orjson.loads(text)
