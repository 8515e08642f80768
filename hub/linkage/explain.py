"""Why a pair has its weight: one line a field, in words, whose weights add up to the score's weight exactly."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hub.linkage import comparisons, notes
from hub.linkage.columns import Extracted, Levels, Pairs
from hub.linkage.features import Features
from hub.linkage.model import Floats, Model
from hub.linkage.notes import Relation
from hub.linkage.score import evidence, start

_TEXT = {
    "resident_id": "resident_id",
    "surname": "name",
    "given": "name",
    "spouse": "spouse",
    "children": "children",
    "phone": "phones",
    "origin": "origin_address",
    "residence": "residence_address",
}
_SEXES = ("", "male", "female")
_TELLING = 1.0


@dataclass(frozen=True, slots=True)
class FieldEvidence:
    """One bar of the waterfall. `weight` is in bits; `left` and `right` are the values as kept, unmasked."""

    field: str
    left: str
    right: str
    relation: Relation
    level: str
    weight: float
    note_en: str
    note_zh: str


Shown = Callable[[str], tuple[str, str]]
"""Gives the values of a field on the left and on the right, as a person reads them."""


def explain(model: Model, a: Features, b: Features) -> list[FieldEvidence]:
    """The starting point, every field, and what dependence between fields takes back; the weights sum to the score."""
    pairs = Pairs.of(Extracted.of([a, b]), np.array([0]), np.array([1]))
    return explain_pairs(model, pairs, [lambda field: (shown(a, field), shown(b, field))])[0]


def explain_pairs(model: Model, pairs: Pairs, values: Sequence[Shown]) -> list[list[FieldEvidence]]:
    """The same for pairs of any table; `values` gives each pair's values."""
    levels = comparisons.levels(pairs)
    by_field, dependence = evidence(model, pairs, levels)
    return [
        _lines(model, levels[at], by_field[:, at], float(dependence[at]), shown_) for at, shown_ in enumerate(values)
    ]


def _lines(model: Model, levels: Levels, weights: Floats, taken: float, values: Shown) -> list[FieldEvidence]:
    found = [_line("prior", "", "", "missing", "", start(model), notes.PRIOR)]
    for at, comparison in enumerate(comparisons.COMPARISONS):
        level = int(levels[at])
        relation, *words = notes.of(comparison.field, comparison.levels[level])
        weight = float(weights[at])
        said = _with_frequency(weight - model.usual(at, level), (words[0], words[1]))
        left, right = values(comparison.field)
        found.append(_line(comparison.field, left, right, relation, comparison.levels[level], weight, said))
    words_ = notes.DEPENDENCE if taken < -_TELLING else notes.INDEPENDENT
    found.append(_line("dependence", "", "", "missing", "", taken, words_))
    return found


def _line(
    field: str, left: str, right: str, relation: Relation, level: str, weight: float, words: tuple[str, str]
) -> FieldEvidence:
    return FieldEvidence(field, left, right, relation, level, weight, words[0], words[1])


def _with_frequency(change: float, words: tuple[str, str]) -> tuple[str, str]:
    if abs(change) < _TELLING:
        return words
    more = notes.RARE if change > 0 else notes.COMMON
    return words[0] + more[0], words[1] + more[1]


def shown(features: Features, field: str) -> str:
    """A field's value as a person reads it; '' where it is missing."""
    if field in _TEXT:
        return features.text(_TEXT[field])
    if field == "sex":
        return _SEXES[features.sex]
    if field == "birth":
        return _date(features.birth)
    if field == "parents":
        return "、".join(name for name in (features.text("father"), features.text("mother")) if name)
    if field == "ethnicity":
        code = features.number("ethnicity")
        return f"{code:02d}" if code else ""
    if field in ("document", "postal"):
        return "…" if features.number(field) else ""
    return ""


def _date(number: int) -> str:
    parts = (f"{number // 10000:04d}", f"{number // 100 % 100:02d}", f"{number % 100:02d}")
    known = [part for part in parts if int(part)]
    return "-".join(known)
