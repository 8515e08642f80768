"""Levels of large batches are set by arithmetic: the same as setting them one by one."""

import numpy as np
import pytest

from hub.linkage.columns import mark


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 5000])
def test_a_level_is_put_where_it_belongs_and_nowhere_else(size: int) -> None:
    generator = np.random.default_rng(size)
    found, where = generator.integers(0, 12, size, dtype=np.uint8), generator.random(size) < 0.3
    expected = [11 if here else level for level, here in zip(found.tolist(), where.tolist(), strict=True)]
    mark(found, where, 11)
    assert found.tolist() == expected
