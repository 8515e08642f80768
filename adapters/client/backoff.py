"""When to try again: exponential with full jitter above half, capped, never sooner than the hub asked for. Pure."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

MOST: Final = 86_400
"""Seconds; nobody makes a gateway wait longer."""

# Digits as RFC 9110 has them: `str.isdigit` takes `²` too, which `int` does not.
_SECONDS = re.compile(r"[0-9]+")


def delay(attempt: int, *, first: float, cap: float, draw: float, retry_after: float | None = None) -> float:
    """Seconds to wait after the failure of `attempt` (1 = the first). `draw` is uniform in [0, 1)."""
    ceiling = min(cap, first * 2.0 ** min(max(attempt, 1) - 1, 30))
    waited = ceiling * (0.5 + 0.5 * draw)
    if retry_after is None:
        return waited
    # All clients were told the same moment: spread their return over a tenth of it.
    return max(waited, retry_after * (1 + 0.1 * draw))


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """The Retry-After header in seconds from `now` (RFC 9110 §10.2.3); None when absent or not understood. At most a day."""
    if not value:
        return None
    if _SECONDS.fullmatch(value.strip(" \t")):
        return float(min(int(value.strip(" \t")[:6]), MOST))
    moment = http_date(value)
    return None if moment is None else max(0.0, min((moment - now) / timedelta(seconds=1), float(MOST)))


def http_date(value: str) -> datetime | None:
    """A date of an HTTP header; None when it is none. What stands there is the other side's choice."""
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
