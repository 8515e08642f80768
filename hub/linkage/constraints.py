"""Vetoes: contradictions no weight may outvote. A vetoed pair goes to a person, never to an automatic link."""

from collections.abc import Collection
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from hub.linkage import id_levels, name_levels
from hub.linkage.columns import Levels, Pairs
from hub.linkage.comparisons import (
    ADDRESS_SIMILAR,
    BIRTH_NEAR,
    BIRTH_SAME,
    BORN_TOGETHER,
    DOCUMENT_ONE_SLIP,
    FIELDS,
)
from hub.linkage.layout import hashed
from mappings.vocabulary import record_system

TWO_IDS = "two-valid-ids"
TWINS = "twins"
UNIQUE_SOURCE = "two-records-of-one-source"
DEATH = "death-before-activity"
SHARED_ID = "id-used-by-two"
GENERATIONS = "a-generation-apart"
NAMES = (TWO_IDS, TWINS, UNIQUE_SOURCE, DEATH, SHARED_ID, GENERATIONS)
# A contradiction inside the data itself: somebody must look at it even where the records are plainly two people.
ALWAYS_REVIEW = frozenset({SHARED_ID})

GENERATION = 16
"""Years between the births of a parent and a child."""
_AT = {field: place for place, field in enumerate(FIELDS)}


def vetoes(pairs: Pairs, levels: Levels, unique_sources: Collection[str] = frozenset()) -> npt.NDArray[np.uint8]:
    """One bit for each of `NAMES`, in that order. `unique_sources` are members holding one live record a person."""
    ids, given, born = levels[:, _AT["resident_id"]], levels[:, _AT["given"]], levels[:, _AT["birth"]]
    surname, sex, parents = levels[:, _AT["surname"]], levels[:, _AT["sex"]], levels[:, _AT["parents"]]
    other_given = (given == name_levels.DIFFERS) | (given == name_levels.PART)
    two_ids = ids == id_levels.DIFFERS_CHECKED
    one_id = (ids == id_levels.SAME) | (ids == id_levels.ONE_SLIP)
    unlike = other_given | ((given > name_levels.PART) & (given < name_levels.SWAPPED) & ~one_id)
    twins = ((born == BIRTH_SAME) | (born == BORN_TOGETHER)) & (parents >= 2) & unlike
    contradicts = (surname == name_levels.DIFFERS) | (sex == 1) | ((born > 0) & (born <= BIRTH_NEAR))
    shared_id = (ids == id_levels.SAME) & other_given & contradicts
    found = np.zeros(len(pairs), dtype=np.uint8)
    generations = _generation_apart(pairs, levels) & ~one_id
    flags_ = (two_ids, twins, _one_source(pairs, unique_sources), _dead(pairs), shared_id, generations)
    for bit, flags in enumerate(flags_):
        found |= flags.astype(np.uint8) << bit
    return found


def _generation_apart(pairs: Pairs, levels: Levels) -> npt.NDArray[np.bool_]:
    """Father and son of one name: name and home are the same, no document is, and the births are a generation apart."""
    found: npt.NDArray[np.bool_] = (levels[:, _AT["birth"]] == 1) & (levels[:, _AT["given"]] == name_levels.SAME)
    if not found.any():
        return found
    home = np.maximum(levels[:, _AT["origin"]], levels[:, _AT["residence"]])
    found &= (home >= ADDRESS_SIMILAR) & (levels[:, _AT["document"]] < DOCUMENT_ONE_SLIP)
    where = np.flatnonzero(found)
    a, b = (side[where].astype(np.int64) // 10000 for side in pairs.both("birth"))
    found[where] = np.abs(a - b) >= GENERATION
    return found


def numbers(sources: Collection[str]) -> frozenset[int]:
    """What stands for these sources in the features' column `source`."""
    return frozenset(hashed(record_system(name)) for name in sources)


def _one_source(pairs: Pairs, unique_sources: Collection[str]) -> npt.NDArray[np.bool_]:
    if not unique_sources:
        return np.zeros(len(pairs), dtype=np.bool_)
    a, b = pairs.both("source")
    record_a, record_b = pairs.both("record")
    live_a, live_b = pairs.both("live")
    unique = np.array(sorted(numbers(unique_sources)), dtype=np.uint64)
    found: npt.NDArray[np.bool_] = (
        (a == b) & np.isin(a, unique) & (record_a != record_b) & (live_a == 1) & (live_b == 1)
    )
    return found


def _dead(pairs: Pairs) -> npt.NDArray[np.bool_]:
    if not pairs.has("death"):
        return np.zeros(len(pairs), dtype=np.bool_)
    death_a, death_b = pairs.both("death")
    active_a, active_b = pairs.both("active")
    found: npt.NDArray[np.bool_] = np.zeros(len(pairs), dtype=np.bool_)
    for death, active in ((death_a, active_b), (death_b, active_a)):
        found |= (death != 0) & (active > death + latest(death))
    return found


def latest(date: Any) -> Any:
    """What leads from a date YYYYMMDD of which parts are 00 behind the latest day that it may be; of numbers or columns."""
    return (date % 100 == 0) * 99 + (date % 10_000 == 0) * 9_900


@lru_cache(maxsize=256)
def names(bits: int) -> tuple[str, ...]:
    return tuple(name for bit, name in enumerate(NAMES) if bits >> bit & 1)


def bits(names_: Collection[str]) -> int:
    return sum(1 << bit for bit, name in enumerate(NAMES) if name in names_)
