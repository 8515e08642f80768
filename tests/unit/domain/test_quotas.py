"""Buckets: whatever is let through on credit, over any time no more gets through than was allowed, and all of that does."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hub.domain.quotas import DAY, Bucket, Quota

NOW = datetime(2026, 3, 1, tzinfo=UTC)
QUOTAS = st.builds(
    Quota,
    per_second=st.floats(0.1, 5000),
    burst=st.integers(1, 10_000),
    at_once=st.integers(1, 100),
    bytes_a_day=st.integers(2**20, 2**40),
)
STEPS = st.lists(st.tuples(st.floats(-5, 500), st.integers(0, 500), st.integers(0, 2**30)), max_size=30)


@given(QUOTAS, STEPS)
def test_what_was_too_much_is_owed(quota: Quota, steps: list[tuple[float, int, int]]) -> None:
    bucket, now, let, sent, furthest = Bucket.full(quota, NOW), NOW, 0, 0, NOW
    for passed, requests, size in steps:
        now += timedelta(seconds=passed)
        furthest = max(furthest, now)
        bucket = bucket.after(quota, now, requests, size)
        let, sent = let + requests, sent + size
        elapsed = (furthest - NOW).total_seconds()
        assert let + bucket.requests <= quota.burst + quota.per_second * elapsed + 1e-3
        assert sent + bucket.bytes <= quota.bytes_a_day * (1 + elapsed / DAY) + 1
        assert bucket.requests <= quota.burst
        assert bucket.bytes <= quota.bytes_a_day


@given(QUOTAS, st.integers(0, 100_000), st.integers(0, 2**33))
def test_after_the_wait_there_is_one_more(quota: Quota, spent: int, sent: int) -> None:
    bucket = Bucket.full(quota, NOW).after(quota, NOW, spent, sent)
    later = NOW + timedelta(seconds=bucket.wait(quota) + 1e-5)
    assert bucket.after(quota, later).wait(quota) < 1e-3
    for size in (1, 1000, 2**41):
        later = NOW + timedelta(seconds=bucket.wait_for(quota, size) + 1e-5)
        assert bucket.after(quota, later).wait_for(quota, size) < 1e-2


def test_an_idle_bucket_is_full_again_and_no_fuller() -> None:
    quota = Quota(2.0, 10, 4, 2**20)
    empty = Bucket.full(quota, NOW).after(quota, NOW, 10)
    assert (empty.requests, empty.wait(quota), quota.window) == (0, 0.5, 5)
    assert empty.after(quota, NOW + timedelta(seconds=3)).requests == 6
    assert empty.after(quota, NOW + timedelta(days=9)).requests == 10
