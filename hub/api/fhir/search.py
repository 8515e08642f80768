"""GET /fhir/Patient?… and POST /fhir/Patient/_search: Patients by demographics (IHE ITI-78, PDQm); GET /fhir/Patient/{id}.

https://profiles.ihe.net/ITI/PDQm/ITI-78.html, https://hl7.org/fhir/R4/search.html. Parameters that are not known are left
out of the self link, or refused where the caller prefers strict handling.
"""

from contextlib import suppress
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from starlette.responses import Response

from hub.api.fhir import reads, searching
from hub.api.fhir.interactions import PREFIX, Call, Interaction, answer, by_member
from hub.api.fhir.timing import even
from hub.errors import Invalid, NotFound
from hub.fhir import criteria
from hub.fhir.bundle import searchset
from hub.fhir.capability import Ability, Parameter
from hub.services.exchange import reading
from hub.services.identity import demographics, quotas
from hub.services.identity.demographics import LEAST, MOST

DEFAULT, LARGEST = 20, 200
_FURTHEST: Final = 1_000_000
_ABOUT_PAGES: Final = ("_count", "_offset")
Pairs = list[tuple[str, str]]


async def search(call: Call) -> Response:
    """A page of a searchset, with the number of all that were found and links to the pages beside it."""
    return await _search(call, call.query)


async def search_by_form(call: Call) -> Response:
    """The same with the parameters in a form, so that no address holds what is known of a person."""
    return await _search(call, [*call.query, *await call.form()])


async def _search(call: Call, pairs: Pairs) -> Response:
    if not call.purpose:
        return await searching.own(call, "Patient", pairs)
    wanted = criteria.read([pair for pair in pairs if pair[0] not in _ABOUT_PAGES])
    if wanted.ignored and "handling=strict" in call.request.headers.get("prefer", "").replace(" ", ""):
        raise Invalid("not-supported", "A parameter is not known to this server, and strict handling is preferred.")
    count = min(_number(pairs, "_count", DEFAULT), LARGEST)
    offset = _number(pairs, "_offset", 0)
    quotas.admit(call.hub, call.member, call.purpose)
    async with even():
        page = await demographics.search(call.hub, call.member, call.purpose, wanted, offset, count)
    if page.missed:
        quotas.missed(call.hub, call.member)
    base = call.hub.settings.base_url + PREFIX
    links = _links(f"{base}/Patient", wanted.used, offset, count, page.total)
    return answer(searchset(base, links, page.total, [(one, {}) for one in page.patients], call.hub.now()))


def _number(pairs: Pairs, name: str, otherwise: int) -> int:
    values = [value for named, value in pairs if named == name]
    if not values:
        return otherwise
    if not (values[-1].isascii() and values[-1].isdigit() and len(values[-1]) < 8 and int(values[-1]) <= _FURTHEST):
        raise Invalid("bad-request", f"{name} is a whole number up to {_FURTHEST}.")
    return int(values[-1])


def _links(address: str, used: Pairs, offset: int, count: int, total: int) -> dict[str, str]:
    def at(first: int) -> str:
        return f"{address}?{urlencode([*used, ('_count', count), ('_offset', first)])}"

    links = {"self": at(offset)}
    if count and offset + count < total:
        links["next"] = at(offset + count)
    if count and offset:
        links["previous"] = at(max(0, offset - count))
    return links


async def read(call: Call) -> Response:
    """One Patient: the member's own exactly as it is kept, the fewest fields of another's."""
    try:
        id_ = UUID(call.request.path_params["id"])
    except ValueError:
        raise NotFound from None
    wanted = reads.wanted(call, "Patient")
    quotas.admit(call.hub, call.member, call.purpose)
    with suppress(NotFound):
        return wanted.answer(await reading.read(call.hub, call.member, call.purpose, "Patient", id_))
    async with even():
        found = await demographics.read(call.hub, call.member, call.purpose, id_)
    return answer(found, headers={"ETag": f'W/"{found["meta"]["versionId"]}"'})


_KEYS: Final = "needs a way in beside it: see the interaction"
_SAID: Final = (
    f"ITI-78. Personal data is sealed at rest. Ways in: identifier (with its system, else in every domain), _id, family or "
    "given with the whole birthdate, family and given or telecom with a birthdate within ten years. Family and given are "
    f"then matched as whole names. Up to {MOST} records are compared. Other members' records need {LEAST} identifying "
    "elements of one value each, the number of one record, or _id. Without parameters: the caller's own records."
)
_PARAMETERS: Final = (
    Parameter("_id", "token", "Exact."),
    Parameter("identifier", "token", "Exact; system| alone chooses the domains in the answer."),
    Parameter("family", "string", "Begins with, or :exact."),
    Parameter("given", "string", "Begins with, or :exact."),
    Parameter("birthdate", "date", "eq, ge, gt, le, lt."),
    Parameter("telecom", "token", "Exact."),
    *(Parameter(name, "string", f"Begins with, or :exact; {_KEYS}.") for name in criteria.TEXTS if name[0] == "a"),
    Parameter("gender", "token", f"Exact; {_KEYS}."),
    Parameter("active", "token", f"true or false; {_KEYS}."),
)
_SEARCH: Final = Ability("Patient", "search-type", parameters=_PARAMETERS, said=_SAID)

INTERACTIONS: Final = (
    Interaction("GET", "/Patient", search, _SEARCH, by_member),
    Interaction("POST", "/Patient/_search", search_by_form, _SEARCH, by_member),
    Interaction("GET", "/Patient/{id}", read, Ability("Patient", "read"), by_member),
)
