"""Levels of names in Latin letters: letters, then sounds, then likeness; both ways about, since the order is often lost.

Only pairs whose two names are Latin come here; their words are compared whole columns at a time.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import OSA, JaroWinkler
from rapidfuzz.process import cpdist

from hub.linkage import latin
from hub.linkage.columns import Flags, Levels, Pairs, Places

UNKNOWN, DIFFERS, SHORTENED, ALIKE, SOUND, SLIP, SAME = range(7)
LIKENESS = 0.8
SLIPPED = 4
"""Letters of the longer word from which one wrong letter is a slip rather than another name."""


@dataclass(frozen=True, slots=True)
class _Words:
    """Different words, the first of them '', and of each its first letter, its size and the number of its sound."""

    text: npt.NDArray[np.object_]
    first: npt.NDArray[np.uint8]
    size: npt.NDArray[np.intp]
    sound: Places

    @classmethod
    def of(cls, words: list[str]) -> "_Words":
        sounds: dict[str, int] = {}
        return cls(
            np.array(words, dtype=np.object_),
            np.array([ord(word[0]) if word else 0 for word in words], dtype=np.uint8),
            np.array([len(word) for word in words], dtype=np.intp),
            np.array([sounds.setdefault(latin.sound(word), len(sounds)) for word in words], dtype=np.intp),
        )


@dataclass(frozen=True, slots=True)
class Compared:
    """Of the pairs at `places`: levels of `UNKNOWN` … `SAME` of family and given names, and which agree only the other
    way about.

    Where one word alone is met again, in the other's place, it counts as a slip of the family name.
    """

    places: Places
    family: Levels
    given: Levels
    swapped: Flags


def compared(pairs: Pairs) -> Compared:
    """The pairs whose names are both Latin: they have no characters. Worked out once for surname and given name."""
    return pairs.once("latin", lambda: _compare(pairs))


def _compare(pairs: Pairs) -> Compared:
    full_a, full_b = pairs.both("full")
    latin = (full_a != 0) & (full_b != 0)
    for field in ("c1", "g1"):
        for numbers in pairs.both(field):
            latin &= numbers == 0
    where = np.flatnonzero(latin)
    if not len(where):
        return Compared(where, *(np.empty(0, np.uint8),) * 2, np.empty(0, np.bool_))
    words, (family_a, family_b), (given_a, given_b) = _words(pairs, where)
    family, given = _levels(words, family_a, family_b), _levels(words, given_a, given_b)
    swapped = np.zeros(len(where), dtype=np.bool_)
    other = np.flatnonzero((family <= DIFFERS) & (given <= DIFFERS))
    one, two = _levels(words, family_a[other], given_b[other]), _levels(words, given_a[other], family_b[other])
    near = ((one >= SOUND) | (one == UNKNOWN)) & ((two >= SOUND) | (two == UNKNOWN))
    best = np.maximum(one, two)
    swapped[other] = near & (best >= SLIP)
    family[other[(best == SAME) & ~near]] = SLIP
    return Compared(where, family, given, swapped)


def _words(pairs: Pairs, where: Places) -> tuple[_Words, tuple[Places, Places], tuple[Places, Places]]:
    """All different words, and the places among them of family and given names, left and right."""
    ends = np.concatenate([pairs.left[where], pairs.right[where]])
    records, of = np.unique(ends, return_inverse=True)
    split = [latin.split(text) for text in pairs.table.texts("name", records)]
    at: dict[str, int] = {"": 0}
    family = np.array([at.setdefault(words.family, len(at)) for words in split], dtype=np.intp)[of]
    given = np.array([at.setdefault(words.given, len(at)) for words in split], dtype=np.intp)[of]
    half = len(where)
    return _Words.of(list(at)), (family[:half], family[half:]), (given[:half], given[half:])


def _levels(words: _Words, a: Places, b: Places) -> Levels:
    found = np.full(len(a), DIFFERS, dtype=np.uint8)
    found[(a == 0) | (b == 0)] = UNKNOWN
    found[(a == b) & (a != 0)] = SAME
    where = np.flatnonzero(found == DIFFERS)
    if not len(where):
        return found
    a, b = a[where], b[where]
    x, y = words.text[a], words.text[b]
    likeness = cpdist(x, y, scorer=JaroWinkler.similarity, score_cutoff=LIKENESS, dtype=np.float32)
    level = np.where(likeness >= LIKENESS, ALIKE, DIFFERS).astype(np.uint8)
    begins = np.flatnonzero((words.first[a] == words.first[b]) & (words.size[a] != words.size[b]))
    level[begins[[is_beginning(x[at], y[at]) for at in begins.tolist()]]] = SHORTENED
    level[words.sound[a] == words.sound[b]] = SOUND
    # One letter wrong in four leaves words this much alike.
    near = np.flatnonzero((likeness >= LIKENESS) & (np.maximum(words.size[a], words.size[b]) >= SLIPPED))
    if len(near):
        slips = cpdist(x[near], y[near], scorer=OSA.distance, score_cutoff=1, dtype=np.uint8)
        level[near[slips == 1]] = SLIP
    found[where] = level
    return found


def is_beginning(a: str, b: str) -> bool:
    """An initial, or the beginning of a word."""
    shorter, longer = (a, b) if len(a) <= len(b) else (b, a)
    return (len(shorter) == 1 or len(shorter) >= 3) and longer.startswith(shorter)
