"""What no schema of one object can say: order of times, references within a resource, narratives, characters, sameness.

Only of resources that pass their strict schema. Each check starts from a mark: a few bytes, or a property, without
which there is nothing to look at, so that most resources are done after the bytes were searched.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import orjson

from hub.fhir.validation import narrative, paths
from hub.fhir.validation.moments import in_order
from hub.fhir.validation.problems import Problem

LONGEST: Final = 1_048_576
"""Characters of a string in R4."""

_LOCAL: Final = re.compile(rb'"#([A-Za-z0-9.-]+)"')
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_MAY_BE_LONG: Final = frozenset({"data", "valueBase64Binary", "div"})


_OBJECTS, _REFERENCES, _NULLS, _TEXTS = 1, 2, 4, 8


def marks(body: bytes) -> int:
    """What there may be to look at in a resource and in all within it, by its JSON without spaces; 0 is nothing."""
    found = 0
    if b'"end":' in body or b'"high":' in body:
        found |= _OBJECTS
    if b"#" in body:
        found |= _REFERENCES
    if b"null" in body:
        found |= _NULLS
    if b"\\" in body or len(body) > LONGEST:
        found |= _TEXTS
    return found


def is_plain(type_: str, resource: dict[str, Any], found: int) -> bool:
    """Is there nothing in the resource that `check` looks at?"""
    return not found and _TRIGGERS.get(type_) not in resource and "text" not in resource and "contained" not in resource


def check(type_: str, resource: dict[str, Any], path: str, found: int) -> Iterator[Problem]:
    """The faults of a resource at `path`; what it contains is looked through with it, other resources in it are not."""
    looks = list(_looks(resource, found))
    if looks and any(look(value) for value in _objects(resource) for look in looks):
        for definition, at, value in paths.objects(type_, resource, path):
            for fault in (fault for look in looks for fault in look(value)):
                where = at if fault.key is None else paths.at(definition, at, fault.key)
                yield Problem(where if fault.place is None else f"{where}[{fault.place}]", fault.text, fault.code)
    if "contained" in resource:
        yield from _unreferred(resource, path)
    if "text" in resource:
        yield from _narrative(resource, path)
    own = _OWN.get(type_)
    if own is not None:
        yield from own(resource, path)


class _Found(NamedTuple):
    """A fault of an object, or of one of its properties, or of an item of a list in one."""

    code: str
    text: str
    key: str | None = None
    place: int | None = None


_Look = Callable[[dict[str, Any]], Sequence[_Found]]


def _looks(resource: dict[str, Any], found: int) -> Iterator[_Look]:
    """What each object has to be looked at for."""
    if found & _OBJECTS:
        yield _order
    if found & _REFERENCES:
        ids = frozenset([one["id"] for one in resource.get("contained", ()) if isinstance(one.get("id"), str)])
        yield partial(_reference, ids)
    if found & _NULLS:
        yield _nulls
    if found & _TEXTS:
        yield _texts


def _objects(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every object of the resource."""
    waiting = [value]
    for found in waiting:
        yield found
        for name, inner in found.items():
            if type(inner) is dict:
                if name != "resource":
                    waiting.append(inner)
            elif type(inner) is list:
                waiting.extend([item for item in inner if type(item) is dict])


def _order(value: dict[str, Any]) -> Sequence[_Found]:
    if "start" in value and "end" in value and not in_order(value["start"], value["end"]):
        return [_Found("per-1", "ends before it starts")]
    if "low" in value and "high" in value and not _below(value["low"], value["high"]):
        return [_Found("rng-2", "has a low above its high")]
    return ()


def _below(low: Any, high: Any) -> bool:
    """Is a quantity not above another one? So it is as long as they are not in the same unit."""
    if not (type(low) is dict and type(high) is dict):
        return True
    if any(low.get(name) != high.get(name) for name in ("system", "code", "unit")):
        return True
    least, most = low.get("value"), high.get("value")
    return not (isinstance(least, int | float) and isinstance(most, int | float)) or least <= most


def _reference(ids: frozenset[str], value: dict[str, Any]) -> Sequence[_Found]:
    reference = value.get("reference")
    if type(reference) is str and reference[:1] == "#" and reference != "#" and reference[1:] not in ids:
        return [_Found("ref-1", "refers to a contained resource that is not there")]
    return ()


