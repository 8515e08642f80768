"""POST /fhir/Patient/$match: who could this person be? (IHE ITI-119)

https://hl7.org/fhir/R4/patient-operation-match.html, https://profiles.ihe.net/ITI/PDQm/ITI-119.html; `onlySingleMatch`
as in R5's successor of it. At least three elements that identify have to be given: two are for guessing.
"""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from hub.api.fhir.interactions import PREFIX, Call, Interaction, answer, by_member
from hub.api.fhir.timing import even
from hub.errors import Invalid
from hub.fhir import sizes, validate
from hub.fhir.bundle import graded, part, searchset
from hub.fhir.capability import Ability
from hub.linkage import features, phones
from hub.services.identity import matching, quotas
from hub.services.identity.matching import MOST, Wanted
from mappings import divisions

LEAST: Final = 3
_DEFINITION: Final = "http://hl7.org/fhir/OperationDefinition/Patient-match"
_PARAMETERS: Final = frozenset({"resource", "onlyCertainMatches", "onlySingleMatch", "count"})
_DEFAULT: Final = 20
_PLACES: Final = ("text", "line", "city", "district", "state", "postalCode", "extension")


async def match(call: Call) -> Response:
    """A searchset of the records that could be the person, the likeliest first, each with score and grade."""
    wanted = _wanted(call, await call.resource())
    quotas.admit(call.hub, call.member, call.purpose)
    async with even():
        found = await matching.match(call.hub, wanted)
    if found.missed:
        quotas.missed(call.hub, call.member)
    base = call.hub.settings.base_url + PREFIX
    entries = [(one.patient, graded(one.grade, one.score)) for one in found.matches]
    return answer(searchset(base, {"self": f"{base}/Patient/$match"}, len(entries), entries, call.hub.now()))


def _wanted(call: Call, body: dict[str, Any]) -> Wanted:
    """What the body asks for. Raises Invalid."""
    is_bare = body["resourceType"] != "Parameters"
    parameters = {"resource": body} if is_bare else _by_name(body)
    patient = parameters.get("resource")
    if not isinstance(patient, dict) or patient.get("resourceType") != "Patient":
        raise Invalid("bad-request", "A Patient is needed: as the body, or as the parameter `resource`.")
    _check(patient)
    found = features.extract(patient, history=divisions.canonical)
    if _elements(patient) < LEAST:
        raise Invalid(
            "too-few-elements",
            f"At least {LEAST} of these are needed: an identifier, the name, the birth date, the sex, a telephone number, "
            "an address, the name of a relative.",
        )
    return Wanted(
        caller=call.member,
        purpose=call.purpose,
        features=found,
        only_certain=_boolean(parameters, "onlyCertainMatches"),
        only_single=_boolean(parameters, "onlySingleMatch"),
        count=_count(parameters),
    )


def _by_name(body: dict[str, Any]) -> dict[str, Any]:
    """The values of the parameters, each at most once. Raises Invalid."""
    listed = body.get("parameter")
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise Invalid("bad-request", "Parameters has no list of parameters.")
    unknown = {str(one.get("name")) for one in listed} - _PARAMETERS
    if unknown:
        raise Invalid("not-supported", f"Parameters of $match are {', '.join(sorted(_PARAMETERS))}.")
    if any(len(part(body, name)) > 1 for name in _PARAMETERS):
        raise Invalid("bad-request", "A parameter of $match is given once.")
    return {
        one["name"]: next((value for key, value in one.items() if key == "resource" or key.startswith("value")), None)
        for one in listed
    }


def _check(patient: dict[str, Any]) -> None:
    """Raises Invalid for a Patient that is not valid R4, or that must not be read without what it does not say."""
    problems = validate.check(patient)
    if problems:
        said = "; ".join(f"{problem.path} {problem.reason}" for problem in problems[:5])
        raise Invalid("invalid-resource", f"The Patient is not valid: {said}.")
    if "modifierExtension" in patient or "implicitRules" in patient:
        raise Invalid("not-supported", "A Patient to match has neither modifierExtension nor implicitRules.")
    sizes.check(patient)


def _elements(patient: Mapping[str, Any]) -> int:
    """How many kinds of identifying elements are given; what says nothing of anybody (a use, a sex of none) is no element."""
    given = (
        any(one.get("system") and one.get("value") for one in patient.get("identifier", ())),
        any(one.get("text") or one.get("family") or one.get("given") for one in patient.get("name", ())),
        bool(patient.get("birthDate")),
        patient.get("gender") in ("male", "female"),
        any(phones.parse(one.get("value", "")) for one in patient.get("telecom", ())),
        any(address.get(part) for address in patient.get("address", ()) for part in _PLACES),
        any((one.get("name") or {}).get("text") for one in patient.get("contact", ())),
    )
    return sum(given)


def _boolean(parameters: Mapping[str, Any], name: str) -> bool:
    """HL7's own example of `$match` writes booleans and integers as texts."""
    value = parameters.get(name, False)
    if value in (True, False, "true", "false"):
        return value in (True, "true")
    raise Invalid("bad-request", f"{name} is true or false.")


def _count(parameters: Mapping[str, Any]) -> int:
    value = parameters.get("count", _DEFAULT)
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 9 else value
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise Invalid("bad-request", "count is a number from 1.")
    return min(number, MOST)


INTERACTIONS: Final = (
    Interaction(
        "POST",
        "/Patient/$match",
        match,
        Ability(
            "Patient",
            operation=("match", _DEFINITION),
            said=f"ITI-119. At least {LEAST} identifying elements; at most {MOST} records.",
        ),
        by_member,
    ),
)
