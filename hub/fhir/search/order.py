"""The order of matches by `_sort`, made in memory from opened resources. Pure; FHIR R4, search, sorting."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hub.fhir.search.query import Sort
from hub.fhir.search.references import Ref
from hub.fhir.search.spans import Span
from hub.fhir.search.texts import folded
from hub.fhir.search.values import Amount, Meta, Token, said

Found = tuple[Mapping[str, Any], Meta]
"""A resource and what the database knows of it."""


def ordered(found: Iterable[Found], sorts: Sequence[Sort]) -> list[Found]:
    """The matches in order: by the lowest value of each, descending by the highest; what says nothing comes last."""
    result = list(found)
    for sort in reversed(sorts):
        keyed = [(_key(sort, *one), one) for one in result]
        there = [(key, one) for key, one in keyed if key is not None]
        there.sort(key=lambda pair: pair[0], reverse=sort.descending)
        result = [one for _, one in there] + [one for key, one in keyed if key is None]
    return result


def _key(sort: Sort, resource: Mapping[str, Any], meta: Meta) -> Any:
    choose = max if sort.descending else min
    keys = [
        key
        for value in said(sort.parameter, resource, meta)
        if (key := _comparable(value, sort.descending)) is not None
    ]
    return choose(keys, default=None)


def _comparable(value: Any, descending: bool) -> Any:
    match value:
        case Token(_, code, text):
            return folded(code or text)
        case Span(start, end):
            return end if descending else start
        case Ref():
            return value.url or "|".join(value.identifier or ())
        case Amount(low, high):
            return high if low is None or (descending and high is not None) else low
        case str():
            return folded(value)
