"""Requests to show in /openapi.json. A test sends each to a hub, which takes it; all people are invented."""

from typing import Any, Final

from hub.fhir import messages
from mappings.vocabulary import DIVISION_SYSTEM

PATIENT: Final[dict[str, Any]] = {
    "resourceType": "Patient",
    "name": [{"text": "李秀英", "family": "李", "given": ["秀英"]}],
    "gender": "female",
    "birthDate": "1990-03-07",
}
_WHO: Final = "urn:uuid:4b0e4e7a-4f0d-4d3c-9f5e-0b8d6f6d2a11"
_WEIGHT: Final[dict[str, Any]] = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
    "subject": {"reference": _WHO},
    "valueQuantity": {"value": 51.5, "system": "http://unitsofmeasure.org", "code": "kg"},
}
_RECORD: Final = {"system": "urn:lianqiao:huiji:record", "value": "H1"}
PATCH: Final = [{"op": "replace", "path": "/gender", "value": "female"}]
LINES: Final = '{"resourceType": "Patient", "id": "p1", "name": [{"text": "李秀英"}]}\n'


def _parameters(*given: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": list(given)}


_BUNDLE: Final[dict[str, Any]] = {
    "resourceType": "Bundle",
    "type": "transaction",
    "entry": [
        {"fullUrl": _WHO, "resource": PATIENT, "request": {"method": "POST", "url": "Patient"}},
        {"resource": _WEIGHT, "request": {"method": "POST", "url": "Observation"}},
    ],
}
_FED: Final = PATIENT | {"identifier": [_RECORD]}
_MESSAGE: Final[dict[str, Any]] = {
    "resourceType": "Bundle",
    "type": "message",
    "timestamp": "2026-03-01T08:00:00+08:00",
    "entry": [
        {
            "fullUrl": "urn:uuid:6f0f6a3e-0d3b-4c55-8f5e-3b1f4f0c7a01",
            "resource": {
                "resourceType": "MessageHeader",
                "id": "6f0f6a3e-0d3b-4c55-8f5e-3b1f4f0c7a01",
                "eventUri": messages.FEED,
                "source": {"endpoint": "urn:lianqiao:huiji"},
                "destination": [{"endpoint": "urn:lianqiao:hub"}],
                "focus": [{"reference": "urn:uuid:6f0f6a3e-0d3b-4c55-8f5e-3b1f4f0c7a02"}],
            },
        },
        {
            "fullUrl": "urn:uuid:6f0f6a3e-0d3b-4c55-8f5e-3b1f4f0c7a02",
            "resource": {
                "resourceType": "Bundle",
                "type": "history",
                "entry": [
                    {
                        "fullUrl": "urn:uuid:6f0f6a3e-0d3b-4c55-8f5e-3b1f4f0c7a03",
                        "resource": _FED,
                        "request": {"method": "POST", "url": "Patient"},
                        "response": {"status": "201"},
                    }
                ],
            },
        },
    ],
}
REQUESTS: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("POST", "/{type}"): PATIENT,
    ("PUT", "/{type}/{id}"): PATIENT | {"id": "01a217ed-548b-7dda-a15f-0b471fb787c1"},
    ("PUT", "/{type}"): PATIENT,
    ("PUT", "/Patient"): _FED,
    ("POST", ""): _BUNDLE,
    ("POST", "/"): _BUNDLE | {"type": "batch", "entry": [{"request": {"method": "GET", "url": "Patient?_count=5"}}]},
    ("POST", "/$process-message"): _MESSAGE,
    ("POST", "/Patient/$match"): _parameters(
        {"name": "resource", "resource": PATIENT},
        {"name": "onlyCertainMatches", "valueBoolean": False},
        {"name": "count", "valueInteger": 5},
    ),
    ("POST", "/{type}/$validate"): _parameters(
        {"name": "resource", "resource": PATIENT}, {"name": "mode", "valueCode": "create"}
    ),
    ("POST", "/{type}/{id}/$validate"): _parameters(
        {"name": "resource", "resource": PATIENT}, {"name": "mode", "valueCode": "update"}
    ),
    ("POST", "/Patient/{id}/$everything"): _parameters({"name": "_count", "valueInteger": 50}),
    ("POST", "/$export"): _parameters({"name": "_type", "valueString": "Patient,Observation"}),
    ("POST", "/Patient/$export"): _parameters({"name": "_type", "valueString": "Patient"}),
    ("POST", "/CodeSystem/$lookup"): _parameters(
        {"name": "system", "valueUri": DIVISION_SYSTEM}, {"name": "code", "valueCode": "410108"}
    ),
}
