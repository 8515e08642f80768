"""What a search asks for, read: conditions that all hold, and what the answer should look like. Pure; FHIR R4, search."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal

from hub.fhir.search.parameters import Parameter
from hub.fhir.search.spans import Span

Comparison = Literal["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]
Total = Literal["none", "estimate", "accurate"]
Summary = Literal["true", "text", "data", "count", "false"]


@dataclass(frozen=True, slots=True)
class TokenIs:
    """A code, folded; None is any. A system of None is any, '' none. With `of_type` (system, code) an Identifier's type."""

    system: str | None
    code: str | None
    of_type: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class TextIs:
    """A text as it was written, and as it is compared."""

    said: str
    folded: str


@dataclass(frozen=True, slots=True)
class When:
    """A span of time, for `ap` already widened."""

    comparison: Comparison
    span: Span


@dataclass(frozen=True, slots=True)
class HowMuch:
    """A number: `low` up to `high`, which is not in it, are those that round to it, for `ap` those near it. A system of
    None is any, '' none; a code of None is any, and one without a system may also be the unit's name."""

    comparison: Comparison
    number: Decimal
    low: Decimal
    high: Decimal
    system: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class RefersTo:
    """A resource on this server by type ('' is any) and id, or else any by `url`; a version of '' is any."""

    type: str
    id: str
    url: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class NearTo:
    """A place, in degrees of WGS84, and how far from it others may be, in metres."""

    latitude: float
    longitude: float
    metres: float


@dataclass(frozen=True, slots=True)
class Missing:
    """Whether nothing is said."""

    missing: bool


@dataclass(frozen=True, slots=True)
class Together:
    """One operand for each part of a composite; all hold for one element."""

    parts: tuple["Operand", ...]


Operand = TokenIs | TextIs | When | HowMuch | RefersTo | NearTo | Missing | Together


@dataclass(frozen=True, slots=True)
class Clause:
    """One of the operands holds for one of the parameter's values (with `:not` none does). `base` is the address of this
    server's own resources, as far as it is known."""

    parameter: Parameter
    modifier: str
    operands: tuple[Operand, ...]
    base: str = ""

    @property
    def name(self) -> str:
        """As in the address."""
        return f"{self.parameter.code}:{self.modifier}" if self.modifier else self.parameter.code


@dataclass(frozen=True, slots=True)
class Chain:
    """The reference is to a resource for which a condition holds: one for each type that it may have.

    To be carried out: search each `targets` type by its condition, then test the clause that `given` makes of what is found.
    """

    clause: Clause
    targets: tuple[tuple[str, "Condition"], ...]

    def given(self, found: Iterable[str]) -> Clause:
        """The clause, once the resources that may be referred to are known, as Type/id."""
        parted = (one.split("/", 1) for one in found)
        return replace(self.clause, operands=tuple(RefersTo(type_, id_) for type_, id_ in parted))


@dataclass(frozen=True, slots=True)
class Has:
    """A resource of `type` refers here by `parameter`, and a condition holds for it.

    To be carried out: search `type` by the condition, gather `graph.references(…, parameter)` of what is found, then test
    the clause that `given` makes of them.
    """

    clause: Clause
    type: str
    parameter: Parameter
    condition: "Condition"

    def given(self, found: Iterable[str]) -> Clause:
        """The clause, once the resources that are referred to are known, as Type/id; those of other types are left out."""
        start = f"{self.clause.parameter.base}/"
        ids = (one.removeprefix(start) for one in found if one.startswith(start))
        return replace(self.clause, operands=tuple(TokenIs(None, id_) for id_ in ids))


Condition = Clause | Chain | Has


@dataclass(frozen=True, slots=True)
class Sort:
    """By what the matches are put in order."""

    parameter: Parameter
    descending: bool


@dataclass(frozen=True, slots=True)
class Include:
    """Resources to be added: those that `source` refers to by `parameter` (None is every one), of type `target` if that is
    not ''; with `iterate` also from what was added."""

    source: str
    parameter: Parameter | None
    target: str
    iterate: bool


@dataclass(slots=True)
class Query:
    """A search of one type. `used` are the parameters that count, as they were given; `ignored` names those that do not."""

    type: str
    conditions: list[Condition] = field(default_factory=list)
    sort: list[Sort] = field(default_factory=list)
    includes: list[Include] = field(default_factory=list)
    revincludes: list[Include] = field(default_factory=list)
    count: int | None = None
    total: Total | None = None
    summary: Summary = "false"
    elements: tuple[str, ...] = ()
    used: list[tuple[str, str]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    @property
    def clauses(self) -> list[Clause]:
        """The conditions that can be tested as they are."""
        return [one for one in self.conditions if isinstance(one, Clause)]

    @property
    def joins(self) -> list[Chain | Has]:
        """The conditions that first need other resources to be found."""
        return [one for one in self.conditions if not isinstance(one, Clause)]
