"""Records with their truth, for estimating and measuring the linkage: any seed, any fault rates, any size."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from hub.demo.population import Faults, Shape, entries, patient
from hub.linkage import blocking, features
from hub.linkage.columns import Places
from hub.linkage.features import Features

AS_OF = date(2025, 6, 1)
SECRET = b"benchmark"
USUAL = Faults()


@dataclass(frozen=True, slots=True)
class Sample:
    """Features of records, and who they truly are."""

    features: list[Features]
    people: list[int]
    households: list[int]
    faults: list[tuple[str, ...]]


def patients(
    seed: int, people: int, faults: Faults = USUAL
) -> Iterator[tuple[dict[str, Any], int, int, tuple[str, ...]]]:
    """Patients with person, household and the faults that happened to them; defective rows never reach linkage."""
    for entry in entries(seed, replace(Shape(), people=people), faults, AS_OF):
        for record in entry.records:
            if not record.defect:
                yield patient(record), record.person, entry.household.id, record.faults


def sample(seed: int, people: int, faults: Faults = USUAL) -> Sample:
    found = Sample([], [], [], [])
    for one, person, household, happened in patients(seed, people, faults):
        found.features.append(features.extract(one))
        found.people.append(person)
        found.households.append(household)
        found.faults.append(happened)
    return found


def worse(factor: float) -> Faults:
    """Every rate of a record's faults times `factor`, at most 0.6; what is true of people stays."""
    kept = {
        "household_shares_phone",
        "no_phone",
        "son_named_as_father",
        "twin_birth",
        "former_name",
        "rare_character_in_name",
    }
    changed = {
        name: min(0.6, getattr(USUAL, name) * factor)
        for name in USUAL.__dataclass_fields__
        if name not in kept and not name.startswith("row_")
    }
    return replace(USUAL, **changed)


def candidates(found: list[Features], limit: int = 500) -> tuple[Places, Places]:
    """Places of all pairs that share a key."""
    return blocking.pairs([blocking.keys(one, SECRET) for one in found], limit=limit)


def true_pairs(people: list[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Codes left * len + right of all pairs of one person, sorted."""
    groups: dict[int, list[int]] = {}
    for record, person in enumerate(people):
        groups.setdefault(person, []).append(record)
    codes = [
        a * len(people) + b for members in groups.values() for i, a in enumerate(members) for b in members[i + 1 :]
    ]
    return np.array(sorted(codes), dtype=np.int64)
