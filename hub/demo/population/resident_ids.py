"""Resident ID numbers (GB 11643): the check digit, the 15-digit old form, and issuing numbers that do not collide."""

from datetime import date
from operator import mul
from random import Random

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
_A_DAY = 499
"""Numbers that one county has for the people of one sex born on one day."""
_TRIES = 32


def check_digit(first17: str) -> str:
    return _CHECKS[sum(map(mul, _WEIGHTS, map(int, first17))) % 11]


def is_valid(number: str) -> bool:
    """Whether an 18-character number carries the check digit that its digits call for."""
    return len(number) == 18 and number[:17].isdigit() and check_digit(number[:17]) == number[17]


def old_form(number: str) -> str:
    """The 15-digit form of an 18-digit number: no century, no check digit."""
    return number[:6] + number[8:17]


class Registry:
    """Issues numbers as registration offices do; never the same number twice."""

    __slots__ = ("_issued",)

    def __init__(self) -> None:
        self._issued: set[int] = set()

    def issue(self, rng: Random, prefix: str, born: date, sex: str) -> str | None:
        """A fresh number for somebody born on `born`; odd for males, even for females. None when the day is full."""
        stem = f"{prefix}{born.year}{born.month:02d}{born.day:02d}"
        place = int(rng.random() * _A_DAY)
        for _ in range(_TRIES):
            if (number := self._take(stem, place, sex)) is not None:
                return number
            place = int(rng.random() * _A_DAY)
        return next(
            (n for at in range(_A_DAY) if (n := self._take(stem, (place + at) % _A_DAY, sex)) is not None), None
        )

    def _take(self, stem: str, place: int, sex: str) -> str | None:
        first17 = f"{stem}{place * 2 + (1 if sex == '1' else 2):03d}"
        if int(first17) in self._issued:
            return None
        self._issued.add(int(first17))
        return first17 + check_digit(first17)

    def issue_next(self, number: str) -> str:
        """The number after `number` for a twin of the same sex; falls back to a later free one."""
        sequence = int(number[14:17])
        for step in range(1, 500):
            first17 = f"{number[:14]}{(sequence + 2 * step - 1) % 998 + 1:03d}"
            if int(first17) not in self._issued:
                self._issued.add(int(first17))
                return first17 + check_digit(first17)
        raise RuntimeError(f"no free sequence left after {number}")


def wrongly_issued(number: str, rng: Random) -> str:
    """`number` with a check digit that an old issuing system got wrong; it is the official number all the same."""
    wrong = pick_other(_CHECKS[int(rng.random() * 11)], number[17])
    return number[:17] + wrong


def pick_other(candidate: str, taken: str) -> str:
    return candidate if candidate != taken else _CHECKS[(_CHECKS.index(candidate) + 1) % 11]
