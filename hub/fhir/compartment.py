"""The patient compartment of R4 for the types that are kept, and when a resource of it says that care was given. Pure.

https://hl7.org/fhir/R4/compartmentdefinition-patient.html: a resource is in a Patient's compartment when one of the
parameters listed for its type refers to that Patient. A test compares the list with HL7's definition.
"""

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, Final

from hub.fhir.search.graph import references
from hub.fhir.search.parameters import Parameter, parameters
from hub.fhir.search.plan import plan
from hub.fhir.search.query import Clause, RefersTo
from hub.fhir.search.spans import Span
from hub.fhir.search.values import values_of

PATIENT: Final = "Patient"
MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "AuditEvent": ("patient",),
    "CarePlan": ("patient", "performer"),
    "Communication": ("subject", "sender", "recipient"),
    "CommunicationRequest": ("subject", "sender", "recipient", "requester"),
    "Composition": ("subject", "author", "attester"),
    "Condition": ("patient", "asserter"),
    "Consent": ("patient",),
    "DeviceUseStatement": ("subject",),
    "DocumentReference": ("subject", "author"),
    "Encounter": ("patient",),
    "EpisodeOfCare": ("patient",),
    "Immunization": ("patient",),
    "ImmunizationRecommendation": ("patient",),
    "MeasureReport": ("patient",),
    "MedicationDispense": ("subject", "patient", "receiver"),
    "Observation": ("subject", "performer"),
    PATIENT: ("link",),
    "Person": ("patient",),
    "Procedure": ("patient", "performer"),
    "Provenance": ("patient",),
    "QuestionnaireResponse": ("subject", "author"),
    "RelatedPerson": ("patient",),
    "RiskAssessment": ("subject",),
    "SupplyDelivery": ("patient",),
}
"""By type the parameters of which one refers to the Patient."""
CARE: Final[Mapping[str, tuple[str, ...]]] = {
    "CarePlan": ("date",),
    "Communication": ("sent", "received"),
    "CommunicationRequest": ("occurrence",),
    "Composition": ("period",),
    "Condition": ("onset-date", "abatement-date"),
    "DocumentReference": ("period",),
    "Encounter": ("date",),
    "EpisodeOfCare": ("date",),
    "Immunization": ("date",),
    "ImmunizationRecommendation": ("date",),
    "MeasureReport": ("period",),
    "MedicationDispense": ("whenprepared", "whenhandedover"),
    "Observation": ("date",),
    "Procedure": ("date",),
    "QuestionnaireResponse": ("authored",),
    "RiskAssessment": ("date",),
}
"""By type the parameters that say when care was given, not when it was written down."""


def texts(types: Collection[str], id_: str, base: str) -> frozenset[str]:
    """What resources of these types tell the search index of which one is in the compartment of Patient/`id_`."""
    operand = (RefersTo(PATIENT, id_),)
    plans = [plan(Clause(one, "", operand, base)) for type_ in types for one in _parameters(type_)]
    return frozenset(text for found in plans for group in found.all_of for text in group)


def holds(resource: Mapping[str, Any], id_: str, base: str) -> bool:
    """Is the resource in the compartment of Patient/`id_`?"""
    name = f"{PATIENT}/{id_}"
    return any(name in references(resource, one, base) for one in _parameters(resource["resourceType"]))


def falls_within(resource: Mapping[str, Any], asked: Span) -> bool:
    """Was some of the care given in that time? What says nothing of when counts as given at any time."""
    known = parameters(resource["resourceType"])
    codes = CARE.get(resource["resourceType"], ())
    spans = [span for code in codes for span in values_of(known[code], resource) if isinstance(span, Span)]
    if not spans:
        return True
    return min(span.start for span in spans) < asked.end and max(span.end for span in spans) > asked.start


@cache
def _parameters(type_: str) -> tuple[Parameter, ...]:
    known = parameters(type_)
    return tuple(known[code] for code in MEMBERS.get(type_, ()))
