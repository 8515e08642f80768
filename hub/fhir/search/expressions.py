"""FHIRPath expressions of search parameters, compiled to plain walks over JSON. Pure; not an engine for FHIRPath.

Only what the parameters use is understood: paths, `[n]`, unions, `as` and `ofType`, `where(name='text')`,
`where(resolve() is Type)`, and `exists()` or a comparison with true or false, joined by `and`. Anything else is refused
when it is compiled, so that a parameter never finds nothing in silence.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from hub.fhir.search.elements import elements
from hub.fhir.search.references import type_of

Filter = Callable[[Any, Mapping[str, Any]], bool]
"""Is the node one of those that are wanted? Also given the resource it is in."""

_WORD: Final = re.compile(r"\s*(?:(\w+)|('[^']*')|(!=|[().|=\[\]]))")
_BOOLEANS: Final = {"true": True, "false": False}


class NotUnderstood(ValueError):
    """The expression is beyond the subset, or names an element that the type does not have."""


@dataclass(frozen=True, slots=True)
class Step:
    """From a node to the values under one key; of a list only the one at `index` where that is given."""

    name: str
    key: str
    many: bool
    index: int | None = None
    filters: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True)
class Path:
    """A walk from a resource to elements of one type."""

    type: str
    steps: tuple[Step, ...] = ()
    owners: tuple[str, ...] = ()
    only: str | None = field(default=None, compare=False)
    """The only type of resource that a `resolve()` at its end lets pass."""

    def find(self, resource: Mapping[str, Any]) -> list[Any]:
        """The elements that it leads to, in order."""
        return self.walk([resource], resource)

    def walk(self, nodes: list[Any], resource: Mapping[str, Any]) -> list[Any]:
        """The elements that it leads to from `nodes`, which are in `resource`."""
        for step in self.steps:
            found: list[Any] = []
            for node in nodes:
                value = node.get(step.key)
                if value is None:
                    continue
                if step.many:
                    found += value if step.index is None else value[step.index : step.index + 1]
                else:
                    found.append(value)
            if not found:
                return found
            nodes = [one for one in found if one is not None] if step.many else found
            for wanted in step.filters:
                nodes = [one for one in nodes if wanted(one, resource)]
        return nodes


@dataclass(frozen=True, slots=True)
class Test:
    """Whether anything is there, or whether what is there is `equal` (or not) to a truth value."""

    paths: tuple[Path, ...]
    value: bool | None = None
    equal: bool = True

    def holds(self, resource: Mapping[str, Any]) -> bool:
        """Also false where FHIRPath gives nothing: `and` makes the same of both, as does a search."""
        found = [one for path in self.paths for one in path.find(resource)]
        return bool(found) and (self.value is None or (found == [self.value]) is self.equal)


@dataclass(frozen=True, slots=True)
class Compiled:
    """An expression: either `paths` to elements, or `tests` which all hold (true) or do not (false)."""

    paths: tuple[Path, ...] = ()
    tests: tuple[Test, ...] = ()

    def find(self, resource: Mapping[str, Any]) -> list[Any]:
        """What the expression gives for a resource."""
        if self.tests:
            return [all(test.holds(resource) for test in self.tests)]
        return [one for path in self.paths for one in path.find(resource)]


def compiled(expression: str, type_: str) -> Compiled:
    """An expression for resources of a type, or relative to an element of that type. Raises NotUnderstood."""
    return _Reader(expression, type_).read()


class _Reader:
    """Recursive descent over the words of one expression, with the types of what has been walked to."""

    def __init__(self, expression: str, type_: str) -> None:
        self._expression, self._type = expression, type_
        self._words, at = [], 0
        while expression[at:].strip():
            found = _WORD.match(expression, at)
            if found is None:
                raise self._error()
            self._words.append(found[0].strip())
            at = found.end()
        self._at = 0

    def read(self) -> Compiled:
        first = self._term()
        terms = [first]
        while self._took("and"):
            terms.append(self._term())
        if self._at < len(self._words):
            raise self._error()
        tests = tuple(term for term in terms if isinstance(term, Test))
        if not tests and isinstance(first, tuple) and len(terms) == 1:
            return Compiled(paths=first)
        if len(tests) < len(terms):
            raise self._error()
        return Compiled(tests=tests)

    def _term(self) -> tuple[Path, ...] | Test:
        paths = self._union()
        if isinstance(paths, Test):
            return paths
        for operator in ("!=", "="):
            if self._took(operator):
                return Test(paths, self._boolean(), operator == "=")
        return paths

    def _boolean(self) -> bool:
        word = self._next()
        if word not in _BOOLEANS:
            raise self._error()
        return _BOOLEANS[word]

    def _union(self) -> tuple[Path, ...] | Test:
        found = self._typed()
        while self._took("|"):
            more = self._typed()
            if isinstance(found, Test) or isinstance(more, Test):
                raise self._error()
            found += more
        return found

    def _typed(self) -> tuple[Path, ...] | Test:
        found = self._postfixed()
        if self._took("as"):
            return self._of_type(found, self._next())
        return found

    def _postfixed(self) -> tuple[Path, ...] | Test:
        found: tuple[Path, ...] | Test
        if self._took("("):
            found = self._union()
            self._expect(")")
        else:
            found = self._start(self._next())
        while not isinstance(found, Test):
            if self._took("["):
                found = self._at_index(found, self._next())
                self._expect("]")
            elif self._took("."):
                found = self._after_dot(found, self._next())
            else:
                break
        return found

    def _start(self, word: str) -> tuple[Path, ...]:
        root = (Path(self._type),)
        return root if word in (self._type, "Resource") else self._child(root, word)

    def _after_dot(self, paths: tuple[Path, ...], word: str) -> tuple[Path, ...] | Test:
        if not self._took("("):
            return self._child(paths, word)
        match word:
            case "exists":
                self._expect(")")
                return Test(paths)
            case "as" | "ofType":
                found = self._of_type(paths, self._next())
            case "where":
                found = self._where(paths)
            case _:
                raise self._error()
        self._expect(")")
        return found

    def _child(self, paths: tuple[Path, ...], name: str) -> tuple[Path, ...]:
        found = tuple(
            Path(element.type, (*path.steps, Step(element.name, element.key, element.many)), (*path.owners, path.type))
            for path in paths
            for element in elements(path.type).get(name, ())
        )
        if not found:
            raise self._error()
        return found

    def _of_type(self, paths: tuple[Path, ...] | Test, name: str) -> tuple[Path, ...]:
        if isinstance(paths, Test):
            raise self._error()
        # One composite writes DateTime where the type is dateTime.
        found = tuple(path for path in paths if path.type.casefold() == name.casefold())
        if not found:
            raise self._error()
        return found

    def _at_index(self, paths: tuple[Path, ...], word: str) -> tuple[Path, ...]:
        if not word.isdigit():
            raise self._error()
        return tuple(self._changed(path, index=int(word)) for path in paths)

    def _where(self, paths: tuple[Path, ...]) -> tuple[Path, ...]:
        name = self._next()
        if name == "resolve":
            for word in ("(", ")", "is"):
                self._expect(word)
            type_ = self._next()
            return tuple(replace(self._changed(path, _refers_to(type_)), only=type_) for path in paths)
        self._expect("=")
        text = self._next()
        if text[:1] != "'" or any(name not in elements(path.type) for path in paths):
            raise self._error()
        return tuple(self._changed(path, _says(name, text[1:-1])) for path in paths)

    def _changed(self, path: Path, one: Filter | None = None, index: int | None = None) -> Path:
        if not path.steps or (index is not None and not path.steps[-1].many):
            raise self._error()
        last = path.steps[-1]
        last = replace(last, index=index, filters=last.filters if one is None else (*last.filters, one))
        return replace(path, steps=(*path.steps[:-1], last))

    def _next(self) -> str:
        if self._at == len(self._words):
            raise self._error()
        self._at += 1
        return self._words[self._at - 1]

    def _took(self, word: str) -> bool:
        if self._at < len(self._words) and self._words[self._at] == word:
            self._at += 1
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._took(word):
            raise self._error()

    def _error(self) -> NotUnderstood:
        return NotUnderstood(f"{self._expression!r} on {self._type}")


def _says(name: str, text: str) -> Filter:
    return lambda node, _: isinstance(node, dict) and node.get(name) == text


def _refers_to(type_: str) -> Filter:
    return lambda node, resource: type_of(node, resource) == type_
