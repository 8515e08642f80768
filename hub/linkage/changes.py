"""What changed between two comparisons of one pair, field by field, and whether it bears on what was decided.

Both comparisons are weighed by one model, so that a new model alone is no new evidence. Frequencies of values and the
dependence of fields are left out: they say how much agreement is worth, not what agrees.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from hub.linkage.comparisons import COMPARISONS
from hub.linkage.model import Model

Named = Mapping[str, str]
"""The name of each field's level."""
Decided = Literal["MUST_LINK", "CANNOT_LINK"]

MATERIAL: Final = 3.0
"""Bits by which the evidence has to turn before somebody is asked again: eight times as likely."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field that compares otherwise than before; `weight` is by how many bits that speaks more for one person."""

    field: str
    before: str
    after: str
    weight: float


def named(levels: bytes) -> dict[str, str]:
    """A score's levels by name, as they can be kept when the comparisons change later."""
    return {c.field: c.levels[level] for c, level in zip(COMPARISONS, levels, strict=True)}


def between(model: Model, before: Named, after: Named) -> tuple[Change, ...]:
    """The fields whose level differs, the most telling first; levels that are not known any more are left out."""
    found = []
    for at, comparison in enumerate(COMPARISONS):
        old, new = before.get(comparison.field), after.get(comparison.field)
        if old == new or old not in comparison.levels or new not in comparison.levels:
            continue
        weights = model.weights[at]
        turn = float(weights[comparison.levels.index(new)] - weights[comparison.levels.index(old)])
        found.append(Change(comparison.field, old, new, turn))
    return tuple(sorted(found, key=lambda change: (-abs(change.weight), change.field)))


def is_material(
    decided: Decided, found: Collection[Change], *, vetoes_before: Collection[str], vetoes_after: Collection[str]
) -> bool:
    """Does the new evidence speak against what was decided: for one person after "different", or the other way round?

    A veto that was not there when "same" was decided always does; one that is gone does after "different".
    """
    turn = sum(change.weight for change in found)
    if decided == "CANNOT_LINK":
        return turn >= MATERIAL or (bool(found) and bool(set(vetoes_before) - set(vetoes_after)))
    return turn <= -MATERIAL or bool(set(vetoes_after) - set(vetoes_before))
