"""Levels of the places a person comes from and lives at: division by division, then the likeness of the written address."""

from hub.linkage.comparisons import ADDRESS_SAME, ADDRESS_SHORT, ADDRESS_SIMILAR, ADDRESS_UNLIKE, MISSING
from hub.linkage.pairwise.records import Record

DIFFERS, SAME_PREFECTURE, SAME_COUNTY, SAME_TOWN = 1, 3, 4, 5


def origin(a: Record, b: Record) -> int:
    return place(a.origin, a.origin_low, a.origin_high, b.origin, b.origin_low, b.origin_high)


def residence(a: Record, b: Record) -> int:
    return place(a.residence, a.residence_low, a.residence_high, b.residence, b.residence_low, b.residence_high)


def place(a: int, low_a: int, high_a: int, b: int, low_b: int, high_b: int) -> int:
    """Of two places by their codes of twelve figures (0 unknown) and the signatures of their addresses."""
    divided = _division(a, b)
    size_a, size_b = low_a.bit_count() + high_a.bit_count(), low_b.bit_count() + high_b.bit_count()
    if size_a >= 2 and size_b >= 2 and (divided > ADDRESS_UNLIKE or divided == MISSING):
        every, shared = size_a + size_b, 2 * ((low_a & low_b).bit_count() + (high_a & high_b).bit_count())
        if shared == every:
            return ADDRESS_SAME
        if shared * 10 >= every * 7:  # their ratio is the likeness
            return ADDRESS_SIMILAR
        if not (a or b):
            return ADDRESS_UNLIKE
    if divided >= SAME_COUNTY and size_a == 1 and low_a == low_b and high_a == high_b:
        return ADDRESS_SHORT
    return divided


def _division(a: int, b: int) -> int:
    """How far down the divisions of two places are the same."""
    if not (a and b):
        return MISSING
    county_a, county_b = a // 1_000_000, b // 1_000_000
    if county_a != county_b:
        return SAME_PREFECTURE if county_a // 100 == county_b // 100 else DIFFERS
    town = a // 1000
    return SAME_TOWN if town == b // 1000 and town != county_a * 1000 else SAME_COUNTY
