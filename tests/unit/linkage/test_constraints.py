"""Named cases that a weight alone would decide wrongly, and each veto."""

from typing import Any

import numpy as np
import pytest

from hub.linkage import clusters, constraints, model, score
from hub.linkage.clusters import Edge
from hub.linkage.features import Features
from hub.linkage.score import PairScore
from tests.unit.linkage.people import number, record

SHIPPED = model.load()
HOME: dict[str, Any] = {
    "origin": "河南省郑州市惠济区古荥镇岭军峪村3组15号",
    "residence": "永康市东城街道城北路8号2幢301室",
    "residence_division": "330784001000",
    "phone": "13812345670",
}
PARENTS: dict[str, Any] = {"father": ("王福", number(born="19621130", sequence=88)), "mother": ("李梅", "")}


def decided(a: Features, b: Features, **more: Any) -> PairScore:
    return score.score_pairs(SHIPPED, [(a, b)], **more)[0]


def test_twins_are_not_one_person() -> None:
    first = record("王晓燕", birth="2012-05-01", **HOME, **PARENTS)
    second = record("王晓莺", birth="2012-05-01", **HOME, **PARENTS)
    found = decided(first, second)
    assert "twins" in found.vetoes
    assert found.decision != "auto"


def test_twins_with_neighbouring_numbers_are_not_one_person() -> None:
    first = record("王晓燕", birth="2012-05-01", id_number=number(born="20120501", sequence=122), **HOME)
    second = record("王晓莺", birth="2012-05-01", id_number=number(born="20120501", sequence=124), **HOME)
    found = decided(first, second)
    assert "two-valid-ids" in found.vetoes
    assert found.decision == "no-link"


def test_twins_with_old_numbers_and_unknown_parents_are_not_linked() -> None:
    numbers = [number(born="19900501", sequence=n) for n in (122, 124)]
    first, second = (
        record(name, id_number=n[:6] + n[8:17], **HOME) for name, n in zip(("王晓燕", "王晓莺"), numbers, strict=True)
    )
    assert decided(first, second).decision != "auto"


def test_father_and_son_of_one_name_are_two_people() -> None:
    father = record("王国强", sex="male", birth="1968-03-12", **HOME)
    son = record("王国强", sex="male", birth="1994-09-30", father=("王国强", ""), **HOME)
    assert decided(father, son).decision != "auto"
    known = record("王国强", sex="male", birth="1968-03-12", id_number=number(born="19680312", sequence=31), **HOME)
    child = record(
        "王国强", sex="male", birth="1994-09-30", father=("王国强", number(born="19680312", sequence=31)), **HOME
    )
    assert decided(known, child).decision == "no-link"


def test_one_phone_for_a_household_joins_nobody() -> None:
    """A family of four under one phone and one roof, without a single resident ID: six pairs, no link."""
    parents: dict[str, Any] = {"father": ("王国强", ""), "mother": ("李梅", "")}
    family = [
        record("王国强", sex="male", birth="1968-03-12", spouse=("李梅", ""), children=("王晓燕", "王晓军"), **HOME),
        record("李梅", birth="1970-07-01", spouse=("王国强", ""), children=("王晓燕", "王晓军"), **HOME),
        record("王晓燕", birth="1995-05-01", **parents, **HOME),
        record("王晓军", sex="male", birth="1998-02-14", **parents, **HOME),
    ]
    pairs = [(a, b) for i, a in enumerate(family) for b in family[i + 1 :]]
    assert {one.decision for one in score.score_pairs(SHIPPED, pairs)} == {"no-link"}


def test_an_id_used_by_two_people_goes_to_a_person() -> None:
    owner = record("王晓燕", birth="1990-05-01", id_number=number())
    borrower = record(
        "赵春花", birth="1978-10-22", id_number=number(), origin="安徽省阜阳市临泉县", origin_division="341221000000"
    )
    found = decided(owner, borrower)
    assert found.vetoes == ("id-used-by-two",)
    assert found.decision == "review"