def _nulls(value: dict[str, Any]) -> Sequence[_Found]:
    """A null in a list of a primitive has an extension at its place in the other list, and the other way round."""
    found = []
    for name, items in value.items():
        if type(items) is list and None in items:
            beside = value.get(name[1:] if name[:1] == "_" else f"_{name}")
            others = beside if type(beside) is list else []
            for place, item in enumerate(items):
                if item is None and (place >= len(others) or others[place] is None):
                    found.append(_Found("null", "is null, and so is its place in the other list", name, place))
    return found


def _texts(value: dict[str, Any]) -> Sequence[_Found]:
    found = []
    for name, inner in value.items():
        for text in inner if type(inner) is list else (inner,):
            if type(text) is not str:
                continue
            if _CONTROL.search(text):
                said = "has a control character; allowed are tab, line feed and carriage return"
                found.append(_Found("control-character", said, name))
            elif len(text) > LONGEST and name not in _MAY_BE_LONG:
                found.append(_Found("too-long", f"has more than {LONGEST} characters", name))
    return found


def _unreferred(resource: dict[str, Any], path: str) -> Iterator[Problem]:
    # Besides Reference.reference, a canonical, a uri or a url may name a contained resource: any text that is its id.
    named = set(_LOCAL.findall(orjson.dumps(resource)))
    for place, one in enumerate(resource["contained"]):
        if str(one.get("id", "")).encode() not in named and b'"#"' not in orjson.dumps(one):
            text = "is contained and nothing refers to it; allowed is one that is referred to by #id"
            yield Problem(f"{path}.contained[{place}]", text, "dom-3")


def _narrative(value: dict[str, Any], path: str) -> Iterator[Problem]:
    div = value.get("text", {}).get("div")
    found = narrative.fault(div) if type(div) is str else None
    if found is not None:
        yield Problem(f"{path}.text.`div`", found.text, found.code)


def _composition(resource: dict[str, Any], path: str) -> Iterator[Problem]:
    waiting = [(path, resource)]
    for at, value in waiting:
        inner = [(f"{at}.section[{place}]", one) for place, one in enumerate(value.get("section", ()))]
        for where, section in inner:
            yield from _narrative(section, where)
        waiting += inner


def _observation(resource: dict[str, Any], path: str) -> Iterator[Problem]:
    if not any(name.startswith("value") for name in resource):
        return
    own = _codings(resource["code"])
    if any(not own.isdisjoint(_codings(component["code"])) for component in resource.get("component", ())):
        yield Problem(path, "has a value[x] and a component of the same code", "obs-7")


def _codings(concept: dict[str, Any]) -> set[bytes]:
    return {orjson.dumps(coding, option=orjson.OPT_SORT_KEYS) for coding in concept.get("coding", ())}


def _ordered_times(key: str, first: str, then: str) -> Any:
    def ordered(resource: dict[str, Any], path: str) -> Iterator[Problem]:
        if not in_order(resource.get(first), resource.get(then)):
            yield Problem(path, f"has {then} before {first}", key)

    return ordered


def _bundle(resource: dict[str, Any], path: str) -> Iterator[Problem]:
    if resource.get("type") == "history":
        return
    seen: set[tuple[str, str]] = set()
    for place, entry in enumerate(resource.get("entry", ())):
        meta = entry.get("resource", {}).get("meta")
        version = meta.get("versionId") if type(meta) is dict else None
        named = (entry.get("fullUrl", ""), version if type(version) is str else "")
        if named[0] and named in seen:
            yield Problem(f"{path}.entry[{place}]", "has the fullUrl of another entry of the same version", "bdl-7")
        seen.add(named)


_OWN: Final[Mapping[str, Any]] = {
    "Bundle": _bundle,
    "Composition": _composition,
    "MedicationDispense": _ordered_times("mdd-1", "whenPrepared", "whenHandedOver"),
    "Observation": _observation,
    "Task": _ordered_times("inv-1", "authoredOn", "lastModified"),
}
_TRIGGERS: Final[Mapping[str, str]] = {
    "Bundle": "entry",
    "Composition": "section",
    "MedicationDispense": "whenHandedOver",
    "Observation": "component",
    "Parameters": "parameter",
    "Task": "lastModified",
}
"""Without these there is nothing to look at that only a resource of the type has."""
