"""Comparisons: for each field of a pair, a level from 'missing' upwards. Every function is symmetric.

`FIELDS` is the order of the bytes in a score's levels; the model gives each level its probabilities. Fields are
compared for whole batches, falling back to texts only where figures cannot tell.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hub.linkage import documents, name_levels
from hub.linkage.columns import Flags, Levels, Numbers, Pairs, mark
from hub.linkage.id_levels import resident_id

MISSING = 0
BIRTH_NEAR, BORN_TOGETHER, BIRTH_SAME = 2, 5, 7
DOCUMENT_ONE_SLIP = 2
ADDRESS_UNLIKE, ADDRESS_SHORT, ADDRESS_SIMILAR, ADDRESS_SAME = 2, 6, 7, 8
NEAR_DAYS = 400
Parts = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field, the names of its levels (the first is always 'missing'), the function that finds them and what it rests on.

    Where no record has any of the fields `needs`, every pair is at the first level.
    """

    field: str
    levels: tuple[str, ...]
    compare: Callable[[Pairs], Levels]
    needs: tuple[str, ...]


def _levels(pairs: Pairs) -> Levels:
    return np.zeros(len(pairs), dtype=np.uint8)


def _known(a: Numbers, b: Numbers) -> Flags:
    known: Flags = (a != 0) & (b != 0)
    return known


def document(pairs: Pairs) -> Levels:
    """Numbers of documents of different kinds say nothing about each other, unless they are the same."""
    a, b = pairs.both("document")
    kind_a, kind_b = pairs.both("document_kind")
    found = _short_text(a, b)
    mark(found, (found < 3) & (kind_a != kind_b) & (kind_a != 0) & (kind_b != 0), MISSING)
    return found


def postal(pairs: Pairs) -> Levels:
    return _short_text(*pairs.both("postal"))


def _short_text(a: Numbers, b: Numbers) -> Levels:
    """missing, differs, one slip, same: see `linkage.documents`."""
    found = np.zeros(len(a), dtype=np.uint8)
    mark(found, _known(a, b), 1)
    where = np.flatnonzero(_known(a, b) & (a != b))
    if len(where):
        found[where[documents.one_slip(a[where], b[where])]] = 2
    mark(found, (a == b) & (a != 0), 3)
    return found


def sex(pairs: Pairs) -> Levels:
    a, b = pairs.both("sex")
    found = _levels(pairs)
    mark(found, _known(a, b), 1)
    mark(found, (a == b) & (a != 0), 2)
    return found


def ethnicity(pairs: Pairs) -> Levels:
    a, b = pairs.both("ethnicity")
    found = _levels(pairs)
    mark(found, _known(a, b), 1)
    mark(found, (a == b) & (a != 0), 2)
    return found


def birth(pairs: Pairs) -> Levels:
    """Levels in words: see COMPARISONS; 'one part differs' is a slip in year, month or day."""
    a, b = (side.astype(np.int32) for side in pairs.both("birth"))
    lunar_a, lunar_b = (side.astype(np.int32) for side in pairs.both("birth_lunar"))
    found = _levels(pairs)
    (ya, ma, da), (yb, mb, db) = _parts(a), _parts(b)
    known = (a != 0) & (b != 0)
    whole = (da != 0) & (db != 0)
    years = np.abs(ya - yb)
    slip = (years <= 1) | (years == 10)
    mark(found, known, 1)
    mark(found, known & (_days(ya, ma, da, yb, mb, db) <= NEAR_DAYS), BIRTH_NEAR)
    mark(found, known & (years == 0) & ((ma == 0) | (mb == 0)), 3)
    mark(found, known & ~whole & (ma == mb) & (ma != 0) & slip, 4)
    mark(found, known & whole & (ma == mb) & (da == db) & (slip | (years % 10 == 0)), 4)
    mark(found, known & whole & (years == 0) & ((ma == mb) ^ (da == db)), 4)
    mark(found, known & ~whole & (years == 0) & (ma == mb) & (ma != 0), BORN_TOGETHER)
    mark(found, known & whole & (years == 0) & (ma == db) & (da == mb), 6)
    mark(found, known & whole & ((lunar_a == b) | (lunar_b == a)), 6)
    mark(found, known & whole & (a == b), BIRTH_SAME)
    return found


