"""Names by column: what `features` says of one name, for a million of them. Source: linkage.names, linkage.features.

Names of two to four common characters, nearly all, are worked out as arrays of characters; every other name goes
through `names.parse`. Each different name is worked out once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt

from hub.linkage import hanzi, latin, names
from hub.linkage.features import sound_columns
from hub.linkage.layout import hashed

Chars = npt.NDArray[np.uint16]
Hashes = npt.NDArray[np.uint64]

FIRST, LAST = 0x4E00, 0x9FA5
_LETTERS = 27
_DIGITS = str.maketrans("abcdefghijklmnopqrstuvwxyz", "123456789abcdefghijklmnopq")  # as int() reads base 27
_SHORT = 4
FIELDS = (
    "surname", "given", "full", "former", "sound", "given_length",
    "c1", "g1", "g2", "c1_sound", "g1_sound", "g2_sound", "c1_near", "g1_near", "g2_near",
)  # fmt: skip
SOUNDS = ("surname_sound", "given_sound", "first")
_NOTHING = (0,) * (len(FIELDS) + len(SOUNDS))
TYPES = {"given_length": np.uint8} | dict.fromkeys(FIELDS[6:], np.uint32)


@dataclass(slots=True)
class Names:
    """Columns of `FIELDS`, and what only blocking uses: sounds, and the first character.

    `odd` gives the names that were read one by one.
    """

    columns: dict[str, npt.NDArray[np.unsignedinteger]]
    surname_sound: Hashes
    given_sound: Hashes
    first: Hashes
    odd: dict[int, tuple[names.Name, ...]] = field(default_factory=dict)

    @classmethod
    def nobody(cls, count: int) -> "Names":
        """So many missing names."""
        columns: dict[str, npt.NDArray[np.unsignedinteger]] = {
            name: np.zeros(count, dtype=TYPES.get(name, np.uint64)) for name in FIELDS
        }
        surname, given, first = (np.zeros(count, dtype=np.uint64) for _ in SOUNDS)
        return cls(columns, surname, given, first)

    def at(self, places: npt.NDArray[np.intp]) -> "Names":
        """The names at some places, in their order."""
        odd = np.zeros(len(self.first), dtype=np.bool_)
        odd[list(self.odd)] = True
        where = np.flatnonzero(odd[places])
        return Names(
            {name: column.take(places) for name, column in self.columns.items()},
            self.surname_sound.take(places),
            self.given_sound.take(places),
            self.first.take(places),
            {at: self.odd[one] for at, one in zip(where.tolist(), places[where].tolist(), strict=True)},
        )


def spelled(text: str) -> int:
    """A number that stands for a name: its characters where four or fewer, else a hash; 0 for ''."""
    if len(text) > _SHORT or any(ord(char) > 0xFFFF for char in text):
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
    """By character of the common range: plain form, and of the sound of a plain form: code, near code, letters."""

    plain: Chars
    single: npt.NDArray[np.bool_]
    code: npt.NDArray[np.uint32]
    near: npt.NDArray[np.uint32]
    surname_code: npt.NDArray[np.uint32]
    surname_near: npt.NDArray[np.uint32]
    known: npt.NDArray[np.bool_]


@cache
def _plain() -> tuple[Chars, npt.NDArray[np.bool_]]:
    """Plain form of each common character (0: outside the range), and whether it is a surname by itself."""
    plain = np.arange(FIRST, LAST + 1, dtype=np.uint16)
    for char, shape in hanzi.table().items():
        if FIRST <= ord(char) <= LAST:
            plain[ord(char) - FIRST] = ord(shape.fold) if FIRST <= ord(shape.fold) <= LAST else 0
    single = np.zeros(len(plain), dtype=np.bool_)
    single[[ord(char) - FIRST for char in names.single_surnames() if FIRST <= ord(char) <= LAST]] = True
    return plain, single


def _tables(chars: npt.NDArray[np.intp]) -> _Tables:
    """The tables, with sounds for the plain characters `chars`."""
    plain, single = _plain()
    code, near = np.zeros(len(plain), dtype=np.uint32), np.zeros(len(plain), dtype=np.uint32)
    for char in chars:
        sound = names.first_sound(chr(char))
        code[char - FIRST], near[char - FIRST] = hanzi.sound_code(sound), hanzi.near_code(sound)
    surname_code, surname_near = code.copy(), near.copy()
    for surname, sounds in names.SURNAME_SOUNDS.items():
        if len(surname) == 1:
            surname_code[ord(surname) - FIRST] = hanzi.sound_code(sounds)
            surname_near[ord(surname) - FIRST] = hanzi.near_code(sounds)
    return _Tables(plain, single, code, near, surname_code, surname_near, code > 0)


def read(texts: Sequence[str]) -> Names:
    """Different names, as they are written; '' for none."""
    found = Names.nobody(len(texts))
    at = np.arange(_SHORT)
    chars = np.array(texts, dtype=f"U{_SHORT}").view(np.uint32).reshape(len(texts), _SHORT)
    lengths = np.minimum(np.fromiter(map(len, texts), dtype=np.intp, count=len(texts)), 255).astype(np.uint8)
    inside = (chars >= FIRST) & (chars <= LAST)
    beyond = at >= lengths[:, None]
    common = (lengths >= 2) & (lengths <= _SHORT) & (inside | beyond).all(axis=1)
    plain = np.zeros((len(texts), _SHORT + 2), dtype=np.uint16)
    folding, _ = _plain()
    plain[:, :_SHORT] = np.where(inside & ~beyond, folding[np.where(inside, chars, FIRST) - FIRST], 0)
    tables = _tables(np.flatnonzero(np.bincount(plain.ravel(), minlength=FIRST + 1)[FIRST:]) + FIRST)
    common &= ((plain[:, :_SHORT] > 0) | beyond).all(axis=1)
    common &= (tables.known[np.maximum(plain[:, :_SHORT], FIRST) - FIRST] | beyond).all(axis=1)
    common &= ~np.isin(_packed(plain[:, :_SHORT]), _nobody())
    where = np.flatnonzero(common)
    _common(found, tables, plain, lengths, where)
    odd = np.flatnonzero((lengths > 0) & ~common)
    _odd(found, odd, [texts[place] for place in odd.tolist()])
    return found


@cache
def _nobody() -> Hashes:
    return np.array([spelled(text) for text in names.NOT_A_NAME if len(text) <= _SHORT], dtype=np.uint64)


def _packed(chars: Chars) -> Hashes:
    """`spelled` of the characters of each row, which come first and are followed by zeros."""
    value = np.zeros(len(chars), dtype=np.uint64)
    for place in range(chars.shape[1]):
        there = chars[:, place] > 0
        value = np.where(there, value << np.uint64(16) | chars[:, place], value)
    return value


def _common(
    found: Names, tables: _Tables, plain: Chars, lengths: npt.NDArray[np.uint8], where: npt.NDArray[np.intp]
) -> None:
    """Fill in the names at `where`."""
    plain, size = plain[where], lengths[where]
    two = plain[:, 0].astype(np.uint32) << 16 | plain[:, 1]
    compound = (size >= 3) & np.isin(two, _compounds())
    both = (size == 4) & tables.single[plain[:, 0] - FIRST] & tables.single[np.maximum(plain[:, 1], FIRST) - FIRST]
    split = np.where(compound | both, 2, np.where(size == _SHORT, 0, 1))
    at = np.arange(_SHORT)
    given = np.take_along_axis(plain, np.minimum(split[:, None] + at, _SHORT + 1), axis=1)
    surname = np.where(at < split[:, None], plain[:, :_SHORT], 0)
    code, near, letters = _sounds(tables, plain[:, :_SHORT], split)
    put = found.columns
    put["surname"][where] = _packed(surname)
    put["given"][where] = _packed(given)
    put["full"][where] = _packed(plain[:, :_SHORT])
    put["sound"][where] = _joined(letters)
    put["given_length"][where] = size - split
    put["c1"][where] = surname[:, 0]
    put["g1"][where], put["g2"][where] = given[:, 0], given[:, 1]
    for name, codes in (("sound", code), ("near", near)):
        first = np.where(split > 0, codes[:, 0], 0) ^ np.where(split > 1, codes[:, 1] << 1, 0)
        put[f"c1_{name}"][where] = first
        padded = np.pad(codes, ((0, 0), (0, 2)))
        put[f"g1_{name}"][where] = np.take_along_axis(padded, split[:, None], axis=1)[:, 0]
        put[f"g2_{name}"][where] = np.take_along_axis(padded, split[:, None] + 1, axis=1)[:, 0]
    found.surname_sound[where] = _joined(np.where(at < split[:, None], letters, 0))
    found.given_sound[where] = _joined(np.where(at >= split[:, None], letters, 0))
    found.first[where] = plain[:, 0]


@cache
def _compounds() -> npt.NDArray[np.uint32]:
    return np.array([spelled(text) for text in names.compound_surnames() if len(text) == 2], dtype=np.uint32)


def _sounds(
    tables: _Tables, plain: Chars, split: npt.NDArray[np.integer]
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """Codes, near codes and letters (code without tone) of every character; 0 where there is none."""
    place = np.maximum(plain, FIRST) - FIRST
    there = plain > 0
    code, near = np.where(there, tables.code[place], 0), np.where(there, tables.near[place], 0)
    alone = split == 1
    code[alone, 0], near[alone, 0] = tables.surname_code[place[alone, 0]], tables.surname_near[place[alone, 0]]
    pair = plain[:, 0].astype(np.uint32) << 16 | plain[:, 1]
    for surname, sounds in names.SURNAME_SOUNDS.items():
        if len(surname) == 2:
            rows = np.flatnonzero((pair == spelled(surname)) & (split == 2))
            for column, sound in enumerate(sounds.split(" ")):
                code[rows, column], near[rows, column] = hanzi.sound_code(sound), hanzi.near_code(sound)
    return code, near, code >> np.uint32(3)


_POWERS = np.array([pow(_LETTERS, size) for size in range(7)], dtype=np.uint64)
_BOUNDS = np.array([pow(_LETTERS, size) for size in range(6)], dtype=np.uint32)


def _joined(letters: npt.NDArray[np.uint32]) -> Hashes:
    """`sounded` of the letters of each row's syllables put together."""
    value = np.zeros(len(letters), dtype=np.uint64)
    for place in range(letters.shape[1]):
        syllable = letters[:, place]
        size = sum((syllable >= bound).view(np.uint8) for bound in _BOUNDS)
        value = value * _POWERS[size] + syllable
    return value


def _odd(found: Names, where: npt.NDArray[np.intp], texts: Sequence[str]) -> None:
    """Fill in the names at `where`."""
    parsed = list(map(names.parse, texts))
    numbers = list(map(_numbers, parsed))
    for column, name in enumerate((*FIELDS, *SOUNDS)):
        into = found.columns[name] if name in found.columns else getattr(found, name)
        into[where] = np.array([row[column] for row in numbers], dtype=np.uint64)
    found.odd.update((place, one) for place, one in zip(where.tolist(), parsed, strict=True) if one)


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
