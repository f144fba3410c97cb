"""What text search needs is made in the background, before somebody types."""

from __future__ import annotations

import threading
import time
import weakref

from engine.segments.everybody import Frame
from engine.segments.texts import TYPES, Kind, Strings, Words

WORTH = 100_000
"""People below which it is made in a blink when it is asked for."""
TEXTS: dict[str, tuple[Kind, ...]] = {
    "plain first_name": ("pairs",),
    "plain last_name": ("pairs",),
    "email": ("pairs", "words", "tails"),
    "phone": ("pairs", "heads"),
    "first_name": ("pairs", "words"),
    "last_name": ("pairs", "words"),
    "external_id": ("hashes",),
}
"""Column → what helps to find in it when it is not words."""
CUSTOM: tuple[Kind, ...] = ("pairs", "words")


def begin(frame: Frame, *, after: float = 0.0) -> None:
    """Make the frame's columns ready, one after another; one outdated after so many seconds is
    left."""
    if frame.people.height >= WORTH:
        work = weakref.ref(frame), after
        threading.Thread(target=_warm, args=work, name="warming", daemon=True).start()


def _warm(seen: weakref.ref[Frame], after: float) -> None:
    time.sleep(after)
    for column in (*TEXTS, *_columns(seen())):
        frame = seen()
        if frame is None:
            return
        prepare(frame, column)


def _columns(frame: Frame | None) -> list[str]:
    """What conditions ask, beside the texts above."""
    fields = frame.catalogue.fields if frame is not None else ()
    asked = [item.column for item in fields if item.type in TYPES]
    return [column for column in asked if column != "name" and column not in TEXTS]


def prepare(frame: Frame, column: str) -> None:
    text = frame.text(column)
    if isinstance(text, Words):
        text.ready()
    if isinstance(text, Strings):
        for kind in TEXTS.get(column, CUSTOM):
            text.made(kind, wait=True)
