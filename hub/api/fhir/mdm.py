"""HAPI's MDM operations, for its users: $mdm-query-links, -link-history, -update-link, -create-link, -not-duplicate and
-duplicate-golden-resources, with HAPI's parameters and answers. A golden resource is a person of the hub.

https://hapifhir.io/hapi-fhir/docs/server_jpa_mdm/mdm_operations.html
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from starlette.responses import Response

from hub.api.fhir.interactions import PREFIX, Interaction, answer
from hub.api.fhir.stewards import StewardCall, by_steward
from hub.errors import Invalid
from hub.fhir import parameters
from hub.fhir.capability import Ability
from hub.fhir.parameters import Parameters
from hub.services.identity import mdm
from hub.services.identity.mdm import Changed, Golden
from hub.services.identity.steward_acts import Named
from hub.storage.mdm_links import SORTS, Link, Wanted

_PAGE, _MOST, _FARTHEST = 20, 200, 100_000
_ENDS: Final = ("goldenResourceId", "resourceId")
_PAGES: Final = ("prev", "self", "next")
"""What an answer has in front of its links: it may be sent back with the question, as HAPI's own example does."""
_QUERY: Final = (*_ENDS, "matchResult", "linkSource", "_offset", "_count", "_sort", "resourceType")
_DUPLICATES: Final = ("_offset", "_count", "resourceType")


async def query_links(call: StewardCall) -> Response:
    """A page of links, with the addresses of the pages before and behind."""
    given = await call.parameters(*_QUERY, *_PAGES)
    return await _page(call, given, "$mdm-query-links", given.text("matchResult"))


async def duplicates(call: StewardCall) -> Response:
    """A page of persons that may be one."""
    given = await call.parameters(*_DUPLICATES)
    return await _page(call, given, "$mdm-duplicate-golden-resources", mdm.POSSIBLE_DUPLICATE)


async def _page(call: StewardCall, given: Parameters, operation: str, result: str | None) -> Response:
    _check_type(given)
    source = given.text("linkSource")
    if result not in (None, *mdm.RESULTS) or source not in (None, "AUTO", "MANUAL"):
        raise Invalid("bad-request", f"matchResult is one of {', '.join(mdm.RESULTS)}, linkSource AUTO or MANUAL.")
    offset, count = given.number("_offset", 0, _FARTHEST), given.number("_count", _PAGE, _MOST)
    wanted = Wanted(call.user.visible, _id(given, "goldenResourceId"), _id(given, "resourceId"), result, source)
    found, more = await mdm.query(
        call.hub, call.user, wanted, sort=_sort(given.text("_sort")), count=count, offset=offset
    )
    base = f"{call.hub.settings.base_url}{PREFIX}/{operation}"
    said = [(name, text) for name in _QUERY if name[0] != "_" or name == "_sort" for text in given.texts(name)]

    def page(name: str, at: int) -> dict[str, Any]:
        asked = [("_offset", str(at)), ("_count", str(count)), *said]
        return {"name": name, "valueUri": f"{base}?{urlencode(asked)}"}

    pages = [page("prev", max(0, offset - count))] if offset else []
    pages += [page("self", offset), *([page("next", offset + count)] if more and count else [])]
    return _parameters([*pages, *(_link("link", link) for link in found)])


async def link_history(call: StewardCall) -> Response:
    """Every change of the links asked for, the newest first."""
    given = await call.parameters(*_ENDS)
    goldens, sources = ([_uuid(text) for text in given.texts(name)] for name in _ENDS)
    found = await mdm.history(call.hub, call.user, goldens, sources)
    return _parameters([_link("historical link", link, history=True) for link in found])


async def update_link(call: StewardCall) -> Response:
    """The golden resource, after the link was said to be one or none; 202 where that waits for a second person."""
    given = await call.parameters(*_ENDS, "matchResult", "resourceType")
    result = given.needed("matchResult")
    return _changed(await mdm.update_link(call.hub, call.user, _golden(given), _source(given), result))


async def create_link(call: StewardCall) -> Response:
    """The golden resource, after the link was made; 202 where that waits for a second person."""
    given = await call.parameters(*_ENDS, "matchResult", "resourceType")
    result = given.text("matchResult") or mdm.MATCH
    return _changed(await mdm.create_link(call.hub, call.user, _golden(given), _source(given), result))


