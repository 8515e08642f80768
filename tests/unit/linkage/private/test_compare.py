"""Comparing: Dice as it is defined, each pair of a band once, one partner for each record, in pieces of a set size."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.linkage.private import compare, encode, keys
from tests.unit.linkage.private.rows import SECRET, people

KEYS = keys.derive(SECRET, "2026-1")
BAND = st.lists(st.integers(0, 6), max_size=30).map(lambda found: np.array(found, dtype=np.uint32))


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_dice_is_twice_what_is_common_over_all(a: bytes, b: bytes) -> None:
    found = compare.dice(np.frombuffer(a, np.uint64)[None], np.frombuffer(b, np.uint64)[None])
    ones = [{at for at in range(256) if one[at // 8] >> at % 8 & 1} for one in (a, b)]
    together = len(ones[0]) + len(ones[1])
    assert found[0] == pytest.approx(2 * len(ones[0] & ones[1]) / together if together else 0)


@given(left=BAND, right=BAND, piece=st.integers(1, 50))
def test_every_pair_of_a_band_is_a_candidate_once(left: np.ndarray, right: np.ndarray, piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare, "PIECE", piece)
        pieces = list(compare.candidates(left, right, 500))
    found = [pair for a, b in pieces for pair in zip(a.tolist(), b.tolist(), strict=True)]
    wanted = [(a, b) for a in range(len(left)) for b in range(len(right)) if left[a] == right[b] != 0]
    assert sorted(found) == wanted


def test_pieces_stay_small() -> None:
    left, right = np.repeat(np.arange(1, 3001, dtype=np.uint32), 20), np.repeat(np.arange(1, 3001, dtype=np.uint32), 20)
    sizes = [len(a) for a, _ in compare.candidates(left, right, 500)]
    assert sum(sizes) == 3000 * 400
    assert max(sizes) <= compare.PIECE


def test_a_crowded_band_gives_no_pair() -> None:
    crowd = np.ones(11, dtype=np.uint32)
    assert list(compare.candidates(crowd, crowd[:3], 10)) == []
    assert len(list(compare.candidates(crowd[:10], crowd[:3], 10))) == 1


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8), st.integers(0, 5)), unique_by=lambda one: one[:2]))
def test_each_record_has_one_partner_at_most_and_the_likest_pair_stays(pairs: list[tuple[int, int, int]]) -> None:
    ends = np.array([pair[:2] for pair in pairs], dtype=np.intp).reshape(-1, 2)
    similarity = np.array([pair[2] / 5 for pair in pairs])
    left, right, kept = compare.one_to_one((ends[:, 0], ends[:, 1], similarity))
    assert len(set(left.tolist())) == len(set(right.tolist())) == len(left)
    assert not pairs or kept.max() == similarity.max()
    free = [pair for pair in pairs if pair[0] not in left and pair[1] not in right]
    assert free == []


def test_people_are_found_again_and_strangers_are_not() -> None:
    rows = people(200)
    slipped = [one | {"phone": "", "name": one["name"][0] + "伟" + one["name"][2]} for one in rows[100:]]
    left, right = encode.encode(rows, KEYS), encode.encode(slipped + people(100, seed=2), KEYS)
    found = compare.alike((left.bits, left.bands), (right.bits, right.bands), compare.THRESHOLD)
    a, b, _ = compare.one_to_one(found)
    assert a.tolist() == list(range(100, 200))
    assert b.tolist() == list(range(100))


def test_nothing_and_something_have_no_pair() -> None:
    none, some = encode.encode([], KEYS), encode.encode(people(3), KEYS)
    assert len(compare.alike((none.bits, none.bands), (some.bits, some.bands), 0.5)[0]) == 0
    assert len(compare.alike((some.bits, some.bands), (none.bits, none.bands), 0.5)[0]) == 0
