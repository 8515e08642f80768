"""Scores, explanations and the model: symmetry, identity, frequencies, dependence, and numbers that add up."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.linkage import comparisons, explain, model, notes, score
from hub.linkage.columns import table_of_pairs
from hub.linkage.features import Features
from hub.linkage.model import InvalidModel
from tests.unit.linkage.people import number, record, records

SHIPPED = model.load()


@settings(max_examples=50)
@given(records, records)
def test_a_score_is_symmetric(a: Features, b: Features) -> None:
    forth, back = score.score_pairs(SHIPPED, [(a, b), (b, a)])
    assert forth == back


@settings(max_examples=50)
@given(records, records)
def test_identical_records_score_alike(a: Features, b: Features) -> None:
    copy = Features.from_bytes(a.to_bytes())
    one, other = score.score_pairs(SHIPPED, [(a, b), (copy, b)])
    assert one == other


@given(records)
def test_no_record_contradicts_itself(one: Features) -> None:
    (found,) = score.score_pairs(SHIPPED, [(one, Features.from_bytes(one.to_bytes()))])
    for comparison, level in zip(comparisons.COMPARISONS, found.levels, strict=True):
        assert notes.of(comparison.field, comparison.levels[level])[0] in ("same", "missing", "similar"), (
            comparison.field
        )
    assert "two-valid-ids" not in found.vetoes


def test_a_full_record_is_linked_to_its_like() -> None:
    one = record(id_number=number(), phone="13812345670", source="huiji")
    other = record(
        "王曉燕", id_number=number()[:6] + number()[8:17], phone="13812345670", source="yongkang", record="9"
    )
    (found,) = score.score_pairs(SHIPPED, [(one, other)])
    assert found.decision == "auto"
    assert found.vetoes == ()
    assert found.probability > 0.9999


def test_strangers_are_not() -> None:
    (found,) = score.score_pairs(SHIPPED, [(record(), record("李芳", birth="1962-11-30", origin="永康市芝英镇8号"))])
    assert found.decision == "no-link"


@settings(max_examples=50)
@given(records, records)
def test_the_explanation_adds_up_to_the_weight(a: Features, b: Features) -> None:
    lines = explain.explain(SHIPPED, a, b)
    (found,) = score.score_pairs(SHIPPED, [(a, b)])
    assert sum(line.weight for line in lines) == pytest.approx(found.weight, abs=1e-6)
    assert [line.field for line in lines] == ["prior", *comparisons.FIELDS, "dependence"]
    assert all(line.note_en and line.note_zh for line in lines)


@settings(max_examples=50)
@given(records, records)
def test_the_explanation_is_symmetric_but_for_its_sides(a: Features, b: Features) -> None:
    for forth, back in zip(explain.explain(SHIPPED, a, b), explain.explain(SHIPPED, b, a), strict=True):
        assert (forth.left, forth.right, forth.level, forth.relation) == (
            back.right,
            back.left,
            back.level,
            back.relation,
        )
        assert forth.weight == pytest.approx(back.weight)


@settings(max_examples=50)
@given(records, records)
def test_what_is_missing_on_a_side_weighs_nothing(a: Features, b: Features) -> None:
    for line in explain.explain(SHIPPED, a, b):
        if line.relation == "missing" and line.field in comparisons.FIELDS:
            assert line.weight == 0


def test_every_level_has_its_words() -> None:
    for comparison in comparisons.COMPARISONS:
        assert comparison.field in notes.FIELDS
        assert set(notes.LEVELS[comparison.field]) == set(comparison.levels[1:])


def test_a_rare_name_says_more_than_a_common_one() -> None:
    common = _line(record("王伟", sex="male"), record("王伟", sex="male"), "surname")
    rare = _line(record("禚伟", sex="male"), record("禚伟", sex="male"), "surname")
    assert rare.weight > common.weight + 2
    assert "rare" in rare.note_en
    assert "少见" in rare.note_zh


def _line(a: Features, b: Features, field: str) -> explain.FieldEvidence:
    return next(line for line in explain.explain(SHIPPED, a, b) if line.field == field)


def test_what_a_household_shares_counts_once() -> None:
    """Phone, address and parents together prove a household, not a person: siblings do not come near a link."""
    home: dict[str, Any] = {
        "phone": "13812345670",
        "father": ("王福", ""),
        "mother": ("李梅", ""),
        "residence": "永康市东城街道城北路8号",
        "residence_division": "330784001000",
    }
    brother = record("王晓军", sex="male", birth="1993-08-11", **home)
    sister = record("王晓燕", birth="1990-05-01", **home)
    (found,) = score.score_pairs(SHIPPED, [(brother, sister)])
    assert found.decision == "no-link"
    dependence = _line(brother, sister, "dependence")
    shared = sum(_line(brother, sister, field).weight for field in ("phone", "residence", "parents", "origin"))
    assert shared > 40
    assert dependence.weight < -30


@settings(max_examples=20)
@given(st.lists(st.tuples(records, records), max_size=5))
def test_a_batch_scores_as_its_pairs_do_one_by_one(pairs: list[tuple[Features, Features]]) -> None:
    assert score.score_pairs(SHIPPED, pairs) == [score.score_pairs(SHIPPED, [pair])[0] for pair in pairs]


def test_a_pair_weighs_the_same_in_any_company() -> None:
    """Also where nobody beside it has a given name."""
    pair = record("李□（曾用名：王□）"), record("王□")
    (alone,) = score.score_places(SHIPPED, table_of_pairs([pair])).weight
    (among, _) = score.score_places(SHIPPED, table_of_pairs([pair, (record(), record())])).weight
    (single,) = score.score_pairs(SHIPPED, [pair])
    assert alone == among == single.weight


def test_indexed_scores_are_the_same_scores() -> None:
    people = [record(), record("王小燕"), record("李芳", birth="1962-11-30"), record(id_number=number())]
    left, right = np.triu_indices(len(people), 1)
    indexed = score.score_indexed(SHIPPED, people, left, right)
    paired = score.score_pairs(SHIPPED, [(people[a], people[b]) for a, b in zip(left, right, strict=True)])
    assert indexed.weight.tolist() == [one.weight for one in paired]
    assert [score.DECISIONS[d] for d in indexed.decision] == [one.decision for one in paired]
    assert indexed.levels.tobytes() == b"".join(one.levels for one in paired)


def test_no_pairs_no_scores() -> None:
    assert score.score_pairs(SHIPPED, []) == []
    assert len(score.score_indexed(SHIPPED, [], np.array([], np.intp), np.array([], np.intp)).weight) == 0


def test_the_model_is_named_by_its_content(tmp_path: Path) -> None:
    content = _content()
    path = tmp_path / "model.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    assert model.load(path).hash == SHIPPED.hash
    content["thresholds"]["auto"] += 1
    assert model.parse(content).hash != SHIPPED.hash


def test_among_more_people_chance_grows_and_the_same_pair_weighs_less() -> None:
    pair = (record(), record())
    (few,) = score.score_pairs(SHIPPED, [pair])
    (many,) = score.score_pairs(SHIPPED.for_population(SHIPPED.population * 1000), [pair])
    assert many.weight < few.weight


def test_strangers_weigh_something_among_two_people() -> None:
    one = record(phone="13812345670", id_number=number(), residence="永康市东城街道解放路1号", spouse=("赵四", ""))
    other = record("李小芳", phone="13912345678", origin="永康市芝英镇8号", origin_division="330784000000")
    pairs = [(one, other)] * (score.FEW + 1)
    for some in (pairs, pairs[:1]):
        for found in score.score_pairs(SHIPPED.for_population(2), some):
            assert np.isfinite(found.weight)
            assert found.decision == "no-link"


def test_what_is_learnt_of_few_people_weighs_something_among_fewer() -> None:
    content = _content() | {"population": 1_000, "prior": 0.0023}
    (found,) = score.score_pairs(model.parse(content).for_population(2), [(record(id_number=number()),) * 2])
    assert np.isfinite(found.weight)
    assert found.decision == "auto"


@pytest.mark.parametrize("prior", [0.0, 1.0, -0.1])
def test_a_prior_that_is_no_share_is_refused(prior: float) -> None:
    with pytest.raises(InvalidModel, match="prior"):
        model.parse(_content() | {"prior": prior})


@pytest.mark.parametrize("shares", [{"household": 0.6, "twins": 0.4}, {"household": 0.0}, {"household": -0.1}])
def test_classes_that_leave_no_strangers_are_refused(shares: dict[str, float]) -> None:
    content = _content()
    content["classes"] = shares
    with pytest.raises(InvalidModel, match="shares of the classes"):
        model.parse(content)


@pytest.mark.parametrize("break_", ["format", "comparisons", "classes", "zero"])
def test_a_model_that_does_not_fit_is_refused(break_: str) -> None:
    content = _content()
    if break_ == "format":
        content["format"] = 99
    elif break_ == "zero":
        content["comparisons"]["sex"]["same"]["m"] = 0
    else:
        del content[break_]
    with pytest.raises(InvalidModel):
        model.parse(content)


def _content() -> dict[str, Any]:
    path = Path(model.__file__).parent / "models" / "default.json"
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
