"""What a resource says under each search parameter, as values that can be compared. Pure; FHIR R4, search.

A parameter's expression leads to elements; how an element is read depends on the parameter's kind and the element's type.
Types that say nothing of a kind (an Age where a date is asked for) give no values.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Final, NamedTuple

import orjson

from hub.fhir.search.expressions import Path
from hub.fhir.search.parameters import Kind, Parameter, Part, parameters
from hub.fhir.search.references import Ref, parsed
from hub.fhir.search.spans import Span, of_moment, spans_of
from hub.fhir.search.texts import texts_of


class Token(NamedTuple):
    """A code with its system: None where the kind of element has none ('' is a Coding without one). `text` is what
    `:text` looks at; `types` are (system, code) of an Identifier's type."""

    system: str | None
    code: str
    text: str = ""
    types: tuple[tuple[str, str], ...] = ()


class Amount(NamedTuple):
    """From `low` to `high`, both in it, None where open; with the unit's system, code and name."""

    low: Decimal | None
    high: Decimal | None
    system: str = ""
    code: str = ""
    unit: str = ""


class Position(NamedTuple):
    """Where a place is, in degrees of WGS84."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Meta:
    """What the database knows of a resource apart from its body: its id, and when it was stored (with a zone)."""

    id: str
    updated_at: datetime

    def shown(self) -> Span:
        """The millisecond that `meta.lastUpdated` shows."""
        start = of_moment(self.updated_at) // 1_000 * 1_000
        return Span(start, start + 1_000)


Value = Token | str | Span | Ref | Amount | Position | tuple[Any, ...]
"""A token, a text (also a uri), a span of time, a reference, a quantity or number, a place, or a composite's list for each
of its parts."""

_Seen = dict[tuple[Kind, str, int], list[Value]]
"""The values of elements that were read, by the identity of the element, which lives as long as its resource."""
_Reader = Callable[[str, Any, Mapping[str, Any]], Iterable[Any]]


def values(resource: Mapping[str, Any]) -> dict[str, list[Value]]:
    """The values of every parameter that finds some. Raises KeyError for a type that cannot be searched."""
    found: dict[str, list[Value]] = {}
    by_key, others = _ways(resource["resourceType"])
    seen: _Seen = {}
    for key in resource:
        for parameter, path in by_key.get(key, ()):
            if more := _read(parameter, path, resource, seen):
                found.setdefault(parameter.code, []).extend(more)
    for parameter in others:
        if more := _read_other(parameter, resource, seen):
            found[parameter.code] = more
    return found


@cache
def _ways(type_: str) -> tuple[dict[str, list[tuple[Parameter, Path]]], tuple[Parameter, ...]]:
    """The paths of a type's parameters by the key of a resource that they begin at, and parameters of other forms."""
    by_key: dict[str, list[tuple[Parameter, Path]]] = {}
    others = []
    for parameter in parameters(type_).values():
        if parameter.parts or parameter.compiled.tests:
            others.append(parameter)
            continue
        for path in parameter.compiled.paths:
            by_key.setdefault(path.steps[0].key, []).append((parameter, path))
    return by_key, tuple(others)


def said(parameter: Parameter, resource: Mapping[str, Any], meta: Meta) -> list[Value]:
    """The values of one parameter, id and time of storage as the database knows them."""
    if parameter.code == "_id":
        return [Token(None, meta.id)]
    if parameter.code == "_lastUpdated":
        return [meta.shown()]
    return values_of(parameter, resource)


def values_of(parameter: Parameter, resource: Mapping[str, Any]) -> list[Value]:
    """The values of one parameter in a resource of its type."""
    seen: _Seen = {}
    if parameter.parts or parameter.compiled.tests:
        return _read_other(parameter, resource, seen)
    return [value for path in parameter.compiled.paths for value in _read(parameter, path, resource, seen)]


def _read(parameter: Parameter, path: Path, resource: Mapping[str, Any], seen: _Seen) -> list[Value]:
    elements = path.find(resource)
    if path.type == "Resource":
        elements = [one for one in elements if one.get("resourceType") in parameter.targets]
    return _values(parameter.kind, path.type, elements, resource, seen)


def _read_other(parameter: Parameter, resource: Mapping[str, Any], seen: _Seen) -> list[Value]:
    if parameter.compiled.tests:
        return [Token(None, "true" if parameter.compiled.find(resource)[0] else "false")]
    return [
        tuple(lists)
        for base in parameter.compiled.paths
        for element in base.find(resource)
        if all(lists := [_read_part(part, part.paths[base.type], element, resource, seen) for part in parameter.parts])
    ]