def _parts(date: Parts) -> tuple[Parts, Parts, Parts]:
    """Year, month and day of YYYYMMDD."""
    months = date // 100
    years = months // 100
    return years, months - years * 100, date - months * 100


def _days(ya: Parts, ma: Parts, da: Parts, yb: Parts, mb: Parts, db: Parts) -> Parts:
    """About how many days lie between two dates whose months are known; many where one is not."""
    days = np.abs((ya - yb) * 372 + (ma - mb) * 31 + da - db)
    found: Parts = days + ((ma == 0) | (mb == 0)).astype(np.int32) * np.int32(1 << 20)
    return found


def phone(pairs: Pairs) -> Levels:
    a1, b1 = pairs.both("phone")
    a2, b2 = pairs.both("phone2")
    found = _levels(pairs)
    mark(found, _known(a1, b1), 1)
    mark(found, _known(a1, b1) & _one_slip(a1, b1), 2)
    same = (a1 == b1) | (a1 == b2) | (a2 == b1)
    mark(found, _known(a1, b1) & (same | ((a2 == b2) & (a2 != 0))), 3)
    return found


def _one_slip(a: Numbers, b: Numbers) -> Flags:
    """One digit differs, or two neighbours changed places."""
    difference = a ^ b
    ones = np.uint64(0x1111111111111111)
    marks = (difference | difference >> 1 | difference >> 2 | difference >> 3) & ones
    count = np.bitwise_count(marks)
    neighbours = (marks & (marks >> 4)) != 0
    swapped = ((difference ^ (difference >> 4)) & (marks & (marks >> 4)) * np.uint64(15)) == 0
    found: Flags = (count == 1) | ((count == 2) & neighbours & swapped)
    return found


def origin(pairs: Pairs) -> Levels:
    return _place(pairs, "origin")


def residence(pairs: Pairs) -> Levels:
    return _place(pairs, "residence")