def _changed(found: Changed) -> Response:
    return answer(found.person, 202 if found.waits else 200)


async def not_duplicate(call: StewardCall) -> Response:
    """`success`, after two persons were said to be two; false, with 202, where that waits for a second person."""
    given = await call.parameters(*_ENDS, "resourceType")
    other = _golden(given, "resourceId")
    done = await mdm.not_duplicate(call.hub, call.user, _golden(given), other)
    return _parameters([{"name": "success", "valueBoolean": done}], 200 if done else 202)


def _parameters(items: Sequence[dict[str, Any]], status: int = 200) -> Response:
    return answer({"resourceType": "Parameters", **({"parameter": list(items)} if items else {})}, status)


def _check_type(given: Parameters) -> None:
    if given.text("resourceType") not in (None, "Patient"):
        raise Invalid("not-supported", "Patients are linked, and nothing else.")


def _uuid(text: str) -> UUID:
    try:
        return UUID(parameters.of_patient(text)[0])
    except ValueError as error:
        raise Invalid("bad-request", "An id is the one of a Patient of this hub.") from error


def _id(given: Parameters, name: str) -> UUID | None:
    text = given.text(name)
    return _uuid(text) if text else None


def _golden(given: Parameters, name: str = "goldenResourceId") -> Golden:
    _check_type(given)
    text = given.needed(name)
    return Golden(_uuid(text), parameters.of_patient(text)[1])


def _source(given: Parameters) -> Named:
    text = given.needed("resourceId")
    return Named(_uuid(text), parameters.of_patient(text)[1])


def _sort(text: str | None) -> list[tuple[str, bool]]:
    """(property, falling?) of `-myScore,myCreated`. Raises Invalid."""
    found = [(name.removeprefix("-"), name.startswith("-")) for name in (text or "").split(",") if name]
    if any(name not in SORTS for name, _ in found) or len(found) > len(SORTS):
        raise Invalid("bad-request", f"Links are sorted by {', '.join(SORTS)}.")
    return found


def _link(name: str, link: Link, *, history: bool = False) -> dict[str, Any]:
    stamp = f"{link.updated_at:%Y-%m-%d %H:%M:%S.%f}"[:-3]
    part: list[dict[str, Any]] = [
        {"name": "goldenResourceId", "valueString": f"Patient/{link.golden}"},
        *([{"name": "revisionTimestamp", "valueString": stamp}] if history else []),
        {"name": "sourceResourceId", "valueString": f"Patient/{link.source}"},
        {"name": "matchResult", "valueString": link.result},
        {"name": "linkSource", "valueString": link.link_source},
        {"name": "eidMatch", "valueBoolean": False},
        {"name": "hadToCreateNewResource", "valueBoolean": link.created},
        {"name": "score", "valueDecimal": link.score},
        {"name": "linkCreated", "valueDecimal": int(link.created_at.timestamp() * 1000)},
        {"name": "linkUpdated", "valueDecimal": int(link.updated_at.timestamp() * 1000)},
    ]
    return {"name": name, "part": part}


def _both(
    name: str, handler: Callable[[StewardCall], Awaitable[Response]], known: Sequence[str], *methods: str
) -> list[Interaction[StewardCall]]:
    ability = Ability(
        "",
        operation=(name, f"http://hapifhir.io/fhir/OperationDefinition/{name}"),
        said="As HAPI FHIR does it; by stewards.",
    )
    return [Interaction(method, f"/${name}", handler, ability, by_steward, query=known) for method in methods]


INTERACTIONS: Final = (
    *_both("mdm-query-links", query_links, _QUERY, "GET", "POST"),
    *_both("mdm-duplicate-golden-resources", duplicates, _DUPLICATES, "GET", "POST"),
    *_both("mdm-link-history", link_history, _ENDS, "GET", "POST"),
    *_both("mdm-update-link", update_link, (), "POST"),
    *_both("mdm-create-link", create_link, (), "POST"),
    *_both("mdm-not-duplicate", not_duplicate, (), "POST"),
)
