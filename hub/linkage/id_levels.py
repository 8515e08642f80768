"""Levels of the resident ID: blind to whether a number came in the 15- or the 18-digit form.

Two numbers whose check digits are both right are two numbers, however alike they look. Numbers of one county and birth
date that differ in the sequence, with no wrong check digit to tell of a slip, are neighbours: the birth date again.
"""

import numpy as np
from rapidfuzz.distance import OSA
from rapidfuzz.process import cpdist

from hub.linkage.columns import Levels, Pairs, mark
from hub.linkage.resident_id import Form

MISSING, DIFFERS_CHECKED, DIFFERS, NEIGHBOUR, TWO_SLIPS, CUT, ONE_SLIP, SAME = range(8)


def resident_id(pairs: Pairs) -> Levels:
    a, b = pairs.both("id_body")
    form_a, form_b = pairs.both("id_form")
    check_a, check_b = pairs.both("id_check")
    found = np.zeros(len(pairs), dtype=np.uint8)
    known = (a != 0) & (b != 0)
    mark(found, known, DIFFERS)
    checked = (form_a == Form.CHECKED) & (form_b == Form.CHECKED)
    mark(found, known & checked, DIFFERS_CHECKED)
    cut = (form_a == Form.CUT) | (form_b == Form.CUT)
    mark(found, known & cut & (a // 100 == b // 100), CUT)
    old = (form_a == Form.OLD) | (form_b == Form.OLD)
    same = known & ~cut & (a == b)
    mark(found, same, ONE_SLIP)
    mark(found, same & (old | (check_a == check_b)), SAME)
    both_cut = (form_a == Form.CUT) & (form_b == Form.CUT)
    mark(found, known & both_cut & (a == b), CUT)
    sound = (form_a != Form.UNCHECKED) & (form_b != Form.UNCHECKED)
    neighbours = known & old & sound & (a // 1000 == b // 1000) & (a != b)
    _measure(pairs, found, np.flatnonzero(known & ~checked & ~cut & (a != b)))
    mark(found, neighbours & ~cut, NEIGHBOUR)
    return found


def _measure(pairs: Pairs, found: Levels, where: np.ndarray[tuple[int], np.dtype[np.intp]]) -> None:
    """Typing distance of the pairs at `where`; the computed check digit of an old number counts for nothing."""
    if not len(where):
        return
    a, b = (side[where] for side in pairs.both("id_body"))
    form_a, form_b = (side[where] for side in pairs.both("id_form"))
    check_a, check_b = (side[where] for side in pairs.both("id_check"))
    bodies = cpdist(
        [f"{n:017d}" for n in a], [f"{n:017d}" for n in b], scorer=OSA.distance, score_cutoff=2, dtype=np.uint8
    )
    both_full = (form_a != Form.OLD) & (form_b != Form.OLD)
    slips = bodies.astype(np.int64) + (both_full & (check_a != check_b))
    found[where[slips == 2]] = TWO_SLIPS
    found[where[slips == 1]] = ONE_SLIP
