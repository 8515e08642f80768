"""Pages of Bundles as one sequence of entries. Only the query of a link is followed, at the address that was asked first:
no link, whoever wrote it, leads a token anywhere else.
"""

from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

from adapters.client import resources
from adapters.client.connection import Connection, Pairs, pairs_of
from adapters.client.resources import Change, Found
from adapters.errors import HubError, Retry

_GRADE: Final = "http://hl7.org/fhir/StructureDefinition/match-grade"
_MOST_EMPTY: Final = 100
"""Pages without an entry, one after the other: behind more there is nothing."""


async def entries(
    connection: Connection,
    path: str,
    params: Pairs,
    headers: Mapping[str, str],
    *,
    most: int,
    form: bool = False,
) -> AsyncIterator[dict[str, Any]]:
    """The entries of all pages, `most` at most; asked in a form or in the address. Raises HubError."""
    asked, left, empty = pairs_of(params), most, 0
    sent = {name: value for name, value in headers.items() if name != "Content-Type"}
    while left > 0:
        if form:
            answer = await connection.call("POST", path, form=asked, headers=sent, repeatable=True)
        else:
            answer = await connection.call("GET", path, params=asked, headers=sent)
        bundle = resources.read(answer)
        page = resources.entries(bundle)[:left]
        empty = 0 if page else empty + 1
        for entry in page:
            left -= 1
            yield entry
        following = parse_qsl(urlsplit(resources.following(bundle)).query, keep_blank_values=True)
        if not following:
            return
        if following == asked or empty > _MOST_EMPTY:
            text = "the hub's links to next pages lead nowhere"
            raise HubError(text, code="bad-answer", retry=Retry.CONTACT, status=answer.status)
        asked = following


def found(entry: Mapping[str, Any]) -> Found:
    """An entry of a search."""
    search = entry.get("search") or {}
    score = search.get("score")
    grades = [one.get("valueCode", "") for one in search.get("extension", ()) if one.get("url") == _GRADE]
    return Found(
        str(search.get("mode", "match")),
        float(score) if isinstance(score, int | float | Decimal) else None,
        str(grades[0]) if grades else "",
        entry.get("resource") or {},
    )


def change(entry: Mapping[str, Any]) -> Change:
    """An entry of a history."""
    request, response = entry.get("request") or {}, entry.get("response") or {}
    version = str(response.get("etag", "")).removeprefix("W/").strip('"')
    return Change(str(request.get("method", "")), str(request.get("url", "")), version, entry.get("resource"))


def segment(text: str) -> str:
    """A part of a path, whatever stands in it: an id from somewhere else does not lead to another address."""
    return quote(text, safe="") if text.strip(".") else quote(text, safe="").replace(".", "%2E")
