"""Levels of names in Latin letters: letters, then sounds, then likeness; both ways about, since the order is often lost."""

from typing import NamedTuple

from rapidfuzz.distance import OSA, JaroWinkler

from hub.linkage import latin
from hub.linkage.latin_levels import (
    ALIKE,
    DIFFERS,
    LIKENESS,
    SAME,
    SHORTENED,
    SLIP,
    SLIPPED,
    SOUND,
    UNKNOWN,
    is_beginning,
)
from hub.linkage.pairwise.records import Record


class Latin(NamedTuple):
    """Levels of `latin_levels` of family and given names, and whether the names agree only the other way about."""

    family: int
    given: int
    swapped: bool


def compared(a: Record, b: Record) -> Latin | None:
    """What two names in Latin letters, which have no characters, say about each other; None of any others."""
    if a.c1 or b.c1 or a.g1 or b.g1 or not (a.full and b.full):
        return None
    one, other = latin.split(a.name), latin.split(b.name)
    family, given = word(one.family, other.family), word(one.given, other.given)
    if family > DIFFERS or given > DIFFERS:
        return Latin(family, given, swapped=False)
    crossed = word(one.family, other.given), word(one.given, other.family)
    if all(level >= SOUND or level == UNKNOWN for level in crossed):
        return Latin(family, given, swapped=max(crossed) >= SLIP)
    # One word alone that is met again in the other's place counts as a slip of the family name.
    return Latin(SLIP if max(crossed) == SAME else family, given, swapped=False)


def word(a: str, b: str) -> int:
    """Of two words of small letters, '' for none."""
    if not (a and b):
        return UNKNOWN
    if a == b:
        return SAME
    alike = JaroWinkler.similarity(a, b, score_cutoff=LIKENESS) >= LIKENESS
    if alike and max(len(a), len(b)) >= SLIPPED and OSA.distance(a, b, score_cutoff=1) == 1:
        return SLIP
    if latin.sound(a) == latin.sound(b):
        return SOUND
    if is_beginning(a, b):
        return SHORTENED
    return ALIKE if alike else DIFFERS
