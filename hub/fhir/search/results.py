"""The parameters that say what the answer should look like: order, size, additions, parts. Pure; FHIR R4, search."""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar, get_args

from hub.errors import Invalid
from hub.fhir.search.elements import elements
from hub.fhir.search.parameters import parameters, types
from hub.fhir.search.query import Include, Query, Sort, Summary, Total

_Word = TypeVar("_Word", bound=str)

MOST_SORTS: Final = 5
MOST_INCLUDES: Final = 20
MOST_ELEMENTS: Final = 50
MOST_COUNT: Final = 1_000
"""More are asked for in vain: a page has so many at most."""
UNSORTED: Final = frozenset(("composite", "special"))
PASSED_OVER: Final = frozenset(("_format", "_pretty"))
"""Parameters of every request, which are not about the search."""


def read(query: Query, name: str, value: str) -> bool:
    """Take one parameter into the query; False if it is of another sort. Raises Invalid."""
    code, _, modifier = name.partition(":")
    if code in PASSED_OVER:
        return True
    reader = _READERS.get(code)
    if reader is None:
        return False
    if modifier and not (modifier in ("iterate", "recurse") and code in ("_include", "_revinclude")):
        raise Invalid("not-supported", f"{name[:80]}: {code} has no modifier {modifier[:20]}.")
    reader(query, name, value)
    return True


def _sort(query: Query, name: str, value: str) -> None:
    known = parameters(query.type)
    texts = value.split(",")
    if len(texts) > MOST_SORTS:
        raise Invalid("too-many", f"{name} takes at most {MOST_SORTS} parameters.")
    for text in texts:
        parameter = known.get(text.removeprefix("-"))
        if parameter is None or parameter.kind in UNSORTED:
            fitting = sorted(one.code for one in known.values() if one.kind not in UNSORTED)
            raise Invalid("bad-request", f"{name}: {query.type} can be sorted by {', '.join(fitting)}.")
        query.sort.append(Sort(parameter, text[0] == "-"))


def _count(query: Query, name: str, value: str) -> None:
    if not (value.isascii() and value.isdigit()):
        raise Invalid("bad-request", f"{name} is a whole number from 0 on.")
    count = min(int(value[:9]), MOST_COUNT)
    if count == 0:  # R4: the same as _summary=count
        query.summary = "count"
    else:
        query.count = count


def _total(query: Query, name: str, value: str) -> None:
    query.total = _one_of(name, value, get_args(Total))


def _summary(query: Query, name: str, value: str) -> None:
    query.summary = _one_of(name, value, get_args(Summary))
    _both(query)


def _elements(query: Query, name: str, value: str) -> None:
    known = elements(query.type)
    names = tuple(one.strip().removeprefix(query.type + ".") for one in value.split(","))
    if len(names) > MOST_ELEMENTS:
        raise Invalid("too-many", f"{name} names at most {MOST_ELEMENTS} elements.")
    if unknown := [one for one in names if one not in known]:
        raise Invalid("bad-request", f"{name}: {query.type} has no {unknown[0][:40]}; it has {', '.join(known)}.")
    query.elements += names
    _both(query)


def _both(query: Query) -> None:
    if query.elements and query.summary != "false":
        raise Invalid("bad-request", "_summary and _elements are not used together.")


def _include(query: Query, name: str, value: str) -> None:
    query.includes.append(_read_include(query, name, value))


def _revinclude(query: Query, name: str, value: str) -> None:
    found = _read_include(query, name, value)
    if found.target and found.target != query.type and not found.iterate:
        raise Invalid("bad-request", f"{name}: what refers to {query.type} is asked for, not to {found.target}.")
    query.revincludes.append(found)


def _read_include(query: Query, name: str, value: str) -> Include:
    if len(query.includes) + len(query.revincludes) >= MOST_INCLUDES:
        raise Invalid("too-many", f"A search has at most {MOST_INCLUDES} of _include and _revinclude.")
    source, code, target = (*value.split(":"), "", "")[:3]
    iterate = ":" in name
    if value == "*" and name.startswith("_include"):
        return Include(query.type, None, "", iterate)
    if source not in types() or value.count(":") not in (1, 2):
        raise Invalid(
            "bad-request", f"{name} is Type:parameter or Type:parameter:TargetType, of types that are kept here."
        )
    if code == "*":
        return Include(source, None, target, iterate)
    parameter = parameters(source).get(code)
    if parameter is None or parameter.kind != "reference":
        fitting = sorted(one.code for one in parameters(source).values() if one.kind == "reference")
        raise Invalid("bad-request", f"{name}: the references of {source} are {', '.join(fitting)}.")
    if target and target not in parameter.targets:
        raise Invalid("bad-request", f"{name}: {code} of {source} does not go to {target[:40]}.")
    return Include(source, parameter, target, iterate)


def _one_of(name: str, value: str, allowed: tuple[_Word, ...]) -> _Word:
    for one in allowed:
        if value == one:
            return one
    raise Invalid("bad-request", f"{name} is one of {', '.join(allowed)}.")


_READERS: Final[Mapping[str, Callable[[Query, str, str], None]]] = {
    "_sort": _sort,
    "_count": _count,
    "_total": _total,
    "_summary": _summary,
    "_elements": _elements,
    "_include": _include,
    "_revinclude": _revinclude,
}
