"""Estimates a model from records whose persons and households are known, and from random pairs for `u`.

Rates of rare levels are smoothed towards a small floor, so that no level is impossible. Deterministic for a seed.
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from hub.linkage import beliefs, comparisons
from hub.linkage.columns import Extracted, Pairs, Places, Table
from hub.linkage.features import Features
from hub.linkage.model import FORMAT
from hub.linkage.names import parse as parse_names

_SMOOTH = 0.5
_FLOORS = {"m": 1e-5, "u": 1e-7, "household": 1e-4, "twins": 1e-4}
TABLE_SIZES = {"surname": 300, "given": 1500, "birth": 200}
_SHARED_ID_SHARE = 0.002
_SHARED_ID = {"resident_id": {"same": 0.97, "one-slip": 0.02}}


def fit(
    features: Sequence[Features],
    person_of: Sequence[Hashable],
    household_of: Sequence[Hashable],
    *,
    model_id: str,
    seed: int,
    random_pairs: int = 2_000_000,
    thresholds: Mapping[str, float],
) -> dict[str, Any]:
    """The JSON of a model. `person_of` and `household_of` give each record its person and that person's household."""
    table = Extracted.of(features)
    matches, relatives = _known_pairs(person_of, household_of)
    generator = np.random.default_rng(seed)
    strangers = _strangers(person_of, household_of, generator, random_pairs)
    people = len(set(person_of))
    total = len(features) * (len(features) - 1) / 2
    siblings, twins = _parted(relatives, _born_together(table, relatives))
    kinds = {"m": matches, "u": strangers, "household": siblings, "twins": twins}
    counts = {kind: _counts(table, ends) for kind, ends in kinds.items()}
    return {
        "format": FORMAT,
        "id": model_id,
        "population": people,
        "prior": len(matches[0]) / total,
        "classes": {
            "household": len(siblings[0]) / total,
            "twins": max(len(twins[0]), 1) / total,
            "shared-id": _SHARED_ID_SHARE / people,
        },
        "comparisons": _comparisons(counts),
        "frequencies": frequencies(features),
        "thresholds": dict(thresholds),
    }


def _known_pairs(
    person_of: Sequence[Hashable], household_of: Sequence[Hashable]
) -> tuple[tuple[Places, Places], tuple[Places, Places]]:
    """Pairs of one person, and pairs of two people of one household."""
    homes: dict[Hashable, list[int]] = {}
    for record, home in enumerate(household_of):
        homes.setdefault(home, []).append(record)
    same: list[tuple[int, int]] = []
    relatives: list[tuple[int, int]] = []
    for members in homes.values():
        for a, b in combinations(members, 2):
            (same if person_of[a] == person_of[b] else relatives).append((a, b))
    return _places(same), _places(relatives)


def _born_together(table: Table, ends: tuple[Places, Places]) -> npt.NDArray[np.bool_]:
    """Two people of one household whose birth dates agree as far as they are known: twins, nearly always."""
    place = comparisons.FIELDS.index("birth")
    found: npt.NDArray[np.bool_] = (
        comparisons.COMPARISONS[place].compare(Pairs.of(table, *ends)) >= comparisons.BORN_TOGETHER
    )
    return found


def _parted(ends: tuple[Places, Places], flags: npt.NDArray[np.bool_]) -> list[tuple[Places, Places]]:
    """The pairs of which the flags are not true, and those of which they are."""
    return [(ends[0][some], ends[1][some]) for some in (~flags, flags)]


def _places(pairs: Sequence[tuple[int, int]]) -> tuple[Places, Places]:
    array = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    return array[:, 0], array[:, 1]


def _strangers(
    person_of: Sequence[Hashable], household_of: Sequence[Hashable], generator: np.random.Generator, count: int
) -> tuple[Places, Places]:
    ends = generator.integers(0, len(person_of), size=(2, count))
    _, people = np.unique(np.array([str(p) for p in person_of]), return_inverse=True)
    _, homes = np.unique(np.array([str(h) for h in household_of]), return_inverse=True)
    keep = (people[ends[0]] != people[ends[1]]) & (homes[ends[0]] != homes[ends[1]])
    return ends[0][keep].astype(np.intp), ends[1][keep].astype(np.intp)


def _counts(table: Table, ends: tuple[Places, Places]) -> list[npt.NDArray[np.int64]]:
    """How often each level of each field is met among the pairs."""
    totals = [np.zeros(len(c.levels), dtype=np.int64) for c in comparisons.COMPARISONS]
    for at in range(0, len(ends[0]), 65536):
        levels = comparisons.levels(Pairs.of(table, ends[0][at : at + 65536], ends[1][at : at + 65536]))
        for place, total in enumerate(totals):
            total += np.bincount(levels[:, place], minlength=len(total))
    return totals


