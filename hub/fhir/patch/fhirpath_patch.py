"""FHIRPath Patch: add, insert, delete, replace, move, said in Parameters. Pure; http://hl7.org/fhir/R4/fhirpatch.html.

Each operation is done to what the ones before it have made; when one cannot be done, none is. Whether a value is of the
right type is tested here, whether the whole is valid by whoever stores it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hub.fhir import exact
from hub.fhir.patch import paths
from hub.fhir.patch.paths import Path
from hub.fhir.patch.places import Both, Items, Place, is_primitive, named
from hub.fhir.patch.values import MOST, Effort, bad, conflict, copied, written
from hub.fhir.search.elements import Element

_NEEDS: Final = {
    "add": ("name", "value"),
    "insert": ("index", "value"),
    "delete": (),
    "replace": ("value",),
    "move": ("source", "destination"),
}
_KINDS: Final = {"type": "valueCode", "path": "valueString", "name": "valueString", "index": "valueInteger",
                 "source": "valueInteger", "destination": "valueInteger"}  # fmt: skip
_QUANTITIES: Final = frozenset({"Quantity", "SimpleQuantity", "Age", "Count", "Distance", "Duration"})
_DEEPEST: Final = 16


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, as far as it says what; `value` is the part of Parameters with the value."""

    at: int
    type: str
    path: Path
    name: str = ""
    value: Mapping[str, Any] | None = None
    index: int = 0
    source: int = 0
    destination: int = 0


@dataclass(frozen=True, slots=True)
class FHIRPathPatch:
    """The operations, in order."""

    operations: tuple[Operation, ...]

    def patched(self, body: bytes, effort: Effort | None = None) -> bytes:
        """The resource in `body` with all of them done. Raises Conflict, Invalid."""
        resource, effort = exact.read(body), effort or Effort()
        for operation in self.operations:
            _DO[operation.type](resource, operation, effort)
        return written(resource)


def read(parameters: Any) -> FHIRPathPatch:
    """The patch that Parameters are. Raises Invalid `bad-patch`."""
    if not isinstance(parameters, dict) or parameters.get("resourceType") != "Parameters":
        raise bad("A FHIRPath Patch is a Parameters resource.")
    listed = parameters.get("parameter", [])
    if not isinstance(listed, list) or len(listed) > MOST:
        raise bad(f"Parameters.parameter are at most {MOST} operations.")
    return FHIRPathPatch(tuple(_operation(at, one) for at, one in enumerate(listed)))


def _operation(at: int, one: Any) -> Operation:
    parts = one.get("part") if isinstance(one, dict) and one.get("name") == "operation" else None
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise bad(f"Parameter {at} is an operation, with the parts type, path and what else it needs.")
    said = {str(part.get("name")): part for part in parts}
    if len(said) < len(parts) or said.keys() - _KINDS.keys() - {"value"}:
        raise bad(f"Operation {at}: its parts are each given once, and are {', '.join(_KINDS)} or value.")
    given = {name: _given(at, name, part) for name, part in said.items() if name != "value"}
    type_ = given.get("type")
    if type_ not in _NEEDS or any(name not in said for name in ("path", *_NEEDS[type_])):
        raise bad(f"Operation {at}: type is one of {', '.join(_NEEDS)}; {_needs()}.")
    return Operation(at, **(given | {"path": paths.read(given["path"])}), value=said.get("value"))


def _needs() -> str:
    return "; ".join(f"{type_} has {', '.join(('path', *names))}" for type_, names in _NEEDS.items())


def _given(at: int, name: str, part: Mapping[str, Any]) -> Any:
    kind = _KINDS[name]
    # A name or a type may be said as a code or as a string: R4's examples do either.
    value = part.get(kind, part.get("valueCode" if kind == "valueString" else "valueString"))
    if kind == "valueInteger":
        value = part.get(kind)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise bad(f"Operation {at}: {name} is a valueInteger from 0 on.")
    elif not isinstance(value, str):
        raise bad(f"Operation {at}: {name} is a {kind}.")
    return value


def _add(resource: dict[str, Any], operation: Operation, effort: Effort) -> None:
    owner = _opening(operation, operation.path.find(resource, effort))
    element, both = _made(operation.at, owner.type, operation.name, operation.value or {})
    if not element.many:
        for one in named(owner.type, operation.name):
            if any(True for _ in owner.children(one)):
                raise conflict(f"Operation {operation.at}: {operation.name} is there already; replace it.")
    owner.add(element, both)


def _insert(resource: dict[str, Any], operation: Operation, effort: Effort) -> None:
    owner, element = _list(resource, operation, effort)
    _, both = _made(operation.at, owner.type, element.name, operation.value or {})
    items = Items(owner.opened(), element.key)
    effort.look(len(items))
    if operation.index > len(items):
        raise conflict(f"Operation {operation.at}: the list has {len(items)} elements, and no place {operation.index}.")
    items.insert(operation.index, both)


