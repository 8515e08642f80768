"""Administrative divisions as twelve-digit numbers (GB/T 2260 and below), brought to their present code.

A renamed or merged division is followed through its history by whoever knows it: mappings.divisions, unless told else.
"""

from collections.abc import Callable
from functools import lru_cache

COUNTY = 10**6
LENGTHS = frozenset((2, 4, 6, 9, 12))

History = Callable[[str], str]
"""Today's code for a code of twelve digits; an unknown code comes back unchanged."""


@lru_cache(maxsize=4096)
def parse(text: str, history: History) -> int:
    """The present code as a number; 0 for what is no division code."""
    code = text.strip()
    if not (code.isascii() and code.isdigit()) or len(code) not in LENGTHS or int(code) == 0:
        return 0
    return int(history(code.ljust(12, "0")))


def county(code: int) -> int:
    """The six-digit county of a code, 0 where it names none."""
    short = code // COUNTY
    return short if short % 100 else 0
