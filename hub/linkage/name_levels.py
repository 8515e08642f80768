"""Levels of surname and given name: characters, sounds and shapes place by place; long names as texts.

'Similar' characters sound alike without tone, are variants, or look alike (four-corner code, radical, strokes).
"""

from functools import cache

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import JaroWinkler

from hub.linkage import hanzi
from hub.linkage.columns import Flags, Levels, Numbers, Pairs

MISSING, DIFFERS = 0, 1
SURNAME_SIMILAR, SURNAME_SAME = 2, 3
PART, SOUND, SHAPE, TONE, FORMER, SAME = 2, 3, 4, 5, 6, 7
_ALIKE = 0.75
_LONG_ALIKE = 0.85


@cache
def _shapes() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int16], npt.NDArray[np.int16], npt.NDArray[np.uint32]]:
    """Four corner digits, radical, strokes and semantic variant by code point of the basic plane; zeros are unknown."""
    corners = np.zeros((65536, 4), dtype=np.uint8)
    radical, strokes = np.zeros(65536, dtype=np.int16), np.zeros(65536, dtype=np.int16)
    semantic = np.zeros(65536, dtype=np.uint32)
    for char, shape in hanzi.table().items():
        code = ord(char)
        if code < 65536:
            radical[code], strokes[code] = shape.radical, shape.strokes
            if shape.corners:
                corners[code] = [int(digit) + 1 for digit in shape.corners[:4]]
            if shape.semantic:
                semantic[code] = ord(shape.semantic)
    return corners, radical, strokes, semantic


def alike(a: Numbers, b: Numbers) -> Flags:
    """Characters (code points) that look alike; the batch form of `hanzi.similarity`."""
    corners, radical, strokes, semantic = _shapes()
    x, y = np.where(a < 65536, a, 0).astype(np.intp), np.where(b < 65536, b, 0).astype(np.intp)
    known = (x != 0) & (y != 0) & (strokes[x] > 0) & (strokes[y] > 0)
    same_corners = ((corners[x] == corners[y]) & (corners[x] > 0)).sum(axis=1)
    stroke_part = np.maximum(0.0, 1 - np.abs(strokes[x] - strokes[y]) / 4)
    likeness = 0.6 * same_corners / 4 + 0.2 * (radical[x] == radical[y]) + 0.2 * stroke_part
    variants = (semantic[x] == y) | (semantic[y] == x)
    found: Flags = (a == b) | (known & ((likeness >= _ALIKE) | variants))
    return found


def _toneless(a: Numbers, b: Numbers) -> Flags:
    found: Flags = (a >> np.uint64(3) == b >> np.uint64(3)) & (a >> np.uint64(3) != 0)
    return found


def surname(pairs: Pairs) -> Levels:
    a, b = pairs.both("surname")
    found = np.zeros(len(pairs), dtype=np.uint8)
    known = (a != 0) & (b != 0)
    found[known] = DIFFERS
    sounds = _toneless(*pairs.both("c1_sound"))
    found[known & (sounds | alike(*pairs.both("c1")))] = SURNAME_SIMILAR
    found[known & (a == b)] = SURNAME_SAME
    found[_as_former(pairs)] = MISSING
    return found


def _as_former(pairs: Pairs) -> Flags:
    """The whole name of one is the former name of the other, and the present names differ."""
    full_a, full_b = pairs.both("full")
    former_a, former_b = pairs.both("former")
    crossed = ((full_a == former_b) & (full_a != 0)) | ((full_b == former_a) & (full_b != 0))
    found: Flags = (crossed | ((former_a == former_b) & (former_a != 0))) & (full_a != full_b)
    return found


def given(pairs: Pairs) -> Levels:
    a, b = pairs.both("given")
    length_a, length_b = pairs.both("given_length")
    found = np.zeros(len(pairs), dtype=np.uint8)
    known = (a != 0) & (b != 0)
    found[known] = DIFFERS
    short = known & (length_a <= 2) & (length_b <= 2) & (a != b)
    where = np.flatnonzero(short)
    if len(where):
        found[where] = _short(pairs, where)
    where = np.flatnonzero(known & ~short & (a != b))
    if len(where):
        found[where] = _long(*pairs.texts("name", where))
    sound_a, sound_b = pairs.both("sound")
    found[known & (sound_a == sound_b) & (sound_a != 0) & (found < SOUND)] = SOUND
    full_a, full_b = pairs.both("full")
    found[known & ((a == b) | (full_a == full_b))] = SAME
    found[_as_former(pairs)] = FORMER
    return found


def _short(pairs: Pairs, where: npt.NDArray[np.intp]) -> Levels:
    """Given names of one or two characters that are not the same."""
    a1, b1 = (side[where] for side in pairs.both("g1"))
    a2, b2 = (side[where] for side in pairs.both("g2"))
    s1, t1 = (side[where] for side in pairs.both("g1_sound"))
    s2, t2 = (side[where] for side in pairs.both("g2_sound"))
    sounds_1, sounds_2 = _toneless(s1, t1), _toneless(s2, t2) | ((a2 == 0) & (b2 == 0))
    shapes_1, shapes_2 = alike(a1, b1), alike(a2, b2)
    tones = ((s1 == t1) & (s1 != 0)) & (s2 == t2)
    found = np.full(len(where), DIFFERS, dtype=np.uint8)
    latin = (a1 == 0) | (b1 == 0)
    ends = (a1 == b1) | ((a2 == b2) & (a2 != 0)) | ((a1 == b2) & (b2 != 0)) | ((a2 == b1) & (a2 != 0))
    found[ends & ~latin] = PART
    found[sounds_1 & sounds_2] = SOUND
    found[(shapes_1 | sounds_1) & (shapes_2 | sounds_2) & ~(sounds_1 & sounds_2) & ~latin] = SHAPE
    found[(a1 == b2) & (a2 == b1) & (a2 != 0) & ~latin] = SHAPE
    found[tones] = TONE
    return found


def _long(left: list[str], right: list[str]) -> Levels:
    """Long names: a shortened form, or nearly the same letters, is similar; what is left differs."""
    found = np.full(len(left), DIFFERS, dtype=np.uint8)
    for place, (x, y) in enumerate(zip(left, right, strict=True)):
        a, b = hanzi.fold(x.replace("·", "")), hanzi.fold(y.replace("·", ""))
        shorter, longer = sorted((a, b), key=lambda text: (len(text), text))
        if len(shorter) >= 3 and longer.startswith(shorter):
            found[place] = SHAPE
        elif JaroWinkler.similarity(shorter, longer) >= _LONG_ALIKE:
            found[place] = PART
    return found