def test_a_record_that_bridges_two_rejected_clusters_bridges_nothing() -> None:
    """A and B were decided to be two people; C resembles both. C joins one of them, never both."""
    edges = [Edge(1, 3, 14.0), Edge(2, 3, 12.0)]
    found = clusters.project([1, 2, 3], edges, cannot=[(1, 2)])
    assert found == [frozenset({1, 3}), frozenset({2})]


def test_a_record_without_number_does_not_bridge_two_numbers() -> None:
    numbers = {1: number(sequence=122), 2: number(sequence=124)}
    found = clusters.project([1, 2, 3], [Edge(1, 3, 9.0), Edge(2, 3, 8.0)], distinct=[numbers])
    assert found == [frozenset({1, 3}), frozenset({2})]


def test_two_different_checked_numbers_are_never_linked_by_themselves() -> None:
    one, other = record(id_number=number(), **HOME), record(id_number=number(sequence=567), **HOME)
    found = decided(one, other)
    assert "two-valid-ids" in found.vetoes
    assert found.decision != "auto"


def test_two_live_records_of_a_system_with_one_record_a_person_go_to_a_person() -> None:
    one, other = record(id_number=number(), record="1"), record(id_number=number(), record="2")
    assert decided(one, other).decision == "auto"
    found = decided(one, other, unique_sources={"huiji"})
    assert (found.vetoes, found.decision) == (("two-records-of-one-source",), "review")
    gone = record(id_number=number(), record="2", active=False)
    assert decided(one, gone, unique_sources={"huiji"}).decision == "auto"
    assert decided(one, record(id_number=number(), source="yongkang"), unique_sources={"huiji"}).decision == "auto"


def test_death_before_activity_goes_to_a_person() -> None:
    dead = record(id_number=number(), death="2020-01-01")
    moved = record(id_number=number(), since="2021-03-01", source="yongkang")
    assert (decided(dead, moved).vetoes, decided(dead, moved).decision) == (("death-before-activity",), "review")
    before = record(id_number=number(), since="2018-03-01", source="yongkang")
    assert decided(dead, before).decision == "auto"


@pytest.mark.parametrize(
    ("change", "decision"),
    [
        ({"name": "王曉燕"}, "auto"), ({"name": "王小燕"}, "auto"), ({"birth": "1990-05"}, "auto"),
        ({"birth": "1990-01-05"}, "auto"), ({"birth": "", "lunar": "1990-04-07"}, "auto"),
        ({"name": "李燕（曾用名：王晓燕）"}, "auto"), ({"phone": "13987654321"}, "auto"),
    ],
)  # fmt: skip
def test_one_fault_of_a_record_with_its_number_does_not_hide_the_person(change: dict[str, str], decision: str) -> None:
    usual = {"id_number": number(), "phone": "13812345670"}
    assert decided(record(**usual), record(**usual | change, source="yongkang")).decision == decision


def test_a_name_and_a_home_that_are_a_generation_apart_go_to_a_person() -> None:
    father, son = ({"sex": "male", "birth": birth, **HOME} for birth in ("1968-03-12", "1994-09-30"))
    assert decided(record("王国强", **father), record("王国强", **son)).vetoes == ("a-generation-apart",)
    assert decided(record("王国强", **father), record("王国富", **son)).vetoes == ()
    late = {**son, "birth": "1980-09-30"}
    assert decided(record("王国强", **father), record("王国强", **late)).vetoes == ()
    same = {"id_number": number(born="19680312", sequence=31)}
    assert decided(record("王国强", **father, **same), record("王国强", **son, **same)).vetoes == ()
    passport = {"document": "G1234567"}
    assert decided(record("王国强", **father, **passport), record("王国强", **son, **passport)).vetoes == ()


def test_of_a_death_in_part_the_latest_day_counts() -> None:
    assert [d + constraints.latest(d) for d in (20250000, 20250300, 20250315)] == [20259999, 20250399, 20250315]
    some = np.array([20250000, 20250315])
    assert (some + constraints.latest(some)).tolist() == [20259999, 20250315]
