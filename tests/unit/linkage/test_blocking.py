"""Blocking: keys are keyed, stable, made of what is present, and survive the commonest faults."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.linkage import blocking, dates, names
from hub.linkage.features import extract
from tests.unit.linkage.people import number, patients, record

SECRET = b"a secret of the hub"


@settings(max_examples=50)
@given(patients)
def test_keys_are_signed_64_bit_sorted_and_without_doubles(one: dict[str, Any]) -> None:
    found = blocking.keys(extract(one), SECRET)
    assert found == sorted(set(found))
    assert all(-(2**63) <= key < 2**63 for key in found)


@settings(max_examples=50)
@given(patients, st.sampled_from(("identifier", "name", "birthDate", "telecom", "address")))
def test_a_missing_value_never_widens_the_candidates(one: dict[str, Any], lost: str) -> None:
    whole = blocking.keys(extract(one), SECRET)
    poorer = {key: value for key, value in one.items() if key != lost}
    assert set(blocking.keys(extract(poorer), SECRET)) <= set(whole) | _from_number(one)


def _from_number(one: dict[str, Any]) -> set[int]:
    """Without a stated birth date the one in the resident ID is used: then the keys are those of that date."""
    return set(blocking.keys(extract({**one, "birthDate": ""}), SECRET))


def test_nobody_shares_a_key_for_lack_of_values() -> None:
    assert blocking.keys(extract({"resourceType": "Patient"}), SECRET) == []
    empty = {"name": "", "birth": "", "sex": "", "origin": "", "origin_division": ""}
    assert blocking.keys(record(**empty), SECRET) == []


def test_another_secret_gives_other_keys() -> None:
    one = record(id_number=number(), phone="13812345670")
    assert not set(blocking.keys(one, SECRET)) & set(blocking.keys(one, b"another"))


@pytest.mark.parametrize(
    "change",
    [
        {"name": "王小艳"}, {"name": "汪晓燕"}, {"name": "王曉燕"}, {"birth": "1991-05-01"}, {"birth": "1990-05"},
        {"birth": "1990-01-05"}, {"birth": ""}, {"name": "李燕（王晓燕）"}, {"name": "李芳"}, {"sex": "male"},
        {"origin": "", "origin_division": ""}, {"origin_division": "330784000000"}, {"name": "王燕", "birth": "1990-05"},
    ],
)  # fmt: skip
def test_one_fault_leaves_a_key_in_common_even_without_a_number(change: dict[str, str]) -> None:
    assert set(blocking.keys(record(), SECRET)) & set(blocking.keys(record(**change), SECRET))


def test_the_two_forms_of_a_number_share_its_key() -> None:
    old = record("李芳", id_number=number()[:6] + number()[8:17], origin="", birth="1971-01-01")
    new = record(id_number=number())
    assert set(blocking.keys(old, SECRET)) & set(blocking.keys(new, SECRET))


def test_strangers_share_none() -> None:
    assert not set(blocking.keys(record(), SECRET)) & set(
        blocking.keys(record("李芳", birth="1962-11-30", origin="浙江省金华市永康市芝英镇8号"), SECRET)
    )


@given(st.lists(st.lists(st.integers(-9, 9), max_size=6, unique=True), max_size=12))
def test_pairs_are_those_that_share_a_key(keys_of: list[list[int]]) -> None:
    left, right = blocking.pairs(keys_of)
    expected = {
        (i, j) for i in range(len(keys_of)) for j in range(i + 1, len(keys_of)) if set(keys_of[i]) & set(keys_of[j])
    }
    found = list(zip(left.tolist(), right.tolist(), strict=True))
    assert len(found) == len(set(found))
    assert set(found) == expected


def test_a_crowded_key_is_skipped_and_named() -> None:
    keys_of = [[7, i] for i in range(6)] + [[100, 7]]
    left, _ = blocking.pairs(keys_of, limit=5)
    assert len(left) == 0
    assert blocking.crowded(keys_of, limit=5) == {7: 7}


@settings(max_examples=100)
@given(patients)
def test_who_is_known_in_part_is_found_by_one_of_her_own_texts(one: dict[str, Any]) -> None:
    found = extract(one)
    parsed = names.parse(found.text("name"))
    day = found.birth
    if not parsed or not dates.whole(day):
        return
    own, name = set(blocking.texts(found)), parsed[0]
    assert set(blocking.by_parts(name.surname, name.given, [day], [day // 10000], "")) <= own or not name.surname
    assert set(blocking.by_parts(name.surname, name.given, [], [day // 10000], "")) <= own or not name.surname
    if name.surname:
        assert set(blocking.by_parts(name.surname, "", [day], [], "")) <= own
        assert set(blocking.by_parts("", name.given, [day], [], "")) <= own
    for phone in found.text("phones").split("、"):
        assert set(blocking.by_parts("", "", [], [day // 10000], phone)) <= own


def test_a_foreigner_known_in_part_is_found_by_one_of_her_own_texts() -> None:
    day = 19280517
    own = set(blocking.texts(record("Mitchell Green", birth="1928-05-17")))
    for family, own_name in (("Green", "Mitchell"), ("GREEN", ""), ("", "Mitchéll")):
        found = set(blocking.by_parts(family, own_name, [day], [1928], ""))
        assert found
        assert found <= own
    assert set(blocking.by_parts("Green", "Mitchell", [], [1928], "")) <= own


def test_parts_that_lead_nowhere_give_no_texts() -> None:
    assert blocking.by_parts("王", "", [], [1987], "") == ()
    assert blocking.by_parts("", "", [19870312], [1987], "") == ()
    assert blocking.by_parts("王", "小明", [], [], "13687654091") == ()


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Mitchell, Green"},
        {"name": "Green, Philip"},
        {"name": "Greene, Michel"},
        {"name": "Green, Mitchel", "birth": "1990-05-17"},
        {"name": "Groen, Mi", "birth": "1928-05-01", "residence": "7 Walaby Place, Delmar"},
        {"name": "Xu, Yan", "birth": "1928-05-17", "document": "G 123-4567"},
    ],
)
def test_a_foreigner_is_found_whatever_is_wrong_with_the_name(change: dict[str, str]) -> None:
    usual = {
        "name": "Green, Mitchell", "origin": "", "origin_division": "", "document": "G1234567",
        "residence": "7 Wallaby Place, Delmar",
    }  # fmt: skip
    other = {**usual, "document": "", **change}
    one, two = (blocking.keys(record(**values), SECRET) for values in (usual, other))
    assert set(one) & set(two)


def test_foreigners_who_have_nothing_in_common_share_no_key() -> None:
    home = {"origin": "", "origin_division": ""}
    one = record("Green, Mitchell", residence="7 Wallaby Place", **home)
    two = record("Parr, Vanessa", birth="1995-11-19", residence="905 Macquoid Place", **home)
    assert not set(blocking.keys(one, SECRET)) & set(blocking.keys(two, SECRET))
