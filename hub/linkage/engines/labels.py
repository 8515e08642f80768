"""Pairs that people have decided, for a model to learn from: `record_id_l, record_id_r, same` in a CSV file.

A file that cannot be taken whole is refused whole, with the line; nobody's decision is guessed.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hub.errors import Invalid
from hub.linkage import model as models
from hub.linkage import rescoring, score
from hub.linkage.columns import Pairs, Places
from hub.linkage.engines import csv_files, name_columns
from hub.linkage.engines.cells import Cells
from hub.linkage.engines.register import Register

COLUMNS = ("record_id_l", "record_id_r", "same")
_SAME = dict.fromkeys(("1", "true", "yes", "y", "same", "是"), True) | dict.fromkeys(
    ("0", "false", "no", "n", "different", "否"), False
)
_MOST = 1_000_000
_LEAST = 10
"""Pairs of either kind below which nothing can be learnt."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Places of the records of each pair, and whether they are one person."""

    left: Places
    right: Places
    same: npt.NDArray[np.bool_]


def read(file: Path, cells: Cells) -> Labels:
    """The labels in `file`, of records in `cells`. Raises Invalid."""
    if not file.is_file():
        raise Invalid("file-missing", f"There is no file {file}.")
    if not csv_files.decodes(file, "utf-8"):
        raise Invalid("encoding-unknown", f"{file.name} is not UTF-8; save the labels in it.")
    with file.open(encoding="utf-8-sig", newline="") as handle:
        found = list(_rows(file, csv.DictReader(handle)))
    same = np.array([row[2] for row in found], dtype=np.bool_)
    if min(same.sum(), (~same).sum()) < _LEAST:
        raise Invalid(
            "labels-too-few", f"{file.name} must hold {_LEAST} pairs or more of one person, and as many of two people."
        )
    left, right = _places(file, cells, [row[0] for row in found]), _places(file, cells, [row[1] for row in found])
    return Labels(left, right, same)


def _rows(file: Path, reader: "csv.DictReader[str]") -> list[tuple[str, str, bool]]:
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise Invalid("column-missing", f"{file.name} has no column {', '.join(missing)}.")
    found = []
    for row in reader:
        said = _SAME.get((row["same"] or "").strip().lower())
        if said is None or row["record_id_l"] == row["record_id_r"]:
            raise Invalid(
                "label-invalid", f"{file.name}, line {reader.line_num}: two records and 1 or 0 for `same` are needed."
            )
        found.append((row["record_id_l"], row["record_id_r"], said))
        if len(found) > _MOST:
            raise Invalid("labels-too-many", f"{file.name} holds more than {_MOST:,} pairs.")
    return found


def _places(file: Path, cells: Cells, ids: list[str]) -> Places:
    places = cells.places(ids)
    strange = np.flatnonzero(places < 0)
    if len(strange):
        raise Invalid(
            "label-unknown-record", f"{file.name}, line {int(strange[0]) + 2}: the register has no such record_id."
        )
    return places


def learn(register: Register, content: dict[str, Any], labels: Labels) -> dict[str, Any]:
    """The JSON of the model with what the labels teach it, in place of what earlier ones did."""
    plain = {name: value for name, value in content.items() if name != "rescoring"}
    model = models.parse(plain).for_population(len(register)).spelled(name_columns.spelled)
    found = score.score_places(model, Pairs.of(register, labels.left, labels.right))
    learnt = rescoring.fit(found.weight, found.levels, labels.same)
    return {**plain, "id": f"{plain['id']}-labelled", "rescoring": rescoring.content(learnt)}
