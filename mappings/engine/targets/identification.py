"""Who a record is about: identifiers, name, sex and birth date, shared by every target that names a person."""

from functools import lru_cache
from typing import Any

from mappings import vocabulary as v
from mappings.engine.model import Coded, Context, DocumentNumber, Note, PartialDate, PersonName, note
from mappings.engine.targets import Values

GENDER = "http://hl7.org/fhir/administrative-gender"
FIELDS = frozenset({"record_id", "name", "sex", "birth_date", "resident_id", "document_type", "document_number"})

Notes = list[tuple[str | None, Note]]


def record_identifier(context: Context, value: str) -> dict[str, Any]:
    """The sender's own number of the record; always identifier[0]."""
    return {"use": "usual", "system": v.record_system(context.source), "value": value}


def document_identifier(values: Values) -> dict[str, Any] | None:
    """The identity document: the resident ID, or another one under the system of its kind."""
    resident: DocumentNumber | None = values.get("resident_id")
    if resident is not None:
        return {"use": "official", "system": v.RESIDENT_ID, "value": resident.value}
    other: DocumentNumber | None = values.get("document_number")
    if other is None:
        return None
    kind: Coded | None = values.get("document_type")
    code = kind.code_in(v.ID_DOCUMENT_TYPE) if kind is not None else None
    return {"use": "official", "system": v.document_system(code or "99"), "value": other.value}


def names(name: PersonName) -> list[dict[str, Any]]:
    """The official name and, where a former one was given in brackets, that one as old."""
    official: dict[str, Any] = {"use": "official", "text": name.text}
    if name.family is not None:
        official["family"] = name.family
        official["given"] = [name.given]
    if name.old is None:
        return [official]
    return [official, {"use": "old", "text": name.old}]


@lru_cache(maxsize=256)
def _gender(sex: Coded) -> tuple[str, dict[str, Any]]:
    original = {"url": v.ORIGINAL_CODE, "valueCoding": sex.original.to_fhir()}
    return sex.code_in(GENDER) or "unknown", {"extension": [original]}


def put_sex(resource: dict[str, Any], sex: Coded | None) -> None:
    """gender, with the code as sent beside it."""
    if sex is not None:
        resource["gender"], resource["_gender"] = _gender(sex)


def put_birth_date(resource: dict[str, Any], values: Values, notes: Notes, context: Context) -> None:
    """birthDate with its precision; the ID number settles an ambiguous month and fills a missing date."""
    born: PartialDate | None = values.get("birth_date")
    document: DocumentNumber | None = values.get("resident_id")
    from_id = document.birth_date if document is not None else None
    if born is None:
        if from_id is not None:
            resource["birthDate"] = from_id
            notes.append(("birth_date", note("birth-date-from-id", date=from_id)))
        return
    text = born.text
    if from_id is not None and not from_id.startswith(text):
        notes.append(("birth_date", note("id-birth-date-differs", birth_date=text, id_birth_date=from_id)))
    elif from_id is not None and born.alternatives:
        settled = next((month for month in born.alternatives if from_id.startswith(month)), None)
        if settled is not None:
            text = settled
            notes.append(("birth_date", note("date-month-from-id", found=f"{born.text}.1", date=settled)))
    if text > context.today:
        notes.append(("birth_date", note("date-in-future", date=text)))
    elif text < context.oldest:
        notes.append(("birth_date", note("birth-date-too-old", date=text)))
    resource["birthDate"] = text
    if born.lunar is not None:
        resource["_birthDate"] = {"extension": [{"url": v.LUNAR_DATE, "valueString": born.lunar}]}


def compare_sex(resource: dict[str, Any], values: Values, notes: Notes) -> None:
    """Say when the sex differs from the one in the ID number."""
    document: DocumentNumber | None = values.get("resident_id")
    if document is None or document.sex is None:
        return
    gender = resource.get("gender")
    if gender in ("male", "female") and gender != document.sex:
        notes.append(("sex", note("id-sex-differs")))
