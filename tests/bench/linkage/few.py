"""What it takes to score few pairs, by columns and pair by pair: `python -m tests.bench.linkage.few`.

Processor time a call, for calls of so many pairs: a record against the records that share a key with it, as a look-up has.
"""

import time
from collections.abc import Callable
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from hub.linkage import model, score
from hub.linkage.columns import Extracted, Pairs
from hub.linkage.features import Features
from tests.bench.linkage import population

SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
ROUNDS = 3
Call = list[tuple[Features, Features]]


def calls(people: int) -> Callable[[int, int], list[Call]]:
    """So many calls of so many pairs: candidates in the order of the left record, so that it is in one call."""
    found = population.sample(501, people).features
    left, right = population.candidates(found)
    order = np.argsort(left, kind="stable")
    pairs = [(found[a], found[b]) for a, b in zip(left[order].tolist(), right[order].tolist(), strict=True)]

    def some(count: int, size: int) -> list[Call]:
        return [pairs[at : at + size] for at in range(0, min(count * size, len(pairs) - size), size)]

    return some


def by_columns(judge: model.Model, pairs: Call) -> score.Scores:
    """As `score.score_under` does it for many pairs; the left record is laid out once."""
    places: dict[int, int] = {}
    ends = [[places.setdefault(id(one), len(places)) for one in side] for side in zip(*pairs, strict=True)]
    table = list({id(one): one for side in zip(*pairs, strict=True) for one in side}.values())
    return score.score_places(judge, Pairs.of(Extracted.of(table), *np.array(ends, dtype=np.intp)))


def singly(judge: model.Model, pairs: Call) -> score.Scores:
    return score.score_singly([judge], pairs)[0]


def microseconds(work: Callable[[model.Model, Call], score.Scores], judge: model.Model, some: list[Call]) -> float:
    """Processor time a call, the best of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        for pairs in some:
            work(judge, pairs)
        best = min(best, time.process_time() - started)
    return best / len(some) * 1e6


def main(people: Annotated[int, typer.Option(help="People of the population.")] = 10_000) -> None:
    some, judge = calls(people), model.load()
    table = Table("pairs", "by columns µs", "pair by pair µs", "a pair µs", title="Scoring few pairs, one call")
    for size in SIZES:
        asked = some(max(20, 2000 // size), size)
        columns, one = (microseconds(work, judge, asked) for work in (by_columns, singly))
        table.add_row(str(size), f"{columns:.0f}", f"{one:.0f}", f"{one / size:.1f}")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
