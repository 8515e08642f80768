"""Levels of surname and given name: characters, sounds and shapes place by place; long names as texts.

'Similar' characters sound alike without tone, are variants, or look alike (four-corner code, radical, strokes).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import JaroWinkler

from hub.linkage import hanzi, latin_levels
from hub.linkage.columns import Flags, Levels, Numbers, Pairs, mark
from hub.linkage.names import LOST as _LOST_SIGN

MISSING, DIFFERS = 0, 1
SURNAME_SIMILAR, SURNAME_SLIP, SURNAME_SAME = 2, 3, 4
PART, SHORTENED, LOST, NEAR, SOUND, SHAPE, TONE, SWAPPED, FORMER, SAME = range(2, 12)
GONE = ord(_LOST_SIGN)
LATIN_SURNAME = (MISSING, DIFFERS, SURNAME_SIMILAR, SURNAME_SIMILAR, SURNAME_SIMILAR, SURNAME_SLIP, SURNAME_SAME)
LATIN_GIVEN = (MISSING, DIFFERS, SHORTENED, PART, NEAR, SHAPE, SAME)
"""What the levels of `latin_levels` come to."""
_LONG_ALIKE = 0.85
ALIKE = hanzi.ALIKE - 1e-9
_FEW = 8
"""So many pairs of characters are compared sooner one by one: `hanzi.similarity` says the same, as the tests see to."""
PLANE = 65536
_LETTERS = 5
Whole = TypeVar("Whole", np.uint64, np.uint32, np.int32)


@dataclass(frozen=True, slots=True)
class _Shapes:
    """hanzi.table() by code point of the basic plane; zeros are unknown.

    Four-corner digits and Cangjie letters are a byte each, the first one lowest; the letters stand left and right aligned.
    """

    corners: npt.NDArray[np.uint32]
    front: npt.NDArray[np.uint64]
    back: npt.NDArray[np.uint64]
    letters: npt.NDArray[np.int32]
    phonetic: npt.NDArray[np.int32]
    strokes: npt.NDArray[np.int32]
    semantic: npt.NDArray[np.int32]


@cache
def _shapes() -> _Shapes:
    rows = [(ord(char), shape) for char, shape in hanzi.table().items() if ord(char) < PLANE]
    code = np.array([at for at, _ in rows], dtype=np.intp)

    def column(number: Callable[[hanzi.Shape], int], dtype: type[Whole]) -> npt.NDArray[Whole]:
        found = np.zeros(PLANE, dtype=dtype)
        found[code] = [number(shape) for _, shape in rows]
        return found

    return _Shapes(
        column(lambda shape: int.from_bytes(bytes(int(digit) + 1 for digit in shape.corners[:4]), "little"), np.uint32),
        column(lambda shape: int.from_bytes(shape.cangjie[:_LETTERS].encode(), "little"), np.uint64),
        column(lambda shape: int.from_bytes(shape.cangjie[:_LETTERS].encode().rjust(8, b"\0"), "little"), np.uint64),
        column(lambda shape: len(shape.cangjie[:_LETTERS]), np.int32),
        column(lambda shape: shape.phonetic, np.int32),
        column(lambda shape: shape.strokes, np.int32),
        column(lambda shape: ord(shape.semantic) if shape.semantic else 0, np.int32),
    )


def prepare() -> None:
    """Load what is looked up for characters that are not the same."""
    _shapes()


def alike(a: Numbers, b: Numbers) -> Flags:
    """Characters (code points) that look alike; the batch form of `hanzi.similarity`."""
    known = (a > 0) & (b > 0) & (a < PLANE) & (b < PLANE) & (a != b)
    found: Flags = a == b
    where = np.flatnonzero(known)
    if len(where) > _FEW:
        found[where] = _similarity(a[where].astype(np.intp), b[where].astype(np.intp)) >= ALIKE
    else:
        for place, one, other in zip(where.tolist(), a[where].tolist(), b[where].tolist(), strict=True):
            found[place] = hanzi.similarity(chr(one), chr(other)) >= ALIKE
    return found


def _similarity(x: npt.NDArray[np.intp], y: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    shapes = _shapes()
    corners = _same_bytes(shapes.corners[x], shapes.corners[y]) / 4
    strokes_x, strokes_y = shapes.strokes[x], shapes.strokes[y]
    strokes = np.maximum(0.0, 1 - np.abs(strokes_x - strokes_y) / 4)
    phonetic = (shapes.phonetic[x] == shapes.phonetic[y]) & (shapes.phonetic[x] != 0)
    likeness = 0.3 * corners + 0.4 * _components(shapes, x, y) + 0.2 * strokes + 0.2 * phonetic
    variants = (shapes.semantic[x] == y) | (shapes.semantic[y] == x)
    known = (strokes_x > 0) & (strokes_y > 0)
    found: npt.NDArray[np.float64] = np.where(variants, 1.0, likeness) * known
    return found


def _same_bytes(x: npt.NDArray[np.uint32], y: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
    """How many of four bytes are the same in both and not 0."""
    found: npt.NDArray[np.uint8] = np.zeros(len(x), dtype=np.uint8)
    for shift in np.array([0, 8, 16, 24], dtype=np.uint32):
        one = x >> shift & np.uint32(0xFF)
        found += (one == (y >> shift & np.uint32(0xFF))) & (one != 0)
    return found


def _components(shapes: _Shapes, x: npt.NDArray[np.intp], y: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """The share of the Cangjie letters that agrees from the front and from the back."""
    left, right = shapes.letters[x], shapes.letters[y]
    shorter, longer = np.minimum(left, right), np.maximum(left, right)
    front = np.minimum(_equal_bytes(shapes.front[x] ^ shapes.front[y]), shorter)
    back = np.minimum(_equal_bytes((shapes.back[x] ^ shapes.back[y]).byteswap()), shorter)
    shared: npt.NDArray[np.float64] = np.minimum(front + back, shorter) / np.maximum(longer, 1)
    return shared


def _equal_bytes(difference: npt.NDArray[np.uint64]) -> npt.NDArray[np.int32]:
    """How many of the lowest bytes are 0, one after the other."""
    below = ~difference & (difference - np.uint64(1))  # ones below the lowest one
    found: npt.NDArray[np.int32] = np.bitwise_count(below).astype(np.int32) >> 3
    return found


def _toneless(a: Numbers, b: Numbers) -> Flags:
    found: Flags = (a >> np.uint64(3) == b >> np.uint64(3)) & (a >> np.uint64(3) != 0)
    return found


def _equal(a: Numbers, b: Numbers) -> Flags:
    found: Flags = (a == b) & (a != 0)
    return found


def surname(pairs: Pairs) -> Levels:
    a, b = pairs.both("surname")
    found = np.zeros(len(pairs), dtype=np.uint8)
    known = (a != 0) & (b != 0)
    mark(found, known, DIFFERS)
    one, other = pairs.both("c1")
    found[known & ((one == 0) != (other == 0))] = MISSING  # letters against characters
    near = known & _equal(*pairs.both("c1_near"))
    mark(found, near, SURNAME_SIMILAR)
    # Shapes are looked at only where nothing cheaper has told.
    where = np.flatnonzero(known & ~near & (a != b))
    if len(where):
        found[where[alike(one[where], other[where])]] = SURNAME_SIMILAR
    mark(found, known & (a == b), SURNAME_SAME)
    latin = latin_levels.compared(pairs)
    found[latin.places] = np.where(latin.swapped, MISSING, np.array(LATIN_SURNAME)[latin.family])
    mark(found, _as_former(pairs), MISSING)
    return found


def _as_former(pairs: Pairs) -> Flags:
    """The whole name of one is the former name of the other, and the present names differ."""
    return pairs.once("as-former", lambda: _formerly(pairs))


def _formerly(pairs: Pairs) -> Flags:
    if not pairs.has("former"):
        return np.zeros(len(pairs), dtype=np.bool_)
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
    mark(found, known, DIFFERS)
    latin = latin_levels.compared(pairs)
    short = known & (length_a <= 2) & (length_b <= 2) & (a != b)
    short[latin.places] = False
    where = np.flatnonzero(short)
    if len(where):
        found[where] = _short(pairs, where)
    long = known & ~short & (a != b)
    long[latin.places] = False
    where = np.flatnonzero(long)
    if len(where):
        found[where] = _long(*pairs.texts("name", where))
    sound_a, sound_b = pairs.both("sound")
    mark(found, known & _equal(sound_a, sound_b) & (found < SOUND), SOUND)
    full_a, full_b = pairs.both("full")
    mark(found, known & ((a == b) | (full_a == full_b)), SAME)
    _with_gaps(pairs, found)
    found[latin.places] = np.where(latin.swapped, SWAPPED, np.array(LATIN_GIVEN)[latin.given])
    mark(found, _as_former(pairs), FORMER)
    return found


def _with_gaps(pairs: Pairs, found: Levels) -> None:
    """Names with a lost character: what is left of them agrees, place by place, or it differs as ever."""
    sides = *pairs.both("g1"), *pairs.both("g2")
    gone = np.zeros(len(pairs), dtype=np.bool_)
    for chars in sides:
        gone |= chars == GONE
    where = np.flatnonzero(gone & (found > MISSING))
    if not len(where):
        return
    a1, b1, a2, b2 = (chars[where] for chars in sides)
    fits = _fits(a1, b1) & _fits(a2, b2)
    told = ((a1 == b1) & (a1 != GONE)) | ((a2 == b2) & (a2 != GONE) & (a2 != 0))
    found[where[fits]] = MISSING
    found[where[fits & told]] = LOST


def _fits(a: Numbers, b: Numbers) -> Flags:
    found: Flags = (a == b) | ((a == GONE) & (b != 0)) | ((b == GONE) & (a != 0))
    return found


def _short(pairs: Pairs, where: npt.NDArray[np.intp]) -> Levels:
    """Given names of one or two characters that are not the same."""
    a1, b1 = (side[where] for side in pairs.both("g1"))
    a2, b2 = (side[where] for side in pairs.both("g2"))
    s1, t1 = (side[where] for side in pairs.both("g1_sound"))
    s2, t2 = (side[where] for side in pairs.both("g2_sound"))
    single = (a2 == 0) & (b2 == 0)
    sounds_1, sounds_2 = _toneless(s1, t1), _toneless(s2, t2) | single
    near_1 = _equal(*(side[where] for side in pairs.both("g1_near")))
    near_2 = _equal(*(side[where] for side in pairs.both("g2_near"))) | single
    tones = _equal(s1, t1) & (_equal(s2, t2) | single)
    found = np.full(len(where), DIFFERS, dtype=np.uint8)
    latin = (a1 == 0) | (b1 == 0)
    fits_1 = _resembling(a1, b1, near_1, ~latin)
    fits_2 = _resembling(a2, b2, near_2, fits_1 & ~latin)
    ends = (a1 == b1) | ((a2 == b2) & (a2 != 0)) | ((a1 == b2) & (b2 != 0)) | ((a2 == b1) & (a2 != 0))
    mark(found, ends & ~latin, PART)
    mark(found, ends & ~latin & ((a2 == 0) != (b2 == 0)), SHORTENED)
    mark(found, near_1 & near_2, NEAR)
    mark(found, sounds_1 & sounds_2, SOUND)
    mark(found, fits_1 & fits_2 & ~(near_1 & near_2) & ~latin, SHAPE)
    mark(found, (a1 == b2) & (a2 == b1) & (a2 != 0) & ~latin, SHAPE)
    mark(found, tones, TONE)
    return found


def _resembling(a: Numbers, b: Numbers, near: Flags, asked: Flags) -> Flags:
    """Which characters sound nearly alike or look alike; shapes, which take long, only where it is asked."""
    found: Flags = near | (a == b)
    where = np.flatnonzero(asked & ~found)
    found[where[alike(a[where], b[where])]] = True
    return found


def _long(left: list[str], right: list[str]) -> Levels:
    return np.array([long(x, y) for x, y in zip(left, right, strict=True)], dtype=np.uint8)


def long(x: str, y: str) -> int:
    """Of two long names: a shortened form, or nearly the same letters, is similar; what is left differs."""
    a, b = hanzi.fold(x.replace("·", "")), hanzi.fold(y.replace("·", ""))
    shorter, longer = sorted((a, b), key=lambda text: (len(text), text))
    if len(shorter) >= 3 and longer.startswith(shorter):
        return SHORTENED
    return PART if JaroWinkler.similarity(shorter, longer) >= _LONG_ALIKE else DIFFERS
