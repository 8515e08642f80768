"""What a certificate of one kind may say: its claims, which must be there, which are always visible, and their limits.

Strict: an unknown claim is refused, so that nothing slips into a certificate that its kind does not name. Problems are
reported by the claim's name, never by its value.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

from certs.errors import InvalidClaims

Rule = Callable[[object], bool]

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Claim:
    """One item: what is allowed, whether it must be there, whether every verifier sees it."""

    rule: Rule
    required: bool = False
    always: bool = False


@dataclass(frozen=True)
class Kind:
    """A certificate kind; `vct` is its name and version on the wire (SD-JWT VC)."""

    name: str
    vct: str
    claims: Mapping[str, Claim]

    def __post_init__(self) -> None:
        object.__setattr__(self, "claims", MappingProxyType(dict(self.claims)))

    @cached_property
    def always(self) -> frozenset[str]:
        """The claims every verifier sees."""
        return frozenset(name for name, claim in self.claims.items() if claim.always)

    def check(self, claims: Mapping[str, Any]) -> None:
        """InvalidClaims unless this is a whole certificate of the kind."""
        missing = sorted(name for name, claim in self.claims.items() if claim.required and name not in claims)
        if missing:
            raise InvalidClaims(f"{self.name} lacks {', '.join(missing)}")
        self.check_shown(claims)

    def check_shown(self, claims: Mapping[str, Any]) -> None:
        """InvalidClaims unless each of these, perhaps a selection, may stand in a certificate of the kind."""
        unknown = sorted(set(claims) - set(self.claims))
        if unknown:
            raise InvalidClaims(f"{self.name} has no {', '.join(unknown)}")
        wrong = sorted(name for name, value in claims.items() if not self.claims[name].rule(value))
        if wrong:
            raise InvalidClaims(f"{self.name}: wrongly written: {', '.join(wrong)}")


def without_blanks(claims: Mapping[str, Any]) -> dict[str, Any]:
    """The claims that say something: None and empty texts are absent items, not items with an empty value."""
    return {name: value for name, value in claims.items() if value is not None and value != ""}


def text(most: int) -> Rule:
    """1 to `most` characters on one line, no blanks at the ends."""

    def rule(value: object) -> bool:
        if not isinstance(value, str) or not 1 <= len(value) <= most:
            return False
        return value == value.strip() and not _CONTROL.search(value)

    return rule


def matching(pattern: str) -> Rule:
    """A text that the whole pattern matches."""
    compiled = re.compile(pattern, re.ASCII)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def one_of(*allowed: str) -> Rule:
    """One of these texts."""
    choices = frozenset(allowed)
    return lambda value: isinstance(value, str) and value in choices


def whole(least: int, most: int) -> Rule:
    """A whole number in the range."""
    return lambda value: type(value) is int and least <= value <= most


def number(least: float, most: float) -> Rule:
    """A number in the range."""
    return lambda value: type(value) in (int, float) and least <= value <= most  # type: ignore[operator]


def day(value: object) -> bool:
    """A real date, YYYY-MM-DD, not before 1900."""
    if not isinstance(value, str) or re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII) is None:
        return False
    try:
        return date.fromisoformat(value).year >= 1900
    except ValueError:
        return False


def moment(value: object) -> bool:
    """A real time with its zone, ISO 8601 (2024-03-05T08:30:00+08:00)."""
    if not isinstance(value, str) or len(value) > 35:
        return False
    try:
        return datetime.fromisoformat(value).tzinfo is not None and "T" in value
    except ValueError:
        return False


DIVISION: Final = matching(r"[1-9]\d{11}")
"""GB/T 2260 and 10114, 12 digits."""

NAME: Final = text(100)
SEX: Final = one_of("male", "female", "other", "unknown")
NATIONALITY: Final = text(60)
ID_TYPE: Final = matching(r"\d{2}")
"""CV02.01.101."""
ID_NUMBER: Final = matching(r"[A-Z0-9()/\u4e00-\u9fff-]{4,30}")
"""Capitals, digits and Chinese: 军字第1234567号."""
