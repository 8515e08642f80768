"""Whether a resource is what a clause asks for: the exact meaning, tested on the opened resource. Pure; FHIR R4, search."""

from collections.abc import Callable, Mapping
from math import asin, cos, radians, sin, sqrt
from typing import Any, Final

from hub.fhir.search.parameters import Kind
from hub.fhir.search.query import Clause, HowMuch, Missing, NearTo, Operand, RefersTo, TextIs, Together, TokenIs, When
from hub.fhir.search.references import Ref
from hub.fhir.search.spans import Span
from hub.fhir.search.texts import folded
from hub.fhir.search.values import Amount, Meta, Position, Token, Value, said

EARTH: Final = 6_371_000
"""The Earth's mean radius in metres."""


def matches(clause: Clause, resource: Mapping[str, Any], meta: Meta) -> bool:
    """Is a resource of the clause's type what it asks for?"""
    return _holds(clause, said(clause.parameter, resource, meta))


def matches_all(clauses: list[Clause], resource: Mapping[str, Any], meta: Meta) -> bool:
    """Is it what all of them ask for?"""
    return all(matches(clause, resource, meta) for clause in clauses)


def _holds(clause: Clause, found: list[Value]) -> bool:
    match clause.modifier:
        case "missing":
            return any(isinstance(one, Missing) and one.missing != bool(found) for one in clause.operands)
        case "not":
            return not any(_fits(one, value, clause) for one in clause.operands for value in found)
        case _:
            return any(_fits(one, value, clause) for one in clause.operands for value in found)


def _fits(operand: Operand, value: Any, clause: Clause) -> bool:
    if isinstance(operand, Together):
        kinds = [part.kind for part in clause.parameter.parts]
        return all(
            any(TESTS[kind](one, inner, clause) for inner in inners)
            for kind, one, inners in zip(kinds, operand.parts, value, strict=True)
        )
    return TESTS[clause.parameter.kind](operand, value, clause)


def _token(operand: Operand, value: Token, clause: Clause) -> bool:
    match operand:
        case TextIs():
            return folded(value.text).startswith(operand.folded)
        case TokenIs(None, code) if clause.parameter.code == "_id":
            return value.code == code
        case TokenIs(_, code, of_type) if of_type is not None:
            return of_type in value.types and value.code.casefold() == code
        case TokenIs(system, None):
            return bool(system) and value.system == system
        case TokenIs(system, code):
            # What has no system of its own is compared by its code only (R4, token).
            return value.code.casefold() == code and (None in (system, value.system) or system == value.system)
    return False


def _text(operand: Operand, value: str, clause: Clause) -> bool:
    if not isinstance(operand, TextIs):
        return False
    match clause.modifier:
        case "exact":
            return value == operand.said
        case "contains":
            return operand.folded in folded(value)
        case _:
            return folded(value).startswith(operand.folded)


def _uri(operand: Operand, value: str, clause: Clause) -> bool:
    if not isinstance(operand, TextIs):
        return False
    match clause.modifier:
        case "below":
            return value.startswith(operand.said)
        case "above":
            return value == operand.said or operand.said.startswith(value.removesuffix("/") + "/")
        case _:
            return value == operand.said


def _when(operand: Operand, value: Span, _: Clause) -> bool:
    if not isinstance(operand, When):
        return False
    """R4 to the letter: `ge` and `le` are beyond the span that is asked for, or within it; touching it is not enough."""
    asked = operand.span
    held = asked.start <= value.start and value.end <= asked.end
    match operand.comparison:
        case "eq":
            return held
        case "ne":
            return not held
        case "gt":
            return value.end > asked.end
        case "lt":
            return value.start < asked.start
        case "ge":
            return value.end > asked.end or held
        case "le":
            return value.start < asked.start or held
        case "sa":
            return value.start >= asked.end
        case "eb":
            return value.end <= asked.start
        case "ap":
            return value.start < asked.end and value.end > asked.start


def _reference(operand: Operand, value: Ref, clause: Clause) -> bool:
    match operand:
        case TokenIs(system, code):
            if value.identifier is None:
                return False
            kept_system, kept = value.identifier
            return code in (None, kept.casefold()) and system in (None, kept_system)
        case RefersTo(_, "", url, version):
            return value.url == url and version in ("", value.version)
        case RefersTo(type_, id_, _, version):
            here = value.id == id_ and value.base in ("", clause.base)
            return here and type_ in ("", value.type) and version in ("", value.version)
    return False


def _amount(operand: Operand, value: Amount, _: Clause) -> bool:
    return isinstance(operand, HowMuch) and _has_unit(operand, value) and _is_so_much(operand, value)


def _has_unit(asked: HowMuch, value: Amount) -> bool:
    if asked.system is None:
        return asked.code is None or asked.code in (value.code, value.unit)
    return value.system == asked.system and asked.code in (None, value.code)


def _is_so_much(asked: HowMuch, value: Amount) -> bool:
    low, high = value.low, value.high
    held = low is not None and high is not None and asked.low <= low and high < asked.high
    match asked.comparison:
        case "eq":
            return held
        case "ne":
            return not held
        case "gt":
            return high is None or high > asked.number
        case "lt":
            return low is None or low < asked.number
        case "ge":
            return high is None or high >= asked.number
        case "le":
            return low is None or low <= asked.number
        case "sa":
            return low is not None and low > asked.number
        case "eb":
            return high is not None and high < asked.number
        case "ap":
            return (high is None or high >= asked.low) and (low is None or low <= asked.high)


def _near(operand: Operand, value: Position, _: Clause) -> bool:
    if not isinstance(operand, NearTo):
        return False
    here, there = radians(operand.latitude), radians(value.latitude)
    across = sin(radians(value.longitude - operand.longitude) / 2) ** 2 * cos(here) * cos(there)
    return 2 * EARTH * asin(min(1.0, sqrt(sin((there - here) / 2) ** 2 + across))) <= operand.metres


TESTS: Final[Mapping[Kind, Callable[[Operand, Any, Clause], bool]]] = {
    "token": _token,
    "string": _text,
    "uri": _uri,
    "date": _when,
    "reference": _reference,
    "quantity": _amount,
    "number": _amount,
    "special": _near,
}
