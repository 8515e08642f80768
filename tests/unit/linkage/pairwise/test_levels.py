"""Each field of a pair by itself is at the level that it has in columns, whatever the records hold."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hub.linkage import comparisons, constraints, documents, name_levels
from hub.linkage.columns import Extracted, Pairs
from hub.linkage.features import Features
from hub.linkage.layout import FIELDS
from hub.linkage.name_levels import GONE
from hub.linkage.pairwise.levels import Levels, levels
from hub.linkage.pairwise.names import alike
from hub.linkage.pairwise.records import Record, record
from hub.linkage.pairwise.vetoes import vetoes
from hub.linkage.phones import packed
from tests.unit.linkage import people
from tests.unit.linkage.pairwise.numbers import EVERYTHING, packed_row, pairs
from tests.unit.linkage.people import records

_NAMES = (
    "surname", "given", "full", "former", "sound", "c1", "g1", "g2", "c1_near", "g1_sound", "g2_sound", "g1_near",
    "g2_near", "given_length",
)  # fmt: skip
_LETTERS = ("surname", "given", "full", "former", "sound", "c1_near")
_ROLES = ("spouse_id", "father_id", "mother_id")
RESTS_ON = {
    "resident_id": ("id_body", "id_form", "id_check"),
    "document": ("document", "document_kind"),
    "surname": _NAMES,
    "given": _NAMES,
    "sex": ("sex",),
    "birth": ("birth", "birth_lunar"),
    "phone": ("phone", "phone2"),
    "origin": ("origin", "origin_low", "origin_high"),
    "residence": ("residence", "residence_low", "residence_high"),
    "postal": ("postal",),
    "spouse": ("spouse", "spouse_id"),
    "parents": ("father", "father_id", "mother", "mother_id"),
    "children": ("child1", "child2", "child3"),
    "kin": ("id_body", *_ROLES),
    "ethnicity": ("ethnicity",),
}
CASES = [*RESTS_ON.items(), ("surname", _LETTERS), ("given", _LETTERS)]


def in_columns(a: Features, b: Features) -> Pairs:
    return Pairs.of(Extracted.of([a, b, EVERYTHING]), np.array([0]), np.array([1]))


def test_records_and_levels_are_in_the_order_of_their_columns() -> None:
    assert Record._fields == (*(name for name, _ in FIELDS), "features")
    assert Levels._fields == comparisons.FIELDS
    assert set(RESTS_ON) == set(comparisons.FIELDS)


@pytest.mark.parametrize(("field", "fields"), CASES)
@given(st.data())
def test_a_field_is_at_the_level_that_it_has_in_columns(
    field: str, fields: tuple[str, ...], data: st.DataObject
) -> None:
    a, b = data.draw(pairs(*fields))
    (expected,) = comparisons.COMPARISONS[comparisons.FIELDS.index(field)].compare(in_columns(a, b))
    assert getattr(levels(record(a), record(b)), field) == expected
    assert getattr(levels(record(b), record(a)), field) == expected


@given(records, records)
def test_a_pair_of_records_is_at_its_levels(a: Features, b: Features) -> None:
    assert bytes(levels(record(a), record(b))) == comparisons.levels(in_columns(a, b)).tobytes()
    assert levels(record(a), record(b)) == levels(record(b), record(a))


SELDOM = [
    ({"id_body": 41010819900501100, "id_form": 4}, {"id_body": 41010819900501241, "id_form": 2}),
    ({"phone": packed("13812345671")}, {"phone": packed("13912345670")}),
    ({"origin_low": 0b1111111111}, {"origin_low": 0b1110001111111}),
    ({"given": 1, "full": 1, "given_length": 1, "g1": GONE}, {"given": 2, "full": 2, "given_length": 1, "g1": 29579}),
]
"""Cut numbers of neighbours, two digits far apart, seven tenths of an address, a name of one character that was lost."""


@pytest.mark.parametrize(("one", "other"), SELDOM)
def test_what_chance_seldom_finds_is_at_its_level(one: dict[str, int], other: dict[str, int]) -> None:
    a, b = packed_row(one), packed_row(other)
    assert bytes(levels(record(a), record(b))) == comparisons.levels(in_columns(a, b)).tobytes()


_WORDS = st.sampled_from(
    ("", "green", "greene", "gren", "greem", "grene", "rose", "rosa", "ros", "r", "an", "ann", "anna")
)


@settings(max_examples=400)
@given(_WORDS, _WORDS, _WORDS, _WORDS)
def test_names_in_letters_are_at_their_levels(family: str, given_: str, family_b: str, given_b: str) -> None:
    a, b = people.record(f"{family}, {given_}"), people.record(f"{family_b}, {given_b}")
    assert bytes(levels(record(a), record(b))) == comparisons.levels(in_columns(a, b)).tobytes()


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
@example(ord("己"), ord("已"))
@example(0, 0)
@example(ord("王"), 0xD800)
def test_characters_look_alike_as_in_columns(a: int, b: int) -> None:
    (expected,) = name_levels.alike(np.array([a], np.uint64), np.array([b], np.uint64))
    assert (0 in (a, b) and a != b and alike(a, b)) is False
    assert alike(a, b) == alike(b, a) == expected


@given(st.text("0123456789ABCXYZ", min_size=1, max_size=documents.SIZE + 2))
def test_a_packed_text_has_as_many_characters_as_before(text: str) -> None:
    found = documents.unpacked(documents.packed(text))
    assert len(found) == (len(text) if len(text) <= documents.SIZE else 0)
    assert len(set(found)) == len(set(text)) or not found


_SAID = st.builds(Levels, *(st.sampled_from(range(len(one.levels))) for one in comparisons.COMPARISONS))


@settings(max_examples=200)
@given(pairs("birth", "source", "record", "live", "death", "active"), _SAID, st.sampled_from(((), ("huiji",))))
def test_a_pair_has_the_vetoes_that_it_has_in_columns(
    pair: tuple[Features, Features], said: Levels, unique: tuple[str, ...]
) -> None:
    a, b = pair
    (expected,) = constraints.vetoes(in_columns(a, b), np.array([said], np.uint8), unique)
    numbers = constraints.numbers(unique)
    assert vetoes(record(a), record(b), said, numbers) == vetoes(record(b), record(a), said, numbers) == expected
