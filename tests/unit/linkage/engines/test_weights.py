"""A pair weighs the same read by column from a file as read record by record online: to the last decimal."""

from pathlib import Path

import numpy as np

from hub.linkage import features, model, score
from hub.linkage.columns import Pairs
from hub.linkage.engines import candidates, name_columns
from tests.unit.linkage.engines import rows

PEOPLE = 20_000
PAIRS = 100_000


def test_a_hundred_thousand_pairs_weigh_the_same_as_online(tmp_path: Path) -> None:
    people = rows.people(PEOPLE)
    online = [features.extract(rows.patient(row)) for row in people]
    judge = model.load()
    with rows.opened(rows.write(tmp_path / "people.csv", people)) as register:
        found = candidates.find(register)
        random = np.random.default_rng(1).integers(0, len(people), size=(2, PAIRS))
        left, right = np.concatenate([found.left, random[0]]), np.concatenate([found.right, random[1]])
        left, right = left[left != right][:PAIRS], right[left != right][:PAIRS]
        batch = score.score_places(judge.spelled(name_columns.spelled), Pairs.of(register, left, right))
    single = score.score_indexed(judge, online, left, right)
    assert len(left) == PAIRS
    assert (single.decision == 2).sum() > PEOPLE / 10
    for part in ("levels", "vetoes", "decision", "weight"):
        np.testing.assert_array_equal(getattr(batch, part), getattr(single, part), part)
