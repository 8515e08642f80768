"""CapabilityStatement: what the hub can do under /fhir, put together from what each interaction says of itself.

Nothing is listed that has no interaction, and no interaction is left out. FHIR R4, CapabilityStatement.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

FHIR_VERSION: Final = "4.0.1"
JSON: Final = "application/fhir+json"
_PUBLISHED: Final = "2026-11-26"
_SMART: Final = "http://terminology.hl7.org/CodeSystem/restful-security-service"
_URIS: Final = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A search parameter: `type` of the value set search-param-type; `said` tells people what it can do and what not."""

    name: str
    type: str
    said: str


@dataclass(frozen=True, slots=True)
class Ability:
    """What one interaction adds to the statement: of a resource `type`, or of the whole system where that is ''.

    `interaction` is a code of R4's restful interactions, `operation` (name, canonical of its definition); one of both.
    `marks` are further properties of the resource's entry, such as conditionalUpdate. `follows` are profiles' own
    capability statements that this helps to meet, `patches` the formats of patches that are taken.
    """

    type: str
    interaction: str = ""
    operation: tuple[str, str] | None = None
    parameters: tuple[Parameter, ...] = ()
    marks: dict[str, Any] = field(default_factory=dict)
    said: str = ""
    follows: tuple[str, ...] = ()
    patches: tuple[str, ...] = ()


def statement(abilities: Iterable[Ability], *, base_url: str, version: str, scopes: str) -> dict[str, Any]:
    """The statement of a hub that answers at `base_url`; `scopes` says which a token needs for what."""
    everything = list(abilities)
    by_type = {name: [one for one in everything if one.type == name] for name in sorted({a.type for a in everything})}
    rest: dict[str, Any] = {"mode": "server", "security": _security(base_url, scopes)}
    resources = [_entry(found) | {"type": name} for name, found in by_type.items() if name]
    if resources:
        rest["resource"] = resources
    rest |= _entry(by_type.get("", ()))
    follows = list(dict.fromkeys(url for one in everything for url in one.follows))
    patches = list(dict.fromkeys(format_ for one in everything for format_ in one.patches))
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": _PUBLISHED,
        "publisher": "Lianqiao",
        "kind": "instance",
        **({"instantiates": follows} if follows else {}),
        "software": {"name": "Lianqiao hub", "version": version},
        "implementation": {"description": "Exchange of records between regions", "url": f"{base_url}/fhir"},
        "fhirVersion": FHIR_VERSION,
        "format": [JSON],
        **({"patchFormat": patches} if patches else {}),
        "rest": [rest],
    }


def _entry(abilities: Iterable[Ability]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in abilities:
        said = {"documentation": one.said} if one.said else {}
        if one.interaction:
            listed = found.setdefault("interaction", [])
            if one.interaction not in [other["code"] for other in listed]:
                listed.append({"code": one.interaction, **said})
        if one.operation is not None:
            name, definition = one.operation
            listed = found.setdefault("operation", [])
            if name not in [other["name"] for other in listed]:
                listed.append({"name": name, "definition": definition, **said})
        known = {parameter["name"] for parameter in found.get("searchParam", ())}
        made = [
            {"name": p.name, "type": p.type, "documentation": p.said} for p in one.parameters if p.name not in known
        ]
        if made:
            found["searchParam"] = found.get("searchParam", []) + made
        found |= one.marks
    return found


def _security(base_url: str, scopes: str) -> dict[str, Any]:
    return {
        "extension": [{"url": _URIS, "extension": [{"url": "token", "valueUri": f"{base_url}/auth/token"}]}],
        "service": [{"coding": [{"system": _SMART, "code": "SMART-on-FHIR"}]}],
        "description": "SMART Backend Services: private_key_jwt at the token endpoint, then a bearer token. "
        f"The header Purpose-Of-Use says what a look-up is for. {scopes}",
    }
