"""GET /fhir/Patient/$ihe-pix: under which identifiers is this person kept elsewhere? (IHE ITI-83, PIXm)

https://profiles.ihe.net/ITI/PIXm/ITI-83.html; the texts of the errors are the profile's.
"""

from typing import Final

from starlette.responses import Response

from hub.api.fhir.interactions import PREFIX, Call, Interaction, answer, by_member
from hub.api.fhir.timing import even
from hub.errors import Invalid
from hub.fhir.capability import Ability
from hub.services.identity import quotas
from hub.services.identity.crossreferences import SOURCE_DOMAIN_UNKNOWN, Source, cross_reference

_DEFINITION: Final = "https://profiles.ihe.net/ITI/PIXm/OperationDefinition/IHE.PIXm.pix"
_MOST_TARGETS: Final = 20
_PARAMETERS: Final = ("sourceIdentifier", "targetSystem")


async def cross(call: Call) -> Response:
    """Parameters: a `targetIdentifier` for each identifier, a `targetId` for each Patient."""
    source = _source(call.query)
    quotas.admit(call.hub, call.member, call.purpose)
    own_url = call.hub.settings.base_url + PREFIX
    async with even():
        found = await cross_reference(call.hub, call.member, call.purpose, source, own_url)
    if found.missed:
        quotas.missed(call.hub, call.member)
    parameters = [{"name": "targetIdentifier", "valueIdentifier": one} for one in found.identifiers]
    ids = [{"name": "targetId", "valueReference": {"reference": f"Patient/{id_}"}} for id_ in found.ids]
    everything = [*parameters, *ids]
    return answer({"resourceType": "Parameters", **({"parameter": everything} if everything else {})})


def _source(query: list[tuple[str, str]]) -> Source:
    """What is asked. Raises Invalid."""
    sources = [value for name, value in query if name == "sourceIdentifier"]
    targets = [value for name, value in query if name == "targetSystem"]
    if {name for name, _ in query} - set(_PARAMETERS):
        raise Invalid("not-supported", "Parameters of $ihe-pix are sourceIdentifier and targetSystem.")
    if len(sources) != 1 or len(targets) > _MOST_TARGETS:
        raise Invalid("bad-request", f"sourceIdentifier is given once, targetSystem at most {_MOST_TARGETS} times.")
    system, separator, value = sources[0].partition("|")
    if not system or not separator:
        raise Invalid("unknown-source-domain", SOURCE_DOMAIN_UNKNOWN)
    if not value:
        raise Invalid("bad-request", "sourceIdentifier is system|value.")
    return Source(system, value, tuple(targets))


INTERACTIONS: Final = (
    Interaction(
        "GET",
        "/Patient/$ihe-pix",
        cross,
        Ability(
            "Patient",
            operation=("ihe-pix", _DEFINITION),
            said="ITI-83. The source is a record's number at its member, or the id of a Patient here; "
            "a number of the nation finds the caller's own records only.",
        ),
        by_member,
        query=_PARAMETERS,
    ),
)
