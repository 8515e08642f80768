"""`hub dedupe`: from a file of records to a file of persons, and everything a report needs to say how that came about.

Record ids come out as they went in, whatever a spreadsheet may see in them: whoever joins the results to their own
file needs them unchanged. The same file gives the same bytes, however many threads work.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duckdb
import numpy as np

from hub.errors import Invalid
from hub.linkage import score
from hub.linkage.columns import Flags
from hub.linkage.engines import candidates, files, folders, grouping, model_files, register, scoring
from hub.linkage.engines.candidates import Candidates
from hub.linkage.engines.files import Cells
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
    with files.opened(source, order.threads) as cells:
        read = register.read(cells)
        progress("reading", cells.count, cells.count)
        if order.train:
            content = _trained(read, content, progress)
        result = link(read, model_files.parsed(content).for_population(cells.count), order.cut, progress)
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


def link(read: Register, model: Model, cut: Cut, progress: Progress = silent) -> Result:
    """Who is who in the register. `likely` joins at the single best cut, `auto` only what needs no person's eyes."""
    progress("finding candidates", 0, 0)
    found = candidates.find(read)
    pairs = len(found.left)
    progress("finding candidates", pairs, pairs)
    scored = scoring.score_candidates(model, read, found, lambda done, total: progress("comparing", done, total))
    progress("comparing", pairs, pairs)
    progress("grouping", 0, 0)
    joined = scored.decision == _AUTO if cut == "auto" else (scored.weight >= model.likely) & (scored.vetoes == 0)
    persons = grouping.persons(read, scored, joined)
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
            _clusters(cells, result.persons, making / "clusters.csv")
            _pairs(cells, result.scored, making / "pairs.csv")
            if report:
                (making / "report.html").write_text(report, encoding="utf-8")
            if model:
                model_files.save(model[1], model[0])
    except (OSError, duckdb.IOException) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error).splitlines()[0]
        raise Invalid("results-unwritable", f"The results cannot be written: {reason}.") from error


def _clusters(cells: Cells, persons: Persons, file: Path) -> None:
    others = np.flatnonzero(persons != np.arange(len(persons)))  # most records are the first of their person
    cells.write(
        file,
        {"place": others, "first": persons[others]},
        "SELECT a.record_id, coalesce(p.record_id, a.record_id) AS person_id FROM cells a LEFT JOIN"
        " (SELECT r.place, b.record_id FROM result r JOIN cells b ON b.rowid = r.first) p ON p.place = a.rowid"
        " ORDER BY a.rowid",
    )


def _pairs(cells: Cells, scored: Scored, file: Path) -> None:
    cells.write(
        file,
        {
            "l": scored.left.astype(np.int64),
            "r": scored.right.astype(np.int64),
            "weight": scored.weight,
            "probability": scored.probability,
            "auto": scored.decision == _AUTO,
        },
        "SELECT a.record_id AS record_id_l, b.record_id AS record_id_r, p.weight, p.probability,"
        " CASE WHEN p.auto THEN 'auto' ELSE 'review' END AS decision FROM result p"
        " JOIN cells a ON a.rowid = p.l JOIN cells b ON b.rowid = p.r ORDER BY p.weight DESC, p.l, p.r",
    )


def _counts(result: Result) -> Counts:
    auto = int((result.scored.decision == _AUTO).sum())
    known = {name.strip().lower() for name in files.COLUMNS}
    return Counts(
        records=len(result.register),
        persons=int((result.persons == np.arange(len(result.persons))).sum()),
        auto=auto,
        review=len(result.scored.left) - auto,
        unread=tuple(name for name in result.register.cells.present if name.strip().lower() not in known),
    )
