"""What is encoded of a record: fields, the tokens each gives, and the bits each may set. Both regions use the same.

Values are brought to plain form as for open linkage. A field that is missing or a placeholder gives no token and so
sets no bit. A change here is a new VERSION: encodings of two versions are never compared.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from hub.linkage import dates, divisions, hanzi, names, phones, resident_id
from hub.linkage.resident_id import Form, ResidentId
from mappings.divisions import canonical

VERSION = 1
COLUMNS = (
    "name", "sex", "birth_date", "resident_id", "phone", "origin_division", "residence_division",
)  # fmt: skip
_SEXES = dict.fromkeys(("1", "男", "男性", "m", "male"), 1) | dict.fromkeys(("2", "女", "女性", "f", "female"), 2)
_TAIL = 14  # where the digits begin that tell people of one county and birthday apart
LEAST = 264
"""Bits of telling fields that a record needs: a name and a birth date or phone, or an ID with its birth date."""
Tokens = Mapping[str, tuple[str, ...]]
_LEVELS = (4, 6, 9, 12)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one person, in plain form; empty where nothing is."""

    name: names.Name | None
    former: names.Name | None
    birth: int
    sex: int
    number: ResidentId | None
    phone: str
    origin: int
    residence: int


@dataclass(frozen=True, slots=True)
class Field:
    """`bits` is the field's weight, shared out among its tokens; `telling` fields say who somebody is, not which sort."""

    name: str
    bits: int
    tokens: Callable[[Known], Iterator[str]]
    telling: bool


def known(row: Mapping[str, str]) -> Known:
    """A row of `COLUMNS` in plain form. Birth date and sex are taken from a sound resident ID where nothing else says."""
    written = names.parse(row["name"])
    number = resident_id.parse(row["resident_id"]) if row["resident_id"] else None
    birth, sex = dates.parse(row["birth_date"]), _SEXES.get(row["sex"].lower(), 0)
    if number is not None and number.form in (Form.OLD, Form.CHECKED):
        birth = birth or int(number.text[6:14])
        sex = sex or (1 if number.male else 2)
    return Known(
        written[0] if written else None,
        written[1] if len(written) > 1 else None,
        birth,
        sex,
        number,
        phones.parse(row["phone"]),
        _division(row["origin_division"]),
        _division(row["residence_division"]),
    )


@lru_cache(maxsize=16384)
def _division(code: str) -> int:
    return divisions.parse(code, canonical)


def _grams(parts: tuple[str, ...]) -> Iterator[str]:
    """Each part, and each two neighbours, the ends of the whole included."""
    yield from parts
    ends = ("", *parts, "")
    for before, after in pairwise(ends):
        yield f"{before} {after}"


def _characters(one: Known) -> Iterator[str]:
    if one.name is not None:
        yield from _grams(tuple(one.name.text))


def _sounds(one: Known) -> Iterator[str]:
    """Syllables without tone, as dialects blur them: an error by ear changes characters and hardly a sound."""
    if one.name is not None:
        yield from _grams(tuple(hanzi.near_sound(sound) for sound in one.name.sound))


def _birth(one: Known) -> Iterator[str]:
    year, month, day = one.birth // 10000, one.birth // 100 % 100, one.birth % 100
    if year:
        yield f"y{year}"
    if month:
        yield f"m{month}"
        yield f"ym{year}-{month}"
    if day:
        yield f"d{day}"
        yield f"md{month}-{day}"


def _sex(one: Known) -> Iterator[str]:
    if one.sex:
        yield str(one.sex)


def _digits(one: Known) -> Iterator[str]:
    """Positional pairs of the digits before the check digit; of a number cut by a spreadsheet, those that are left."""
    if one.number is not None:
        digits = one.number.text[: 15 if one.number.form is Form.CUT else 17]
        for at in range(len(digits) - 1):
            yield f"{at} {digits[at : at + 2]}"


def _order(one: Known) -> Iterator[str]:
    """The order number with what is before it: the part of an ID that brothers and twins do not share."""
    if one.number is not None and one.number.form is not Form.CUT:
        tail = one.number.text[_TAIL:17]
        yield tail
        yield f"{one.number.text[:6]} {tail}"
        yield f"{one.number.text[6:14]} {tail}"


def _phone(one: Known) -> Iterator[str]:
    digits = one.phone[-8:]
    for at in range(len(digits) - 2):
        yield f"{at} {digits[at : at + 3]}"


def _places(code: int) -> Iterator[str]:
    text = f"{code:012d}" if code else ""
    for level in _LEVELS:
        if text[:level].rstrip("0") and (level == _LEVELS[0] or text[:level][-2:].strip("0")):
            yield text[:level]


FIELDS = (
    Field("name", 120, _characters, True),
    Field("sound", 120, _sounds, True),
    Field("birth", 120, _birth, True),
    Field("sex", 12, _sex, False),
    Field("digits", 96, _digits, True),
    Field("order", 48, _order, True),
    Field("phone", 48, _phone, True),
    Field("origin", 24, lambda one: _places(one.origin), False),
    Field("residence", 16, lambda one: _places(one.residence), False),
)


def tokens(row: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The different tokens of each field of a row of COLUMNS."""
    one = known(row)
    return {field.name: tuple(dict.fromkeys(field.tokens(one))) for field in FIELDS}


def enough(found: Tokens) -> bool:
    """Whether a record can be told from strangers at all."""
    return sum(field.bits for field in FIELDS if field.telling and found[field.name]) >= LEAST
