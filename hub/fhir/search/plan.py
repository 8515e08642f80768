"""What the database can test of a clause: texts of which a resource has to have one. Pure; decision 0017.

Whatever a clause matches passes its plan (no false negatives); what passes still has to be compared, unless the plan says
that it is exact. A clause that no texts can test has an empty plan: everything passes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import reduce
from typing import Final

from hub.fhir.search import nodes, times
from hub.fhir.search.expressions import Path
from hub.fhir.search.parameters import Kind
from hub.fhir.search.query import Clause, HowMuch, Operand, RefersTo, TextIs, Together, TokenIs, When
from hub.fhir.search.tokens import beginning, field_of, fields, initial, is_joined, joined

MOST_TEXTS: Final = 20_000
"""A group of more is not tested."""
MOST_JOINED: Final = 1_000
"""Of names with days; what is more is left to the day."""
MOST_ANCESTORS: Final = 50
WITH_SYSTEM: Final = frozenset(("CodeableConcept", "Coding", "Identifier"))

Group = frozenset[str]


@dataclass(frozen=True, slots=True)
class Plan:
    """Of each group of `all_of` the resource has a text; its id is one of `ids`; it was stored within one of `updated`
    (from, before; None is open). None asks for nothing. `is_exact`: what passes, and only that, is what is asked for."""

    all_of: tuple[Group, ...] = ()
    ids: frozenset[str] | None = None
    updated: times.Ranges | None = None
    is_exact: bool = False

    @property
    def is_selective(self) -> bool:
        """Whether it keeps anything out: what is not needs a selective condition beside it, or reads every resource."""
        return bool(self.all_of) or self.ids is not None or self.updated is not None

    def passes(self, texts: Set[str]) -> bool:
        """Whether a resource with these texts has one of each group: what the database tests, with blind tokens."""
        return all(not group.isdisjoint(texts) for group in self.all_of)


def plan(clause: Clause) -> Plan:
    """The plan of one clause."""
    if clause.modifier in ("missing", "not", "text", "contains", "below"):
        return Plan()
    if clause.parameter.code == "_id":
        return Plan(ids=frozenset(one.code or "" for one in clause.operands if isinstance(one, TokenIs)), is_exact=True)
    if clause.parameter.code == "_lastUpdated":
        return Plan(updated=times.stored([one for one in clause.operands if isinstance(one, When)]))
    if not clause.operands:
        return Plan(all_of=(frozenset(),), is_exact=True)
    if clause.parameter.parts:
        return _composite(clause)
    found: set[str] = set()
    is_exact = True
    for operand in clause.operands:
        texts, exact = _texts(clause.parameter.kind, operand, clause.parameter.compiled.paths, clause)
        if texts is None:
            return Plan()
        found |= texts
        is_exact = is_exact and exact
    return Plan(all_of=(frozenset(found),), is_exact=is_exact) if len(found) <= MOST_TEXTS else Plan()


def plan_all(clauses: Iterable[Clause], *, joined: bool = True) -> Plan:
    """The plan of clauses which all hold; two that are the ends of one range of time are tested as that range, the one
    character that a name begins with beside the day of birth as what is told of the two together, if `joined`.
    """
    clauses = list(clauses)
    between, others = _ranges(clauses)
    plans = [*between, *(plan(clause) for clause in others)]
    together = _initials(clauses) if joined else []
    ids = [one.ids for one in plans if one.ids is not None]
    updated = [one.updated for one in plans if one.updated is not None]
    return Plan(
        tuple(dict.fromkeys([*together, *(group for one in plans for group in one.all_of)])),
        frozenset.intersection(*ids) if ids else None,
        reduce(times.both, updated) if updated else None,
        all(one.is_exact for one in plans),
    )


def _initials(clauses: Sequence[Clause]) -> list[Group]:
    """What names of one character say together with days of birth; alone they are not told (decision 0028)."""
    days: Sequence[str] = next(
        (found for one in clauses if one.parameter.code == "birthdate" and (found := _days(one))), ()
    )
    groups: list[Group] = []
    for one in clauses if days else ():
        starts = [operand.folded for operand in one.operands if isinstance(operand, TextIs)]
        base, is_name = one.parameter.base, one.parameter.kind == "string" and one.modifier in ("", "exact")
        if is_name and fields(one.parameter) == (f"{base}.name",) and all(len(start) == 1 for start in starts):
            size = len(starts) * len(days)
            if 0 < size <= MOST_JOINED - sum(map(len, groups)):
                groups.append(frozenset(initial(base, start, day) for start in starts for day in days))
    return groups


def _days(clause: Clause) -> list[str]:
    """The days of which one is asked for; none where anything else may be meant."""
    asked = [one for one in clause.operands if isinstance(one, When) and one.comparison == "eq"]
    found = [nodes.smallest(one.span) or "" for one in asked]
    return found if len(asked) == len(clause.operands) and all(map(is_joined, found)) else []


def _ranges(clauses: Iterable[Clause]) -> tuple[list[Plan], list[Clause]]:
    """The plans of pairs of clauses that are the two ends of a range, and the clauses that are left."""
    ends: dict[str, tuple[Clause, When]] = {}
    found, left = [], []
    for clause in clauses:
        end = _end(clause)
        if end is None:
            left.append(clause)
            continue
        code = clause.parameter.code
        other = ends.pop(code, None)
        said = times.between(other[1], end) if other is not None else None
        if said is not None:
            names = _fields("date", clause.parameter.compiled.paths, clause)
            found.append(Plan(all_of=(frozenset(f"{field}@{node}" for field in names for node in said),)))
            continue
        left += [other[0]] if other is not None else []
        ends[code] = clause, end
    return found, [*left, *(clause for clause, _ in ends.values())]


def _end(clause: Clause) -> When | None:
    """What a clause asks of a time that is said once at most, so that two clauses are about the same one."""
    if clause.parameter.kind != "date" or clause.parameter.code == "_lastUpdated" or len(clause.operands) != 1:
        return None
    if any(step.many for path in clause.parameter.compiled.paths for step in path.steps):
        return None
    return clause.operands[0] if isinstance(clause.operands[0], When) else None


def _composite(clause: Clause) -> Plan:
    """All parts of the only operand, or one part of each of several."""
    groups = [_parts(operand, clause) for operand in clause.operands if isinstance(operand, Together)]
    if not all(groups):
        return Plan()
    if len(groups) == 1:
        return Plan(all_of=tuple(groups[0]))
    found = frozenset[str]().union(*(of_one[0] for of_one in groups))
    return Plan(all_of=(found,)) if len(found) <= MOST_TEXTS else Plan()


def _parts(operand: Together, clause: Clause) -> list[Group]:
    found = []
    for part, one in zip(clause.parameter.parts, operand.parts, strict=True):
        paths = tuple(joined(at, path) for at in clause.parameter.compiled.paths for path in part.paths[at.type])
        texts, _ = _texts(part.kind, one, paths, clause)
        if texts is not None:
            found.append(frozenset(texts))
    return found


Texts = tuple[set[str] | None, bool]
"""The texts of which one has to be there, None where none can be said; and whether that is all."""


def _texts(kind: Kind, operand: Operand, paths: tuple[Path, ...], clause: Clause) -> Texts:
    if isinstance(operand, TokenIs) and kind == "reference":
        return _identifier(operand, _fields(kind, paths, clause)), False
    return _KINDS[kind](operand, paths, clause)


def _fields(kind: Kind, paths: tuple[Path, ...], clause: Clause) -> tuple[str, ...]:
    return tuple(dict.fromkeys(field_of(clause.parameter.base, kind, path) for path in paths))


def _is_filtered(paths: tuple[Path, ...]) -> bool:
    return any(step.filters or step.index is not None for path in paths for step in path.steps)


def _token(operand: Operand, paths: tuple[Path, ...], clause: Clause) -> Texts:
    if not isinstance(operand, TokenIs):
        return None, False
    system, code = operand.system, operand.code
    if not paths:
        return {f"{field}={code}" for field in fields(clause.parameter)}, True
    found = set()
    for path in paths:
        field = field_of(clause.parameter.base, "token", path)
        if code is None:
            found.add(f"{field}#{system} ")
        elif system is None or operand.of_type is not None or path.type not in WITH_SYSTEM:
            found.add(f"{field}={code}")
        else:
            found.add(f"{field}#{system} {code}")
    # A system with a space, which no resource has, reads like a shorter one with a longer code.
    return found, operand.of_type is None and " " not in (system or "") and not _is_filtered(paths)


def _text(operand: Operand, paths: tuple[Path, ...], clause: Clause) -> Texts:
    start = beginning(operand.folded) if isinstance(operand, TextIs) else None
    if start is None:
        return None, False
    return {f"{field}^{start}" for field in _fields("string", paths, clause)}, False


def _uri(operand: Operand, paths: tuple[Path, ...], clause: Clause) -> Texts:
    if not isinstance(operand, TextIs):
        return None, False
    said = {operand.said}
    if clause.modifier == "above":
        slashes = [at for at, character in enumerate(operand.said) if character == "/"]
        if len(slashes) > MOST_ANCESTORS:
            return None, False
        said |= {operand.said[: at + more] for at in slashes for more in (0, 1)}
    fields_ = _fields("uri", paths, clause)
    return {f"{field}~{one}" for field in fields_ for one in said}, not _is_filtered(paths)


def _unit(operand: Operand, paths: tuple[Path, ...], clause: Clause) -> Texts:
    if not isinstance(operand, HowMuch) or operand.code is None:
        return None, False
    said = f"={operand.code}" if operand.system is None else f"#{operand.system} {operand.code}"
    return {field + said for field in _fields("quantity", paths, clause)}, False


def _identifier(operand: TokenIs, names: Iterable[str]) -> set[str] | None:
    if operand.code is None:
        return None
    said = f"={operand.code}" if operand.system is None else f"#{operand.system} {operand.code}"
    return {f"{field}>{said}" for field in names}


def _reference(operand: Operand, paths: tuple[Path, ...], clause: Clause) -> Texts:
    if not isinstance(operand, RefersTo):
        return None, False
    if not operand.id:
        return {f"{field}>@{operand.url}" for field in _fields("reference", paths, clause)}, False
    found: set[str] = set()
    for path in paths:
        type_ = operand.type or path.only
        if path.only in (None, type_):
            field = field_of(clause.parameter.base, "reference", path)
            said = f"{type_}/{operand.id}" if type_ else operand.id
            found.add(f"{field}>{said}")
            if clause.base:
                found.add(f"{field}>@{clause.base}/{said}" if type_ else f"{field}>{clause.base} {said}")
    return found, not operand.version and all(path.type != "Resource" for path in paths)


def _when(operand: Operand, paths: tuple[Path, ...], clause: Clause) -> Texts:
    if not isinstance(operand, When) or operand.comparison == "ne":
        return None, False
    said, exact = times.nodes_of(operand)
    return {f"{field}@{node}" for field in _fields("date", paths, clause) for node in said}, exact


def _untestable(_: Operand, __: tuple[Path, ...], ___: Clause) -> Texts:
    return None, False


_KINDS: Final[Mapping[Kind, Callable[[Operand, tuple[Path, ...], Clause], Texts]]] = {
    "token": _token,
    "string": _text,
    "date": _when,
    "reference": _reference,
    "quantity": _unit,
    "number": _untestable,
    "special": _untestable,
    "uri": _uri,
}