def _read_part(
    part: Part, paths: tuple[Path, ...], element: Any, resource: Mapping[str, Any], seen: _Seen
) -> list[Value]:
    return [
        value
        for path in paths
        if path.steps[0].key in element
        for value in _values(part.kind, path.type, path.walk([element], resource), resource, seen)
    ]


def _values(kind: Kind, type_: str, elements: list[Any], resource: Mapping[str, Any], seen: _Seen) -> list[Value]:
    """The values of elements. Several parameters look at the same ones, so each is read once."""
    found: list[Value] = []
    for element in elements:
        key = (kind, type_, id(element))
        if (known := seen.get(key)) is None:
            known = seen[key] = list(READERS[kind](type_, element, resource))
        found += known
    return found


def _tokens(type_: str, element: Any, _: Mapping[str, Any]) -> Iterator[Token]:
    match type_:
        case "CodeableConcept":
            for coding in element.get("coding", ()):
                yield Token(coding.get("system", ""), coding.get("code", ""), coding.get("display", ""))
            if "text" in element:
                yield Token(None, "", element["text"])
        case "Coding":
            yield Token(element.get("system", ""), element.get("code", ""), element.get("display", ""))
        case "Identifier":
            type_of = element.get("type", {})
            types = tuple((one.get("system", ""), one.get("code", "")) for one in type_of.get("coding", ()))
            yield Token(element.get("system", ""), element.get("value", ""), type_of.get("text", ""), types)
        case "ContactPoint":
            yield Token(None, element.get("value", ""))
        case "boolean":
            yield Token(None, "true" if element else "false")
        case _:
            yield Token(None, element)


def _texts(type_: str, element: Any, _: Mapping[str, Any]) -> list[str]:
    return texts_of(type_, element)


def _spans(_: str, element: Any, __: Mapping[str, Any]) -> Iterator[Span]:
    return spans_of(element)


_NOWHERE: Final = Ref("", "", "", "", "")
"""A reference into the resource itself leads nowhere that can be asked for."""


def _refs(type_: str, element: Any, resource: Mapping[str, Any]) -> Iterator[Ref]:
    if type_ == "Reference":
        identifier = element.get("identifier", {})
        pair = (identifier.get("system", ""), identifier["value"]) if "value" in identifier else None
        text = element.get("reference", "")
        found = parsed(text) if text[:1] != "#" else _NOWHERE
        if found.url or pair:
            yield found._replace(identifier=pair)
    elif type_ == "canonical":
        yield parsed(element)
    elif type_ == "Resource" and "id" in element:
        yield Ref(element["resourceType"], element["id"], "", f"{element['resourceType']}/{element['id']}", "")


def _amounts(type_: str, element: Any, _: Mapping[str, Any]) -> Iterator[Amount]:
    match type_:
        case "Range":
            low, high = element.get("low", {}), element.get("high", {})
            unit = high or low
            if low or high:
                yield Amount(_decimal(low.get("value")), _decimal(high.get("value")), *_unit(unit))
        case "SampledData":
            return
        case "decimal" | "integer":
            yield Amount(_decimal(element), _decimal(element))
        case _:
            number = _decimal(element.get("value"))
            if number is not None:
                comparator = element.get("comparator", "")
                low, high = (None if "<" in comparator else number), (None if ">" in comparator else number)
                yield Amount(low, high, *_unit(element))


def _unit(element: Mapping[str, Any]) -> tuple[str, str, str]:
    return element.get("system", ""), element.get("code", ""), element.get("unit", "")


def _decimal(value: Any) -> Decimal | None:
    """A number as it was written, which `hub.fhir.exact` keeps as text, or as a parser read it."""
    text = orjson.dumps(value).decode() if isinstance(value, orjson.Fragment) else str(value)
    try:
        return None if value is None else Decimal(text)
    except InvalidOperation:
        return None


def _uris(_: str, element: Any, __: Mapping[str, Any]) -> Iterator[str]:
    yield element


def _positions(_: str, element: Any, __: Mapping[str, Any]) -> Iterator[Position]:
    latitude, longitude = _decimal(element.get("latitude")), _decimal(element.get("longitude"))
    if latitude is not None and longitude is not None:
        yield Position(float(latitude), float(longitude))


READERS: Final[Mapping[Kind, _Reader]] = {
    "token": _tokens,
    "string": _texts,
    "date": _spans,
    "reference": _refs,
    "quantity": _amounts,
    "number": _amounts,
    "uri": _uris,
    "special": _positions,
}
