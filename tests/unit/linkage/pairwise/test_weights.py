"""A pair weighs the same by itself as in columns, to the last decimal, and the same is decided."""

import weakref
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.linkage import comparisons, features, model, score
from hub.linkage.columns import Extracted, Pairs, Places, table_of_pairs
from hub.linkage.features import Features
from hub.linkage.model import Model
from hub.linkage.pairwise import weights
from hub.linkage.pairwise.levels import Levels
from hub.linkage.pairwise.pairs import Compared
from hub.linkage.pairwise.records import record
from hub.linkage.rescoring import Rescoring
from mappings import vocabulary
from tests.bench.linkage import population
from tests.unit.linkage.people import TOWN, contact, number, records

SHIPPED = model.load()
UNIQUE = ("huiji",)
NEIGHBOURS = (
    "given", "g1", "sound", "birth", "phone", "spouse", "father", "child1", "document", "residence", "c1_near", "postal",
    "id_body",
)  # fmt: skip


def taught() -> Model:
    """The shipped model with another scale and bias and a shift for every level."""
    random = np.random.default_rng(7)
    shifts = tuple(np.append(0.0, random.normal(0, 2, len(one.levels) - 1)) for one in comparisons.COMPARISONS)
    return replace(SHIPPED, id="taught", rescoring=Rescoring(0.83, -0.41, shifts))


MODELS = (SHIPPED, taught(), replace(SHIPPED, classes={}, shares={}))


@settings(max_examples=50)
@given(st.lists(st.tuples(records, records), max_size=5), st.sampled_from(((), UNIQUE, ("huiji", "yongkang"))))
def test_few_pairs_weigh_the_same_in_columns(pairs: list[tuple[Features, Features]], unique: tuple[str, ...]) -> None:
    for judge, few in zip(MODELS, score.score_singly(MODELS, pairs, unique_sources=unique), strict=True):
        assert_same(few, score.score_places(judge, table_of_pairs(pairs), unique_sources=unique))


_SAID = st.builds(Levels, *(st.sampled_from(range(len(one.levels))) for one in comparisons.COMPARISONS))


@pytest.mark.parametrize("judge", MODELS[:2])
@settings(max_examples=100)
@given(records, _SAID)
def test_any_levels_weigh_what_they_weigh_in_columns(judge: Model, one: Features, said: Levels) -> None:
    pairs = Pairs.of(Extracted.of([one]), np.array([0]), np.array([0]))
    by_field, dependence = score.evidence(judge, pairs, np.array([said], np.uint8))
    expected = np.array([score.start(judge)])
    for bits in by_field:
        expected += bits
    (found,) = weights.weigh(judge, score.start(judge), [Compared(record(one), record(one), said, 0)])
    assert found == np.round(expected + dependence, model.DECIMALS)[0]


@pytest.mark.parametrize("vetoes", range(64))
def test_a_weight_decides_what_it_decides_in_columns(vetoes: int) -> None:
    for weight in (SHIPPED.review, SHIPPED.auto, SHIPPED.review - 1e-6, SHIPPED.auto - 1e-6, float("nan")):
        (expected,) = score.decide(SHIPPED, np.array([weight]), np.array([vetoes], np.uint8))
        assert weights.decide(SHIPPED, weight, vetoes) == expected


def test_a_model_that_is_gone_is_not_kept() -> None:
    judge = taught()
    weights.weights(judge)
    kept = weakref.ref(judge)
    del judge
    assert kept() is None


@pytest.mark.parametrize(("count", "meet"), [(2_000, 20_000), pytest.param(20_000, 400_000, marks=pytest.mark.proof)])
def test_a_crowd_weighs_the_same_in_columns(count: int, meet: int) -> None:
    people = list(crowd(431, count))
    left, right = meetings(people, meet)
    columns = score.score_under(MODELS, people, left, right, unique_sources=UNIQUE)
    pairs = [(people[a], people[b]) for a, b in zip(left.tolist(), right.tolist(), strict=True)]
    for one, other in zip(score.score_singly(MODELS, pairs, unique_sources=UNIQUE), columns, strict=True):
        assert_same(one, other)
    shipped = columns[0]
    for at, comparison in enumerate(comparisons.COMPARISONS):
        assert len(np.unique(shipped.levels[:, at])) == len(comparison.levels), comparison.field
    assert np.bitwise_or.reduce(shipped.vetoes) == 0b111111
    assert min(np.bincount(shipped.decision)) > meet / 1000


def assert_same(one: score.Scores, other: score.Scores) -> None:
    for part in ("levels", "vetoes", "decision", "weight"):
        np.testing.assert_array_equal(getattr(one, part), getattr(other, part), part)


