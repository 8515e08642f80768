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
_ALIKE = 0.8
_SLIPPED = 4
"""Letters of the longer word from which one wrong letter is a slip rather than another name."""
Words = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Compared:
    """Levels of `UNKNOWN` … `SAME` of family and given names, and which pairs agree only the other way about."""

    family: Levels
    given: Levels
    swapped: Flags


def pairs_of(pairs: Pairs) -> Places:
    """Places of the pairs whose names are both Latin: they have no characters."""
    a, b = pairs.both("full")
    found = (a != 0) & (b != 0)
    for field in ("c1", "g1"):
        for numbers in pairs.both(field):
            found &= numbers == 0
    return np.flatnonzero(found)


def compare(pairs: Pairs, where: Places) -> Compared:
    """The pairs at `where`, all of them Latin."""
    (family_a, given_a), (family_b, given_b) = _words(pairs, where)
    sounds = [[side[where] for side in pairs.both(field)] for field in ("c1_near", "g1_near")]
    family = _levels(family_a, family_b, sounds[0][0] == sounds[0][1])
    given = _levels(given_a, given_b, sounds[1][0] == sounds[1][1])
    swapped = np.zeros(len(where), dtype=np.bool_)
    other = np.flatnonzero((family <= DIFFERS) & (given <= DIFFERS))
    one = _levels(family_a[other], given_b[other], sounds[0][0][other] == sounds[1][1][other])
    two = _levels(given_a[other], family_b[other], sounds[1][0][other] == sounds[0][1][other])
    near = ((one >= SOUND) | (one == UNKNOWN)) & ((two >= SOUND) | (two == UNKNOWN))
    swapped[other] = near & (np.maximum(one, two) >= SLIP)
    return Compared(family, given, swapped)


def _words(pairs: Pairs, where: Places) -> tuple[tuple[Words, Words], tuple[Words, Words]]:
    """Family and given names on the left and on the right; each record is read once."""
    ends = np.concatenate([pairs.left[where], pairs.right[where]])
    records, of = np.unique(ends, return_inverse=True)
    split = [latin.split(text) for text in pairs.table.texts("name", records)]
    family, given = (np.array([words[part] for words in split], dtype=np.object_)[of] for part in (0, 1))
    half = len(where)
    return (family[:half], given[:half]), (family[half:], given[half:])


def _levels(a: Words, b: Words, sound: Flags) -> Levels:
    found = np.full(len(a), DIFFERS, dtype=np.uint8)
    known = (a != "") & (b != "")
    found[~known] = UNKNOWN
    found[known & (a == b)] = SAME
    where = np.flatnonzero(known & (a != b))
    if not len(where):
        return found
    x, y = a[where].tolist(), b[where].tolist()
    likeness = cpdist(x, y, scorer=JaroWinkler.similarity, score_cutoff=_ALIKE, dtype=np.float32)
    level = np.where(likeness >= _ALIKE, ALIKE, DIFFERS).astype(np.uint8)
    level[[_shortened(*both) for both in zip(x, y, strict=True)]] = SHORTENED
    level[sound[where]] = SOUND
    slip = cpdist(x, y, scorer=OSA.distance, score_cutoff=1, dtype=np.uint8) == 1
    longest = np.fromiter((max(map(len, both)) for both in zip(x, y, strict=True)), dtype=np.intp, count=len(x))
    level[slip & (longest >= _SLIPPED)] = SLIP
    found[where] = level
    return found


def _shortened(a: str, b: str) -> bool:
    """An initial, or the beginning of a word."""
    shorter, longer = (a, b) if len(a) <= len(b) else (b, a)
    return (len(shorter) == 1 or len(shorter) >= 3) and longer.startswith(shorter)
