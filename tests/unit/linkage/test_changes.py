"""What counts as new evidence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.linkage import changes
from hub.linkage.comparisons import COMPARISONS
from hub.linkage.model import load

MODEL = load(None)
LEVELS = st.fixed_dictionaries({c.field: st.sampled_from(c.levels) for c in COMPARISONS})


def test_names_of_levels_are_told_apart() -> None:
    one, other = changes.named(bytes(len(COMPARISONS))), changes.named(bytes([1] * len(COMPARISONS)))
    assert one == {c.field: c.levels[0] for c in COMPARISONS}
    assert all(one[c.field] != other[c.field] for c in COMPARISONS)


@given(LEVELS)
def test_the_same_is_no_change(levels: dict[str, str]) -> None:
    assert changes.between(MODEL, levels, levels) == ()


@given(LEVELS, LEVELS)
def test_what_speaks_for_one_way_speaks_against_the_other(before: dict[str, str], after: dict[str, str]) -> None:
    there = {change.field: change.weight for change in changes.between(MODEL, before, after)}
    back = {change.field: change.weight for change in changes.between(MODEL, after, before)}
    assert there.keys() == back.keys()
    assert all(there[field] == pytest.approx(-back[field]) for field in there)
    vetoes = {"vetoes_before": (), "vetoes_after": ()}
    found = changes.between(MODEL, before, after)
    both = [changes.is_material(kind, found, **vetoes) for kind in ("MUST_LINK", "CANNOT_LINK")]
    assert both.count(True) <= 1


def test_a_number_that_turns_out_the_same_speaks_against_different() -> None:
    quiet = changes.named(bytes(len(COMPARISONS)))
    found = changes.between(MODEL, quiet | {"resident_id": "differs-checked"}, quiet | {"resident_id": "same"})
    assert [change.field for change in found] == ["resident_id"]
    assert changes.is_material("CANNOT_LINK", found, vetoes_before=(), vetoes_after=())
    assert not changes.is_material("MUST_LINK", found, vetoes_before=(), vetoes_after=())


def test_a_veto_that_comes_or_goes() -> None:
    quiet = changes.named(bytes(len(COMPARISONS)))
    some = changes.between(MODEL, quiet | {"sex": "same"}, quiet)
    assert changes.is_material("MUST_LINK", (), vetoes_before=(), vetoes_after=("twins",))
    assert not changes.is_material("MUST_LINK", (), vetoes_before=("twins",), vetoes_after=("twins",))
    assert changes.is_material("CANNOT_LINK", some, vetoes_before=("twins",), vetoes_after=())
    assert not changes.is_material("CANNOT_LINK", (), vetoes_before=("twins",), vetoes_after=())


def test_levels_that_no_longer_exist_are_left_out() -> None:
    quiet = changes.named(bytes(len(COMPARISONS)))
    assert changes.between(MODEL, quiet | {"sex": "of-old", "shoe-size": "same"}, quiet) == ()
