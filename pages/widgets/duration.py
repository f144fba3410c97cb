"""Lengths of time as people say them."""

from __future__ import annotations

import datetime as dt

from babel.dates import format_timedelta

from pages.widgets import language


def duration(seconds: float) -> str:
    """90 → "2 minutes"; anything under a second is one."""
    length = dt.timedelta(seconds=max(1, round(seconds)))
    return format_timedelta(length, threshold=1.5, locale=language.current())
