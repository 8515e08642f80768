"""The consent kind: what one person allowed, to whom, for what and until when, as a FHIR Consent (patient-privacy).

A consent without an end, a purpose, a recipient or a kind is not one: such a row is an error, never a wide consent.
"""

from typing import Any

from mappings import vocabulary as v
from mappings.engine.model import Context, Place, Routing, note
from mappings.engine.targets import Built, Target, Values
from mappings.engine.targets import identification as who

FIELDS = frozenset(
    {
        "number", "record_id", "name", "sex", "birth_date", "resident_id", "kinds", "purposes", "recipient", "start", "end",
        "withdrawn", "withdrawn_on", "signed_on", "origin", "residence",
    }
)  # fmt: skip
REQUIRED = frozenset({"number", "record_id", "kinds", "purposes", "recipient", "start", "end"})

_SCOPE = {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}
_CATEGORY = {"system": "http://loinc.org", "code": "59284-0", "display": "Consent Document"}
_RECIPIENT = {"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}
_LAW = "urn:lianqiao:law:pipl"


def build(values: Values, context: Context, county: str) -> Built:
    """The Consent of one record; its number is the record's business key."""
    notes: who.Notes = []
    number: str = values["number"]
    record_id: str = values["record_id"]
    kinds = _known(values, "kinds", v.RECORD_KINDS, "consent-kind-unknown", notes)
    purposes = _known(values, "purposes", v.PURPOSES, "consent-purpose-unknown", notes)
    recipient: Place = values["recipient"]
    if recipient.code is None:
        notes.append(("recipient", note("consent-incomplete", what="a recipient region", what_zh="接收地区划")))
    start, end = values["start"], values["end"]
    if end < start:
        notes.append(("end", note("consent-period", start=start, end=end)))
    withdrawn_on: str | None = values.get("withdrawn_on")
    withdrawn = bool(values.get("withdrawn")) or withdrawn_on is not None
    decided = withdrawn_on if withdrawn and withdrawn_on else values.get("signed_on", start)
    consent = {
        "resourceType": "Consent",
        "identifier": [who.record_identifier(context, number)],
        "status": "inactive" if withdrawn else "active",
        "scope": {"coding": [_SCOPE]},
        "category": [{"coding": [_CATEGORY]}],
        "patient": {"type": "Patient", "identifier": who.record_identifier(context, record_id)},
        "dateTime": decided,
        "policy": [{"uri": _LAW}],
        "provision": {
            "type": "permit",
            "period": {"start": start, "end": end},
            "actor": [_actor(recipient)],
            "purpose": [{"system": v.PURPOSE_SYSTEM, "code": purpose} for purpose in purposes],
            "class": [{"system": v.KIND_SYSTEM, "code": kind} for kind in kinds],
        },
    }
    origin, residence = values.get("origin"), values.get("residence")
    routing = Routing(
        record_id,
        origin.code if origin else None,
        residence.code if residence else None,
        consent_ref=number,
        purpose=purposes[0] if len(purposes) == 1 else None,
    )
    return Built(number, [consent], routing=routing, notes=notes)


def _known(values: Values, field: str, allowed: frozenset[str], code: str, notes: who.Notes) -> list[str]:
    """The listed codes; one that the exchange does not know makes the consent unusable."""
    found: tuple[str, ...] = values[field]
    for word in found:
        if word not in allowed:
            notes.append((field, note(code, found=word[:40])))
    return list(found)


def _actor(recipient: Place) -> dict[str, Any]:
    identifier = {"system": v.DIVISION_SYSTEM, "value": recipient.code}
    return {"role": {"coding": [_RECIPIENT]}, "reference": {"type": "Organization", "identifier": identifier}}


TARGET = Target(v.CONSENT, FIELDS, REQUIRED, "number", build, ends=frozenset({"end"}))
