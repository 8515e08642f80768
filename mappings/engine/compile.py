"""From a mapping as written to functions: every field becomes one closure, built once when the mapping is loaded."""

from functools import lru_cache
from typing import Any, NamedTuple

from mappings.engine.model import BrokenMapping, Note, Noted
from mappings.engine.spec import Condition, FieldSpec
from mappings.engine.transforms import REGISTRY, Transform


class Step(NamedTuple):
    """A field ready to run; `column` is the first of its columns, `others` the rest."""

    name: str
    column: str
    others: tuple[str, ...]
    run: Transform
    when: Condition | None


def field(spec: FieldSpec, mapping: str) -> Step:
    """The compiled field; raises BrokenMapping when a transform is unknown or refuses its options."""
    steps: list[Transform] = []
    keep: list[int] = []
    for name, options in spec.steps:
        entry = REGISTRY.get(name)
        if entry is None:
            raise BrokenMapping(f"{mapping}: field {spec.name}: there is no transform {name}")
        try:
            steps.append(entry.make(**options))
        except (TypeError, KeyError, ValueError) as error:
            raise BrokenMapping(f"{mapping}: field {spec.name}: transform {name}: {error}") from error
        keep.append(entry.cached)
    run = steps[0] if len(steps) == 1 else _chain(tuple(steps))
    size = min(keep)
    return Step(spec.name, spec.columns[0], spec.columns[1:], lru_cache(maxsize=size)(run) if size else run, spec.when)


def _chain(steps: tuple[Transform, ...]) -> Transform:
    """Several transforms as one; the notes of all are kept."""

    def run(text: Any) -> Any:
        value = text
        notes: tuple[Note, ...] = ()
        for step in steps:
            value = step(value)
            if type(value) is Noted:
                notes += value.notes
                value = value.value
            if value is None:
                break
        return Noted(value, notes) if notes else value

    return run