def _place(pairs: Pairs, role: str) -> Levels:
    a, b = pairs.both(role)
    found = _levels(pairs)
    known = _known(a, b)
    mark(found, known, 1)
    town_a, town_b = a // 1000, b // 1000
    county_a, county_b = town_a // 1000, town_b // 1000
    same_county = known & (county_a == county_b)
    mark(found, known & (county_a // 100 == county_b // 100), 3)
    mark(found, same_county, 4)
    mark(found, same_county & (town_a == town_b) & (town_a != county_a * 1000), 5)
    low_a, low_b = pairs.both(f"{role}_low")
    high_a, high_b = pairs.both(f"{role}_high")
    size_a, size_b = _size(low_a, high_a), _size(low_b, high_b)
    every, shared = size_a + size_b, 2 * _size(low_a & low_b, high_a & high_b)  # their ratio is the likeness
    said = (size_a >= 2) & (size_b >= 2)
    mark(found, said & (a == 0) & (b == 0), ADDRESS_UNLIKE)
    short = (size_a == 1) & (low_a == low_b) & (high_a == high_b)
    mark(found, same_county & short, ADDRESS_SHORT)
    said &= ~known | (found > ADDRESS_UNLIKE)
    mark(found, said & (shared * 10 >= every * 7), ADDRESS_SIMILAR)
    mark(found, said & (shared == every), ADDRESS_SAME)
    return found


def _size(low: Numbers, high: Numbers) -> Parts:
    """How many bits of a signature are set."""
    found: Parts = np.bitwise_count(low).astype(np.int32) + np.bitwise_count(high)
    return found


def spouse(pairs: Pairs) -> Levels:
    return _relative(pairs, "spouse")


def _relative(pairs: Pairs, role: str) -> Levels:
    """missing, differs, same name, same ID."""
    a, b = pairs.both(role)
    id_a, id_b = pairs.both(f"{role}_id")
    found = _levels(pairs)
    mark(found, _known(a, b) | _known(id_a, id_b), 1)
    mark(found, (a == b) & (a != 0), 2)
    mark(found, (id_a == id_b) & (id_a != 0), 3)
    return found


def parents(pairs: Pairs) -> Levels:
    """The better known of father and mother, and whether both agree."""
    father, mother = _relative(pairs, "father"), _relative(pairs, "mother")
    best = np.maximum(father, mother)
    found = _levels(pairs)
    mark(found, best == 1, 1)
    mark(found, best >= 2, 2)
    mark(found, (father >= 2) & (mother == 1) | (mother >= 2) & (father == 1), 2)
    mark(found, (father >= 2) & (mother >= 2), 3)
    return found


def children(pairs: Pairs) -> Levels:
    left = [pairs.both(f"child{i}")[0] for i in (1, 2, 3)]
    right = [pairs.both(f"child{i}")[1] for i in (1, 2, 3)]
    found = _levels(pairs)
    mark(found, _known(left[0], right[0]), 1)
    for x in left:
        for y in right:
            found[(x == y) & (x != 0)] = 2
    return found


def kin(pairs: Pairs) -> Levels:
    """One record names the other's ID as that of spouse, father or mother: then they are two people."""
    a, b = pairs.both("id_body")
    found = _levels(pairs)
    for role in ("spouse_id", "father_id", "mother_id"):
        x, y = pairs.both(role)
        found[(a == y) & (a != 0) & (a != b)] = 1
        found[(b == x) & (b != 0) & (a != b)] = 1
    return found


_PLACE = (
    "missing",
    "differs",
    "unlike",
    "same-prefecture",
    "same-county",
    "same-town",
    "same-short",
    "similar",
    "same",
)
COMPARISONS: tuple[Comparison, ...] = (
    Comparison(
        "resident_id",
        ("missing", "differs-checked", "differs", "neighbour", "two-slips", "cut", "one-slip", "same"),
        resident_id,
        ("id_body",),
    ),
    Comparison("document", ("missing", "differs", "one-slip", "same"), document, ("document",)),
    Comparison("surname", ("missing", "differs", "similar", "slip", "same"), name_levels.surname, ("surname",)),
    Comparison(
        "given",
        (
            "missing",
            "differs",
            "part",
            "shortened",
            "character-lost",
            "near-sound",
            "sound",
            "shape",
            "sound-and-tone",
            "swapped",
            "former",
            "same",
        ),
        name_levels.given,
        ("given", "former"),
    ),
    Comparison("sex", ("missing", "differs", "same"), sex, ("sex",)),
    Comparison(
        "birth",
        (
            "missing",
            "differs",
            "within-a-year",
            "same-year",
            "one-part-differs",
            "same-month",
            "swapped-or-lunar",
            "same",
        ),
        birth,
        ("birth",),
    ),
    Comparison("phone", ("missing", "differs", "one-slip", "same"), phone, ("phone",)),
    Comparison("origin", _PLACE, origin, ("origin", "origin_low", "origin_high")),
    Comparison("residence", _PLACE, residence, ("residence", "residence_low", "residence_high")),
    Comparison("postal", ("missing", "differs", "one-slip", "same"), postal, ("postal",)),
    Comparison("spouse", ("missing", "differs", "same-name", "same-id"), spouse, ("spouse", "spouse_id")),
    Comparison(
        "parents",
        ("missing", "differ", "one-same", "both-same"),
        parents,
        ("father", "father_id", "mother", "mother_id"),
    ),
    Comparison("children", ("missing", "none-shared", "shared"), children, ("child1",)),
    Comparison("kin", ("none-known", "named-as-relative"), kin, ("spouse_id", "father_id", "mother_id")),
    Comparison("ethnicity", ("missing", "differs", "same"), ethnicity, ("ethnicity",)),
)
FIELDS = tuple(c.field for c in COMPARISONS)


def levels(pairs: Pairs) -> Levels:
    """One row a pair, one column a field of `FIELDS`."""
    found = np.zeros((len(COMPARISONS), len(pairs)), dtype=np.uint8)  # a field's levels lie together
    for place, comparison in enumerate(COMPARISONS):
        if pairs.has(*comparison.needs):
            found[place] = comparison.compare(pairs)
    return found.T
