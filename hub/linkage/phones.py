"""Telephone numbers as digits: country code, area separators and extensions removed; placeholders identify nobody."""

import re
from functools import lru_cache

_MOBILE = re.compile(r"1[3-9]\d{9}")
_FIXED = re.compile(r"0\d{9,11}|[2-9]\d{6,7}")
_DIGITS = str.maketrans("０１２３４５６７８９", "0123456789")
_EXTENSION = re.compile(r"(?:转|ext\.?|#|,).*$", re.IGNORECASE)


@lru_cache(maxsize=2048)
def parse(text: str) -> str:
    """The significant digits of one number, '' where it is none or a filler such as 13800000000."""
    if _MOBILE.fullmatch(text):
        return "" if _filler(text) else text
    digits = re.sub(r"\D", "", _EXTENSION.sub("", text.translate(_DIGITS)))
    digits = re.sub(r"^(?:0086|86)(?=1[3-9]\d{9}$|0\d)", "", digits)
    if digits.startswith("01") and _MOBILE.fullmatch(digits[1:]):
        digits = digits[1:]
    if not (_MOBILE.fullmatch(digits) or _FIXED.fullmatch(digits)):
        return ""
    return "" if _filler(digits) else digits


def _filler(digits: str) -> bool:
    tail = digits[-8:] if len(digits) == 11 else digits[-6:]
    return len(set(tail)) == 1 or tail in ("12345678", "87654321", "123456")


def packed(digits: str) -> int:
    """Up to sixteen digits, one in each half byte, so that differing digits are differing half bytes; 0 for ''."""
    return int("f" + digits[-15:], 16) if digits else 0
