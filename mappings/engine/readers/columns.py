"""Columns of a source: which headers mean which column, which are forbidden or withheld, and words such as 同上.

Shared by the tabular readers and the JSON reader, so that one mapping reads the same from each.
"""

from dataclasses import dataclass

from mappings.engine import forbidden
from mappings.engine.forbidden import Term
from mappings.engine.spec import MappingSpec
from mappings.engine.transforms.text import squeeze


@dataclass(frozen=True, slots=True)
class Columns:
    """What a reader needs of a mapping."""

    spec: MappingSpec
    names: dict[str, str]
    required: tuple[str, ...]
    ditto: frozenset[str]
    refused: dict[str, Term]

    def term(self, column: str) -> Term | None:
        """Why a column of this name is forbidden, if it is."""
        return self.refused.get(column) or forbidden.column_term(column, self.spec.kind)


def prepare(spec: MappingSpec) -> Columns:
    """The columns of a mapping, by every header that may stand for them."""
    names: dict[str, str] = {}
    for column in spec.columns.values():
        for header in (column.name, *column.aliases):
            names[normal(header)] = column.name
    for name in (*spec.withheld, *spec.refused):
        names.setdefault(normal(name), name)
    return Columns(
        spec,
        names,
        tuple(column.name for column in spec.columns.values() if column.required),
        frozenset(column.name for column in spec.columns.values() if column.ditto),
        {name: forbidden.reason(reason) for name, reason in spec.refused.items()},
    )


def normal(header: str) -> str:
    """A header as compared: no spaces, no marks of obligation, full-width forms folded, lower case."""
    return squeeze(header).replace("*", "").replace("★", "").rstrip(":：").lower()
