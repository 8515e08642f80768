"""GET /fhir/{type}?… and POST /fhir/{type}/_search: a member's own resources, by R4's search parameters.

https://hl7.org/fhir/R4/search.html. A page leads to the next by the last resource it shows, so that nothing is shown twice or
passed over while others write. Parameters that are not known are left out of the self link, or refused where the caller
prefers strict handling.
"""

from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import orjson
from starlette.responses import Response

from hub.api.context import opened
from hub.api.fhir.interactions import PREFIX, Call, Interaction, answer, by_member
from hub.api.scopes import searched
from hub.domain import scopes
from hub.fhir import exact, search
from hub.fhir.capability import Ability, Parameter
from hub.fhir.search import Query
from hub.services.exchange import checking, looking, searching
from hub.services.exchange.searching import Page
from hub.storage.versions import Version

Pairs = list[tuple[str, str]]


async def by_address(call: Call) -> Response:
    """GET: the parameters are in the address."""
    return await own(call, checking.known_type(call.request.path_params["type"]), call.query)


async def by_form(call: Call) -> Response:
    """POST: in a form, so that no address holds what is known of a person."""
    type_ = checking.known_type(call.request.path_params["type"])
    return await own(call, type_, [*call.query, *await call.form()])


async def own(call: Call, type_: str, pairs: Pairs) -> Response:
    """A page of the caller's own resources, with what its token opens of those beside them. Raises Invalid, MissingScope."""
    base = call.hub.settings.base_url + PREFIX
    strict = "handling=strict" in call.request.headers.get("prefer", "").replace(" ", "")
    asked, after = looking.paged(pairs)
    query = search.parse(type_, asked, now=call.hub.now(), base=base, strict=strict)
    await opened(call.hub, call.access, *searched(query))
    page = await searching.search_for(call.hub, call.member, call.purpose, query, after)
    return answer(bundle(call, query, page, after))


def bundle(call: Call, query: Query, page: Page, after: UUID | None) -> dict[str, Any]:
    """A page as a searchset, with what the token opens of what comes along; `after` is behind which resource it begins."""
    base = call.hub.settings.base_url + PREFIX
    address = f"{base}/{query.type}"

    def link(relation: str, behind: UUID | None) -> dict[str, str]:
        pairs = [*query.used, *([(looking.AFTER, str(behind))] if behind else [])]
        return {"relation": relation, "url": f"{address}?{urlencode(pairs)}" if pairs else address}

    told: dict[str, Any] = {
        "resourceType": "Bundle",
        "type": "searchset",
        "timestamp": call.hub.now(),
        "link": [link("self", after), *([link("next", page.after)] if page.after else [])],
    }
    if page.total is not None and query.total != "none":
        told["total"] = page.total
    entries = [_entry(base, one, query, "match") for one in page.matches]
    entries += [
        _entry(base, one, query, "include")
        for one in page.included
        if scopes.opens(call.access.rights, f"system/{one.type}.r")
    ]
    return told | ({"entry": entries} if entries else {})


def _entry(base: str, one: Version, query: Query, mode: str) -> dict[str, Any]:
    body = exact.shown(one.body, str(one.id), one.version, one.at)
    if mode == "match" and (query.summary != "false" or query.elements):
        body = exact.write(search.subset(exact.read(body), query.summary, query.elements))
    return {"fullUrl": f"{base}/{one.type}/{one.id}", "resource": orjson.Fragment(body), "search": {"mode": mode}}


_KINDS: Final = frozenset(search.types()) & checking.TYPES
INTERACTIONS: Final = (
    Interaction("GET", "/{type}", by_address, Ability("", "search-type"), by_member),
    Interaction("POST", "/{type}/_search", by_form, Ability("", "search-type"), by_member),
)
"""Of any type, behind all that know theirs."""
ABILITIES: Final = tuple(
    Ability(
        type_,
        "search-type",
        parameters=tuple(Parameter(one.code, one.kind, "") for one in search.parameters(type_).values()),
        marks={
            "searchInclude": [
                f"{type_}:{one.code}" for one in search.parameters(type_).values() if one.kind == "reference"
            ]
        },
    )
    for type_ in sorted(_KINDS)
)
