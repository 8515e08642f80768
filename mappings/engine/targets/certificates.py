"""Marriage and birth certificates: flat claims to be signed, and a DocumentReference that will carry what was signed.

The spouse, the father and everything about him stay optional where the law leaves them so. Claims that are not given are
absent, never empty.
"""

from typing import Any

from mappings import vocabulary as v
from mappings.engine.model import Coded, Context, DocumentNumber, PartialDate, PersonName, Place, Routing, note
from mappings.engine.targets import Built, Target, Values
from mappings.engine.targets import identification as who

_PARTY = ("name", "sex", "nationality", "birth_date", "id_type", "resident_id", "document_number")
_PARENT = ("name", "nationality", "ethnicity", "id_type", "resident_id", "document_number")

_MARRIAGE_FIELDS = frozenset(
    {
        "number", "record_id", "certificate_kind", "authority", "authority_division", "registrar", "registered_on", "holder",
        "origin", "residence", "holder_key",
        *(f"party_{letter}_{part}" for letter in "ab" for part in _PARTY),
    }
)  # fmt: skip
_BIRTH_FIELDS = frozenset(
    {
        "number", "record_id", "child_name", "child_sex", "birth_time", "birth_place", "birth_place_kind", "birth_division",
        "gestation_weeks", "length_cm", "weight_g", "midwife", "facility", "issued_on", "authority", "authority_division",
        "origin", "residence", "holder_key",
        *(f"{parent}_{part}" for parent in ("mother", "father") for part in _PARENT),
    }
)  # fmt: skip
_SORTS = {"J": "marriage", "BJ": "reissue", "L": "divorce", "BL": "divorce"}


def build_marriage(values: Values, context: Context, county: str) -> Built:
    """Claims of a marriage certificate; its sort follows from the number's letters."""
    notes: who.Notes = []
    number: str = values["number"]
    prefix = number.rstrip("0123456789")
    kind = _SORTS[prefix]
    stated: Coded | None = values.get("certificate_kind")
    if stated is not None and stated.codings and stated.codings[-1].code != kind:
        notes.append(("certificate_kind", note("certificate-kind-differs", prefix=prefix)))
    claims: dict[str, Any] = {"number": number, "kind": kind}
    _copy(claims, values, ("authority", "registrar", "registered_on"))
    _put_division(claims, "authority_division", values, notes)
    claims["holder"] = holder_of(values)
    if claims["holder"] is None:
        notes.append(("holder", note("holder-unknown", found=_shown(values.get("holder")))))
    for letter in "ab":
        _put_person(claims, f"party_{letter}", values, notes, required=True)
    a, b = claims.get("party_a_id_number"), claims.get("party_b_id_number")
    if a is not None and a == b:
        notes.append(("party_b_resident_id", note("same-number-twice")))
    return _certificate(v.MARRIAGE_CERTIFICATE, number, claims, values, context, notes, values.get("registered_on"))


def build_birth(values: Values, context: Context, county: str) -> Built:
    """Claims of a birth certificate; the father may be absent."""
    notes: who.Notes = []
    number: str = values["number"]
    claims: dict[str, Any] = {"number": number}
    if (child := values.get("child_name")) is not None:
        claims["child_name"] = child.text
    claims["child_sex"] = _gender(values["child_sex"])
    _copy(claims, values, ("birth_time", "birth_place"))
    if (kind := values.get("birth_place_kind")) is not None:
        claims["birth_place_kind"] = _words(kind)
    if "birth_division" in values:
        _put_division(claims, "birth_division", values, notes)
    _copy(claims, values, ("gestation_weeks", "length_cm", "weight_g"))
    _put_person(claims, "mother", values, notes, required=True)
    _put_person(claims, "father", values, notes, required=False)
    if (midwife := values.get("midwife")) is not None:
        claims["midwife"] = midwife
    _copy(claims, values, ("facility", "issued_on", "authority"))
    _put_division(claims, "authority_division", values, notes)
    return _certificate(v.BIRTH_CERTIFICATE, number, claims, values, context, notes, values.get("issued_on"))


def holder_of(values: Values) -> str | None:
    """a or b: from the holder's code, or from the holder's name being that of one party only."""
    stated: Coded | None = values.get("holder")
    if stated is None:
        return None
    if stated.codings:
        return stated.codings[-1].code
    named = [letter for letter in "ab" if _text(values.get(f"party_{letter}_name")) == stated.original.code]
    return named[0] if len(named) == 1 else None


def marriage_subject(values: Values) -> Values:
    """The holder, as the person a record number is derived from."""
    return _about(values, f"party_{holder_of(values) or 'a'}")


