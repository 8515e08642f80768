"""`$match` over HTTP with authentication and audit: fast enough, as good as a batch, and silent about hidden people."""

import tempfile
from pathlib import Path

import pytest

from tests.bench import match

RATE, P99, RECALL = 500, 10.0, 0.002
pytestmark = pytest.mark.bench


def test_people_are_found_fast_enough_and_as_well_as_in_a_batch() -> None:
    with tempfile.TemporaryDirectory(prefix="lianqiao-bench-") as folder:
        Path(folder).chmod(0o755)
        found = match.run(people=100_000, seed=11, workers=2, seconds=20, data=Path(folder) / "hub")
    assert found.fast.refused == found.half.refused == 0
    assert found.fast.rate >= RATE
    assert found.half.p99 <= P99
    assert found.online >= found.batch - RECALL
    assert abs(found.hidden - found.nobody) <= 0.1 * found.nobody