def _comparisons(counts: Mapping[str, list[npt.NDArray[np.int64]]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for place, comparison in enumerate(comparisons.COMPARISONS):
        rates = {kind: _believed(comparison, kind, totals[place]) for kind, totals in counts.items()}
        if comparison.field == "kin":
            rates = _kin(counts, place)
        special = _SHARED_ID.get(comparison.field)
        content[comparison.field] = {
            name: {kind: rounded(rate[at]) for kind, rate in rates.items()}
            | {"shared-id": rounded(special.get(name, 1e-4) if special else rates["u"][at])}
            for at, name in enumerate(comparison.levels)
            if at != comparisons.MISSING
        }
    for field, stated in beliefs.STATED.items():
        _state(content[field], stated)
    return content


def _state(levels: dict[str, dict[str, float]], stated: Mapping[str, Mapping[str, float]]) -> None:
    """Give levels their stated rates; the other levels share what is left."""
    for kind in next(iter(stated.values())):
        left = 1 - sum(rates[kind] for rates in stated.values())
        others = sum(rates[kind] for name, rates in levels.items() if name not in stated)
        for name, rates in levels.items():
            rates[kind] = stated[name][kind] if name in stated else rounded(rates[kind] * left / others)


def _believed(comparison: comparisons.Comparison, kind: str, totals: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Counted rates mixed with what was known before; without any pair to count, what was known before."""
    rates = rates_of(totals, kind)
    known_before = beliefs.BELIEFS.get(comparison.field, {})
    belief = known_before.get(kind, known_before.get("u") if kind != "m" else None)
    if belief is None:
        return rates
    before = np.array([0.0] + [belief[name] for name in comparison.levels[1:]])
    share = 1.0 if totals[1:].sum() == 0 else beliefs.SHARES.get(kind, 0.0)
    return np.maximum((1 - share) * rates + share * before, _FLOORS[kind])


def _kin(counts: Mapping[str, list[npt.NDArray[np.int64]]], place: int) -> dict[str, npt.NDArray[np.float64]]:
    """Being named as a relative is no evidence for a stranger or for oneself, only for a household."""
    named = {
        kind: (counts[kind][place][1] + _SMOOTH) / (counts[kind][place].sum() + 1) for kind in ("household", "twins")
    }
    return {kind: np.array([1.0, named.get(kind, 1e-4)]) for kind in counts}


def rates_of(totals: npt.NDArray[np.int64], kind: str) -> npt.NDArray[np.float64]:
    """Shares of the levels among the pairs where the field is known on both sides."""
    known = totals.astype(np.float64)
    known[comparisons.MISSING] = 0
    smooth = known + _SMOOTH
    smooth[comparisons.MISSING] = 0
    rates: npt.NDArray[np.float64] = np.maximum(smooth / smooth.sum(), _FLOORS[kind])
    return rates


def rounded(rate: float) -> float:
    return float(f"{min(max(float(rate), 1e-9), 1.0):.6g}")


def frequencies(features: Sequence[Features], *, least: int = 1) -> dict[str, Any]:
    """Shares of the commonest surnames, given names and birth dates; `unlisted` is the mean share of all others.

    What fewer than `least` of the records have is not named.
    """
    counters: dict[str, Counter[str]] = {name: Counter() for name in TABLE_SIZES}
    for one in features:
        parsed = parse_names(one.text("name"))
        if parsed:
            counters["given"][parsed[0].given] += 1
            if parsed[0].surname:
                counters["surname"][parsed[0].surname] += 1
        if one.birth % 100:
            counters["birth"][str(one.birth)] += 1
    return {name: _table(counter, TABLE_SIZES[name], least) for name, counter in counters.items()}


def _table(counter: Counter[str], size: int, least: int) -> dict[str, Any]:
    listed = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    size = min(size, sum(count >= least for count in counter.values()))
    return table_of(listed[:size], [count for _, count in listed[size:]])


def table_of(listed: Sequence[tuple[str, int]], others: npt.ArrayLike) -> dict[str, Any]:
    """A frequency table of the values `listed`; `others` are how often each value beside them is met."""
    rest = np.array(others, dtype=np.float64)
    total = max(sum(count for _, count in listed) + float(rest.sum()), 1.0)
    unlisted = float((rest**2).sum()) / max(float(rest.sum()), 1.0) / total if len(rest) else 1 / total
    return {"unlisted": rounded(unlisted), "values": {value: rounded(count / total) for value, count in listed}}
