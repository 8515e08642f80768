"""What counts as moved, and what does not."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.linkage import drift
from hub.linkage.drift import Profile

COUNTS = st.lists(st.integers(0, 100_000), min_size=3, max_size=12)
QUIET = Profile(
    weights=(0, 10, 300, 200, 100, 50, 20, 10, 5, 5),
    rates=(600, 100, 300),
    missing={"phone": 100, "spouse": 600},
    members={"huiji": (300, 50, 150), "new": (3, 1, 1)},
)


@given(COUNTS)
def test_the_same_has_not_moved(counts: list[int]) -> None:
    assert drift.stability(counts, counts) == pytest.approx(0)


@given(COUNTS, st.randoms())
def test_it_is_never_negative_and_has_no_direction(counts: list[int], chance: object) -> None:
    other = sorted(counts)
    assert drift.stability(counts, other) >= -1e-12
    assert drift.stability(counts, other) == pytest.approx(drift.stability(other, counts))


def test_a_known_value() -> None:
    # (0.9 − 0.5)·ln(0.9/0.5) + (0.1 − 0.5)·ln(0.1/0.5), large enough for the halves not to matter
    assert drift.stability([500_000, 500_000], [900_000, 100_000]) == pytest.approx(0.8789, abs=1e-3)


def test_nothing_moved() -> None:
    assert drift.findings(QUIET, QUIET) == []
    grown = replace(QUIET, weights=tuple(3 * n for n in QUIET.weights), missing={"phone": 300, "spouse": 1800})
    assert drift.findings(QUIET, grown) == []


@pytest.mark.parametrize(
    ("change", "what", "of"),
    [
        ({"weights": (0, 300, 10, 200, 100, 50, 20, 10, 5, 5)}, "weights", ""),
        ({"rates": (200, 100, 700)}, "rates", ""),
        ({"missing": {"phone": 400, "spouse": 600}}, "missing", "phone"),
        ({"members": {"huiji": (100, 50, 350), "new": (1, 1, 9)}}, "member", "huiji"),
    ],
)
def test_what_moved_is_named(change: dict[str, object], what: str, of: str) -> None:
    found = drift.findings(QUIET, replace(QUIET, **change))  # type: ignore[arg-type]
    assert [(finding.what, finding.of) for finding in found] == [(what, of)]
    assert found[0].before != found[0].after


def test_a_few_prove_nothing() -> None:
    few = Profile(weights=(1, 0, 50), rates=(10, 0, 0), missing={"phone": 1}, members={})
    assert drift.findings(few, replace(few, weights=(50, 0, 1), rates=(0, 0, 10), missing={"phone": 51})) == []


def test_it_is_kept_and_read_as_it_was() -> None:
    assert Profile.read(QUIET.kept()) == QUIET


def test_different_bins_are_not_compared() -> None:
    with pytest.raises(ValueError, match="different bins"):
        drift.stability([1, 2], [1, 2, 3])
