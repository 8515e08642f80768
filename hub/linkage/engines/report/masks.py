"""Values that point to a person, shown as far as a comparison needs them and no further."""

import re

DOT = "•"
_YEAR = re.compile(r"(\d{4})(.+)", re.DOTALL)


def name(text: str) -> str:
    """The first character."""
    return text[:1] + DOT * (len(text) - 1)


def number(text: str) -> str:
    """The first six characters of a long number, which name a division; nothing of a short one."""
    kept = 6 if len(text) >= 15 else 0
    return text[:kept] + DOT * (len(text) - kept)


def phone(text: str) -> str:
    """The first three digits and the last two."""
    if len(text) < 7:
        return DOT * len(text)
    return text[:3] + DOT * (len(text) - 5) + text[-2:]


def date(text: str) -> str:
    """The year, where the text begins with one."""
    found = _YEAR.fullmatch(text)
    return found[1] + re.sub(r"\d", DOT, found[2]) if found else DOT * len(text)


def address(text: str) -> str:
    """The first six characters, a province or a city; of a short one, which may be a house, half."""
    kept = min(6, len(text) // 2)
    return text[:kept] + ("…" if text else "")
