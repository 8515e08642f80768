"""The code systems whose codes the hub knows all: what a code means, and whether it is one. Pure; FHIR R4, CodeSystem.

These are the systems that a code table translates from, and the divisions of China (GB/T 2260) with their history. Of a
system that tables only lead to, the hub knows some codes, and says nothing of the others.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

from mappings import divisions
from mappings.engine import codes
from mappings.vocabulary import DIVISION_SYSTEM

_DIVISIONS: Final = "GB/T 2260"
_PLACES: Final = (6, 12)
"""Digits of a division's code: of a county, and with those of town and village, which the hub does not know."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code means: `properties` are (code, value), the value a bool or another code of the system."""

    name: str
    display: str
    properties: tuple[tuple[str, bool | str], ...] = ()


def known(system: str) -> bool:
    """Does the hub know all codes of this system?"""
    return system == DIVISION_SYSTEM or system in _tables()


def meaning(system: str, code: str, year: int | None = None) -> Meaning | None:
    """What the code means (in `year`, where the system has a history); None for what is no code of it. Raises KeyError."""
    if system == DIVISION_SYSTEM:
        return _division(code, year)
    name = _tables()[system]
    entry = codes.table(name).entries.get(code)
    return None if entry is None else Meaning(name, entry.source.display or code)


@cache
def _tables() -> dict[str, str]:
    """The table of each system that one translates from."""
    return {codes.table(name).source: name for name in codes.names()}


def _division(code: str, year: int | None) -> Meaning | None:
    is_one = code.isascii() and code.isdigit() and len(code) in _PLACES and not code[6:].strip("0")
    found = divisions.lookup(code, year) if is_one else None
    if found is None:
        return None
    gone = not found.current
    successor = divisions.successor(code[:6], year)
    properties: tuple[tuple[str, bool | str], ...] = (("inactive", gone),)
    if successor is not None:
        properties += (("successor", successor),)
    return Meaning(_DIVISIONS, divisions.full_name(code, year) or found.name, properties)
