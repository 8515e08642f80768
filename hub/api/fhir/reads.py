"""How a resource that was read is answered: as much of it as is wanted, and not again to whoever has it.

https://hl7.org/fhir/R4/http.html#read and #cread: `_summary`, `_elements` and `_pretty`; 304 for `If-None-Match` with its version
and, where that is not said, for `If-Modified-Since`. What cannot be read of these is refused before anything is looked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final

import orjson
from starlette.responses import Response

from hub.api.fhir.interactions import Call
from hub.errors import Invalid
from hub.fhir import exact, requests, search
from hub.fhir.capability import JSON
from hub.fhir.search import Query
from hub.storage.versions import Version

_PARTS: Final = ("_summary", "_elements")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller wants of the resource it reads: parts where there is a `query`, and only if it does not have it."""

    query: Query | None
    pretty: bool
    tags: str
    since: str

    def answer(self, found: Version) -> Response:
        """200 with the resource, or 304 without."""
        if self._is_known(found):
            return Response(None, 304, headers(found.version, found.at))
        body = exact.shown(found.body, str(found.id), found.version, found.at)
        if self.query is not None:
            body = exact.write(search.subset(exact.read(body), self.query.summary, self.query.elements))
        if self.pretty:
            body = orjson.dumps(exact.read(body), option=orjson.OPT_INDENT_2)
        return Response(body, 200, headers(found.version, found.at), JSON)

    def _is_known(self, found: Version) -> bool:
        """Does the caller have this version?"""
        if self.tags:
            tags = {tag.strip().removeprefix("W/").strip('"') for tag in self.tags.split(",")}
            return not tags.isdisjoint((str(found.version), "*"))
        at = _moment(self.since)
        return at is not None and found.at.replace(microsecond=0) <= at


def wanted(call: Call, type_: str) -> Wanted:
    """What is asked of a resource of a type. Raises Invalid."""
    asked, said = call.request.headers, call.said
    query = None
    if said and (parts := [pair for pair in call.query if pair[0].partition(":")[0] in _PARTS]):
        query = search.parse(type_, parts, now=call.hub.now())
        if query.summary == "count":
            raise Invalid("bad-request", "_summary of one resource is true, text, data or false.")
    pretty = "_pretty" in said and ("_pretty", "true") in requests.pairs(said)
    return Wanted(query, pretty, asked.get("if-none-match", ""), asked.get("if-modified-since", ""))


def headers(version: int, at: datetime) -> Mapping[str, str]:
    """What is said of a version of a resource."""
    return {
        "ETag": f'W/"{version}"',
        "Last-Modified": format_datetime(at, usegmt=True),
        "Cache-Control": "no-store",
    }


def _moment(text: str) -> datetime | None:
    """The moment in a header; None for what is none, which says nothing (RFC 9110, 13.1.3)."""
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the latter of a zone beyond all measure
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
