"""When a broadcast starts and how long it takes: wall time to UTC, rates, the seven days."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.errors import Invalid

SECONDS = {"second": 1, "minute": 60, "hour": 3600}
"""Length of a rate's window by its word, as stored: never rename."""

MINUTE = dt.timedelta(minutes=1)

LONGEST = dt.timedelta(days=7)
"""A whole send may not take longer: the product's promise to its users."""

RATE = re.compile(r"\s*(\d+)\s*(?:per|por|/|a|al|cada)\s*([a-zñ]+)\s*", re.IGNORECASE)
WORDS = {
    **dict.fromkeys(("s", "second", "seconds", "segundo", "segundos"), "second"),
    **dict.fromkeys(("m", "min", "minute", "minutes", "minuto", "minutos"), "minute"),
    **dict.fromkeys(("h", "hour", "hours", "hora", "horas"), "hour"),
}


def zone(name: str) -> ZoneInfo:
    """The IANA zone. Raises Invalid for a name that is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Invalid(
            "plan.unknown_zone", "There is no time zone named “{name}”.", name=name
        ) from error


def start_at(local: str, zone_name: str) -> dt.datetime:
    """Wall time such as "2026-12-01T09:30" in an IANA zone → UTC.

    In the hour a clock change skips, the first valid moment after it; in the hour it repeats, the
    first of the two.
    """
    try:
        naive = dt.datetime.fromisoformat(local.strip())
    except ValueError as error:
        raise Invalid(
            "plan.bad_time",
            "“{local}” is not a date and time like 2026-12-01 09:30.",
            local=local,
        ) from error
    if naive.tzinfo is not None:
        raise Invalid(
            "plan.offset", "Give the start as local time and its zone apart, not with an offset."
        )
    place = zone(zone_name)
    aware = naive.replace(tzinfo=place, fold=0)
    utc = aware.astimezone(dt.UTC)
    if utc.astimezone(place).replace(tzinfo=None) == naive:
        return utc
    offset, moment = utc.astimezone(place).utcoffset(), utc.replace(second=0, microsecond=0)
    while (moment - MINUTE).astimezone(place).utcoffset() == offset:  # back to the change itself
        moment -= MINUTE
    return moment


def rate(text: str) -> tuple[int, str]:
    """ "20 per second", "600/min", "100 por hora" → (20, "second")."""
    match = RATE.fullmatch(text)
    word = WORDS.get(match[2].lower()) if match else None
    if match is None or word is None or int(match[1]) < 1:
        raise Invalid("plan.bad_rate", "“{text}” is not a speed like “20 per second”.", text=text)
    return int(match[1]), word


def check_rate(messages: int, count: int, per: str) -> None:
    """Refuse a rate at which the whole send takes more than seven days, naming the smallest."""
    if per not in SECONDS or count < 1:
        raise Invalid("plan.rate_unit", "A speed is a whole number per second, minute or hour.")
    windows = LONGEST.total_seconds() / SECONDS[per]
    smallest = math.ceil(messages / windows)
    if count < smallest:
        raise Invalid(
            "plan.too_slow",
            "At {count} per {per} the {messages} messages take more than 7 days; "
            "the smallest speed that fits is {smallest} per {per}.",
            count=count,
            per=per,
            messages=messages,
            smallest=smallest,
        )


def seconds(
    units: Mapping[int, float], ceilings: Mapping[int, float], per_second: float | None
) -> float:
    """How long a send takes at best.

    `units` and `ceilings` (units per second) by channel id; `per_second` is the broadcast's own
    rate in messages, None for none. Channels send side by side, so the slowest decides.
    """
    slowest = max((units[key] / ceilings[key] for key in units if ceilings.get(key)), default=0.0)
    own = sum(units.values()) / per_second if per_second else 0.0
    return max(slowest, own)
