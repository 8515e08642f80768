"""`hub load` of 100,000 rows with matching: at least 3,000 rows a second, and memory that does not grow with the file."""

import pytest

from tests.bench import load

GATE = 3_000
pytestmark = pytest.mark.bench


def test_a_county_file_is_taken_in_fast_enough_and_in_bounded_memory() -> None:
    small, large = load.run(rows=100_000, seed=7)
    assert large.rows_a_second >= GATE
    assert large.memory <= small.memory * 1.25
