"""How often is too often: bounded memories of who did what when. Pure; the time is an argument.

One process remembers for itself and forgets at its end: what has to hold over all processes belongs in the database.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

_MOST_KEYS: Final = 100_000
_IDLE: Final = timedelta(days=1)


def place_of(host: str) -> str:
    """Where a request comes from: an IPv4 address, or the /64 of an IPv6 one, which one customer has to himself."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host[:64]
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


class Rates:
    """At most `most` times in `seconds` for each key, refilled evenly; bounded, the key longest unused goes first."""

    def __init__(self, most: int, seconds: float, *, keys: int = _MOST_KEYS) -> None:
        self._step, self._span, self._keys = seconds / most, seconds, keys
        self._paid: OrderedDict[Hashable, float] = OrderedDict()

    def wait(self, key: Hashable, now: datetime) -> float:
        """0 when this time is within the rate, and counted; else the seconds until one would be."""
        over, paid = self._over(key, now)
        if over:
            return over
        self._paid[key] = paid + self._step
        self._paid.move_to_end(key)
        while len(self._paid) > self._keys:
            self._paid.popitem(last=False)
        return 0.0

    def left(self, key: Hashable, now: datetime) -> float:
        """0 when one more time is within the rate; else the seconds until it would be. Counts nothing."""
        return self._over(key, now)[0]

    def _over(self, key: Hashable, now: datetime) -> tuple[float, float]:
        at = now.timestamp()
        paid = min(max(self._paid.get(key, at), at), at + self._span)
        over = paid + self._step - at - self._span
        return (over if over > 1e-6 else 0.0), paid


@dataclass(frozen=True, slots=True)
class Counted:
    """A try: whether it is let through, the how-many-th failed one it is, and the seconds of the lock it begins."""

    admitted: bool
    failures: int
    lock: float


class Delays:
    """Locks a key from its `free`-th failed try on: `first` seconds, twice as long each time, at most `longest`."""

    def __init__(self, free: int, first: float, longest: float, *, keys: int = _MOST_KEYS) -> None:
        self._free, self._first, self._longest, self._keys = free, first, longest, keys
        self._tries: OrderedDict[Hashable, tuple[int, datetime, datetime]] = OrderedDict()

    def count(self, key: Hashable, now: datetime) -> Counted:
        """Count a try as failed before it is looked at; one that meets a lock is not counted."""
        failures, until, last = self._tries.get(key, (0, now, now))
        if now < until:
            return Counted(False, failures, 0.0)
        failures = failures + 1 if now - last < _IDLE else 1
        lock = 0.0
        if failures >= self._free:
            lock = min(self._first * 2.0 ** min(failures - self._free, 20), self._longest)
        self._tries[key] = (failures, now + timedelta(seconds=lock), now)
        self._tries.move_to_end(key)
        while len(self._tries) > self._keys:
            self._tries.popitem(last=False)
        return Counted(True, failures, lock)

    def forget(self, key: Hashable) -> None:
        """It was no failure after all."""
        self._tries.pop(key, None)
