"""A translated row in words, for a person who checks a mapping: who, when, where, what."""

from typing import Any

from mappings import divisions
from mappings import vocabulary as v
from mappings.engine.model import RowResult


def readable(result: RowResult) -> str:
    """A few lines about what the row became; empty when it became nothing."""
    if result.claims is not None:
        return "\n".join(f"{name}: {value}" for name, value in result.claims.items())
    return "\n".join(line for resource in result.resources for line in _lines(resource))


def _lines(resource: dict[str, Any]) -> list[str]:
    kind = resource["resourceType"]
    if kind == "Patient":
        return _person(resource)
    if kind == "Consent":
        return _consent(resource)
    if kind == "Bundle":
        return [line for entry in resource["entry"] for line in _lines(entry["resource"])]
    if kind == "Observation":
        value = resource.get("valueString") or _codes(resource.get("valueCodeableConcept", {}))
        return [f"{resource['code'].get('text', 'observation')}: {value or '—'}"]
    if kind == "Composition":
        return [f"{resource['title']} {resource['date']} · {resource['author'][0]['display']}"]
    if kind == "Procedure":
        return [f"procedure: {_codes(resource['code'])} {resource['performedDateTime']}"]
    return [kind]


def _person(patient: dict[str, Any]) -> list[str]:
    names = " / ".join(name["text"] for name in patient.get("name", ()))
    lines = [" ".join(part for part in (names, patient.get("gender"), patient.get("birthDate")) if part)]
    lines += [f"{one['system'].rpartition(':')[2]}: {one['value']}" for one in patient["identifier"]]
    for address in patient.get("address", ()):
        marks = {one["url"]: one.get("valueCode") for one in address["extension"]}
        code = marks.get(v.DIVISION)
        named = divisions.full_name(code) if code else None
        lines.append(f"{marks[v.ADDRESS_ROLE]}: {code or '—'} {named or ''} {address.get('text', '')}".rstrip())
    if "maritalStatus" in patient:
        lines.append(f"marital status: {_codes(patient['maritalStatus'])}")
    lines += [f"contact: {one['name']['text']}" for one in patient.get("contact", ()) if "name" in one]
    lines += [f"child: {one['valueString']}" for one in patient.get("extension", ()) if one["url"] == v.CHILD]
    return lines


def _consent(consent: dict[str, Any]) -> list[str]:
    provision = consent["provision"]
    period = provision["period"]
    return [
        f"consent {consent['identifier'][0]['value']} {consent['status']} {period['start']} – {period['end']}",
        f"for {', '.join(one['code'] for one in (*provision['class'], *provision['purpose']))}",
        f"to {', '.join(one['reference']['identifier']['value'] or '—' for one in provision['actor'])}",
    ]


def _codes(concept: dict[str, Any]) -> str:
    return " = ".join(f"{coding['code']} {coding.get('display', '')}".strip() for coding in concept.get("coding", ()))
