"""A pair weighs the same read by column from a file as read record by record online: to the last decimal."""

from pathlib import Path
from random import Random

import numpy as np

from hub.demo.population import DEDUPE_COLUMNS
from hub.linkage import features, model, score
from hub.linkage.columns import Pairs
from hub.linkage.engines import candidates, name_columns
from tests.unit.linkage.engines import rows

PEOPLE = 20_000
PAIRS = 100_000


FOREIGN = 400


def foreigner(number: int, choose: Random) -> dict[str, str]:
    """A row of somebody with a name in letters, a passport and an address that no division code goes with."""
    family, given = (
        choose.choice(("Green", "Greene", "Nguyễn", "Webb")),
        choose.choice(("Rose", "Rosa", "Van Dyke", "")),
    )
    forms = (f"{family}, {given}", f"{given} {family}", f"{given}, {family}", "ZHANG Wei", "王□燕", "王晓燕", "")
    return dict.fromkeys(DEDUPE_COLUMNS, "") | {
        "record_id": str(number),
        "source": "huiji",
        "name": choose.choice(forms),
        "sex": choose.choice(("1", "2", "")),
        "birth_date": choose.choice(("1980-07-20", "1980-07-02", "1928-05-18", "")),
        "id_type": choose.choice(("03", "06", "99")),
        "resident_id": choose.choice(("G1234567", "G1234576", "E7654321", "4101081990", "")),
        "residence_address": choose.choice(("12 Colebatch Place, Jesmond", "12 colebatchplace jesmond", "8号", "")),
        "residence_division": choose.choice(("", "410108003000")),
        "postal_code": choose.choice(("3163", "3136", "450044", "")),
    }


def test_foreigners_weigh_the_same_as_online(tmp_path: Path) -> None:
    choose = Random(5)
    people = [foreigner(at, choose) for at in range(FOREIGN)]
    online = [features.extract(rows.patient(row)) for row in people]
    judge = model.load()
    left, right = np.triu_indices(FOREIGN, 1)
    source = rows.write(tmp_path / "people.csv", people, (*DEDUPE_COLUMNS, "postal_code"))
    register = rows.register_of(source)
    batch = score.score_places(judge.spelled(name_columns.spelled), Pairs.of(register, left, right))
    single = score.score_indexed(judge, online, left, right)
    assert (single.decision == 2).sum() > FOREIGN
    for part in ("levels", "vetoes", "decision", "weight"):
        np.testing.assert_array_equal(getattr(batch, part), getattr(single, part), part)


def test_a_hundred_thousand_pairs_weigh_the_same_as_online(tmp_path: Path) -> None:
    people = rows.people(PEOPLE)
    online = [features.extract(rows.patient(row)) for row in people]
    judge = model.load()
    register = rows.register_of(rows.write(tmp_path / "people.csv", people))
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
