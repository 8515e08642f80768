"""Resident identity numbers (GB 11643): structure, check digit, the 15-digit old form, and distance.

A wrong check digit is a fact about a number, not a reason to drop it: old issuing systems skipped it. Placeholders and
numbers without a possible birth date identify nobody and are refused here.
"""

import re
from datetime import date
from enum import IntEnum
from functools import lru_cache
from operator import mul
from typing import NamedTuple

from rapidfuzz.distance import OSA

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ZEROS = ord("0") * sum(_WEIGHTS)
_CHECK = "10X98765432"
_USUAL = re.compile(  # nothing to take off, and a day that every month has: nearly every number
    r"[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|1[0-9]|2[0-8])[0-9]{3}[0-9X]"
)
_FULL = re.compile(r"[1-9]\d{16}[\dX]")
_OLD = re.compile(r"[1-9]\d{14}")
PROVINCES = frozenset(
    (*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82, 83)
)
TAILS = frozenset({"0000", "1111", "9999", "8888", "000X", "1234"})
_DIGITS = str.maketrans("０１２３４５６７８９Ｘｘx", "0123456789XXX")
_NOISE = re.compile(r"[\s\u00a0\u3000'’\-—–·.]")


class Form(IntEnum):
    """What is known of a number. Only CHECKED can contradict another number."""

    NONE = 0
    OLD = 1  # 15 digits: no check digit was ever there
    CHECKED = 2  # 18 characters, the check digit is right
    UNCHECKED = 3  # 18 characters, the check digit is wrong
    CUT = 4  # a spreadsheet kept 15 significant digits and wrote zeros for the rest


class ResidentId(NamedTuple):
    """A number in its 18-character form. `text` of a CUT number ends in 000 and only its first 15 digits mean anything."""

    text: str
    form: Form

    @property
    def body(self) -> int:
        """The seventeen digits before the check digit, as a number."""
        return int(self.text[:17])

    @property
    def prefix(self) -> str:
        """County where the number was first given out; it does not follow moves or renamings."""
        return self.text[:6]

    @property
    def birth_date(self) -> date:
        return date(int(self.text[6:10]), int(self.text[10:12]), int(self.text[12:14]))

    @property
    def male(self) -> bool | None:
        return None if self.form is Form.CUT else int(self.text[16]) % 2 == 1


def check_digit(body: str) -> str:
    """The check character (mod 11-2) of seventeen digits."""
    if body.isascii():
        return _CHECK[(sum(map(mul, body.encode(), _WEIGHTS)) - _ZEROS) % 11]
    return _CHECK[sum(map(mul, map(int, body), _WEIGHTS)) % 11]


def canonical(text: str) -> str:
    """Upper case, half width, without spaces and hyphens."""
    if text.isascii() and text.isdecimal():
        return text
    return _NOISE.sub("", text.translate(_DIGITS))


@lru_cache(maxsize=2048)
def parse(text: str) -> ResidentId | None:
    """The number behind `text`, or None where it can identify nobody: placeholder, wrong length, impossible date."""
    if _USUAL.fullmatch(text):
        return _found(text)
    number = canonical(text)
    old = _OLD.fullmatch(number) is not None
    if old:
        body = number[:6] + "19" + number[6:]
        number = body + check_digit(body)
    elif not _FULL.fullmatch(number):
        return None
    return _found(number, old=old) if _real_date(number[6:14]) else None


def _found(number: str, *, old: bool = False) -> ResidentId | None:
    """The 18 characters `number`, with what is known of them; None for a placeholder."""
    if int(number[:2]) not in PROVINCES or _placeholder(number):
        return None
    if old:
        return ResidentId(number, Form.OLD)
    if number.endswith("000"):
        return ResidentId(number, Form.CUT)
    return ResidentId(number, Form.CHECKED if check_digit(number[:17]) == number[17] else Form.UNCHECKED)


def _real_date(digits: str) -> bool:
    try:
        born = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return 1850 <= born.year <= 2100


def _placeholder(number: str) -> bool:
    """Filled in to please a form: an impossible county, hardly any different digits, or a tail of one digit."""
    return number[2:6] == "0000" or len(set(number[:6])) == 1 or len(set(number[:17])) <= 2 or number[14:] in TAILS


def distance(a: ResidentId, b: ResidentId) -> int:
    """Typing errors between two numbers (optimal string alignment), blind to a check digit that was computed by us."""
    if a.form is Form.OLD or b.form is Form.OLD:
        return OSA.distance(a.text[:17], b.text[:17])
    return OSA.distance(a.text, b.text)
