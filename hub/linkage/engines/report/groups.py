"""Persons of several records: how many of which size, the largest ones, and what was kept apart by a veto."""

from dataclasses import dataclass

import numpy as np

from hub.linkage import constraints
from hub.linkage.engines.dedupe import Result
from hub.linkage.engines.report import masks

_LARGEST = 10
_ROWS = 12
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Size:
    """So many persons have so many records each; `more` where larger ones are counted in."""

    records: int
    persons: int
    more: bool


@dataclass(frozen=True, slots=True)
class Group:
    """One person of several records. `links` pairs hold it together, the weakest of them with weight `weakest`."""

    size: int
    name: str
    rows: tuple[int, ...]
    links: int
    weakest: float


@dataclass(frozen=True, slots=True)
class Vetoed:
    """Pairs that one veto holds, and the rows of the heaviest of them."""

    name: str
    pairs: int
    rows: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Within:
    """Pairs of records that became one person: joined by their own weight, or through others."""

    joined: int
    through: int
    refused: int
    """Pairs that the cut would join and that stay apart, because otherwise two checked IDs would come together."""


def sizes(result: Result, most: int = 10) -> tuple[Size, ...]:
    """Persons by number of records; those above `most` together."""
    counts = np.bincount(np.bincount(result.persons), minlength=most + 2)
    found = [Size(size, int(counts[size]), False) for size in range(1, most + 1) if counts[size]]
    if counts[most + 1 :].any():
        found.append(Size(most + 1, int(counts[most + 1 :].sum()), True))
    return tuple(found)


def largest(result: Result, *, show_values: bool) -> tuple[Group, ...]:
    """The persons of most records, of three at least; of equally large ones those held by the weakest links."""
    persons, first_row = result.persons, result.register.cells.first_row
    person = persons[result.scored.left]
    inside = result.joined & (person == persons[result.scored.right])
    links = np.bincount(person[inside], minlength=len(persons))
    weakest = np.full(len(persons), np.inf)
    np.minimum.at(weakest, person[inside], result.scored.weight[inside])
    counts = np.bincount(persons, minlength=len(persons))
    several = np.flatnonzero(counts > 2)
    chosen = several[np.lexsort((several, weakest[several], -counts[several]))[:_LARGEST]]
    found = []
    for one, name in zip(chosen.tolist(), result.register.cells.texts("name", chosen), strict=True):
        rows = tuple((np.flatnonzero(persons == one)[:_ROWS] + first_row).tolist())
        shown = name if show_values else masks.name(name)
        found.append(Group(int(counts[one]), shown, rows, int(links[one]), float(weakest[one])))
    return tuple(found)


def vetoed(result: Result) -> tuple[Vetoed, ...]:
    """One for every veto that holds a pair."""
    scored, first = result.scored, result.register.cells.first_row
    found = []
    for bit, name in enumerate(constraints.NAMES):
        places = np.flatnonzero(scored.vetoes >> bit & 1)
        if len(places):
            heaviest = places[np.argsort(-scored.weight[places], kind="stable")[:_EXAMPLES]]
            rows = zip((scored.left[heaviest] + first).tolist(), (scored.right[heaviest] + first).tolist(), strict=True)
            found.append(Vetoed(name, len(places), tuple(rows)))
    return tuple(found)


def within(result: Result) -> Within:
    """How the pairs within the persons came about."""
    counts = np.bincount(result.persons)
    inside = int((counts * (counts - 1) // 2).sum())
    same = result.persons[result.scored.left] == result.persons[result.scored.right]
    joined = int((result.joined & same).sum())
    return Within(joined, inside - joined, int((result.joined & ~same).sum()))
