"""POST /fhir/{type}/$validate, and GET or POST /fhir/{type}/{id}/$validate: would this be taken, and if not, why?

https://hl7.org/fhir/R4/resource-operation-validate.html. The answer is 200 whatever was found; nothing is stored. A bare
resource is judged with `mode` and `profile` from the address.
"""

from typing import Any, Final
from uuid import UUID

import orjson
from starlette.responses import Response

from hub.api.context import opened
from hub.api.fhir.interactions import Call, Interaction, answer, by_member
from hub.api.scopes import tried
from hub.errors import Invalid, NotFound
from hub.fhir import exact, parameters, verdicts
from hub.fhir.capability import FHIR_VERSION, Ability
from hub.services.exchange import checking, judging, stated
from hub.services.exchange.judging import Trial

_DEFINITION: Final = "http://hl7.org/fhir/OperationDefinition/Resource-validate"
_BASE: Final = "http://hl7.org/fhir/StructureDefinition/"
_IN_ADDRESS: Final = ("mode", "profile")
_PARAMETERS: Final = ("resource", *_IN_ADDRESS)
_OF_TYPE: Final = frozenset({"", "create"})
_OF_INSTANCE: Final = frozenset({"", "update", "delete", "profile"})
_WELL: Final = {
    "": "The resource is valid and may be stored.",
    "create": "The resource could be created. Nothing was stored.",
    "update": "The resource could be updated with this. Nothing was stored.",
    "delete": "The resource could be deleted. Nothing was changed.",
}


async def validate(call: Call) -> Response:
    """An OperationOutcome with every fault, or one issue that says that all is well."""
    type_ = checking.known_type(call.request.path_params["type"])
    id_ = _id(call)
    resource, asked = await _asked(call)
    mode = _one(asked, "mode")
    if id_ is not None:
        await opened(call.hub, call.access, *tried(type_, mode))
    known = _OF_TYPE if id_ is None else _OF_INSTANCE
    if mode not in known:
        said = ", ".join(sorted(known - {""}))
        raise Invalid("bad-request", f"mode is {said} here, or left out; what is there already is named by its id.")
    _check_profile(type_, _one(asked, "profile"))
    if resource is None and (id_ is None or mode == "update"):
        raise Invalid("bad-request", "A resource is needed: as the body, or as the parameter `resource`.")
    body = exact.write(resource) if resource is not None else b""
    trial = Trial(
        type_,
        id_,
        "" if mode == "profile" else mode,
        call.request.path_params.get("id", ""),
        orjson.loads(body) if body else None,
        body,
        stated.expected(call.request.headers.get("if-match", "")),
    )
    found = await judging.judge(call.hub, call.member, call.purpose, trial)
    refusals = [(found.refusal.code, found.refusal.detail)] if found.refusal is not None else []
    return answer(verdicts.outcome(found.problems, refusals, _WELL[trial.mode]))


async def _asked(call: Call) -> tuple[dict[str, Any] | None, dict[str, list[str]]]:
    """The resource, its numbers as they were written, and what else is said. Raises Invalid."""
    stated = parameters.of_query(call.query, _IN_ADDRESS)
    resource = None
    if call.request.method == "POST" and (await call.request.body() or "id" not in call.request.path_params):
        resource = (await call.document()).exact()
        if resource["resourceType"] == "Parameters":
            inner = parameters.of_resource(resource, _PARAMETERS)
            resource = inner.resource("resource")
            return resource, {name: [*stated.texts(name), *inner.texts(name)] for name in ("mode", "profile")}
    return resource, {name: stated.texts(name) for name in ("mode", "profile")}


def _one(asked: dict[str, list[str]], name: str) -> str:
    if len(asked[name]) > 1:
        raise Invalid("bad-request", f"There is more than one {name}.")
    return asked[name][0] if asked[name] else ""


def _check_profile(type_: str, profile: str) -> None:
    """Raises Invalid for a profile that resources are not judged by."""
    if profile and profile not in (f"{_BASE}{type_}", f"{_BASE}{type_}|{FHIR_VERSION}"):
        raise Invalid("not-supported", f"Resources are judged by {_BASE}{type_}, as when they are written.")


def _id(call: Call) -> UUID | None:
    """The id in the address, where there is one. Raises NotFound for one that the hub never gave."""
    stated = call.request.path_params.get("id")
    try:
        return UUID(stated) if stated is not None else None
    except ValueError:
        raise NotFound from None


INTERACTIONS: Final = tuple(
    Interaction(method, path, validate, Ability(""), by_member, query=_IN_ADDRESS)
    for method, path in (
        ("POST", "/{type}/$validate"),
        ("GET", "/{type}/{id}/$validate"),
        ("POST", "/{type}/{id}/$validate"),
    )
)
"""Of any type."""
ABILITIES: Final = tuple(
    Ability(type_, operation=("validate", _DEFINITION), said="Judged as it would be written; nothing is stored.")
    for type_ in sorted(checking.TYPES)
)
