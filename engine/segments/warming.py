"""What text search needs is made in the background, before somebody types."""

from __future__ import annotations

import threading
import weakref

from engine.segments.everybody import Frame
from engine.segments.texts import Strings

WORTH = 100_000
"""People below which it is made in a blink when it is asked for."""
COLUMNS = ("plain first_name", "plain last_name", "email", "phone", "first_name", "last_name")


def begin(frame: Frame) -> None:
    """Make the frame's texts ready, one column after another; an outdated frame is left."""
    if frame.people.height >= WORTH:
        seen = weakref.ref(frame)
        threading.Thread(target=_warm, args=(seen,), name="warming", daemon=True).start()


def _warm(seen: weakref.ref[Frame]) -> None:
    for column in COLUMNS:
        frame = seen()
        if frame is None:
            return
        prepare(frame, column)


def prepare(frame: Frame, column: str) -> None:
    text = frame.text(column)
    if isinstance(text, Strings):
        text.made("pairs", wait=True)
