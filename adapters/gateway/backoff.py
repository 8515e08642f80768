"""When to try again: exponential with full jitter above half, capped, never sooner than the hub asked for. Pure."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime


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
    if value.strip().isdigit():
        return float(min(int(value.strip()[:6]), 86_400))
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, min((moment - now) / timedelta(seconds=1), 86_400.0))
