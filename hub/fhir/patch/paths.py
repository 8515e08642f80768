"""The FHIRPath that a patch says its places with, walked over a resource as JSON. Pure; http://hl7.org/fhir/R4/fhirpatch.html.

Understood are names, `[n]`, `first()`, `last()`, `ofType(T)`, `as(T)`, `extension('url')` and `where(…)` of comparisons with
`=` and `!=`, `exists()`, `and`, `or`. Anything else is refused by name: `resolve()` would lead out of the resource.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from hub.errors import Invalid
from hub.fhir.patch.places import Place, named, root
from hub.fhir.patch.values import Effort, bad, number

LONGEST: Final = 1_000
"""Characters of a path."""
DEEPEST: Final = 8
"""Conditions within conditions."""

_WORD: Final = re.compile(
    r"\s*(?:([A-Za-z_$][A-Za-z0-9_]*|`[^`]+`)|('(?:[^'\\]|\\.)*')|(-?[0-9]+(?:\.[0-9]+)?)|(!=|[().=\[\]]))"
)
_ESCAPED: Final = re.compile(r"\\(.)")
_LITERALS: Final = {"true": True, "false": False}

Step = Callable[[list[Place], Effort], list[Place]]
Test = Callable[[Place, Effort], bool]


@dataclass(frozen=True, slots=True)
class Path:
    """A walk from the resource. `last` is the name it ends with, where that is all its last step says."""

    text: str
    type: str
    steps: tuple[Step, ...]
    last: str | None

    def find(self, resource: dict[str, Any], effort: Effort) -> list[Place]:
        """The places it leads to."""
        return _walk([root(resource)], self._of(resource), effort)

    def owners(self, resource: dict[str, Any], effort: Effort) -> list[Place]:
        """The places that its last step, a name, starts from."""
        return _walk([root(resource)], self._of(resource)[:-1], effort)

    def _of(self, resource: dict[str, Any]) -> tuple[Step, ...]:
        if self.type not in ("Resource", "DomainResource", resource["resourceType"]):
            raise bad(f"{self.text[:100]}: a path begins with the type of the resource, {resource['resourceType']}.")
        return self.steps


def read(text: str) -> Path:
    """The path in a text. Raises Invalid `bad-patch`."""
    if len(text) > LONGEST:
        raise bad(f"A path has at most {LONGEST} characters.")
    return _Reader(text).read()


def _walk(places: list[Place], steps: Iterable[Step], effort: Effort) -> list[Place]:
    for step in steps:
        places = step(places, effort)
        effort.look(len(places) + 1)
    return places


class _Reader:
    """Recursive descent over the words of one path."""

    def __init__(self, text: str) -> None:
        self._text, self._words, at = text, list[str](), 0
        while text[at:].strip():
            found = _WORD.match(text, at)
            if found is None:
                raise self._error()
            self._words.append(found[0].strip())
            at = found.end()
        self._at, self._depth = 0, 0

    def read(self) -> Path:
        type_ = self._next()
        if not type_[0].isupper():
            raise bad(f"{self._text[:100]}: a path begins with the type of the resource, as in Patient.name.")
        steps, last = self._steps()
        if self._at < len(self._words):
            raise self._error()
        return Path(self._text, type_, tuple(steps), last)

    def _steps(self) -> tuple[list[Step], str | None]:
        """Everything that follows with points and indices up to an `exists()`, and the name it ends with."""
        steps, last = list[Step](), None
        while self._words[self._at : self._at + 2] != [".", "exists"]:
            if self._took("["):
                steps.append(_at_index(self._index()))
                self._expect("]")
                last = None
            elif self._took("."):
                step, last = self._after_point()
                steps.append(step)
            else:
                break
        return steps, last

    def _after_point(self) -> tuple[Step, str | None]:
        word = self._name()
        if not self._took("("):
            return self._child(word), word
        step: Step
        match word:
            case "first":
                step = _at_index(0)
            case "last":
                step = _at_index(-1)
            case "ofType" | "as":
                step = _of_type(self._name())
            case "extension":
                step = _extension(self._literal())
            case "where":
                step = _filtered(self._condition())
            case _:
                raise bad(f"{self._text[:100]}: {word}() is not understood here.")
        self._expect(")")
        return step, None

    def _child(self, name: str) -> Step:
        def step(places: list[Place], _: Effort) -> list[Place]:
            found = []
            for place in places:
                choices = named(place.type, name)
                if not choices:
                    raise bad(f"{self._text[:100]}: {place.type or 'a resource of no type'} has no {name[:40]}.")
                found += [child for element in choices for child in place.children(element)]
            return found

        return step

    def _condition(self) -> Test:
        """Comparisons joined by `and`, and those by `or`."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise bad(f"{self._text[:100]}: there are more than {DEEPEST} conditions in one another.")
        any_of = [[self._comparison()]]
        while True:
            if self._took("and"):
                any_of[-1].append(self._comparison())
            elif self._took("or"):
                any_of.append([self._comparison()])
            else:
                self._depth -= 1
                return lambda place, effort: any(all(test(place, effort) for test in tests) for tests in any_of)

    def _comparison(self) -> Test:
        if self._took("("):
            inner = self._condition()
            self._expect(")")
            return inner
        first = self._name()
        steps = [] if first == "$this" else [self._child(first)]
        steps += self._steps()[0]
        if self._ends_with_exists():
            return lambda place, effort: bool(_walk([place], steps, effort))
        for operator in ("!=", "="):
            if self._took(operator):
                return _compares(steps, self._literal(), operator == "=")
        raise self._error()

    def _ends_with_exists(self) -> bool:
        if self._words[self._at : self._at + 4] == [".", "exists", "(", ")"]:
            self._at += 4
            return True
        return False

    def _index(self) -> int:
        word = self._next()
        if not (word.isdigit() and len(word) < 10):
            raise self._error()
        return int(word)

    def _name(self) -> str:
        word = self._next().strip("`")
        if not (word[:1].isalpha() or word[:1] in ("_", "$")):
            raise self._error()
        return word

    def _literal(self) -> Any:
        word = self._next()
        if word[0] == "'":
            return _ESCAPED.sub(r"\1", word[1:-1])
        if word in _LITERALS:
            return _LITERALS[word]
        if word[0] == "-" or word[0].isdigit():
            return Decimal(word)
        raise self._error()

    def _next(self) -> str:
        if self._at == len(self._words):
            raise self._error()
        self._at += 1
        return self._words[self._at - 1]

    def _took(self, word: str) -> bool:
        if self._words[self._at : self._at + 1] == [word]:
            self._at += 1
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._took(word):
            raise self._error()

    def _error(self) -> Invalid:
        return bad(f"The path {self._text[:100]!r} cannot be read.")


def _at_index(index: int) -> Step:
    return lambda places, _: places[index:][:1]


def _of_type(type_: str) -> Step:
    return lambda places, _: [place for place in places if place.type == type_]


def _extension(url: Any) -> Step:
    def step(places: list[Place], effort: Effort) -> list[Place]:
        found = [one for place in places for one in place.children(*named(place.type, "extension"))]
        effort.look(len(found))
        return [place for place in found if place.inner.get("url") == url]

    return step


def _filtered(test: Test) -> Step:
    return lambda places, effort: [place for place in places if test(place, effort)]


def _compares(steps: list[Step], literal: Any, equal: bool) -> Test:
    """Is there one element, and is it equal (or not)? What is not there, or several, is neither."""

    def test(place: Place, effort: Effort) -> bool:
        found = _walk([place], steps, effort)
        if len(found) != 1 or (value := found[0].content) is None:
            return False
        is_same = (
            number(value) == literal
            if isinstance(literal, Decimal)
            else type(value) is type(literal) and value == literal
        )
        return is_same is equal

    return test
