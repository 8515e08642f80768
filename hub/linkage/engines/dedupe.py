"""`hub dedupe`: from a file of records to a file of persons, and everything a report needs to say how that came about.

Results are written to a folder of their own, complete or not at all.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from hub.errors import Invalid
from hub.linkage import score
from hub.linkage.engines import candidates, grouping, scoring
from hub.linkage.engines.candidates import Candidates
from hub.linkage.engines.files import Cells
from hub.linkage.engines.grouping import Persons
from hub.linkage.engines.register import Register
from hub.linkage.engines.scoring import Scored
from hub.linkage.model import Model

Cut = Literal["likely", "auto"]
Stage = Literal["reading", "finding candidates", "comparing", "grouping", "writing"]
STAGES: tuple[Stage, ...] = ("reading", "finding candidates", "comparing", "grouping", "writing")
_AUTO = score.DECISIONS.index("auto")
Progress = Callable[[Stage, float], None]
"""Called with the stage and which share of it is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came out; `persons` gives each record the first record of its person."""

    register: Register
    model: Model
    candidates: Candidates
    scored: Scored
    persons: Persons
    cut: Cut


def link(register_: Register, model: Model, cut: Cut, progress: Progress = lambda stage, share: None) -> Result:
    """Who is who in the register. `likely` joins at the single best cut, `auto` only what needs no person's eyes."""
    progress("finding candidates", 0.0)
    found = candidates.find(register_)
    scored = scoring.score_candidates(
        model, register_, found, lambda done, total: progress("comparing", done / max(total, 1))
    )
    progress("grouping", 0.0)
    cuts = {"likely": (scored.weight >= model.likely) & (scored.vetoes == 0), "auto": scored.decision == _AUTO}
    return Result(register_, model, found, scored, grouping.persons(register_, scored, cuts[cut]), cut)


def write(result: Result, out: Path, report: str = "") -> None:
    """clusters.csv, pairs.csv and report.html in the folder `out`, which appears when all are whole."""
    cells, scored = result.register.cells, result.scored
    making = out.with_name(f".{out.name}.{os.getpid()}")
    making.mkdir(parents=True)
    try:
        _clusters(cells, result.persons, making / "clusters.csv")
        _pairs(cells, scored, making / "pairs.csv")
        if report:
            (making / "report.html").write_text(report, encoding="utf-8")
        making.rename(out)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise


def refuse_existing(out: Path) -> None:
    """Raises Invalid where `out` is there already: results are never mixed with others."""
    if out.exists():
        raise Invalid("folder-exists", f"{out} exists already; name a new folder for the results.")
    if not out.absolute().parent.is_dir():
        raise Invalid("folder-missing", f"There is no folder {out.absolute().parent} to put the results in.")


def _clusters(cells: Cells, persons: Persons, file: Path) -> None:
    cells.write(
        file,
        {"place": np.arange(len(persons)), "first": persons},
        "SELECT a.record_id, b.record_id AS person_id FROM result r"
        " JOIN cells a ON a.rowid = r.place JOIN cells b ON b.rowid = r.first ORDER BY r.place",
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
