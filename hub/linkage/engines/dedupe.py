"""`hub dedupe`: from a file of records to a file of persons, and everything a report needs to say how that came about.

The same file gives the same bytes, however many threads work.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from hub.errors import Invalid
from hub.linkage import score
from hub.linkage.columns import Flags
from hub.linkage.engines import (
    candidates,
    files,
    folders,
    grouping,
    labels,
    model_files,
    register,
    results,
    scoring,
    sources,
)
from hub.linkage.engines.candidates import Candidates
from hub.linkage.engines.cells import COLUMNS
from hub.linkage.engines.grouping import Persons
from hub.linkage.engines.model_files import Content
from hub.linkage.engines.register import Register
from hub.linkage.engines.scoring import Scored
from hub.linkage.model import Model

Cut = Literal["likely", "auto"]
Stage = Literal["reading", "training", "finding candidates", "comparing", "grouping", "report", "writing"]
Progress = Callable[[Stage, int, int], None]
"""Called with the stage, how much of it is done and how much there is; 0 of 0 while that is not known."""
_AUTO = score.DECISIONS.index("auto")
_SEED = 1


def silent(stage: Stage, done: int, total: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Result:
    """What came out: `joined` marks the scored pairs that the cut takes for one person, `persons` gives each record
    the first record of its person.
    """

    register: Register
    model: Model
    cut: Cut
    candidates: Candidates
    scored: Scored
    joined: Flags
    persons: Persons


Report = Callable[[Result], str]


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted: `content` is the JSON of the model to begin with, `report` makes a page of the result."""

    content: Content
    cut: Cut = "likely"
    threads: int = 2
    train: bool = False
    save_model: Path | None = None
    report: Report | None = None
    labels: Path | None = None
    """Pairs that people have decided, for the model to learn from."""
    unique_sources: bool = False
    """Each source holds a person once at most."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Figures for whoever waits at a terminal. `unread` are columns of the file that say nothing here."""

    records: int
    persons: int
    auto: int
    review: int
    unread: tuple[str, ...]


def run(source: Path, out: Path, order: Order, progress: Progress = silent) -> Counts:
    """Read `source`, find who is who and write the folder `out`, complete or not at all. Raises Invalid."""
    folders.refuse_existing(out)
    if order.save_model:
        model_files.refuse_existing(order.save_model)
    content = order.content
    model_files.parsed(content)
    progress("reading", 0, 0)
    cells = files.read(source, order.threads, register.prepare)
    read = register.read(cells)
    progress("reading", cells.count, cells.count)
    if order.train:
        content = _trained(read, content, progress)
    if order.labels:
        content = labels.learn(read, content, labels.read(order.labels, cells))
    model = model_files.parsed(content).for_population(cells.count)
    result = link(read, model, order.cut, progress, unique_sources=order.unique_sources)
    page = _reported(result, order.report, progress)
    progress("writing", 0, 0)
    write(result, out, page, (order.save_model, content) if order.save_model else None)
    progress("writing", cells.count, cells.count)
    return _counts(result)


def _trained(read: Register, content: Content, progress: Progress) -> Content:
    from hub.linkage.engines import training

    progress("training", 0, 0)
    if len(read) < 2:
        raise Invalid("too-few-records", "A model cannot be trained on a single record.")
    found = training.fit(read, content, _SEED)
    progress("training", len(read), len(read))
    return found


def link(
    read: Register, model: Model, cut: Cut, progress: Progress = silent, *, unique_sources: bool = False
) -> Result:
    """Who is who in the register. `likely` joins at the single best cut, `auto` only what needs no person's eyes."""
    progress("finding candidates", 0, 0)
    found = candidates.find(read)
    of = sources.read(read) if unique_sources else None
    if of is not None:
        found = sources.apart(found, of)
    pairs = len(found.left)
    progress("finding candidates", pairs, pairs)
    scored = scoring.score_candidates(model, read, found, lambda done, total: progress("comparing", done, total))
    progress("comparing", pairs, pairs)
    progress("grouping", 0, 0)
    weight, against = scored.weight, scored.vetoes
    if of is not None:
        weight, against = sources.weights(scored, of, model), sources.vetoes(scored)
    joined = scored.decision == _AUTO if cut == "auto" else (weight >= model.likely) & (against == 0)
    persons = grouping.persons(read, scored, joined, of)
    progress("grouping", len(read), len(read))
    return Result(read, model, cut, found, scored, joined, persons)


def _reported(result: Result, report: Report | None, progress: Progress) -> str:
    if report is None:
        return ""
    progress("report", 0, 0)
    page = report(result)
    progress("report", 1, 1)
    return page


def write(result: Result, out: Path, report: str = "", model: tuple[Path, Content] | None = None) -> None:
    """clusters.csv, pairs.csv and report.html in the folder `out`, which appears when all are whole, then the model."""
    cells = result.register.cells
    try:
        with folders.whole(out) as making:
            results.write(cells, result.persons, result.scored, making / "clusters.csv", making / "pairs.csv")
            if report:
                (making / "report.html").write_text(report, encoding="utf-8")
            if model:
                model_files.save(model[1], model[0])
    except OSError as error:
        raise Invalid("results-unwritable", f"The results cannot be written: {error.strerror}.") from error


def _counts(result: Result) -> Counts:
    auto = int((result.scored.decision == _AUTO).sum())
    known = {name.strip().lower() for name in COLUMNS}
    return Counts(
        records=len(result.register),
        persons=int((result.persons == np.arange(len(result.persons))).sum()),
        auto=auto,
        review=len(result.scored.left) - auto,
        unread=tuple(name for name in result.register.cells.present if name.strip().lower() not in known),
    )
