"""Levels of surname and given name: characters, sounds and shapes place by place; long names as texts."""

from hub.linkage import hanzi
from hub.linkage.name_levels import (
    ALIKE,
    DIFFERS,
    FORMER,
    GONE,
    LATIN_GIVEN,
    LATIN_SURNAME,
    LOST,
    MISSING,
    NEAR,
    PART,
    PLANE,
    SAME,
    SHAPE,
    SHORTENED,
    SOUND,
    SURNAME_SAME,
    SURNAME_SIMILAR,
    SWAPPED,
    TONE,
    long,
)
from hub.linkage.pairwise.latin import Latin
from hub.linkage.pairwise.records import Record


def surname(a: Record, b: Record, latin: Latin | None) -> int:
    """`latin` is what `pairwise.latin.compared` says of the pair."""
    if formerly(a, b):
        return MISSING
    if latin is not None:
        return MISSING if latin.swapped else LATIN_SURNAME[latin.family]
    if not (a.surname and b.surname):
        return MISSING
    if a.surname == b.surname:
        return SURNAME_SAME
    if a.c1_near == b.c1_near != 0 or alike(a.c1, b.c1):
        return SURNAME_SIMILAR
    return DIFFERS if (a.c1 == 0) == (b.c1 == 0) else MISSING  # letters against characters


def given(a: Record, b: Record, latin: Latin | None) -> int:
    """`latin` is what `pairwise.latin.compared` says of the pair."""
    if formerly(a, b):
        return FORMER
    if latin is not None:
        return SWAPPED if latin.swapped else LATIN_GIVEN[latin.given]
    if not (a.given and b.given):
        return MISSING
    found = _compared(a, b)
    return _with_gaps(a, b, found) if GONE in (a.g1, b.g1, a.g2, b.g2) else found


def formerly(a: Record, b: Record) -> bool:
    """The whole name of one is the former name of the other, and the present names differ."""
    if not (a.former or b.former) or a.full == b.full:
        return False
    return a.full == b.former != 0 or b.full == a.former != 0 or a.former == b.former


def _compared(a: Record, b: Record) -> int:
    if a.given == b.given or a.full == b.full:
        return SAME
    found = _short(a, b) if a.given_length <= 2 and b.given_length <= 2 else long(a.name, b.name)
    return SOUND if found < SOUND and a.sound == b.sound != 0 else found


def _with_gaps(a: Record, b: Record, found: int) -> int:
    """Names with a lost character: what is left of them agrees, place by place, or it differs as ever."""
    if not (_fits(a.g1, b.g1) and _fits(a.g2, b.g2)):
        return found
    told = a.g1 == b.g1 != GONE or (a.g2 == b.g2 != GONE and a.g2)
    return LOST if told else MISSING


def _fits(a: int, b: int) -> bool:
    return a == b or (a == GONE and b != 0) or (b == GONE and a != 0)


def _short(a: Record, b: Record) -> int:
    """Given names of one or two characters that are not the same."""
    single = not (a.g2 or b.g2)
    if a.g1_sound == b.g1_sound != 0 and (single or a.g2_sound == b.g2_sound != 0):
        return TONE
    characters = a.g1 != 0 and b.g1 != 0
    near_1, near_2 = a.g1_near == b.g1_near != 0, single or a.g2_near == b.g2_near != 0
    near = near_1 and near_2
    if characters and ((a.g1 == b.g2 and a.g2 == b.g1) or (not near and _resembling(a, b, near_1, near_2))):
        return SHAPE
    if _toneless(a.g1_sound, b.g1_sound) and (single or _toneless(a.g2_sound, b.g2_sound)):
        return SOUND
    if near:
        return NEAR
    return _ends(a, b) if characters else DIFFERS


def _resembling(a: Record, b: Record, near_1: bool, near_2: bool) -> bool:
    """Place by place the characters sound nearly alike or look alike."""
    return (near_1 or alike(a.g1, b.g1)) and (near_2 or alike(a.g2, b.g2))


def _toneless(a: int, b: int) -> bool:
    return a >> 3 == b >> 3 != 0


def _ends(a: Record, b: Record) -> int:
    """One character is in both names."""
    if not (a.g1 == b.g1 or (b.g2 and b.g2 in (a.g1, a.g2)) or (a.g2 and a.g2 == b.g1)):
        return DIFFERS
    return SHORTENED if (a.g2 == 0) != (b.g2 == 0) else PART


def alike(a: int, b: int) -> bool:
    """Whether two characters, given as code points, look alike."""
    if a == b:
        return True
    return 0 < a < PLANE and 0 < b < PLANE and hanzi.similarity(chr(a), chr(b)) >= ALIKE
