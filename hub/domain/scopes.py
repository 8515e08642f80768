"""What an access token opens: scopes of SMART App Launch 2.2 (and 1.0's words), and the hub's own. Pure.

A scope is a record kind and letters, `system/Patient.rs`, and stands for one right a letter, `system/Patient.r` and
`system/Patient.s`: (c)reate, (r)ead with versions and history, (u)pdate, (d)elete, (s)earch. Parts of the interface beside FHIR
have letters too, and a purpose is a right of its own: without it nothing is looked up beyond the member's own records.
"""

import re
from collections.abc import Iterable, Set
from typing import Final

from hub.domain.policy import PURPOSES

EVERYTHING: Final = "lianqiao/exchange"
"""Whatever the member may: what a token opens where nothing narrower was asked for."""
LETTERS: Final = "cruds"
PARTS: Final = {"submissions": "cr", "mailbox": "ru", "certificates": "cu"}
"""Parts of the interface beside FHIR, and the letters that mean something there."""
LONGEST: Final = 1500
"""Characters of what a token says that it opens; whoever asks for more kinds asks for `system/*`."""

_PURPOSE: Final = "lianqiao/purpose."
_OF_RECORDS: Final = re.compile(r"system/([A-Z][A-Za-z]{0,60}|\*)\.(c?r?u?d?s?|read|write|\*)", re.ASCII)
_OF_PARTS: Final = re.compile(r"lianqiao/([a-z]+)\.([a-z]+)", re.ASCII)
_WORDS: Final = {"read": "rs", "write": "cud", "*": LETTERS}
Rights = frozenset[str]


def rights(scope: str) -> Rights:
    """The rights that one scope stands for; none where it is not known here, or says more than can be held to."""
    if scope == EVERYTHING or (scope.startswith(_PURPOSE) and scope.removeprefix(_PURPOSE) in PURPOSES):
        return frozenset({scope})
    found = _OF_RECORDS.fullmatch(scope)
    if found:
        kind, said = found.groups()
        return frozenset(f"system/{kind}.{letter}" for letter in _WORDS.get(said, said))
    found = _OF_PARTS.fullmatch(scope)
    if found and found[1] in PARTS and _is_ordered(found[2], PARTS[found[1]]):
        return frozenset(f"lianqiao/{found[1]}.{letter}" for letter in found[2])
    return frozenset()


def _is_ordered(said: str, letters: str) -> bool:
    return said == "".join(letter for letter in letters if letter in said)


def read(text: str) -> Rights:
    """The rights of scopes with spaces between, as far as they are known."""
    return frozenset(right for scope in text.split() for right in rights(scope))


def write(opened: Set[str]) -> str:
    """The scopes that stand for these rights, in order."""
    letters: dict[str, set[str]] = {}
    whole = []
    for right in opened:
        name, _, letter = right.rpartition(".")
        if right == EVERYTHING or right.startswith(_PURPOSE):
            whole.append(right)
        else:
            letters.setdefault(name, set()).add(letter)
    return " ".join(
        sorted([*whole, *(f"{name}.{''.join(sorted(of, key=LETTERS.index))}" for name, of in letters.items())])
    )


def opens(opened: Set[str], right: str) -> bool:
    """Is the right among these, or what every kind has?"""
    if EVERYTHING in opened or right in opened:
        return True
    return right.startswith("system/") and f"system/*.{right.rpartition('.')[2]}" in opened


def shared(asked: Set[str], allowed: Set[str]) -> Rights:
    """What both open."""
    return frozenset(
        {right for right in asked if opens(allowed, right)} | {right for right in allowed if opens(asked, right)}
    )


def purpose(name: str) -> str:
    """The right to look up for a purpose."""
    return _PURPOSE + name


def supported(kinds: Iterable[str]) -> list[str]:
    """Every scope that may be asked for, where records of these kinds are kept."""
    return [
        EVERYTHING,
        f"system/*.{LETTERS}",
        *(f"system/{kind}.{LETTERS}" for kind in sorted(kinds)),
        *(f"lianqiao/{name}.{letters}" for name, letters in PARTS.items()),
        *(purpose(name) for name in sorted(PURPOSES)),
    ]
