"""Names by column: what `features` says of one name, for a million of them. Source: linkage.names, linkage.features.

Names of two to four common characters, nearly all, are worked out as arrays of characters; every other name goes
through `names.parse`. Each different name is worked out once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from hub.linkage import hanzi, latin, names
from hub.linkage.columns import Column
from hub.linkage.engines import crew
from hub.linkage.engines.texts import Flags, Numbers, Places, Texts
from hub.linkage.features import sound_columns
from hub.linkage.layout import hashed

Chars = npt.NDArray[np.uint16]
Codes = npt.NDArray[np.uint32]
Sizes = npt.NDArray[np.uint8]

FIRST, LAST = 0x4E00, 0x9FA5
_LETTERS = 27
_DIGITS = str.maketrans("abcdefghijklmnopqrstuvwxyz", "123456789abcdefghijklmnopq")  # as int() reads base 27
_SHORT = 4
_CODES = 1 << 16
_BYTES = 3
FIELDS = (
    "surname", "given", "full", "former", "sound", "given_length",
    "c1", "g1", "g2", "c1_sound", "g1_sound", "g2_sound", "c1_near", "g1_near", "g2_near",
)  # fmt: skip
SOUNDS = ("surname_sound", "given_sound", "first")
_NOTHING = (0,) * (len(FIELDS) + len(SOUNDS))
TYPES = {"given_length": np.uint8} | dict.fromkeys(FIELDS[6:], np.uint32)


@dataclass(slots=True)
class Names:
    """Columns of `FIELDS`, and of `SOUNDS`, which only blocking uses. `odd` gives the names that were read one by one."""

    columns: dict[str, Column]
    odd: dict[int, tuple[names.Name, ...]] = field(default_factory=dict)

    @classmethod
    def nobody(cls, count: int, fields: Sequence[str] = (*FIELDS, *SOUNDS)) -> "Names":
        """So many missing names."""
        return cls({name: crew.shared(count, np.dtype(TYPES.get(name, np.uint64))) for name in fields})

    def part(self, rows: slice) -> "Names":
        """Views of some of the names, to be filled."""
        return Names({name: column[rows] for name, column in self.columns.items()})


def spelled(text: str) -> int:
    """A number that stands for a name: its characters where four or fewer, else a hash; 0 for ''."""
    if len(text) > _SHORT or max(text, default="") > "\uffff":
        return hashed(text)
    value = 0
    for char in text:
        value = value << 16 | ord(char)
    return value


def text_of(number: int) -> str:
    """The text of four or fewer characters that `spelled` made `number` of."""
    return "".join(chr(number >> shift & 0xFFFF) for shift in (48, 32, 16, 0) if number >> shift & 0xFFFF)


def sounded(text: str) -> int:
    """A number that stands for letters: equal for equal texts however they are cut into syllables."""
    if not (text.isascii() and text.isalpha() and text.islower()):
        return hashed(text)
    return int(text.translate(_DIGITS), _LETTERS) & 0xFFFFFFFFFFFFFFFF


@dataclass(frozen=True, slots=True)
class _Tables:
    """By code point, 0 where it is no common character: plain form, and of plain forms whether it is a surname by itself,
    whether a compound surname begins with it, code and near code of its sound, and the same as surnames are read.
    """

    plain: Chars
    single: Flags
    compound: Flags
    code: Codes
    near: Codes
    surname_code: Codes
    surname_near: Codes


@cache
def _tables() -> _Tables:
    plain, (single, compound) = np.zeros(_CODES, dtype=np.uint16), np.zeros((2, _CODES), dtype=np.bool_)
    code, near = np.zeros((2, _CODES), dtype=np.uint32)
    for char in range(FIRST, LAST + 1):
        _, code[char], near[char] = hanzi.spelt(names.first_sound(chr(char)))
    for char in range(FIRST, LAST + 1):
        fold = ord(hanzi.fold(chr(char)))
        plain[char] = fold if FIRST <= fold <= LAST and code[fold] else 0
    single[[ord(name) for name in names.single_surnames() if FIRST <= ord(name) <= LAST]] = True
    compound[[ord(name[0]) for name in names.compound_surnames()]] = True
    surname_code, surname_near = code.copy(), near.copy()
    for surname, sounds in names.SURNAME_SOUNDS.items():
        if len(surname) == 1:
            surname_code[ord(surname)], surname_near[ord(surname)] = hanzi.sound_code(sounds), hanzi.near_code(sounds)
    return _Tables(plain, single, compound, code, near, surname_code, surname_near)


def read(texts: Texts, found: Names) -> None:
    """Fill in the names, the common ones as they are written."""
    put, (chars, size) = found.columns, _characters(texts)
    surname, given, split = _parted(chars, size)
    put["full"][:], put["c1"][:] = _packed(chars), surname[0]
    if "given" in put:
        put["surname"][:], put["given"][:] = _packed(surname), _packed(given)
        put["given_length"][:], put["first"][:] = size - split, chars[0]
        put["g1"][:], put["g2"][:] = given[0], given[1]
        _sounds(put, surname, given, split)
    _read_odd(texts, found, np.flatnonzero((size == 0) & (texts.sizes > 0)))


def _characters(texts: Texts) -> tuple[Chars, Sizes]:
    """The plain forms of the characters of each common name, the first ones in the first row, and how many they are: none
    where a name is not of two to four common characters, of three bytes each.
    """
    sizes, rows = texts.sizes, texts.left(_SHORT * _BYTES)
    chars = np.zeros((_SHORT, len(texts)), dtype=np.uint16)
    for at in range(_SHORT):
        first, second, third = (rows[:, at * _BYTES + byte].astype(np.uint16) for byte in range(_BYTES))
        code = (first & 0x0F) << 12 | (second & 0x3F) << 6 | third & 0x3F
        chars[at] = _tables().plain[code] * (first >> 4 == 0xE)
    size = (chars > 0).sum(axis=0, dtype=np.uint8)
    common = (size >= 2) & (sizes == size * np.uint8(_BYTES)) & ~np.isin(_packed(chars), _nobody())
    chars *= common
    size *= common
    return chars, size


@cache
def _nobody() -> Numbers:
    return np.array([spelled(text) for text in names.NOT_A_NAME if len(text) <= _SHORT], dtype=np.uint64)


def _packed(chars: Chars) -> Numbers:
    """`spelled` of the characters of each name, which come first and are followed by zeros."""
    value: Numbers = chars[0].astype(np.uint64)
    for char in chars[1:]:
        value = value << (char > 0) * np.uint64(16) | char
    return value


def _parted(chars: Chars, size: Sizes) -> tuple[Chars, Chars, Sizes]:
    """Surname and given name, and how many characters the surname has, as `names.surname_of` parts them."""
    tables = _tables()
    split = ((size > 0) & (size < _SHORT)).view(np.uint8)
    where = np.flatnonzero((tables.compound[chars[0]] & (size > 2)) | (size == _SHORT))
    pair = chars[0, where].astype(np.uint32) << 16 | chars[1, where]
    both = (size[where] == _SHORT) & tables.single[chars[0, where]] & tables.single[chars[1, where]]
    double = np.isin(pair, _compounds()) | both
    split[where[double]] = 2
    surname, given = np.zeros((2, len(size)), dtype=np.uint16), np.zeros_like(chars)
    surname[0], given[:-1] = chars[0], chars[1:]
    surname[:, where] = chars[:2, where] * double | surname[:, where] * (split[where] == 1)
    given[:, where[split[where] == 0]] = chars[:, where[split[where] == 0]]
    given[:, where[double]] = 0
    given[:2, where[double]] = chars[2:, where[double]]
    return surname, given, split


@cache
def _compounds() -> Codes:
    return np.array([spelled(text) for text in names.compound_surnames() if len(text) == 2], dtype=np.uint32)


def _sounds(put: dict[str, Column], surname: Chars, given: Chars, split: Sizes) -> None:
    """Fill in what the names sound like."""
    tables = _tables()
    code, near = _surname_codes(surname, split)
    put["c1_sound"][:], put["c1_near"][:] = code[0] ^ code[1] << 1, near[0] ^ near[1] << 1
    for at in (0, 1):
        put[f"g{at + 1}_sound"][:], put[f"g{at + 1}_near"][:] = tables.code[given[at]], tables.near[given[at]]
    put["surname_sound"][:], _ = _joined(code >> np.uint32(3))
    put["given_sound"][:], scale = _joined(tables.code[given] >> np.uint32(3))
    put["sound"][:] = put["surname_sound"] * scale + put["given_sound"]


def _surname_codes(surname: Chars, split: Sizes) -> tuple[Codes, Codes]:
    """Codes and near codes of the characters of surnames."""
    tables = _tables()
    code, near = np.zeros((2, *surname.shape), dtype=np.uint32)
    code[0], near[0] = tables.surname_code[surname[0]], tables.surname_near[surname[0]]
    double = np.flatnonzero(split == 2)
    code[:, double], near[:, double] = tables.code[surname[:, double]], tables.near[surname[:, double]]
    pair = surname[0, double].astype(np.uint32) << 16 | surname[1, double]
    for name, sounds in names.SURNAME_SOUNDS.items():
        if len(name) == 2:
            rows = double[pair == spelled(name)]
            for at, sound in enumerate(sounds.split(" ")):
                code[at, rows], near[at, rows] = hanzi.sound_code(sound), hanzi.near_code(sound)
    return code, near


_POWERS = np.array([pow(_LETTERS, size) for size in range(7)], dtype=np.uint64)
_BOUNDS = np.array([pow(_LETTERS, size) for size in range(6)], dtype=np.uint32)


def _joined(letters: Codes) -> tuple[Numbers, Numbers]:
    """`sounded` of the letters of each name's syllables put together, and by how much what comes before them is greater."""
    value, scale = np.zeros(letters.shape[1], dtype=np.uint64), np.ones(letters.shape[1], dtype=np.uint64)
    for syllable in letters:
        power = _POWERS[sum((syllable >= bound).view(np.uint8) for bound in _BOUNDS)]
        value = value * power + syllable
        scale *= power
    return value, scale


