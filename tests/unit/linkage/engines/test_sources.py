"""Registers whose sources hold each person once: no pair within a source, one counterpart at most, the likelier one."""

from pathlib import Path

import numpy as np

from hub.linkage.engines import dedupe, model_files, sources
from hub.linkage.engines.dedupe import Order
from hub.linkage.engines.scoring import Scored
from tests.unit.linkage.engines import rows

MODEL = model_files.content(None)
PEOPLE = rows.people(3000)


def result(weights: list[tuple[int, int, float]]) -> Scored:
    left, right, weight = (np.array(column) for column in zip(*weights, strict=True))
    some = np.zeros(len(weights), np.uint8)
    return Scored(left.astype(np.intp), right.astype(np.intp), weight.astype(float), some[:, None], some, some)


def test_no_source_gives_a_person_two_records(tmp_path: Path) -> None:
    out = tmp_path / "out"
    dedupe.run(rows.write(tmp_path / "people.csv", PEOPLE), out, Order(MODEL, unique_sources=True))
    source = {row["record_id"]: row["source"] for row in PEOPLE}
    held = [(row["person_id"], source[row["record_id"]]) for row in rows.read(out / "clusters.csv")]
    assert len(held) == len(set(held)) == len(PEOPLE)
    pairs = rows.read(out / "pairs.csv")
    assert pairs
    assert all(source[row["record_id_l"]] != source[row["record_id_r"]] for row in pairs)


def test_where_all_have_a_counterpart_a_lone_candidate_is_the_likelier_one() -> None:
    model = model_files.parsed(MODEL).for_population(2000)
    of = np.repeat([1, 2], 1000)
    paired = result([(at, 1000 + at, 30.0) for at in range(999)] + [(999, 1999, 0.0)])
    assert sources.weights(paired, of, model)[-1] > 5
    few = result([(at, 1000 + at, 30.0) for at in range(10)] + [(999, 1999, 0.0)])
    assert sources.weights(few, of, model)[-1] < 0


def test_of_two_candidates_the_lesser_gives_way() -> None:
    model = model_files.parsed(MODEL).for_population(2000)
    of = np.repeat([1, 2], 1000)
    rivals = result([(at, 1000 + at, 30.0) for at in range(999)] + [(0, 1999, 8.0)])
    weights = sources.weights(rivals, of, model)
    assert weights[0] > 15
    assert weights[-1] < -5


def test_without_pairs_nothing_is_weighed() -> None:
    nothing = result([(0, 1, 0.0)])
    empty = Scored(
        *(getattr(nothing, name)[:0] for name in ("left", "right", "weight", "levels", "vetoes", "decision"))
    )
    assert len(sources.weights(empty, np.array([1, 2]), model_files.parsed(MODEL))) == 0


def test_records_without_a_source_may_be_one_person(tmp_path: Path) -> None:
    people = [{**row, "source": ""} for row in PEOPLE]
    source = rows.write(tmp_path / "people.csv", people)
    for name, unique in (("unique", True), ("usual", False)):
        dedupe.run(source, tmp_path / name, Order(MODEL, unique_sources=unique))
    assert (tmp_path / "unique" / "pairs.csv").read_bytes() == (tmp_path / "usual" / "pairs.csv").read_bytes()
