"""Chinese characters: plain form of variants, sound and shape.

The table data/hanzi.tsv comes from Unicode's Unihan database (see data/build_hanzi.py); sounds are pypinyin's.
A character outside the table is its own plain form and resembles nothing.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

from pypinyin import Style, pinyin

_VOWELS = str.maketrans({"ü": "v", "ê": "e", "ń": "n", "ň": "n", "ǹ": "n", "ḿ": "m"})


@dataclass(frozen=True, slots=True)
class Shape:
    fold: str
    semantic: str
    corners: str
    radical: int
    strokes: int


@cache
def table() -> dict[str, Shape]:
    """Every known character."""
    found: dict[str, Shape] = {}
    text = files("hub.linkage.data").joinpath("hanzi.tsv").read_text(encoding="utf-8")
    for line in text.splitlines():
        if not line.startswith("#"):
            char, fold, semantic, corners, radical, strokes = line.split("\t")
            found[char] = Shape(fold or char, semantic, corners, int(radical), int(strokes))
    return found


@cache
def _folding() -> dict[int, str]:
    return {ord(char): shape.fold for char, shape in table().items() if shape.fold != char}


def fold(text: str) -> str:
    """`text` with traditional and variant characters in their plain form; the number of characters stays the same."""
    return text.translate(_folding())


@lru_cache(maxsize=32768)
def sounds(char: str) -> tuple[str, ...]:
    """Readings with the tone as a last digit ('wei3'), commonest first; ASCII letters sound as themselves."""
    if char.isascii():
        return (char.lower(),) if char.isalnum() else ()
    found = pinyin(char, style=Style.TONE3, heteronym=True, errors="ignore", neutral_tone_with_five=True)
    return tuple(sound.translate(_VOWELS) for sound in found[0] if sound) if found else ()


def plain_sound(sound: str) -> str:
    """A reading without its tone."""
    return sound.rstrip("012345")


@lru_cache(maxsize=65536)
def sound_code(sound: str) -> int:
    """A reading as a number below 2**32: eight times its letters in base 27, plus the tone. Zero means no sound."""
    letters = plain_sound(sound)
    value = 0
    for letter in letters[:6]:
        if not "a" <= letter <= "z":
            return 0
        value = value * 27 + ord(letter) - 96
    tone = int(sound[-1]) if sound[-1:].isdigit() else 0
    return value * 8 + tone


def similarity(a: str, b: str) -> float:
    """How alike two characters look, 0..1: variants count as one; four-corner code, radical and stroke count decide."""
    if a == b:
        return 1.0
    x, y = table().get(a), table().get(b)
    if x is None or y is None:
        return 0.0
    if x.fold == y.fold or x.semantic == b or y.semantic == a:
        return 1.0
    corners = sum(p == q for p, q in zip(x.corners[:4], y.corners[:4], strict=False)) if x.corners and y.corners else 0
    strokes = max(0.0, 1 - abs(x.strokes - y.strokes) / 4)
    return 0.6 * corners / 4 + 0.2 * (x.radical == y.radical) + 0.2 * strokes