def prepare() -> None:
    """Load what is looked up for every name."""
    _tables()


def _read_odd(texts: Texts, found: Names, where: Places) -> None:
    """Fill in the names at `where`, each different one once."""
    read = list(map(_odd, texts.at(where).strings()))
    rows = np.array([numbers for _, numbers in read], dtype=np.uint64).reshape(len(read), len(_NOTHING))
    for at, name in enumerate((*FIELDS, *SOUNDS)):
        if name in found.columns:
            found.columns[name][where] = rows[:, at]
    found.odd.update((place, parsed) for place, (parsed, _) in zip(where.tolist(), read, strict=True) if parsed)


@lru_cache(maxsize=1 << 16)
def _odd(text: str) -> tuple[tuple[names.Name, ...], tuple[int, ...]]:
    parsed = names.parse(text)
    return parsed, _numbers(parsed)


def _numbers(parsed: Sequence[names.Name]) -> tuple[int, ...]:
    """The numbers of `FIELDS` and `SOUNDS` of a cell's names, the present one first; zeros where it names nobody."""
    if not parsed:
        return _NOTHING
    name = parsed[0]
    plain, split = [sound.plain for sound in name.spelt], len(name.surname)
    sounds = ["".join(plain[:split]), "".join(plain[split:])]
    if name.latin:
        sounds = [latin.sound(name.surname), latin.sound(name.given)]
    former = next((other for other in parsed[1:] if other.text != name.text), None)
    numbers = dict.fromkeys((*FIELDS, *SOUNDS), 0)
    sound_columns(name, numbers)
    numbers |= {
        "surname": spelled(names.told(name.surname)),
        "given": spelled(names.told(name.given)),
        "full": spelled(name.text),
        "former": spelled(former.text) if former else 0,
        "sound": sounded("".join(plain)),
        "given_length": min(len(name.given), 255),
        "surname_sound": sounded(sounds[0]),
        "given_sound": sounded(sounds[1]),
        "first": ord(name.text[0]),
    }
    return tuple(numbers.values())
