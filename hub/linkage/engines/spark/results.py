"""What comes of the pairs that Spark found: persons, and the same files that one machine writes."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hub.linkage import score
from hub.linkage.columns import Places
from hub.linkage.engines import grouping
from hub.linkage.engines.dedupe import Cut
from hub.linkage.engines.spark.pieces import End, Numbered, Weighed
from hub.linkage.model import Floats, Model

_AUTO = score.DECISIONS.index("auto")


@dataclass(frozen=True, slots=True)
class Found:
    """Pairs that speak for one person, by rising places of left and right, and the records that are in them."""

    left: Places
    right: Places
    weight: Floats
    vetoes: npt.NDArray[np.uint8]
    auto: npt.NDArray[np.bool_]
    ends: dict[int, End]

    @classmethod
    def of(cls, weighed: Iterable[Weighed]) -> "Found":
        pairs = sorted(weighed, key=lambda pair: (pair.left.place, pair.right.place))
        return cls(
            np.array([pair.left.place for pair in pairs], dtype=np.intp),
            np.array([pair.right.place for pair in pairs], dtype=np.intp),
            np.array([pair.weight for pair in pairs], dtype=np.float64),
            np.array([pair.vetoes for pair in pairs], dtype=np.uint8),
            np.array([pair.decision == _AUTO for pair in pairs], dtype=np.bool_),
            {end.place: end for end in chain.from_iterable((pair.left, pair.right) for pair in pairs)},
        )


def persons(found: Found, model: Model, cut: Cut) -> dict[int, int]:
    """The first record of its person, for each record that is not the first itself."""
    linked = found.auto if cut == "auto" else (found.weight >= model.likely) & (found.vetoes == 0)
    places = np.array(sorted(found.ends), dtype=np.intp)
    checked = np.array([found.ends[place].checked for place in places.tolist()], dtype=np.uint64)
    left, right = (np.searchsorted(places, ends[linked]) for ends in (found.left, found.right))
    person = grouping.joined(checked, left, right, found.weight[linked])
    moved = np.flatnonzero(person != np.arange(len(person)))
    return dict(zip(places[moved].tolist(), places[person[moved]].tolist(), strict=True))


def write_clusters(records: Iterator[Numbered], found: Found, first: dict[int, int], file: Path) -> None:
    """clusters.csv, from the records in their order."""
    with file.open("w", encoding="utf-8", newline="") as handle:
        out = csv.writer(handle, lineterminator="\n")
        out.writerow(("record_id", "person_id"))
        for texts, place in records:
            out.writerow((texts[0], found.ends[first[place]].id if place in first else texts[0]))


def write_pairs(found: Found, file: Path) -> None:
    """pairs.csv, the heaviest first."""
    probability = 1 / (1 + np.exp2(-found.weight))
    with file.open("w", encoding="utf-8", newline="") as handle:
        out = csv.writer(handle, lineterminator="\n")
        out.writerow(("record_id_l", "record_id_r", "weight", "probability", "decision"))
        for at in np.lexsort((found.right, found.left, -found.weight)).tolist():
            ids = (found.ends[int(place)].id for place in (found.left[at], found.right[at]))
            out.writerow(
                (*ids, found.weight[at].item(), probability[at].item(), "auto" if found.auto[at] else "review")
            )
