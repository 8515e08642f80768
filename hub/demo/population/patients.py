"""Records as a faithful mapping would translate them: FHIR R4 Patients of the project's profile, and rows for
`hub dedupe`. For estimating and measuring linkage without a county's dialect in between.
"""

from typing import Any

from borax.calendars.lunardate import LunarDate

from hub.demo.population.records import Record, Relative
from hub.demo.population.surnames import COMPOUND_SURNAMES
from mappings import vocabulary as names

DEDUPE_COLUMNS = (
    "record_id",
    "source",
    "name",
    "sex",
    "birth_date",
    "resident_id",
    "id_type",
    "phone",
    "origin_division",
    "origin_address",
    "residence_division",
    "residence_address",
    "spouse_name",
    "spouse_resident_id",
)
_GENDER = {"1": "male", "2": "female", "": "unknown"}


def dedupe_row(record: Record) -> tuple[str, ...]:
    """The record in the columns of `DEDUPE_COLUMNS`."""
    spouse = record.spouse
    name = f"{record.name}（{record.former_name}）" if record.former_name else record.name
    return (
        f"{record.county}/{record.record_id}",
        record.county,
        name,
        record.sex,
        record.birth.iso(),
        record.id_number,
        "01" if record.id_number else "",
        record.phone,
        record.origin.division,
        record.origin_text,
        record.residence.division,
        record.residence_text,
        spouse.name if spouse else "",
        spouse.id_number if spouse else "",
    )


def patient(record: Record) -> dict[str, Any]:
    """One Patient in the profile that every `person` mapping gives."""
    identifiers = [
        {"use": "usual", "system": names.record_system(record.county), "value": record.record_id},
    ]
    if is_plausible_number(record.id_number):
        identifiers.append({"use": "official", "system": names.RESIDENT_ID, "value": record.id_number})
    resource: dict[str, Any] = {
        "resourceType": "Patient",
        "identifier": identifiers,
        "name": _names(record),
        "gender": _GENDER[record.sex],
    }
    _put_birth(resource, record)
    if record.phone:
        resource["telecom"] = [{"system": "phone", "value": record.phone}]
    resource["address"] = [
        _address("origin", record.origin.division, record.origin_text),
        _address("residence", record.residence.division, record.residence_text)
        | {"period": {"start": record.inflow.isoformat()}},
    ]
    contacts = [
        _contact(code, relative)
        for code, relative in (("SPS", record.spouse), ("FTH", record.father), ("MTH", record.mother))
        if relative
    ]
    if contacts:
        resource["contact"] = contacts
    if record.children:
        resource["extension"] = [{"url": names.CHILD, "valueString": child} for child in record.children]
    return resource


def is_plausible_number(number: str) -> bool:
    """Whether the text has the shape of a resident ID and is no placeholder."""
    if len(number) not in (15, 18) or not number[:-1].isdigit():
        return False
    return len(set(number)) > 2 and not number.startswith("000000") and number != "123456789012345678"


def _names(record: Record) -> list[dict[str, Any]]:
    text = record.name
    family = text[:2] if text[:2] in COMPOUND_SURNAMES and len(text) > 2 else text[:1]
    found: list[dict[str, Any]] = [{"use": "official", "text": text}]
    if text and not any(dot in text for dot in "·•・．.‧ "):
        found[0] |= {"family": family, "given": [text[len(family) :]]} if len(text) > 1 else {}
    if record.former_name:
        found.append({"use": "old", "text": record.former_name})
    return found


def _put_birth(resource: dict[str, Any], record: Record) -> None:
    """A lunar date is converted and kept beside; a day that no calendar has gives way to the one in the ID number."""
    born = record.birth
    if born.lunar:
        resource["birthDate"] = LunarDate(born.year, born.month, born.day).to_solar_date().isoformat()
        text = f"农历{born.year}年{born.month}月{born.day}日"
        resource["_birthDate"] = {"extension": [{"url": names.LUNAR_DATE, "valueString": text}]}
    elif not born.is_impossible:
        resource["birthDate"] = born.iso()
    elif len(record.id_number) == 18 and is_plausible_number(record.id_number):
        digits = record.id_number[6:14]
        resource["birthDate"] = f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"


def _address(role: str, division: str, text: str) -> dict[str, Any]:
    address: dict[str, Any] = {
        "use": "home",
        "extension": [
            {"url": names.ADDRESS_ROLE, "valueCode": role},
            {"url": names.DIVISION, "valueCode": division},
        ],
    }
    if text:
        address["text"] = text
    return address


def _contact(code: str, relative: Relative) -> dict[str, Any]:
    return {
        "relationship": [{"coding": [{"system": names.V3_ROLE, "code": code}]}],
        "name": {"text": relative.name},
        "extension": [
            {
                "url": names.CONTACT_IDENTIFIER,
                "valueIdentifier": {"system": names.RESIDENT_ID, "value": relative.id_number},
            },
            {"url": names.CONTACT_BIRTH_DATE, "valueDate": relative.birth.isoformat()},
        ],
    }
