"""The contraception report: a FHIR document of the fewest facts, moving only under the person's consent.

Method and check as Observations, an insertion or sterilisation as Procedure, the consent by its number. Never a
pregnancy result: rows with one are refused before they get here. Made without a clock, so that one row always says the same.
"""

from typing import Any
from uuid import NAMESPACE_URL, uuid5

from mappings import vocabulary as v
from mappings.engine.model import Coded, Context, Place, Routing, note
from mappings.engine.targets import Built, Target, Values
from mappings.engine.targets import identification as who

FIELDS = who.FIELDS | {
    "number", "reported_on", "facility", "method", "method_since", "checked_on", "check_result", "officer", "origin", "residence",
    "origin_address", "residence_address", "consent_ref", "posted_on", "purpose",
}  # fmt: skip
REQUIRED = frozenset({"number", "record_id", "name", "reported_on", "facility", "method", "origin", "residence"})

_LOINC_METHOD = {"system": "http://loinc.org", "code": "8659-5", "display": "Birth control method - Reported"}
_CHECK = {"system": v.REPORT_ITEM, "code": "check", "display": "Contraception check"}
_TYPE = {"system": v.KIND_SYSTEM, "code": v.CONTRACEPTION_REPORT, "display": "避孕节育情况报告单"}
_RESTRICTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
_PROCEDURES = {
    "implant": ("insertion", "Insertion of a contraceptive implant"),
    "iud": ("insertion", "Insertion of an intrauterine device"),
    "sterilisation": ("sterilisation", "Sterilisation"),
    "sterilisation-female": ("sterilisation", "Female sterilisation"),
    "sterilisation-male": ("sterilisation", "Male sterilisation"),
}


def build(values: Values, context: Context, county: str) -> Built:
    """The document Bundle of one report; the report's number is its business key."""
    notes: who.Notes = []
    number: str = values["number"]
    record_id: str = values["record_id"]
    patient = _patient(values, context, notes)
    method: Coded = values["method"]
    if not method.codings:
        notes.append(("method", note("required-missing")))
    facts = [_method(values, method), *_check(values)]
    facts.extend(_procedure(values, method))
    bundle = _document(values, context, number, patient, facts)
    origin, residence = _division(values, "origin", notes), _division(values, "residence", notes)
    consent: str | None = values.get("consent_ref")
    if consent is None:
        notes.append(("consent_ref", note("consent-missing")))
    routing = Routing(record_id, origin, residence, consent, values.get("purpose", "continuity-of-care"))
    return Built(number, [bundle], routing=routing, notes=notes)


def _division(values: Values, side: str, notes: who.Notes) -> str | None:
    place: Place = values[side]
    if place.code is None:
        sides = {"origin": "户籍地", "residence": "现居住地"}
        notes.append((side, note("division-required", side=side, side_zh=sides[side])))
    return place.code


def _patient(values: Values, context: Context, notes: who.Notes) -> dict[str, Any]:
    """Only what tells the person apart: numbers, name, sex, birth date."""
    patient: dict[str, Any] = {
        "resourceType": "Patient",
        "identifier": [who.record_identifier(context, values["record_id"])],
    }
    document = who.document_identifier(values)
    if document is not None:
        patient["identifier"].append(document)
    patient["name"] = who.names(values["name"])
    who.put_sex(patient, values.get("sex"))
    who.put_birth_date(patient, values, notes, context)
    return patient


def _method(values: Values, method: Coded) -> dict[str, Any]:
    observation: dict[str, Any] = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [_LOINC_METHOD], "text": "现避孕措施"},
        "effectiveDateTime": values["reported_on"],
        "valueCodeableConcept": {
            "coding": [*(coding.to_fhir() for coding in method.codings), method.original.to_fhir()],
        },
    }
    if (since := values.get("method_since")) is not None:
        del observation["effectiveDateTime"]
        observation["effectivePeriod"] = {"start": since}
    return observation


def _check(values: Values) -> list[dict[str, Any]]:
    result, checked_on = values.get("check_result"), values.get("checked_on")
    if result is None and checked_on is None:
        return []
    observation: dict[str, Any] = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [_CHECK], "text": "避孕节育检查"},
        "effectiveDateTime": checked_on or values["reported_on"],
    }
    if result is not None:
        observation["valueString"] = result
    else:
        unknown = {"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "unknown"}
        observation["dataAbsentReason"] = {"coding": [unknown]}
    return [observation]


def _procedure(values: Values, method: Coded) -> list[dict[str, Any]]:
    code = method.code_in(v.CONTRACEPTION_METHOD)
    since = values.get("method_since")
    if code not in _PROCEDURES or since is None:
        return []
    kind, display = _PROCEDURES[code]
    concept = {"coding": [{"system": v.REPORT_ITEM, "code": f"{kind}-{code}", "display": display}]}
    return [{"resourceType": "Procedure", "status": "completed", "code": concept, "performedDateTime": since}]


def _document(
    values: Values, context: Context, number: str, patient: dict[str, Any], facts: list[dict[str, Any]]
) -> dict[str, Any]:
    base = f"{v.record_system(context.source)}|{v.CONTRACEPTION_REPORT}|{number}|"

    def address(part: str) -> str:
        return f"urn:uuid:{uuid5(NAMESPACE_URL, base + part)}"

    subject = {"reference": address("patient"), "type": "Patient"}
    entries: list[dict[str, Any]] = []
    for at, fact in enumerate(facts):
        fact["subject"] = subject
        entries.append({"fullUrl": address(f"fact-{at}"), "resource": fact})
    composition = _composition(values, context, number, subject, [entry["fullUrl"] for entry in entries])
    return {
        "resourceType": "Bundle",
        "identifier": who.record_identifier(context, number),
        "type": "document",
        "timestamp": f"{values['reported_on']}T00:00:00+08:00",
        "entry": [
            {"fullUrl": address("composition"), "resource": composition},
            {"fullUrl": address("patient"), "resource": patient},
            *entries,
        ],
    }


def _composition(
    values: Values, context: Context, number: str, subject: dict[str, str], facts: list[str]
) -> dict[str, Any]:
    authors = [{"type": "Organization", "display": values["facility"]}]
    if (officer := values.get("officer")) is not None:
        authors.append({"type": "Practitioner", "display": officer})
    composition: dict[str, Any] = {
        "resourceType": "Composition",
        "meta": {"security": [_RESTRICTED]},
        "identifier": who.record_identifier(context, number),
        "status": "final",
        "type": {"coding": [_TYPE]},
        "subject": subject,
        "date": values["reported_on"],
        "author": authors,
        "title": "避孕节育情况报告单",
        "confidentiality": "R",
        "section": [{"title": "避孕节育情况", "entry": [{"reference": fact} for fact in facts]}],
    }
    extension: list[dict[str, Any]] = [
        {"url": v.ROLE_DIVISION, "extension": _side(side, values[side])}
        for side in ("origin", "residence")
        if values[side].code is not None
    ]
    if (consent := values.get("consent_ref")) is not None:
        reference = {"type": "Consent", "identifier": who.record_identifier(context, consent)}
        extension.append({"url": v.CONSENT_REFERENCE, "valueReference": reference})
    if extension:
        composition["extension"] = extension
    return composition


def _side(side: str, place: Place) -> list[dict[str, Any]]:
    return [{"url": v.ADDRESS_ROLE, "valueCode": side}, {"url": v.DIVISION, "valueCode": place.code}]


TARGET = Target(v.CONTRACEPTION_REPORT, FIELDS, REQUIRED, "number", build)