def birth_subject(values: Values) -> Values:
    """The mother, as the person a record number is derived from."""
    return _about(values, "mother")


def _about(values: Values, role: str) -> Values:
    parts = ("name", "resident_id", "birth_date", "sex")
    return {part: values[f"{role}_{part}"] for part in parts if f"{role}_{part}" in values}


def _certificate(
    kind: str, number: str, claims: dict[str, Any], values: Values, context: Context, notes: who.Notes, on: str | None
) -> Built:
    if (key := values.get("holder_key")) is not None:
        claims["holder_key"] = key
    record_id: str = values["record_id"]
    document: dict[str, Any] = {
        "resourceType": "DocumentReference",
        "identifier": [who.record_identifier(context, number)],
        "status": "current",
        "type": {"coding": [{"system": v.KIND_SYSTEM, "code": kind}]},
        "subject": {"type": "Patient", "identifier": who.record_identifier(context, record_id)},
    }
    if on is not None:
        document["date"] = f"{on}T00:00:00+08:00"
    origin, residence = _code(values.get("origin")), _code(values.get("residence"))
    if origin is None and residence is None:
        notes.append(("origin", note("division-missing", side="origin or residence", side_zh="户籍地或现居住地")))
    routing = Routing(record_id, origin, residence, purpose="certificate-service")
    return Built(number, [document], {k: c for k, c in claims.items() if c is not None}, routing, notes)


def _put_person(claims: dict[str, Any], role: str, values: Values, notes: who.Notes, *, required: bool) -> None:
    name: PersonName | None = values.get(f"{role}_name")
    number: DocumentNumber | None = values.get(f"{role}_resident_id") or values.get(f"{role}_document_number")
    if required and name is None:
        notes.append((f"{role}_name", note("required-missing")))
    if required and number is None:
        notes.append((f"{role}_resident_id", note("required-missing")))
    if name is not None:
        claims[f"{role}_name"] = name.text
    if (sex := values.get(f"{role}_sex")) is not None:
        claims[f"{role}_sex"] = _gender(sex)
    _copy(claims, values, (f"{role}_nationality",))
    born: PartialDate | None = values.get(f"{role}_birth_date")
    resident: DocumentNumber | None = values.get(f"{role}_resident_id")
    if born is not None and len(born.text) == 10:
        claims[f"{role}_birth_date"] = born.text
        if resident is not None and resident.birth_date not in (None, born.text):
            words = {"birth_date": born.text, "id_birth_date": resident.birth_date}
            notes.append((f"{role}_birth_date", note("id-birth-date-differs", **words)))
    if (ethnicity := values.get(f"{role}_ethnicity")) is not None:
        claims[f"{role}_ethnicity"] = _words(ethnicity)
    if number is not None:
        claims[f"{role}_id_type"] = _document_kind(values, role)
        claims[f"{role}_id_number"] = number.value


def _document_kind(values: Values, role: str) -> str:
    stated: Coded | None = values.get(f"{role}_id_type")
    code = stated.code_in(v.ID_DOCUMENT_TYPE) if stated is not None else None
    return code or ("01" if f"{role}_resident_id" in values else "99")


def _put_division(claims: dict[str, Any], name: str, values: Values, notes: who.Notes) -> None:
    code = _code(values.get(name))
    if code is not None:
        claims[name] = code
    elif name == "authority_division":
        notes.append((name, note("required-missing")))


def _copy(claims: dict[str, Any], values: Values, names: tuple[str, ...]) -> None:
    claims.update({name: values[name] for name in names if name in values})


def _code(place: Place | None) -> str | None:
    return place.code if place is not None else None


def _text(name: PersonName | None) -> str | None:
    return name.text if name is not None else None


def _gender(sex: Coded) -> str:
    return sex.code_in(who.GENDER) or "unknown"


def _words(coded: Coded) -> str:
    """What a person reads: the translation's words, or those given."""
    return coded.codings[-1].display if coded.codings else coded.original.display


def _shown(coded: Coded | None) -> str:
    return coded.original.code[:20] if coded is not None else ""


MARRIAGE = Target(
    v.MARRIAGE_CERTIFICATE,
    _MARRIAGE_FIELDS,
    frozenset(
        {
            "number",
            "record_id",
            "authority",
            "authority_division",
            "registered_on",
            "holder",
            "party_a_name",
            "party_b_name",
        }
    ),
    "number",
    build_marriage,
    marriage_subject,
)
BIRTH = Target(
    v.BIRTH_CERTIFICATE,
    _BIRTH_FIELDS,
    frozenset({"number", "record_id", "child_sex", "birth_time", "mother_name", "issued_on", "authority_division"}),
    "number",
    build_birth,
    birth_subject,
)
