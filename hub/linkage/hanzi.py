"""Chinese characters: plain form of variants, sound and shape.

The table data/hanzi.tsv comes from Unicode's Unihan database (see data/build_hanzi.py); data/readings.tsv are the sounds
of pypinyin (see data/build_readings.py), which takes long to load and is not needed for single characters.
A character outside the table is its own plain form and resembles nothing.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Shape:
    fold: str
    semantic: str
    corners: str
    cangjie: str
    phonetic: int
    strokes: int


@cache
def table() -> dict[str, Shape]:
    """Every known character."""
    found: dict[str, Shape] = {}
    text = files("hub.linkage.data").joinpath("hanzi.tsv").read_text(encoding="utf-8")
    for line in text.splitlines():
        if not line.startswith("#"):
            char, fold, semantic, corners, cangjie, phonetic, strokes = line.split("\t")
            found[char] = Shape(fold or char, semantic, corners, cangjie, int(phonetic or 0), int(strokes))
    return found


@cache
def _folding() -> dict[int, str]:
    return {ord(char): shape.fold for char, shape in table().items() if shape.fold != char}


def fold(text: str) -> str:
    """`text` with traditional and variant characters in their plain form; the number of characters stays the same."""
    return text.translate(_folding())


@cache
def _readings() -> dict[str, str]:
    text = files("hub.linkage.data").joinpath("readings.tsv").read_text(encoding="utf-8")
    return dict(line.split("\t") for line in text.splitlines() if line[:1] != "#")


def sounds(char: str) -> tuple[str, ...]:
    """Readings with the tone as a last digit ('wei3'), commonest first; ASCII letters sound as themselves."""
    if char.isascii():
        return (char.lower(),) if char.isalnum() else ()
    return tuple(_readings().get(char, "").split())


def plain_sound(sound: str) -> str:
    """A reading without its tone."""
    return sound.rstrip("012345")


def near_sound(sound: str) -> str:
    """A reading as dialects blur it: flat and curled initials, front and back nasals, n, l and r count as one."""
    plain = plain_sound(sound)
    for curled, flat in (("zh", "z"), ("ch", "c"), ("sh", "s")):
        if plain.startswith(curled):
            plain = flat + plain[2:]
    if plain[:1] in ("l", "r"):
        plain = "n" + plain[1:]
    return plain[:-1] if plain.endswith("ng") else plain


def sound_code(sound: str) -> int:
    """A reading as a number below 2**32: eight times its letters in base 27, plus the tone. Zero means no sound."""
    value = 0
    for letter in plain_sound(sound)[:6]:
        if not "a" <= letter <= "z":
            return 0
        value = value * 27 + ord(letter) - 96
    tone = int(sound[-1]) if sound[-1:].isdigit() else 0
    return value * 8 + tone


def near_code(sound: str) -> int:
    """`near_sound` as a number, in the manner of `sound_code`."""
    return sound_code(near_sound(sound))


class Spelt(NamedTuple):
    """What is compared of a reading: without its tone, and as the numbers of `sound_code` and `near_code`."""

    plain: str
    code: int
    near: int


@lru_cache(maxsize=4096)
def spelt(sound: str) -> Spelt:
    """All of a reading at once: there are hardly two thousand, and every name asks for two or three."""
    return Spelt(plain_sound(sound), sound_code(sound), near_code(sound))


ALIKE = 0.48
"""Of the pairs of characters that names use and that sound different, one in two hundred is this similar by chance."""


def similarity(a: str, b: str) -> float:
    """How alike two characters look, 0..1: variants count as one; corners, components, strokes and phonetic decide."""
    if a == b:
        return 1.0
    x, y = table().get(a), table().get(b)
    if x is None or y is None:
        return 0.0
    if x.fold == y.fold or x.semantic == b or y.semantic == a:
        return 1.0
    corners = (
        sum(p == q for p, q in zip(x.corners[:4], y.corners[:4], strict=False)) / 4 if x.corners and y.corners else 0
    )
    strokes = max(0.0, 1 - abs(x.strokes - y.strokes) / 4)
    phonetic = x.phonetic == y.phonetic != 0
    return min(1.0, 0.3 * corners + 0.4 * _components(x.cangjie, y.cangjie) + 0.2 * strokes + 0.2 * phonetic)


def _components(a: str, b: str) -> float:
    """The share of two Cangjie codes that agrees from the front and from the back."""
    shorter = min(len(a), len(b))
    if not shorter:
        return 0.0
    front = next((i for i in range(shorter) if a[i] != b[i]), shorter)
    back = next((i for i in range(shorter - front) if a[-1 - i] != b[-1 - i]), shorter - front)
    return (front + back) / max(len(a), len(b))
