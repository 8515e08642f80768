"""Measures the model that ships on seeds that were never used for tuning: `python -m tests.bench.linkage.measure`.

One table: quality of pairs, of the automatic zone, of clusters and of blocking, with Wilson intervals, and speed.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, TypeVar

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from hub.linkage import blocking, clusters, features, model, quality, score
from hub.linkage.features import Features
from hub.linkage.quality import Proportion, Quality
from hub.linkage.resident_id import Form
from tests.bench.linkage import population
from tests.bench.linkage.population import Sample

HELD_OUT_SEEDS = (401, 402, 403)
Row = TypeVar("Row")
FACTORS = (1.0, 2.0, 4.0)


@dataclass(frozen=True, slots=True)
class Measured:
    records: int
    candidates: int
    pairs: Quality
    auto: Quality
    clusters: Quality
    blocking: Proportion
    reviews: int


def measure(sample: Sample) -> Measured:
    """How well the shipped model finds who is who. A pair counts as found from the model's `likely` upwards."""
    shipped = model.load()
    left, right = population.candidates(sample.features)
    found = score.score_indexed(shipped, sample.features, left, right)
    people, size = np.array(sample.people), len(sample.people)
    true = population.true_pairs(sample.people)
    codes = left * size + right
    good = people[left] == people[right]
    chosen = found.weight >= shipped.likely
    auto = found.decision == score.DECISIONS.index("auto")
    linked = chosen & (found.vetoes == 0)
    edges = [
        clusters.Edge(int(a), int(b), float(w))
        for a, b, w in zip(left[linked], right[linked], found.weight[linked], strict=True)
    ]
    grouped = clusters.project(range(size), edges, distinct=[checked_ids(sample)])
    return Measured(
        records=size,
        candidates=len(left),
        pairs=_quality(chosen, good, len(true)),
        auto=_quality(auto, good, len(true)),
        clusters=quality.of_clusters(grouped, dict(enumerate(sample.people))),
        blocking=Proportion(int(np.isin(true, codes).sum()), len(true)),
        reviews=int((found.decision == score.DECISIONS.index("review")).sum()),
    )


def checked_ids(sample: Sample) -> dict[int, str]:
    """The checked resident IDs, of which a person has one."""
    return {
        place: one.text("resident_id")
        for place, one in enumerate(sample.features)
        if one.number("id_form") == Form.CHECKED
    }


def _quality(
    chosen: np.ndarray[tuple[int], np.dtype[np.bool_]], good: np.ndarray[tuple[int], np.dtype[np.bool_]], true: int
) -> Quality:
    hits = int((chosen & good).sum())
    return Quality(Proportion(hits, int(chosen.sum())), Proportion(hits, true))


def speed(people: int = 30_000) -> tuple[float, float, float]:
    """Records a second of extraction and of keys, pairs a second of `score_pairs`: processor time of one core."""
    found: list[Features] = []
    features.extract(next(population.patients(302, 100))[0])
    extraction = 0.0
    for batch in batched(population.patients(301, people), 1000):
        started = time.process_time()
        found += [features.extract(one) for one, *_ in batch]
        extraction += time.process_time() - started
    started = time.process_time()
    keys = [blocking.keys(one, population.SECRET) for one in found]
    keying = time.process_time() - started
    near = np.column_stack(blocking.pairs(keys))
    chance = np.random.default_rng(1).integers(0, len(found), size=(100_000 - len(near), 2))
    pairs = [(found[a], found[b]) for a, b in np.vstack([near, chance])]
    shipped = model.load()
    started = time.process_time()
    score.score_pairs(shipped, pairs)
    scoring = time.process_time() - started
    return len(found) / extraction, len(found) / keying, len(pairs) / scoring


def batched(rows: Iterator[Row], size: int) -> Iterator[list[Row]]:
    """Lists of `size` rows, the last one shorter."""
    while batch := list(islice(rows, size)):
        yield batch


def main(people: Annotated[int, typer.Option(help="People in each sample.")] = 20_000) -> None:
    """Print the table."""
    table = Table(
        "seed",
        "faults",
        "records",
        "candidates",
        "pair F1",
        "auto precision",
        "auto recall",
        "cluster F1",
        "blocking",
        "to review",
    )
    for factor in FACTORS:
        for seed in HELD_OUT_SEEDS:
            found = measure(population.sample(seed, people, population.worse(factor)))
            table.add_row(
                str(seed), f"x{factor:g}", f"{found.records:,}", f"{found.candidates:,}", f"{found.pairs.f1:.5f}",
                str(found.auto.precision), f"{found.auto.recall.value:.5f}", f"{found.clusters.f1:.5f}",
                f"{found.blocking.value:.5f}", f"{found.reviews:,}",
            )  # fmt: skip
    console = Console(width=180)
    console.print(table)
    extraction, keying, scoring = speed()
    console.print(
        f"features {extraction:,.0f} records/s · keys {keying:,.0f} records/s · scores {scoring:,.0f} pairs/s, one core"
    )


if __name__ == "__main__":
    typer.run(main)
