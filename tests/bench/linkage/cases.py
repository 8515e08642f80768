"""Registers with their truth for measuring: seeds and fault rates that no model was tuned on, and FEBRL 3 and 4."""

import csv
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from hub.demo.population import DEDUPE_COLUMNS, Shape, dedupe_row, entries
from tests.bench.linkage import febrl, independent, population

FACTORS = (1.0, 2.0, 4.0)
SEED, INDEPENDENT_SEED = 611, 83
SIBLING = 1000
"""Added to a seed for the register that labels are taken from: other people, other faults."""
Write = Callable[[Path, Path], None]


@dataclass(frozen=True)
class Case:
    """`write` makes the register and its truth, `sibling` another one of the same make; `peer` is its columns' kind."""

    name: str
    write: Write
    peer: str = "chinese"
    sibling: Write | None = None
    options: tuple[str, ...] = ()


def all_cases(people: int) -> list[Case]:
    """Every register of the table; `people` in each that is invented here."""
    makers = (("population", SEED, _population), ("independent", INDEPENDENT_SEED, _independent))
    found = [
        Case(
            f"{title}, seed {seed}, faults x{factor:g}",
            make(seed, people, factor),
            sibling=make(seed + SIBLING, people, factor),
        )
        for title, seed, make in makers
        for factor in FACTORS
    ]
    found.append(Case("FEBRL 3", lambda register, truth: febrl.write(3, register, truth), "febrl3"))
    found.append(
        Case(
            "FEBRL 4",
            lambda register, truth: febrl.write(4, register, truth),
            "febrl4",
            options=("--unique-sources",),
        )
    )
    return found


def _population(seed: int, people: int, factor: float) -> Write:
    def write(register: Path, truth: Path) -> None:
        rows, persons = [], []
        for entry in entries(seed, replace(Shape(), people=people), population.worse(factor), population.AS_OF):
            for record in entry.records:
                if not record.defect:
                    rows.append(dedupe_row(record))
                    persons.append((rows[-1][0], record.person))
        _csv(register, DEDUPE_COLUMNS, rows)
        _csv(truth, ("record_id", "person"), persons)

    return write


def _independent(seed: int, people: int, factor: float) -> Write:
    return lambda register, truth: independent.write(seed, people, independent.Rates().times(factor), register, truth)


def _csv(path: Path, header: tuple[str, ...], rows: list[tuple[str, ...]] | list[tuple[str, int]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([header, *rows])
