"""Permits to send: token buckets in Redis that no window of the stated length can see exceeded.

The bound (docs/reliability.md): a bucket of N units in W seconds hands out one unit every
T = (W + life + poll + blur) / N seconds and never holds more than `poll` seconds' worth, starting
empty. A permit not used within `life` seconds is dropped. So whatever arrives in a window of W
seconds was granted in W + life + blur, and that is at most N.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

LIFE = 0.010
"""Seconds a permit lives between asking for it and using it."""

POLL = 0.010
"""Seconds' worth of units a bucket may save up, so that polling loses nothing."""

BLUR = 0.028
"""Seconds of travel to the provider that one message may take longer than another.

The three together are 4.8 % of a second: 95.4 % of the limit is what can be used at most.
"""

LONG_BLUR = 0.250
"""The same where the window is a minute or more and the margin costs next to nothing."""

TAKE = """
-- ARGV: wanted, then per bucket: microseconds a unit, microseconds saved up at most.
-- KEYS: buckets, then holds (a time before which nothing is granted).
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local buckets = (#ARGV - 1) / 2
local wait = 0
for i = buckets + 1, #KEYS do
  local until_ = tonumber(redis.call('GET', KEYS[i]) or 0)
  if until_ - now > wait then wait = until_ - now end
end
if wait > 0 then return {0, math.ceil(wait)} end
local granted = tonumber(ARGV[1])
local zero = {}
for i = 1, buckets do
  local unit, saved = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local z = math.min(tonumber(redis.call('GET', KEYS[i]) or now), now)
  z = math.max(z, now - unit - saved)
  zero[i] = z
  granted = math.min(granted, math.floor((now - z) / unit))
  local ready = z + unit - now
  if ready > wait then wait = ready end
end
for i = 1, buckets do
  local z = zero[i] + granted * tonumber(ARGV[2 * i])
  redis.call('SET', KEYS[i], string.format('%.0f', z), 'EX', 86400)
end
return {granted, math.ceil(wait)}
"""

HOLD = """
local t = redis.call('TIME')
local until_ = t[1] * 1000000 + t[2] + tonumber(ARGV[1])
if until_ > tonumber(redis.call('GET', KEYS[1]) or 0) then
  redis.call('SET', KEYS[1], string.format('%.0f', until_), 'PX', math.ceil(ARGV[1] / 1000) + 1000)
end
return 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most `count` units in any window of `window` seconds, shared by all who use the name."""

    name: str
    count: float
    window: float
    weight: int = 1
    """Units that one permit takes."""

    def weighing(self, units: int) -> Limit:
        """The same limit for messages of so many units each."""
        return replace(self, weight=units)

    @property
    def unit(self) -> float:
        """Microseconds between two permits."""
        blur = BLUR if self.window < 60 else LONG_BLUR
        return (self.window + LIFE + POLL + blur) * self.weight / self.count * 1e6


class Pace:
    """All limits of a message in one call; Redis away means no permits."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._take = redis.register_script(TAKE)
        self._hold = redis.register_script(HOLD)

    async def take(
        self, wanted: int, limits: Sequence[Limit], holds: Sequence[str] = ()
    ) -> tuple[int, float]:
        """(units granted now, seconds until more may be). Grants at most `wanted`, maybe 0."""
        keys = [f"pace:{limit.name}" for limit in limits] + [f"hold:{name}" for name in holds]
        arguments: list[float] = [wanted]
        for limit in limits:
            arguments += [limit.unit, POLL * 1e6]
        try:
            granted, wait = cast("tuple[int, int]", await self._take(keys=keys, args=arguments))
        except (RedisError, OSError):
            return 0, 0.5
        return int(granted), max(int(wait) / 1e6, 0.0)

    async def hold(self, name: str, seconds: float) -> None:
        """Nobody sends under this name for so long: what a provider's Retry-After asks for."""
        try:
            await self._hold(keys=[f"hold:{name}"], args=[int(seconds * 1e6)])
        except (RedisError, OSError):
            return  # no Redis, no permits: nothing is sent anyway
