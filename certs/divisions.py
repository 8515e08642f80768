"""Which division lies in which: 12 digits, two for the province, two for the prefecture, two for the county, then 3 + 3.

A division covers every division that starts with its significant digits. Renamed divisions are not known here; a member
lists each code it answers for.
"""

import re
from typing import Final

_CODE: Final = re.compile(r"[1-9]\d{11}", re.ASCII)
_LEVELS: Final = (2, 4, 6, 9, 12)


def is_division(value: object) -> bool:
    """Twelve digits."""
    return isinstance(value, str) and _CODE.fullmatch(value) is not None


def stem(code: str) -> str:
    """The significant digits: 330784000000 → 330784."""
    return next(code[:level] for level in _LEVELS if not code[level:].strip("0"))


def covers(upper: str, lower: str) -> bool:
    """Whether `lower` is `upper` or lies in it."""
    return lower.startswith(stem(upper))
