"""`hub dedupe` on people it was never tuned on: the quality that is promised, with and without training."""

import pytest

from tests.bench import dedupe

pytestmark = pytest.mark.bench


@pytest.mark.parametrize("train", [False, True])
def test_quality_on_unseen_people(train: bool) -> None:
    (found,) = dedupe.run([50_000], dedupe.SEED, train=train, report=False)
    assert found.pair_f1 >= 0.985
    assert found.cluster_f1 >= 0.975
    assert found.auto_precision >= 0.999
    assert found.auto_recall >= 0.97
    assert found.memory <= 1.5 * 2**30
