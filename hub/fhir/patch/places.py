"""Places in a resource: an element with what it stands in, so that it can be changed. Pure; FHIR R4, JSON.

A primitive element is a value under its name and an object with its id and extensions under `_name`; of a list both are
lists of the same length, filled with null. Here the two are always taken and put together.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Optional

from hub.fhir.search.elements import Element, elements
from hub.fhir.validation import schema

_OF_EVERYTHING: Final = (
    Element("id", "id", "string", many=False, in_summary=False, required=False),
    Element("extension", "extension", "Extension", many=True, in_summary=False, required=False),
)


def is_primitive(type_: str) -> bool:
    """Is it a type of values, such as `date`? Those of objects begin with a capital."""
    return type_[:1].islower()


def named(type_: str, name: str) -> tuple[Element, ...]:
    """The elements of a type that a path calls `name`: one, several of a choice, or none."""
    found = elements(type_).get(name, ())
    return found or tuple(one for one in _OF_EVERYTHING if one.name == name)


@dataclass(frozen=True, slots=True)
class Both:
    """A primitive's value and the object beside it; of any other element the value alone. None is nothing."""

    value: Any
    beside: Any = None


class Items:
    """The elements of a list, each with what is beside it."""

    def __init__(self, owner: dict[str, Any], key: str) -> None:
        self._owner, self._keys = owner, (key, f"_{key}")

    def __len__(self) -> int:
        return max(len(self._list(key)) for key in self._keys)

    def __getitem__(self, index: int) -> Both:
        value, beside = (found[index] if index < len(found) else None for found in map(self._list, self._keys))
        return Both(value, beside)

    def insert(self, index: int, both: Both) -> None:
        """Put one in front of the one at `index`, or at the end."""
        length = len(self)
        for key, one in zip(self._keys, (both.value, both.beside), strict=True):
            found = self._list(key)
            if found or one is not None:
                found += [None] * (length - len(found))
                found.insert(index, one)
                self._owner[key] = found

    def pop(self, index: int) -> Both:
        """Take one out."""
        taken = self[index]
        for key in self._keys:
            found = self._list(key)
            del found[index : index + 1]
            if found.count(None) == len(found):
                self._owner.pop(key, None)
        return taken

    def _list(self, key: str) -> list[Any]:
        found = self._owner.get(key)
        return found if isinstance(found, list) else []


@dataclass(frozen=True, slots=True)
class Place:
    """Where an element stands: under the key of `element` in `owner`, of a list at `index`. `above` is what it is in."""

    owner: dict[str, Any]
    element: Element
    index: int | None = None
    above: Optional["Place"] = None

    @property
    def type(self) -> str:
        """The type of what stands there; of a resource in a resource its own."""
        if self.element.type != "Resource":
            return self.element.type
        value = self.content
        type_ = value.get("resourceType") if isinstance(value, dict) else None
        return type_ if isinstance(type_, str) and type_ in schema.known() else ""

    @property
    def both(self) -> Both:
        """What stands there."""
        key = self.element.key
        if self.index is not None:
            return Items(self.owner, key)[self.index]
        return Both(self.owner.get(key), self.owner.get(f"_{key}"))

    @property
    def content(self) -> Any:
        """Its value alone."""
        return self.both.value

    @property
    def inner(self) -> dict[str, Any]:
        """The object in which its own elements stand: of a primitive that beside it. It may be changed."""
        found = self.both
        inside = found.beside if is_primitive(self.type) else found.value
        return inside if isinstance(inside, dict) else {}

    def children(self, element: Element) -> Iterator["Place"]:
        """The places of one of its elements, as far as there is something."""
        owner, key = self.inner, element.key
        if element.many:
            for index in range(len(Items(owner, key))):
                yield Place(owner, element, index, self)
        elif owner.get(key) is not None or owner.get(f"_{key}") is not None:
            yield Place(owner, element, None, self)

    def put(self, element: Element, both: Both) -> None:
        """Put something in the place of what stands there, under another key where the type of a choice changes."""
        if self.index is not None:
            items = Items(self.owner, self.element.key)
            items.pop(self.index)
            items.insert(self.index, both)
            return
        for key in (self.element.key, f"_{self.element.key}"):
            self.owner.pop(key, None)
        _set(self.owner, element.key, both)

    def remove(self) -> None:
        """Take it out, and whatever it leaves empty: FHIR knows no empty objects."""
        if self.index is None:
            for key in (self.element.key, f"_{self.element.key}"):
                self.owner.pop(key, None)
        else:
            Items(self.owner, self.element.key).pop(self.index)
        if self.above is not None and self.above.above is not None and not self.owner:
            self.above.emptied()

    def emptied(self) -> None:
        """Nothing is left inside: of a primitive its value stays, anything else goes."""
        if not is_primitive(self.type) or self.content is None:
            self.remove()
        else:
            self.put(self.element, Both(self.content))

    def add(self, element: Element, both: Both) -> None:
        """Give it one of its elements, at the end of a list."""
        owner = self.opened()
        if not element.many:
            _set(owner, element.key, both)
            return
        items = Items(owner, element.key)
        items.insert(len(items), both)

    def opened(self) -> dict[str, Any]:
        """The object in which its own elements stand, made for a primitive that has none yet."""
        if is_primitive(self.type) and not self.inner:
            self.put(self.element, Both(self.content, {}))
        return self.inner


def _set(owner: dict[str, Any], key: str, both: Both) -> None:
    found = {key: both.value, f"_{key}": both.beside}
    owner |= {name: value for name, value in found.items() if value is not None}


def root(resource: dict[str, Any]) -> Place:
    """The resource as a place."""
    whole = Element("", "", resource["resourceType"], many=False, in_summary=False, required=True)
    return Place({"": resource}, whole)
