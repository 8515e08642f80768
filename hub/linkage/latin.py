"""Names in Latin letters: of foreigners, and of people whose papers spell their name so. Accents count for nothing.

A comma says which word is the family name; without one it is taken to be the last, and who compares tries both ways.
Sounds are codes after NYSIIS (Taft 1970): they survive doubled letters, vowels misheard and most changed spellings.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

_STROKES = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
_HAN = re.compile("[\u4e00-\u9fff]")
_LETTERS = re.compile(r"[^a-z]")
_BEGINS = (("mac", "mcc"), ("kn", "nn"), ("k", "c"), ("ph", "ff"), ("pf", "ff"), ("sch", "sss"))
_ENDS = (("ee", "y"), ("ie", "y"), ("dt", "d"), ("rt", "d"), ("rd", "d"), ("nt", "d"), ("nd", "d"))
_WITHIN = (
    ("ev", "af"), ("sch", "sss"), ("sh", "ss"), ("ph", "ff"), ("kn", "n"),
    ("q", "g"), ("z", "s"), ("m", "n"), ("k", "c"),
)  # fmt: skip
_VOWELS = "aeiou"


class Words(NamedTuple):
    """The letters of a name in small plain letters; `said` are its words as they were written, one after the other."""

    family: str
    given: str
    said: tuple[str, ...]


def plain(text: str) -> str | None:
    """The text without accents, where it is all Latin letters and signs; else None."""
    if text.isascii():
        return text
    if _HAN.search(text):
        return None
    bare = unicodedata.normalize("NFKD", text.lower().translate(_STROKES))
    bare = "".join([char for char in bare if not unicodedata.combining(char)])
    return bare if bare.isascii() else None


@lru_cache(maxsize=16384)
def split(text: str) -> Words:
    """Family and given name of a name in plain letters: "Family, Given" or "Given Family"; one word alone is given."""
    before, comma, behind = text.lower().partition(",")
    family, given = _words(before), _words(behind)
    if not comma:
        family, given = (family[-1:], family[:-1]) if len(family) > 1 else ([], family)
        return Words("".join(family), "".join(given), (*given, *family))
    return Words("".join(family), "".join(given), (*family, *given))


def _words(text: str) -> list[str]:
    found = [_LETTERS.sub("", word) for word in text.replace("'", "").split()]
    return [word for word in found if word]


@lru_cache(maxsize=16384)
def sound(word: str) -> str:
    """The code of a word of small letters; '' for ''."""
    if not word:
        return ""
    rest = next((new + word[len(old) :] for old, new in _BEGINS if word.startswith(old)), word)
    rest = next((rest[: -len(old)] + new for old, new in _ENDS if rest.endswith(old)), rest)
    code, at = rest[0], 1
    while at < len(rest):
        spelt, size = _spelt(rest, at)
        if spelt[-1] != code[-1]:
            code += spelt
        at += size
    return _shortened(code)


def _spelt(text: str, at: int) -> tuple[str, int]:
    """The letters that stand for those at a place, and how many they stand for."""
    for old, new in _WITHIN:
        if text.startswith(old, at):
            return new, len(old)
    char, before, behind = text[at], text[at - 1], text[at + 1 : at + 2]
    if char in _VOWELS:
        return "a", 1
    if char == "h" and (before not in _VOWELS or behind not in _VOWELS or not behind):
        return ("a" if before in _VOWELS else before), 1
    if char == "w" and before in _VOWELS:
        return "a", 1
    return char, 1


def _shortened(code: str) -> str:
    """Without what is hardly heard at the end."""
    if len(code) > 1 and code.endswith("s"):
        code = code[:-1]
    if code.endswith("ay"):
        code = code[:-2] + "y"
    return code[:-1] if len(code) > 1 and code.endswith("a") else code
