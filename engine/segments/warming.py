"""What text search needs is made in the background, before somebody types."""

from __future__ import annotations

import threading
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


def begin(frame: Frame) -> None:
    """Make the frame's texts ready, one column after another; an outdated frame is left."""
    if frame.people.height >= WORTH:
        seen = weakref.ref(frame)
        threading.Thread(target=_warm, args=(seen,), name="warming", daemon=True).start()


def _warm(seen: weakref.ref[Frame]) -> None:
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
