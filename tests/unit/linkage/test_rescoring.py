"""What labels teach: nothing without them, the truth with many, the same in every executor, and sums that add up."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hub.errors import Invalid
from hub.linkage import comparisons, explain, model, rescoring, score
from hub.linkage.columns import Pairs
from hub.linkage.engines import candidates, dedupe, files, labels, model_files, name_columns, scoring
from hub.linkage.engines.dedupe import Order
from tests.unit.linkage.engines import rows
from tests.unit.linkage.people import number, record

MODEL = model_files.content(None)
PEOPLE = rows.people(2000)
GIVEN = comparisons.FIELDS.index("given")


def learnt(seed: int = 3, count: int = 2000) -> rescoring.Rescoring:
    """From pairs whose weight is right but for given names that differ, which are worth 4 bits more than it says."""
    random = np.random.default_rng(seed)
    weight = random.uniform(-12, 12, count)
    levels = np.zeros((count, len(comparisons.FIELDS)), np.uint8)
    levels[:, GIVEN] = random.integers(1, 3, count)
    true = weight + 4.0 * (levels[:, GIVEN] == 1)
    return rescoring.fit(weight, levels, random.uniform(size=count) < 1 / (1 + np.exp2(-true)))


def test_a_level_that_was_misjudged_is_put_right() -> None:
    found = learnt()
    assert found.shifts[GIVEN][1] - found.shifts[GIVEN][2] == pytest.approx(4.0, abs=1.0)
    assert found.scale == pytest.approx(1.0, abs=0.2)
    assert not any(shifts.any() for at, shifts in enumerate(found.shifts) if at != GIVEN)


def test_the_same_labels_teach_the_same() -> None:
    one, other = learnt(), learnt()
    assert (one.scale, one.bias) == (other.scale, other.bias)
    assert all((a == b).all() for a, b in zip(one.shifts, other.shifts, strict=True))


def test_few_labels_change_little() -> None:
    levels = np.ones((4, len(comparisons.FIELDS)), np.uint8)
    found = rescoring.fit(np.array([5.0, 5.0, -5.0, -5.0]), levels, [True, True, False, False])
    assert max(float(np.abs(shifts).max()) for shifts in found.shifts) < 0.5
    assert found.scale == pytest.approx(1.0, abs=0.2)


def taught() -> dict[str, Any]:
    return {**MODEL, "rescoring": rescoring.content(learnt())}


def test_a_model_file_carries_it_and_the_explanation_adds_up() -> None:
    judge = model.parse(taught())
    plain = model.parse(MODEL)
    pair = record(id_number=number()), record("王晓莺", id_number=number(), birth="1990-01-05")
    (found,), (before,) = score.score_pairs(judge, [pair]), score.score_pairs(plain, [pair])
    assert found.weight != before.weight
    lines = explain.explain(judge, *pair)
    assert sum(line.weight for line in lines) == pytest.approx(found.weight, abs=1e-6)
    assert not any("rare" in line.note_en or "common" in line.note_en for line in lines if line.field == "given")


def test_a_rescoring_of_other_levels_is_refused() -> None:
    content = taught()
    del content["rescoring"]["shifts"]["given"]["differs"]
    with pytest.raises(model.InvalidModel):
        model.parse(content)


def test_batch_weighs_as_the_taught_model_does(tmp_path: Path) -> None:
    judge = model.parse(taught()).for_population(len(PEOPLE))
    register = rows.register_of(rows.write(tmp_path / "people.csv", PEOPLE))
    found = candidates.find(register)
    kept = scoring.score_candidates(judge, register, found)
    every = score.score_places(judge.spelled(name_columns.spelled), Pairs.of(register, found.left, found.right))
    shown = np.flatnonzero(every.decision)
    np.testing.assert_array_equal(kept.left, found.left[shown])
    np.testing.assert_array_equal(kept.weight, every.weight[shown])


def written(path: Path, lines: list[str], header: str = "record_id_l,record_id_r,same") -> Path:
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def test_labels_are_learnt_from_and_saved(tmp_path: Path) -> None:
    ids = [row["record_id"] for row in PEOPLE]
    same = [f"{a},{b},1" for a, b in zip(ids[:40:2], ids[1:40:2], strict=True)]
    other = [f"{a},{b},否" for a, b in zip(ids[100:160:2], ids[101:160:2], strict=True)]
    source = rows.write(tmp_path / "people.csv", PEOPLE)
    order = Order(MODEL, labels=written(tmp_path / "labels.csv", same + other), save_model=tmp_path / "model.json")
    dedupe.run(source, tmp_path / "taught", order)
    saved = model_files.content(tmp_path / "model.json")
    assert "rescoring" in saved
    dedupe.run(source, tmp_path / "again", Order(saved))
    for name in ("clusters.csv", "pairs.csv"):
        assert (tmp_path / "taught" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


@pytest.mark.parametrize(
    ("lines", "header", "code"),
    [
        (["a,b,1"], "left,right,same", "column-missing"),
        (["a,b,perhaps"], "record_id_l,record_id_r,same", "label-invalid"),
        (["a,a,1"], "record_id_l,record_id_r,same", "label-invalid"),
        (["a,b,1"] * 20, "record_id_l,record_id_r,same", "labels-too-few"),
        (["a,b,1"] * 10 + ["a,b,0"] * 10, "record_id_l,record_id_r,same", "label-unknown-record"),
    ],
)
def test_labels_that_cannot_be_taken_are_refused(tmp_path: Path, lines: list[str], header: str, code: str) -> None:
    source = rows.write(tmp_path / "people.csv", PEOPLE[:50])
    with pytest.raises(Invalid) as error:
        labels.read(written(tmp_path / "labels.csv", lines, header), files.read(source, 1))
    assert error.value.code == code
