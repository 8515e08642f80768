"""How much one member may ask of the hub: a bucket of requests and one of bytes, each refilled evenly. Pure.

Whoever lets requests through settles afterwards, so that a bucket may be found below nothing: what was too much is then
owed, and over any length of time no more gets through than was allowed.
"""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Quota:
    """`per_second` requests, `burst` of them at one go, `at_once` in one process, `bytes_a_day` of bodies."""

    per_second: float
    burst: int
    at_once: int
    bytes_a_day: int

    @property
    def window(self) -> int:
        """Seconds in which an empty bucket of requests is full again."""
        return max(1, math.ceil(self.burst / self.per_second))


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is left of a quota at one moment; below nothing where more was let through than there was."""

    requests: float
    bytes: float
    at: datetime

    @classmethod
    def full(cls, quota: Quota, now: datetime) -> Self:
        """Nothing was asked for yet."""
        return cls(quota.burst, quota.bytes_a_day, now)

    def after(self, quota: Quota, now: datetime, requests: int = 0, sent: int = 0) -> "Bucket":
        """What is left `now`, once these were let through since; a clock that is behind pays nothing in."""
        passed = max(0.0, (now - self.at).total_seconds())
        return Bucket(
            min(quota.burst, self.requests - requests + passed * quota.per_second),
            min(quota.bytes_a_day, self.bytes - sent + passed * quota.bytes_a_day / DAY),
            max(now, self.at),
        )

    def wait(self, quota: Quota) -> float:
        """Seconds until there is a request in it; 0 where there is."""
        return max(0.0, (1 - self.requests) / quota.per_second)

    def wait_for(self, quota: Quota, size: int) -> float:
        """Seconds until a body of `size` bytes is allowed; one of more than a day's is once the bucket is full."""
        return max(0.0, (min(size, quota.bytes_a_day) - self.bytes) * DAY / quota.bytes_a_day)