def meetings(people: list[Features], count: int) -> tuple[Places, Places]:
    """Pairs that share a key, or that one of their values puts next to each other, and as many at random."""
    rows = Extracted.of(people).rows
    left, right = population.candidates(people)
    found = [np.array((left, right))]
    for name in NEIGHBOURS:
        order = np.lexsort((rows["id_body"], rows[name]))
        order = order[rows[name][order] != 0]
        found += [np.array((order[:-step], order[step:])) for step in (1, 2, 3)]
    random = np.random.default_rng(3)
    near = random.permutation(np.concatenate(found, axis=1), axis=1)[:, : count // 2]
    far = random.integers(0, len(people), size=(2, count - near.shape[1]))
    left, right = np.concatenate([near, far], axis=1)
    return left, right


def crowd(seed: int, count: int) -> Iterator[Features]:
    """People with four times the usual faults, many of them with rare names, papers, relatives and addresses."""
    choose = Random(seed)
    for patient, *_ in population.patients(seed, count, population.worse(4.0)):
        for change in CHANGES:
            if choose.random() < 0.15:
                change(patient, choose)
        yield features.extract(patient)


def _name(patient: dict[str, Any], choose: Random) -> None:
    family = choose.choice(("Green", "Greene", "Nguyễn", "Webb", "Van Dyke", ""))
    given_name = choose.choice(("Rose", "Rosa", "Mary Ann", "Mary", "M", "Mitchell", "Mitchel", "Green", ""))
    texts = (
        f"{family}, {given_name}", f"{given_name} {family}", f"{given_name}, {family}", "阿依古丽·买买提", "阿依古丽买买提",
        "阿依古丽", "阿依古丽·买提", "古丽·阿依", "ZHANG Wei", "欧阳文秀", "欧阳晓□", "诸葛□", "李燕（曾用名：王晓燕）", "王晓燕",
        "王曉燕", "王小燕", "王燕晓", "汪晓艳", "王燕", "王□燕", "□晓燕",
    )  # fmt: skip
    patient["name"] = [{"text": choose.choice(texts)}]


def _lost(patient: dict[str, Any], choose: Random) -> None:
    text = patient["name"][0]["text"] if patient.get("name") else "王"
    at = choose.randrange(len(text))
    patient["name"] = [{"text": text[:at] + "□" + text[at + 1 :]}]


def _document(patient: dict[str, Any], choose: Random) -> None:
    system = vocabulary.document_system(choose.choice(("03", "06", "99")))
    value = choose.choice(("G1234567", "G1234576", "E7654321", "4101081990", "G123456", "H12345678901234"))
    patient["identifier"] = [*patient["identifier"][:1], {"system": system, "value": value}]


def _number(patient: dict[str, Any], choose: Random) -> None:
    whole = number(sequence=choose.choice((112, 121, 123, 132, 141)))
    wrong, old, cut = whole[:17] + "0", whole[:6] + whole[8:17], whole[:15] + "000"
    value = choose.choice((whole, wrong, old, cut))
    patient["identifier"] = [*patient["identifier"][:1], {"system": vocabulary.RESIDENT_ID, "value": value}]


def _family(patient: dict[str, Any], choose: Random) -> None:
    who = (("王国强", "410108196803120317"), ("王国强", ""), ("李梅", ""), ("李梅", "410108199005011411"))
    patient["contact"] = [contact(role, *choose.choice(who)) for role in ("SPS", "FTH", "MTH")]
    children = choose.sample(("王晓燕", "王晓军", "李晨"), choose.randint(0, 3))
    nation = {"coding": [{"system": vocabulary.ETHNICITY_CODES, "code": choose.choice(("01", "05"))}]}
    patient["extension"] = [
        *({"url": vocabulary.CHILD, "valueString": child} for child in children),
        {"url": vocabulary.ETHNICITY, "valueCodeableConcept": nation},
    ]


def _home(patient: dict[str, Any], choose: Random) -> None:
    texts = (
        "7 Wallaby Place, Delmar, NSW",
        "7 Walaby Place, Delmar",
        "31 Lyster Road, Kelgoola",
        "江南街道5号",
        "城北路8号",
    )
    for address in patient["address"]:
        address["text"] = choose.choice(texts)
        address["postalCode"] = choose.choice(("3163", "3136", "450044", "321300"))
        division = {"url": vocabulary.DIVISION, "valueCode": choose.choice(("", TOWN))}
        address["extension"] = [*address["extension"][:1], division]


def _death(patient: dict[str, Any], choose: Random) -> None:
    patient["deceasedDateTime"] = choose.choice(("2020-01-01", "2023-05-06"))


def _sex(patient: dict[str, Any], choose: Random) -> None:
    patient["gender"] = choose.choice(("unknown", "male", "female"))


def _birth(patient: dict[str, Any], choose: Random) -> None:
    patient["birthDate"] = choose.choice(
        ("1990-05-01", "1990-01-05", "1990-05", "1990", "1991-05-01", "1968-03-12", "")
    )


CHANGES = (_name, _lost, _document, _number, _family, _home, _death, _birth, _sex)
