"""Documents other than the resident ID, postal codes and addresses without a division: numbers, slips and levels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from hub.linkage import comparisons, documents, features, model, score
from hub.linkage.features import Features
from tests.unit.linkage.people import TOWN, patient, record

SHIPPED = model.load()
texts = st.text("0123AB", min_size=1, max_size=documents.SIZE + 2)


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=40))
def test_one_slip_is_one_change_of_a_typist(pairs: list[tuple[str, str]]) -> None:
    near = [(a, a[:at] + b[:1] + a[at:]) for at, (a, b) in enumerate(pairs)]
    pairs = [*pairs, *near, *[(a, a[1:2] + a[:1] + a[2:]) for a, _ in pairs]]
    left, right = (np.array([documents.packed(text) for text in side], np.uint64) for side in zip(*pairs, strict=True))
    readable = [max(map(len, pair)) <= documents.SIZE for pair in pairs]
    expected = [OSA.distance(a, b) == 1 and known for (a, b), known in zip(pairs, readable, strict=True)]
    assert documents.one_slip(left, right).tolist() == expected


@pytest.mark.parametrize("text", ["", "无", "12", "0000000", "1111111", "1234567", "PASSPORT", "ABCDE1"])
def test_fillers_are_no_numbers(text: str) -> None:
    assert documents.number(text) == 0


def test_a_number_is_the_same_however_it_is_set() -> None:
    assert documents.number("G 123-4567") == documents.number("g1234567") == documents.number("Ｇ１２３４５６７") != 0
    assert documents.number("G1234567") != documents.number("G01234567")


def level(field: str, one: Features, other: Features) -> str:
    (forth,), (back,) = (score.score_pairs(SHIPPED, [pair]) for pair in ((one, other), (other, one)))
    assert forth == back
    place = comparisons.FIELDS.index(field)
    return comparisons.COMPARISONS[place].levels[forth.levels[place]]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("G1234567", "same"), ("G1234576", "one-slip"), ("G123456", "one-slip"), ("G7654321", "differs"), ("", "missing"),
    ],
)  # fmt: skip
def test_levels_of_documents(number: str, expected: str) -> None:
    assert level("document", record(document="G1234567"), record(document=number)) == expected


def test_documents_of_two_kinds_say_nothing_unless_they_are_the_same() -> None:
    def of(kind: str, number: str) -> Features:
        value = {"system": f"urn:lianqiao:id-document:{kind}", "value": number}
        return features.extract({**patient(), "identifier": [value]})

    assert level("document", of("03", "G1234567"), of("06", "H7654321")) == "missing"
    assert level("document", of("03", "G1234567"), of("06", "G1234567")) == "same"
    assert level("document", of("03", "G1234567"), of("99", "H7654321")) == "differs"


def postal(code: str) -> Features:
    one = patient(residence="Long Street 5")
    one["address"][1]["postalCode"] = code
    return features.extract(one)


@pytest.mark.parametrize(
    ("code", "expected"),
    [("450044", "same"), ("450 044", "same"), ("450004", "one-slip"), ("321300", "differs"), ("000000", "missing")],
)
def test_levels_of_postal_codes(code: str, expected: str) -> None:
    assert level("postal", postal("450044"), postal(code)) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (("7 Wallaby Place, Delmar, NSW", ""), ("7 wallaby place delmar nsw", ""), "same"),
        (("7 Wallaby Place, Delmar, NSW", ""), ("7 Walaby Place, Delmar, NSW", ""), "similar"),
        (("7 Wallaby Place, Delmar, NSW", ""), ("31 Lyster Road, Kelgoola, VIC", ""), "unlike"),
        (("7 Wallaby Place, Delmar, NSW", ""), ("河南省郑州市惠济区古荥镇岭军峪村3组15号", TOWN), "missing"),
        (("江南街道5号", TOWN), ("江南街道5号", TOWN), "same-short"),
        (("江南街道5号", TOWN), ("江南街道6号", TOWN), "same-town"),
        (("江南街道5号", TOWN), ("江南街道5号", "330784001000"), "differs"),
    ],
)
def test_levels_of_addresses(one: tuple[str, str], other: tuple[str, str], expected: str) -> None:
    a, b = (record(residence=text, residence_division=code) for text, code in (one, other))
    assert level("residence", a, b) == expected


def test_the_same_short_address_never_weighs_against() -> None:
    for field in ("origin", "residence"):
        place = comparisons.FIELDS.index(field)
        assert SHIPPED.weights[place][comparisons.ADDRESS_SHORT] > 0


@settings(max_examples=30)
@given(st.sampled_from(("", "450044", "450004")), st.sampled_from(("", "450044", "321300")))
def test_records_with_postal_codes_are_kept_whole(one: str, other: str) -> None:
    a, b = postal(one), postal(other)
    again = Features.from_bytes(a.to_bytes())
    assert score.score_pairs(SHIPPED, [(a, b)]) == score.score_pairs(SHIPPED, [(again, b)])
