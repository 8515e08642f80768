"""GET and POST /fhir/Patient/{id}/$everything: a Patient of one's own and all that is about it.

https://hl7.org/fhir/R4/patient-operation-everything.html. Never another member's: what agreements show of people goes through
look-ups, in the fewest fields.
"""

import re
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import orjson
from starlette.responses import Response

from hub.api.fhir.interactions import PREFIX, Call, Interaction, answer, by_member
from hub.errors import Invalid, NotFound
from hub.fhir import compartment, exact, parameters
from hub.fhir.capability import Ability
from hub.fhir.parameters import Parameters
from hub.fhir.search.spans import ALWAYS, Span, span_of
from hub.services.exchange import checking, everything
from hub.services.exchange.everything import DEFAULT, LARGEST, Asked, Page
from hub.storage.compartments import Place

_DEFINITION: Final = "http://hl7.org/fhir/OperationDefinition/Patient-everything"
_AFTER: Final = "_after"
_PARAMETERS: Final = ("start", "end", "_since", "_type", "_count")
_DAY: Final = re.compile(r"\d{4}(-\d\d(-\d\d)?)?", re.ASCII)


async def take(call: Call) -> Response:
    """A page of a searchset: the Patient first, then the rest by type."""
    try:
        id_ = UUID(call.request.path_params["id"])
    except ValueError:
        raise NotFound from None
    stated = parameters.of_query(call.query, (*_PARAMETERS, _AFTER))
    if call.request.method == "POST" and await call.request.body():
        stated = parameters.of_resource(await call.resource(), _PARAMETERS)
    asked = Asked(
        id_,
        _types(stated.texts("_type")),
        _care(stated.text("start"), stated.text("end")),
        stated.instant("_since"),
        min(stated.number("_count", DEFAULT, 10**6), LARGEST),
        _place(stated.text(_AFTER)),
    )
    if not asked.count:
        raise Invalid("bad-request", "_count is at least 1.")
    found = await everything.page(call.hub, call.member, call.purpose, asked)
    return answer(_bundle(call, stated, asked, found))


def _bundle(call: Call, stated: Parameters, asked: Asked, found: Page) -> dict[str, Any]:
    base = call.hub.settings.base_url + PREFIX
    said = [(name, value) for name in _PARAMETERS for value in _said(stated, name)]

    def link(relation: str, after: Place | None) -> dict[str, str]:
        pairs = [*said, *([(_AFTER, f"{after[0]}/{after[1]}")] if after else [])]
        address = f"{base}/Patient/{asked.id}/$everything"
        return {"relation": relation, "url": f"{address}?{urlencode(pairs)}" if pairs else address}

    entries = [
        {
            "fullUrl": f"{base}/{one.type}/{one.id}",
            "resource": orjson.Fragment(exact.shown(one.body, str(one.id), one.version, one.at)),
            "search": {"mode": "match"},
        }
        for one in found.shown
    ]
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "timestamp": call.hub.now(),
        "link": [link("self", asked.after), *([link("next", found.after)] if found.after else [])],
    } | ({"entry": entries} if entries else {})


def _said(stated: Parameters, name: str) -> list[str]:
    if name == "_count":
        return [str(stated.number(name, DEFAULT, 10**6))] if stated.given(name) else []
    return stated.texts(name)


def _types(stated: list[str]) -> frozenset[str]:
    """The types that are wanted, of those in the compartment. Raises Invalid for what is no type that is kept."""
    named = {one for text in stated for one in text.split(",")}
    if not named <= checking.TYPES:
        raise Invalid("bad-request", "_type names resource types that are kept here; /fhir/metadata says which are.")
    return frozenset(compartment.MEMBERS) & named if stated else frozenset(compartment.MEMBERS)


def _care(start: str | None, end: str | None) -> Span | None:
    if start is None and end is None:
        return None
    first, last = _span("start", start), _span("end", end)
    return Span(first.start if first else -ALWAYS, last.end if last else ALWAYS)


def _span(name: str, text: str | None) -> Span | None:
    if text is None:
        return None
    found = span_of(text) if _DAY.fullmatch(text) else None
    if found is None:
        raise Invalid("bad-request", f"{name} is a date, such as 2026-03-01.")
    return found


def _place(text: str | None) -> Place | None:
    """What a link of an earlier page says of where it ended."""
    if text is None:
        return None
    type_, _, id_ = text.partition("/")
    try:
        if type_ and type_ not in compartment.MEMBERS:
            raise ValueError("no type")
        return type_, UUID(id_)
    except ValueError as error:
        raise Invalid("bad-request", f"{_AFTER} is what a link of an earlier page says.") from error


_ABILITY: Final = Ability(
    "Patient",
    operation=("everything", _DEFINITION),
    said=f"Of one's own Patients; {LARGEST} resources a page at most.",
)
INTERACTIONS: Final = tuple(
    Interaction(method, "/Patient/{id}/$everything", take, _ABILITY, by_member, query=_PARAMETERS)
    for method in ("GET", "POST")
)
