"""The person kind: one row gives one Patient (FHIR R4) with both addresses, codes as sent, spouse and parents."""

from functools import lru_cache
from typing import Any

from mappings import vocabulary as v
from mappings.engine.model import Coded, Context, PersonName, Place, Routing, note
from mappings.engine.targets import Built, Target, Values
from mappings.engine.targets import identification as who

_RELATIVES = tuple(
    (
        f"{relative}_name",
        f"{relative}_id",
        f"{relative}_birth_date",
        [{"coding": [{"system": v.V3_ROLE, "code": code, "display": relative}]}],
    )
    for relative, code in (("spouse", "SPS"), ("father", "FTH"), ("mother", "MTH"))
)
_ROLES = {role: {"url": v.ADDRESS_ROLE, "valueCode": role} for role in ("origin", "residence")}

FIELDS = who.FIELDS | {
    "ethnicity", "education", "household_kind", "marital_status", "phones",
    "origin", "origin_address", "residence", "residence_address", "residence_since", "children",
    "spouse_name", "spouse_id", "spouse_birth_date", "father_name", "father_id", "mother_name", "mother_id",
    "collected_by_police",
}  # fmt: skip


def build(values: Values, context: Context, county: str) -> Built:
    """The Patient of one record."""
    notes: who.Notes = []
    record_id: str = values["record_id"]
    patient: dict[str, Any] = {"resourceType": "Patient", "identifier": [who.record_identifier(context, record_id)]}
    document = who.document_identifier(values)
    if document is not None:
        patient["identifier"].append(document)
    patient["name"] = who.names(values["name"])
    if (numbers := values.get("phones")) is not None:
        patient["telecom"] = [{"system": "phone", "value": number} for number in numbers]
    who.put_sex(patient, values.get("sex"))
    who.put_birth_date(patient, values, notes, context)
    who.compare_sex(patient, values, notes)
    if "birthDate" not in patient:
        notes.append(("birth_date", note("birth-date-missing")))
    origin = _place(values.get("origin"), values.get("origin_address"))
    residence = _place(values.get("residence"), values.get("residence_address"))
    _put_addresses(patient, origin, residence, values.get("residence_since"), county)
    if (marital := values.get("marital_status")) is not None:
        patient["maritalStatus"] = _concept(marital)
    _put_contacts(patient, values)
    _put_extensions(patient, values, county)
    if origin is None or origin.code is None:
        notes.append(("origin", note("division-missing", side="origin", side_zh="户籍地")))
    if residence is None or residence.code is None:
        notes.append(("residence", note("division-missing", side="residence", side_zh="现居住地")))
    if values.get("collected_by_police"):
        notes.append(("collected_by_police", note("police-collected")))
    routing = Routing(record_id, origin.code if origin else None, residence.code if residence else None)
    return Built(record_id, [patient], routing=routing, notes=notes)


def _place(place: Place | None, address: str | None) -> Place | None:
    """The division of one side, with the address text that may come in a column of its own."""
    if address is None:
        return place
    return Place(None, address) if place is None else Place(place.code, address, place.given_code)


def _put_addresses(
    patient: dict[str, Any], origin: Place | None, residence: Place | None, since: str | None, county: str
) -> None:
    addresses = []
    if origin is not None:
        addresses.append(_address("origin", origin, county))
    if residence is not None:
        home = _address("residence", residence, county)
        if since is not None:
            home["period"] = {"start": since}
        addresses.append(home)
    if addresses:
        patient["address"] = addresses


def _address(role: str, place: Place, county: str) -> dict[str, Any]:
    extension: list[dict[str, Any]] = [_ROLES[role]]
    if place.code is not None:
        extension.append({"url": v.DIVISION, "valueCode": place.code})
    if place.given_code is not None:
        given = {"system": v.original_system(county, "division"), "code": place.given_code}
        extension.append({"url": v.ORIGINAL_CODE, "valueCoding": given})
    address: dict[str, Any] = {"extension": extension, "use": "home"}
    if place.text is not None:
        address["text"] = place.text
    return address


@lru_cache(maxsize=4096)
def _concept(coded: Coded) -> dict[str, Any]:
    """All translations and, last, the code as sent; one object for all records that say the same."""
    return {"coding": [*(coding.to_fhir() for coding in coded.codings), coded.original.to_fhir()]}


def _put_contacts(patient: dict[str, Any], values: Values) -> None:
    contacts = []
    for name_field, number_field, birth_field, relationship in _RELATIVES:
        name: PersonName | None = values.get(name_field)
        document = values.get(number_field)
        if name is None and document is None:
            continue
        contact: dict[str, Any] = {"relationship": relationship}
        if name is not None:
            contact["name"] = {"text": name.text}
        extension: list[dict[str, Any]] = []
        if document is not None:
            number = {"system": v.RESIDENT_ID, "value": document.value}
            extension.append({"url": v.CONTACT_IDENTIFIER, "valueIdentifier": number})
        if (born := values.get(birth_field)) is not None:
            extension.append({"url": v.CONTACT_BIRTH_DATE, "valueDate": born.text})
        if extension:
            contact["extension"] = extension
        contacts.append(contact)
    if contacts:
        patient["contact"] = contacts


@lru_cache(maxsize=4096)
def _coded_extension(url: str, coded: Coded) -> dict[str, Any]:
    return {"url": url, "valueCodeableConcept": _concept(coded)}


_CODED_EXTENSIONS = (
    ("ethnicity", v.ETHNICITY),
    ("education", v.EDUCATION),
    ("household_kind", v.HOUSEHOLD_KIND),
)


def _put_extensions(patient: dict[str, Any], values: Values, county: str) -> None:
    extension: list[dict[str, Any]] = []
    for name, url in _CODED_EXTENSIONS:
        if (coded := values.get(name)) is not None:
            extension.append(_coded_extension(url, coded))
    if (children := values.get("children")) is not None:
        extension.extend({"url": v.CHILD, "valueString": child} for child in children)
    if (text := values.get("resident_id?")) is not None:
        unusable = {"system": v.original_system(county, "resident-id"), "display": text}
        extension.append({"url": v.ORIGINAL_CODE, "valueCoding": unusable})
    if extension:
        patient["extension"] = extension


TARGET = Target(v.PERSON, FIELDS, frozenset({"record_id", "name", "sex"}), "record_id", build)