def _delete(resource: dict[str, Any], operation: Operation, effort: Effort) -> None:
    found = operation.path.find(resource, effort)
    if found:
        _not_all(operation, _one(operation, found)).remove()


def _replace(resource: dict[str, Any], operation: Operation, effort: Effort) -> None:
    place = _not_all(operation, _one(operation, operation.path.find(resource, effort)))
    owner = place.above.type if place.above is not None else ""
    element, both = _made(operation.at, owner, place.element.name, operation.value or {})
    place.put(element, both)


def _move(resource: dict[str, Any], operation: Operation, effort: Effort) -> None:
    owner, element = _list(resource, operation, effort)
    items = Items(owner.inner, element.key)
    effort.look(len(items))
    if max(operation.source, operation.destination) >= len(items):
        raise conflict(f"Operation {operation.at}: the list has {len(items)} elements only.")
    items.insert(operation.destination, items.pop(operation.source))


_DO: Final[Mapping[str, Callable[[dict[str, Any], Operation, Effort], None]]] = {
    "add": _add,
    "insert": _insert,
    "delete": _delete,
    "replace": _replace,
    "move": _move,
}


def _one(operation: Operation, found: list[Place]) -> Place:
    if len(found) == 1:
        return found[0]
    number = "several elements" if found else "nothing"
    raise conflict(
        f"Operation {operation.at}: {operation.path.text[:100]} leads to {number}; it has to lead to one element."
    )


def _opening(operation: Operation, found: list[Place]) -> Place:
    """The one place, if it can have elements."""
    owner = _one(operation, found)
    if not is_primitive(owner.type) and not isinstance(owner.content, dict):
        raise conflict(f"Operation {operation.at}: what its path leads to has no elements.")
    return owner


def _not_all(operation: Operation, place: Place) -> Place:
    if place.above is None:
        raise bad(f"Operation {operation.at}: a whole resource is not changed by a patch; send an update or a delete.")
    return place


def _list(resource: dict[str, Any], operation: Operation, effort: Effort) -> tuple[Place, Element]:
    """The element that a list is in, and the list: the name with which the path ends."""
    if operation.path.last is None:
        raise bad(f"Operation {operation.at}: the path of {operation.type} ends with the name of a list.")
    owner = _opening(operation, operation.path.owners(resource, effort))
    element = next((one for one in named(owner.type, operation.path.last) if one.many), None)
    if element is None:
        raise bad(f"Operation {operation.at}: {operation.path.text[:100]} is no list.")
    return owner, element


def _made(at: int, type_: str, name: str, part: Mapping[str, Any], layer: int = 0) -> tuple[Element, Both]:
    """The element `name` of a type that a part gives a value, and that value. Raises Invalid `bad-patch`."""
    choices = named(type_, name)
    if not choices:
        raise bad(f"Operation {at}: {type_ or 'a resource of no type'} has no element {name[:40]}.")
    if layer > _DEEPEST:
        raise bad(f"Operation {at}: there are more than {_DEEPEST} parts in one another.")
    (element, *others) = choices
    if "part" in part and not others and "." in element.type:
        return element, Both(_object(at, element.type, part["part"], layer))
    if "resource" in part and element.type == "Resource":
        return element, Both(copied(part["resource"]))
    given = [key.removeprefix("_").removeprefix("value") for key in part if key.startswith(("value", "_value"))]
    for choice in choices:
        if len(set(given)) == 1 and (_is(choice.type, given[0]) or (not others and _fits(choice.type, given[0], part))):
            return choice, Both(copied(part.get(f"value{given[0]}")), copied(part.get(f"_value{given[0]}")))
    raise bad(f"Operation {at}: a value for {name} is {' or '.join(dict.fromkeys(one.type for one in choices))[:200]}.")


def _is(type_: str, given: str) -> bool:
    return type_ in (given, given[:1].lower() + given[1:])


def _fits(type_: str, given: str, part: Mapping[str, Any]) -> bool:
    """May an element of a type have a value that a part gives as one of another type?"""
    if is_primitive(type_):
        # What is a string, a code or a date in Parameters is a text in JSON; whether it is one of this type is tested later.
        return not isinstance(part.get(f"value{given}"), dict | list) and part.get(f"value{given}") is not None
    return type_ in _QUANTITIES and given in _QUANTITIES


def _object(at: int, type_: str, parts: Any, layer: int) -> dict[str, Any]:
    """An element of a type without a name of its own, from one part for each of its elements."""
    if not isinstance(parts, list) or not parts or not all(isinstance(part, dict) for part in parts):
        raise bad(f"Operation {at}: the parts of a value are objects.")
    found: dict[str, Any] = {}
    for part in parts:
        element, both = _made(at, type_, str(part.get("name", "")), part, layer + 1)
        if element.many:
            items = Items(found, element.key)
            items.insert(len(items), both)
        elif element.key in found:
            raise bad(f"Operation {at}: {element.name} is given twice.")
        else:
            found |= {
                key: one
                for key, one in ((element.key, both.value), (f"_{element.key}", both.beside))
                if one is not None
            }
    return found
