"""Ids: of version 7, in order of time, never twice."""

import time
from datetime import UTC, datetime

from hub.storage.ids import new_id


def test_an_id_tells_its_version_and_the_moment() -> None:
    before = time.time_ns() // 1_000_000
    made = new_id()
    after = time.time_ns() // 1_000_000
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert before <= made.int >> 80 <= after
    assert datetime.fromtimestamp((made.int >> 80) / 1000, UTC).year >= 2026


def test_ids_are_never_twice_the_same_and_later_ones_are_greater() -> None:
    made = [new_id() for _ in range(5000)]
    assert len(set(made)) == 5000
    time.sleep(0.002)
    assert new_id() > max(made)
