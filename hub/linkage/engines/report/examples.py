"""Pairs worth looking at, each with what every field adds to its weight: clear ones, doubtful ones, vetoed ones."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from hub.linkage import constraints, explain, score
from hub.linkage.columns import Flags, Pairs
from hub.linkage.engines import name_columns
from hub.linkage.engines.dedupe import Result
from hub.linkage.engines.report import masks
from hub.linkage.engines.report.estimates import Rest
from hub.linkage.explain import FieldEvidence
from hub.linkage.model import Floats

_COLUMNS: dict[str, tuple[str, Callable[[str], str]]] = {
    "resident_id": ("resident_id", masks.number),
    "surname": ("name", masks.name),
    "given": ("name", masks.name),
    "sex": ("sex", str),
    "birth": ("birth_date", masks.date),
    "phone": ("phone", masks.phone),
    "origin": ("origin_address", masks.address),
    "residence": ("residence_address", masks.address),
    "spouse": ("spouse_name", masks.name),
    "kin": ("spouse_resident_id", masks.number),
}
_NEAR_ZERO = 0.005


@dataclass(frozen=True, slots=True)
class Step:
    """One field of a waterfall: its weight is added to `before`."""

    line: FieldEvidence
    before: float

    @property
    def after(self) -> float:
        return self.before + self.line.weight


@dataclass(frozen=True, slots=True)
class Example:
    """A pair, by its rows in the file. `reason` is a key of the template's words."""

    reason: str
    rows: tuple[int, int]
    ids: tuple[str, str]
    weight: float
    decision: str
    vetoes: tuple[str, ...]
    steps: tuple[Step, ...]
    missing: tuple[str, ...]

    @property
    def probability(self) -> float:
        return float(1 / (1 + np.exp2(-self.weight)))


@dataclass(frozen=True, slots=True)
class _Choice:
    reason: str
    left: int
    right: int
    weight: float
    vetoes: int
    decision: int


def of(result: Result, others: Rest, *, show_values: bool) -> tuple[Example, ...]:
    """The chosen pairs, in the order in which a reader meets them; no pair twice."""
    chosen = list({(one.left, one.right): one for one in reversed(list(_choices(result, others)))}.values())[::-1]
    if not chosen:
        return ()
    register = result.register
    left, right = np.array([one.left for one in chosen]), np.array([one.right for one in chosen])
    texts = {
        column: tuple(map(register.cells.texts, (column, column), (left, right)))
        for column in ("record_id", *dict.fromkeys(column for column, _ in _COLUMNS.values()))
    }
    model = result.model.spelled(name_columns.spelled)
    values = [partial(_values, texts, at, show_values) for at in range(len(chosen))]
    lines = explain.explain_pairs(model, Pairs.of(register, left, right), values)
    first = register.cells.first_row
    return tuple(
        _example(one, (one.left + first, one.right + first), _ids(texts, at, show_values), lines[at])
        for at, one in enumerate(chosen)
    )


_Texts = dict[str, tuple[list[str], ...]]


def _ids(texts: _Texts, at: int, show_values: bool) -> tuple[str, str]:
    left, right = texts["record_id"]
    return (left[at], right[at]) if show_values else ("", "")


def _values(texts: _Texts, at: int, show_values: bool, field: str) -> tuple[str, str]:
    if field not in _COLUMNS:
        return "", ""
    column, masked = _COLUMNS[field]
    left, right = (side[at] for side in texts[column])
    return (left, right) if show_values else (masked(left), masked(right))


def _example(one: _Choice, rows: tuple[int, int], ids: tuple[str, str], lines: Sequence[FieldEvidence]) -> Example:
    steps: list[Step] = []
    before = 0.0
    for line in lines:
        silent = line.field not in ("prior", "dependence") and line.relation == "missing"
        if not silent and (line.field != "dependence" or abs(line.weight) > _NEAR_ZERO):
            steps.append(Step(line, before))
        before += line.weight
    missing = tuple(
        line.field for line in lines if line.relation == "missing" and line.field in _COLUMNS and line.field != "kin"
    )
    return Example(
        one.reason,
        rows,
        ids,
        one.weight,
        score.DECISIONS[one.decision],
        constraints.names(one.vetoes),
        tuple(steps),
        missing,
    )


def _choices(result: Result, others: Rest) -> Iterable[_Choice]:
    model, scored = result.model, result.scored
    free = scored.vetoes == 0
    auto = np.flatnonzero(free & (scored.weight >= model.auto))
    if len(auto):
        order = auto[np.argsort(scored.weight[auto], kind="stable")]
        yield _scored("clear", result, int(order[-1]))
        yield _scored("usual", result, int(order[len(order) // 2]))
    for name, threshold in (("auto", model.auto), ("likely", model.likely)):
        yield from (_scored(f"above-{name}", result, at) for at in _nearest(scored.weight, threshold, free, above=True))
        yield from (
            _scored(f"below-{name}", result, at) for at in _nearest(scored.weight, threshold, free, above=False)
        )
    yield from (_scored("above-review", result, at) for at in _nearest(scored.weight, model.review, free, above=True))
    every = np.ones(len(others.weight), dtype=np.bool_)
    for at in _nearest(others.weight, model.review, every, above=False):
        yield _Choice("below-review", int(others.left[at]), int(others.right[at]), float(others.weight[at]), 0, 0)
    for bit, name in enumerate(constraints.NAMES):
        vetoed = np.flatnonzero(scored.vetoes >> bit & 1)
        if len(vetoed):
            yield _scored(name, result, int(vetoed[np.argmax(scored.weight[vetoed])]))


def _scored(reason: str, result: Result, at: int) -> _Choice:
    found = result.scored
    return _Choice(
        reason,
        int(found.left[at]),
        int(found.right[at]),
        float(found.weight[at]),
        int(found.vetoes[at]),
        int(found.decision[at]),
    )


def _nearest(weight: Floats, threshold: float, among: Flags, *, above: bool) -> list[int]:
    """The place of the weight nearest to a threshold, from above or from below; none where there is none."""
    side = weight >= threshold if above else weight < threshold
    places = np.flatnonzero(side & among)
    if not len(places):
        return []
    return [int(places[np.argmin(np.abs(weight[places] - threshold))])]
