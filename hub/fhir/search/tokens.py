"""The texts by which a resource can be found: what the database holds of it, as blind tokens. Pure; decision 0017.

A text names an element of the resource and something that it says; one element's texts serve every parameter that looks
at it, so a subject is told once for `subject` and `patient`. Nothing that can be searched by texts is left untold.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from hub.errors import TooLarge
from hub.fhir.search import nodes
from hub.fhir.search.expressions import NotUnderstood, Path
from hub.fhir.search.parameters import Kind, Parameter, parameters
from hub.fhir.search.references import parsed
from hub.fhir.search.spans import span_of, spans_of
from hub.fhir.search.texts import folded, texts_of

PREFIXES: Final = (2, 3, 5, 8, 13)
"""How many characters the beginnings of a text have that are told. One alone would count the surnames (0013); of names it
is told together with the day of birth (0028)."""
DAY: Final = len("YYYY-MM-DD")
HEAPED: Final = frozenset(("1899-12-30", "1949-10-01", "9999-12-31"))
"""Days that registers put where none is known, as they do the first of January."""
MOST: Final = 10_000
"""Texts that one resource may have."""
NOT_FOUND_BY: Final = frozenset(("_id", "_lastUpdated"))
"""Parameters that ask for what the database holds openly."""

Add = Callable[[str], None]
Teller = Callable[[Any, Add], None]


def tokens(resource: Mapping[str, Any]) -> frozenset[str]:
    """The texts of a valid resource. Raises TooLarge for one with more than MOST, KeyError for a type not searched."""
    found = all_tokens(resource)
    bound(found)
    return found


def bound(texts: Collection[str]) -> None:
    """Raises TooLarge where these different texts are more than one resource may have."""
    if len(texts) > MOST:
        raise TooLarge(f"The resource says more than {MOST} things that can be searched. Divide it.")


def all_tokens(resource: Mapping[str, Any]) -> frozenset[str]:
    """The texts of a valid resource, however many. Raises KeyError for a type not searched."""
    found: set[str] = set()
    branches, tests = _tellers(resource["resourceType"])
    _walk(branches, resource, found.add)
    for parameter, field in tests:
        found.add(f"{field}={'true' if parameter.compiled.find(resource)[0] else 'false'}")
    if "birthdate" in parameters(resource["resourceType"]):
        found.update(_initials(resource))
    return frozenset(found)


@dataclass(slots=True)
class _Branch:
    """What is told of the values under one key, and of what is inside them."""

    many: bool
    index: int | None
    tellers: list[Teller]
    inner: "dict[str, _Branch]"


def _walk(branches: dict[str, _Branch], node: Mapping[str, Any], add: Add) -> None:
    for key, value in node.items():
        branch = branches.get(key)
        if branch is None:
            continue
        elements = value if branch.many else (value,)
        for element in elements if branch.index is None else elements[branch.index : branch.index + 1]:
            if element is None:
                continue
            for tell in branch.tellers:
                tell(element, add)
            if branch.inner:
                _walk(branch.inner, element, add)


def fields(parameter: Parameter) -> tuple[str, ...]:
    """The elements, by name, whose texts a parameter looks at."""
    if parameter.compiled.tests:
        return (f"{parameter.base}.{parameter.code}",)
    return tuple(dict.fromkeys(field_of(parameter.base, parameter.kind, path) for path in parameter.compiled.paths))


def field_of(base: str, kind: Kind, path: Path) -> str:
    """The name of the element that a path leads to; for a part of a name or address that of the whole, for a date that
    of all the choices it may be said in."""
    steps = _told(kind, path).steps
    return f"{base}.{'.'.join(step.name if kind == 'date' else step.key for step in steps)}"


def _told(kind: Kind, path: Path) -> Path:
    for at, owner in enumerate(path.owners):
        if kind == "string" and owner in ("HumanName", "Address"):
            return Path(owner, path.steps[:at], path.owners[:at])
    return path


@cache
def _tellers(type_: str) -> tuple[dict[str, _Branch], tuple[tuple[Parameter, str], ...]]:
    """What is told under which keys of a resource, and the parameters that are true or false of it."""
    branches: dict[str, _Branch] = {}
    tests, done = [], set()
    for parameter in parameters(type_).values():
        if parameter.code in NOT_FOUND_BY:
            continue
        if parameter.compiled.tests:
            tests.append((parameter, fields(parameter)[0]))
        for kind, path in _paths(parameter):
            told = _told(kind, path)
            keys = tuple(step.key for step in told.steps)
            if (kind, keys) not in done and kind in _TELLERS:
                done.add((kind, keys))
                _branch(branches, told).tellers.append(_TELLERS[kind](field_of(type_, kind, path), told.type))
    return branches, tuple(tests)


def _branch(branches: dict[str, _Branch], path: Path) -> _Branch:
    """The branch that a path leads to, grown where it is not there yet."""
    found = _Branch(False, None, [], branches)
    for step in path.steps:
        found = found.inner.setdefault(step.key, _Branch(step.many, step.index, [], {}))
        if found.index != step.index:
            raise NotUnderstood(f"{step.key} is looked at as a whole and by one place")
    return found


def _paths(parameter: Parameter) -> Iterator[tuple[Kind, Path]]:
    for path in parameter.compiled.paths:
        if not parameter.parts:
            yield parameter.kind, path
        for part in parameter.parts:
            yield from ((part.kind, joined(path, inner)) for inner in part.paths[path.type])


def joined(path: Path, inner: Path) -> Path:
    """A path and one that goes on from where it ends."""
    return Path(inner.type, path.steps + inner.steps, path.owners + inner.owners)


def beginning(text: str) -> str | None:
    """Of a folded text the longest beginning that is told; None where it is too short for any."""
    return next((text[:length] for length in reversed(PREFIXES) if length <= len(text)), None)


def initial(base: str, character: str, day: str) -> str:
    """The text that says how a name begins and on which day its bearer was born, YYYY-MM-DD, as one."""
    return f"{base}.name^{character}@{day}"


def is_joined(day: str) -> bool:
    """Is a date told together with names? Not where so many share it that surnames could be counted."""
    return len(day) == DAY and not day.endswith("-01-01") and day not in HEAPED


def _initials(resource: Mapping[str, Any]) -> Iterator[str]:
    """The first character of each part of the names, with the day of birth where that is known."""
    day = resource.get("birthDate")
    if day is None or not is_joined(day):
        return
    for name in resource.get("name", ()):
        for text in texts_of("HumanName", name):
            if start := folded(text)[:1]:
                yield initial(resource["resourceType"], start, day)


def _tell_tokens(field: str, type_: str) -> Teller:
    value, pair = f"{field}=", f"{field}#"

    def coded(system: str, code: str, add: Add) -> None:
        if code:
            code = code.casefold()
            add(value + code)
            add(f"{pair}{system} {code}")
        if system:
            add(f"{pair}{system} ")

    def concept(element: Any, add: Add) -> None:
        for coding in element.get("coding", ()):
            coded(coding.get("system", ""), coding.get("code", ""), add)

    def coding(element: Any, add: Add) -> None:
        coded(element.get("system", ""), element.get("code", ""), add)

    def identifier(element: Any, add: Add) -> None:
        coded(element.get("system", ""), element.get("value", ""), add)

    def contact(element: Any, add: Add) -> None:
        if said := element.get("value"):
            add(value + said.casefold())

    def truth(element: Any, add: Add) -> None:
        add(value + ("true" if element else "false"))

    def plain(element: Any, add: Add) -> None:
        add(value + element.casefold())

    special: dict[str, Teller] = {
        "CodeableConcept": concept, "Coding": coding, "Identifier": identifier, "ContactPoint": contact, "boolean": truth,
    }  # fmt: skip
    return special.get(type_, plain)


def _tell_texts(field: str, type_: str) -> Teller:
    at = f"{field}^"

    def tell(element: Any, add: Add) -> None:
        for text in texts_of(type_, element):
            text = folded(text)
            size = len(text)
            for length in PREFIXES:
                if length > size:
                    break
                add(at + text[:length])

    return tell


def _tell_dates(field: str, _: str) -> Teller:
    at = f"{field}@"

    def tell(element: Any, add: Add) -> None:
        if isinstance(element, str) and (len(element) == 10 or element[-6:] == "+08:00") and span_of(element):
            for node in nodes.of_day(element[:10]):
                add(at + node)
            return
        for span in spans_of(element):
            for node in nodes.of_span(span):
                add(at + node)

    return tell


def _tell_references(field: str, type_: str) -> Teller:
    at = f"{field}>"

    def literal(text: str, add: Add) -> None:
        found = parsed(text)
        if found.id and not found.base:
            add(f"{at}{found.type}/{found.id}")
            add(at + found.id)
        else:
            add(f"{at}@{found.url}")
            if found.id:
                add(f"{at}{found.base} {found.id}")

    def reference(element: Any, add: Add) -> None:
        text = element.get("reference", "#")
        if text[:1] != "#":
            literal(text, add)
        if (identifier := element.get("identifier")) and (value := identifier.get("value")):
            value = value.casefold()
            add(f"{at}={value}")
            add(f"{at}#{identifier.get('system', '')} {value}")

    def inline(element: Any, add: Add) -> None:
        if "id" in element:
            literal(f"{element['resourceType']}/{element['id']}", add)

    def nothing(_: Any, __: Add) -> None:
        """An Attachment is not a reference to a resource."""

    special: dict[str, Teller] = {"Reference": reference, "canonical": literal, "Resource": inline}
    return special.get(type_, nothing)


def _tell_units(field: str, _: str) -> Teller:
    value, pair = f"{field}=", f"{field}#"

    def tell(element: Any, add: Add) -> None:
        if not isinstance(element, dict):
            return
        for one in (element, element.get("low"), element.get("high")):
            if one:
                if code := one.get("code"):
                    add(value + code)
                    add(f"{pair}{one.get('system', '')} {code}")
                if unit := one.get("unit"):
                    add(value + unit)

    return tell


def _tell_uris(field: str, _: str) -> Teller:
    at = f"{field}~"

    def tell(element: Any, add: Add) -> None:
        add(at + element)

    return tell


_TELLERS: Final[Mapping[Kind, Callable[[str, str], Teller]]] = {
    "token": _tell_tokens,
    "string": _tell_texts,
    "date": _tell_dates,
    "reference": _tell_references,
    "quantity": _tell_units,
    "uri": _tell_uris,
}
