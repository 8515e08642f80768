"""What linkage without sight loses against open linkage: `python -m tests.bench.linkage.private`.

Two counties are the two parties. The same records, the same assignment one to one, seeds that were not used for tuning;
thresholds are the shipped ones.
"""

import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from hub.demo.population import DEDUPE_COLUMNS, Faults, Shape, dedupe_row, entries, patient
from hub.demo.population.records import Record
from hub.linkage import features, model, score
from hub.linkage.engines import encodings
from hub.linkage.private import compare, encode, keys
from hub.linkage.private.compare import THRESHOLD
from hub.linkage.private.encode import Encodings
from hub.linkage.quality import Proportion, Quality
from tests.bench.linkage import population
from tests.bench.linkage.measure import FACTORS, HELD_OUT_SEEDS

KEYS = keys.derive(bytes(range(32)), "benchmark")
PIECE = 2048


@dataclass(frozen=True, slots=True)
class Outcome:
    """Pairs found, how many of them are right, how many there are to find, the time it took; bytes of each record."""

    found: int
    right: int
    true: int
    seconds: float
    size: float = 0.0

    @property
    def quality(self) -> Quality:
        return Quality(Proportion(self.right, self.found), Proportion(self.right, self.true))

    def __add__(self, other: "Outcome") -> "Outcome":
        return Outcome(
            self.found + other.found,
            self.right + other.right,
            self.true + other.true,
            self.seconds + other.seconds,
            max(self.size, other.size),
        )


def parties(seed: int, people: int, faults: Faults) -> tuple[list[Record], list[Record]]:
    """The records of two counties."""
    found: dict[str, list[Record]] = {}
    for entry in entries(seed, replace(Shape(), people=people), faults, population.AS_OF):
        for record in entry.records:
            if not record.defect:
                found.setdefault(record.county, []).append(record)
    first, second = (found[county] for county in sorted(found))
    return first, second


def to_find(left: list[Record], right: list[Record]) -> int:
    """Pairs of one person that an assignment one to one can find."""
    return (Counter(r.person for r in left) & Counter(r.person for r in right)).total()


def rows(records: list[Record]) -> list[dict[str, str]]:
    return [dict(zip(DEDUPE_COLUMNS, dedupe_row(record), strict=True)) for record in records]


def encoded(records: list[Record]) -> tuple[Encodings, list[int]]:
    """Encodings, and the person behind each, which only the benchmark knows."""
    parts = [encode.encode(rows(records[at : at + PIECE]), KEYS) for at in range(0, len(records), PIECE)]
    people = {
        encode.pseudonym(KEYS, row["source"], row["record_id"]): record.person
        for row, record in zip(rows(records), records, strict=True)
    }
    together = Encodings(
        np.concatenate([part.pseudonyms for part in parts]),
        np.concatenate([part.bits for part in parts]),
        np.concatenate([part.bands for part in parts]),
        sum(part.left_out for part in parts),
    )
    return together, [people[one.tobytes()] for one in together.pseudonyms]


def unseen(left: list[Record], right: list[Record], threshold: float = THRESHOLD) -> Outcome:
    """Linkage by encodings."""
    started = time.process_time()
    (a, people_a), (b, people_b) = encoded(left), encoded(right)
    found = compare.one_to_one(compare.alike((a.bits, a.bands), (b.bits, b.bands), threshold))
    seconds = time.process_time() - started
    hits = int((np.array(people_a)[found[0]] == np.array(people_b)[found[1]]).sum())
    return Outcome(len(found[0]), hits, to_find(left, right), seconds, _bytes(a))


def _bytes(found: Encodings) -> float:
    with TemporaryDirectory() as folder:
        file = Path(folder, "encodings")
        encodings.write(found, KEYS.check, file)
        return file.stat().st_size / len(found)


def seen(left: list[Record], right: list[Record]) -> Outcome:
    """Open linkage with the shipped model, which sees addresses and relatives too."""
    started = time.process_time()
    records = [*left, *right]
    known = [features.extract(patient(record)) for record in records]
    a, b = population.candidates(known)
    across = (a < len(left)) & (b >= len(left))
    a, b = a[across], b[across]
    shipped = model.load()
    scored = score.score_indexed(shipped, known, a, b)
    likely = (scored.weight >= shipped.likely) & (scored.vetoes == 0)
    found = compare.one_to_one((a[likely], b[likely], scored.weight[likely].astype(np.float64)))
    seconds = time.process_time() - started
    people = np.array([record.person for record in records])
    hits = int((people[found[0]] == people[found[1]]).sum())
    return Outcome(len(found[0]), hits, to_find(left, right), seconds)


def main(
    people: Annotated[int, typer.Option(help="People in each sample.")] = 8000,
    threshold: Annotated[float, typer.Option(help="How alike two encodings must be.")] = THRESHOLD,
) -> None:
    """Print the table: all seeds together, open and unseen side by side."""
    table = Table("faults", "linkage", "records", "pairs", "precision", "recall", "F1", "seconds", "bytes a record")
    nothing = Outcome(0, 0, 0, 0.0)
    for factor in FACTORS:
        total, records = {"open": nothing, "private": nothing}, 0
        for seed in HELD_OUT_SEEDS:
            left, right = parties(seed, people, population.worse(factor))
            records += len(left) + len(right)
            total["open"] += seen(left, right)
            total["private"] += unseen(left, right, threshold)
        for kind, one in total.items():
            table.add_row(
                f"x{factor:g}", kind, f"{records:,}", f"{one.true:,}", f"{one.quality.precision.value:.4f}",
                f"{one.quality.recall.value:.4f}", f"{one.quality.f1:.4f}", f"{one.seconds:.1f}",
                f"{one.size:.0f}" if one.size else "",
            )  # fmt: skip
    Console(width=140).print(table)


if __name__ == "__main__":
    typer.run(main)
