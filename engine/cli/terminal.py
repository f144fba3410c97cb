"""How a command answers: sentences for people, one JSON value for programs, never a traceback."""

from __future__ import annotations

import datetime as dt
import functools
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Annotated, Any, NoReturn, ParamSpec

import redis
import sqlalchemy as sa
import typer

from engine import db, language, settings
from engine.errors import PregonError, Unavailable
from engine.settings import Settings

P = ParamSpec("P")

LINE_MAX = 200
"""Longest line of a log at the terminal."""

Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON value on stdout.")]
Context = typer.Context


def guarded(function: Callable[P, None]) -> Callable[P, None]:
    """End a command that meets a PregonError with its sentence and exit code 1."""

    @functools.wraps(function)
    def command(*args: P.args, **kwargs: P.kwargs) -> None:
        as_json = bool(kwargs.get("as_json"))
        try:
            function(*args, **kwargs)
        except PregonError as error:
            fail(error, as_json=as_json)
        except sa.exc.OperationalError as error:
            reason = str(error.orig).strip().splitlines()[0] if error.orig else "no reason given"
            fail(
                Unavailable(
                    "database.unreachable", "The database does not answer: {reason}.", reason=reason
                ),
                as_json=as_json,
            )
        except redis.ConnectionError:
            fail(no_redis(), as_json=as_json)
        except OSError as error:
            if error.filename is None:
                raise
            fail(
                Unavailable(
                    "file.unusable",
                    "{file}: {reason}.",
                    file=error.filename,
                    reason=error.strerror or "it cannot be used",
                ),
                as_json=as_json,
            )

    return command


def no_redis() -> Unavailable:
    return Unavailable(
        "redis.unreachable",
        "Redis does not answer: start Pregón with `pregon up`, or set REDIS_URL.",
    )


def config(context: Context) -> Settings:
    """The settings, with the data folder of `--data` if given."""
    data = context.find_root().obj
    return settings.load(data=data) if data else settings.load()


@contextmanager
def workspace(context: Context) -> Iterator[tuple[Settings, db.Database]]:
    """The settings and the open database, its tables up to date."""
    loaded = config(context)
    database = db.connect(loaded)
    try:
        db.migrate(database)
        yield loaded, database
    finally:
        database.close()


def show(data: object, words: str | Iterable[str], *, as_json: bool) -> None:
    """Print `data` as JSON, or the words, a line each."""
    if as_json:
        print(json.dumps(data, ensure_ascii=False, default=_plain), flush=True)
        return
    for line in [words] if isinstance(words, str) else words:
        print(line, flush=True)


def fail(error: PregonError, *, as_json: bool) -> NoReturn:
    """Print what is wrong and exit with 1."""
    spoken = language.sentence(error, _language())
    if as_json:
        show({"error": {"code": error.code, "sentence": spoken}}, "", as_json=True)
    else:
        print(spoken, file=sys.stderr, flush=True)
    raise typer.Exit(1)


def note(text: str) -> None:
    """A remark about progress, beside the answer: on stderr, so that stdout stays one value."""
    with suppress(OSError):  # the terminal may be gone
        print(text, file=sys.stderr, flush=True)


def part_line(part: str, line: str) -> None:
    """A line of a part's log, with its name before it; what a traceback holds stays in the log."""
    if not line.startswith((" ", "\t")) and line.strip():
        note(f"{part:<7} | {line[:LINE_MAX]}{'…' if len(line) > LINE_MAX else ''}")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Rows as aligned columns under a head."""
    cells = [tuple(head), *(tuple(_cell(value) for value in row) for row in rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(head))]
    return [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells
    ]


def _cell(value: object) -> str:
    return f"{value:,}" if type(value) is int else "" if value is None else str(value)


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, dt.date | dt.datetime) else str(value)


def _language() -> str:
    try:
        return settings.load().language or "en"
    except PregonError:
        return "en"
