"""Levels of the numbers a person is known by: resident ID, other documents, telephone and postal code."""

from rapidfuzz.distance import OSA

from hub.linkage import documents, id_levels
from hub.linkage.pairwise.records import Record
from hub.linkage.resident_id import Form

_OLD, _CHECKED, _UNCHECKED, _CUT = map(int, (Form.OLD, Form.CHECKED, Form.UNCHECKED, Form.CUT))
_SLIPS = {1: id_levels.ONE_SLIP, 2: id_levels.TWO_SLIPS}
MISSING, DIFFERS, ONE_SLIP, SAME = range(4)
_HALF_BYTES = 0x1111111111111111
"""The lowest bit of each."""


def resident_id(a: Record, b: Record) -> int:
    """The levels of `id_levels`: blind to whether a number came in the old or the new form."""
    if not (a.id_body and b.id_body):
        return id_levels.MISSING
    if _CUT in (a.id_form, b.id_form):
        return id_levels.CUT if a.id_body // 100 == b.id_body // 100 else id_levels.DIFFERS
    old = _OLD in (a.id_form, b.id_form)
    if a.id_body == b.id_body:
        return id_levels.SAME if old or a.id_check == b.id_check else id_levels.ONE_SLIP
    if a.id_form == b.id_form == _CHECKED:
        return id_levels.DIFFERS_CHECKED
    if old and _UNCHECKED not in (a.id_form, b.id_form) and a.id_body // 1000 == b.id_body // 1000:
        return id_levels.NEIGHBOUR
    slips = OSA.distance(f"{a.id_body:017d}", f"{b.id_body:017d}", score_cutoff=2)
    slips += not old and a.id_check != b.id_check
    return _SLIPS.get(slips, id_levels.DIFFERS)


def document(a: Record, b: Record) -> int:
    """Numbers of documents of different kinds say nothing about each other, unless they are the same."""
    found = _short_text(a.document, b.document)
    if found < SAME and a.document_kind and b.document_kind and a.document_kind != b.document_kind:
        return MISSING
    return found


def postal(a: Record, b: Record) -> int:
    return _short_text(a.postal, b.postal)


def _short_text(a: int, b: int) -> int:
    """Letters and figures as `documents.packed` keeps them."""
    if not (a and b):
        return MISSING
    if a == b:
        return SAME
    return ONE_SLIP if _typing_error(a, b) else DIFFERS


def _typing_error(a: int, b: int) -> bool:
    """Whether one character changed, added or lost, or two neighbours in each other's place, lie between two texts."""
    x, y = documents.unpacked(a), documents.unpacked(b)
    return bool(x and y) and OSA.distance(x, y, score_cutoff=1) == 1


def phone(a: Record, b: Record) -> int:
    """The first telephones of both must be known; the second ones count where they are the same as another."""
    if not (a.phone and b.phone):
        return MISSING
    if b.phone in (a.phone, a.phone2) or a.phone == b.phone2 or a.phone2 == b.phone2 != 0:
        return SAME
    return ONE_SLIP if _one_digit(a.phone, b.phone) else DIFFERS


def _one_digit(a: int, b: int) -> bool:
    """One digit differs, or two neighbours changed places; a digit is half a byte."""
    difference = a ^ b
    marks = (difference | difference >> 1 | difference >> 2 | difference >> 3) & _HALF_BYTES
    count = marks.bit_count()
    if count != 2:
        return count == 1
    neighbours = marks & marks >> 4
    return neighbours != 0 and (difference ^ difference >> 4) & neighbours * 15 == 0
