"""Resources as the exchange carries them: what benchmarks time and what a second validator is asked about."""

from typing import Any


def patient() -> dict[str, Any]:
    """A person with two addresses and a relative, 1.1 kB."""
    return {
        "resourceType": "Patient",
        "identifier": [
            {"system": "urn:oid:2.16.156.10011.1.3", "value": "410108198911308233"},
            {"system": "urn:lianqiao:huiji:record", "value": "H-000123"},
        ],
        "active": True,
        "name": [{"use": "official", "text": "陈庆玉", "family": "陈", "given": ["庆玉"]}],
        "telecom": [{"system": "phone", "value": "13800000000", "use": "mobile"}],
        "gender": "female",
        "birthDate": "1989-11-30",
        "maritalStatus": {"coding": [{"system": "urn:oid:2.16.156.10011.2.3.3.5", "code": "20", "display": "已婚"}]},
        "address": [
            _address("home", "河南省郑州市惠济区某路17号", "410108000000", "residence"),
            _address("old", "浙江省永康市某镇某村", "330784000000", "origin"),
        ],
        "contact": [
            {
                "relationship": [{"coding": [{"system": "urn:oid:2.16.156.10011.2.3.3.8", "code": "10"}]}],
                "name": {"text": "李某"},
            }
        ],
        "managingOrganization": {"reference": "Organization/0b0f1c5e-0000-4000-8000-000000000001"},
    }


def _address(use: str, text: str, division: str, role: str) -> dict[str, Any]:
    extensions = [
        {"url": "urn:lianqiao:ext:division", "valueCode": division},
        {"url": "urn:lianqiao:ext:address-role", "valueCode": role},
    ]
    return {"use": use, "text": text, "extension": extensions}


def observation() -> dict[str, Any]:
    """A measured weight, 0.5 kB."""
    category = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [category]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7", "display": "Body Weight"}]},
        "subject": {"reference": "Patient/0b0f1c5e-0000-4000-8000-000000000002"},
        "effectiveDateTime": "2026-05-01T08:00:00+08:00",
        "performer": [{"reference": "Organization/1"}],
        "valueQuantity": {"value": 62.5, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
    }


def bundle(entries: int) -> dict[str, Any]:
    """A transaction of as many, every other one a Patient."""
    made = []
    for number in range(entries):
        resource = patient() if number % 2 == 0 else observation()
        request = {"method": "POST", "url": resource["resourceType"]}
        made.append(
            {"fullUrl": f"urn:uuid:0b0f1c5e-0000-4000-8000-{number:012}", "resource": resource, "request": request}
        )
    return {"resourceType": "Bundle", "type": "transaction", "entry": made}
