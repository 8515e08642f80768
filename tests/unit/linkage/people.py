"""Patients for the tests of linkage: a maker with plain arguments, and hypothesis strategies over it."""

from typing import Any

from hypothesis import strategies as st

from hub.linkage import resident_id
from hub.linkage.features import Features, extract
from mappings import vocabulary

TOWN = "410108003000"


def number(county: str = "410108", born: str = "19900501", sequence: int = 123) -> str:
    """A resident ID whose check digit is right."""
    body = f"{county}{born}{sequence:03d}"
    return body + resident_id.check_digit(body)


def patient(
    name: str = "王晓燕",
    *,
    sex: str = "female",
    birth: str = "1990-05-01",
    id_number: str = "",
    phone: str = "",
    origin: str = "河南省郑州市惠济区古荥镇岭军峪村3组15号",
    origin_division: str = TOWN,
    residence: str = "",
    residence_division: str = "",
    spouse: tuple[str, str] = ("", ""),
    father: tuple[str, str] = ("", ""),
    mother: tuple[str, str] = ("", ""),
    children: tuple[str, ...] = (),
    source: str = "huiji",
    record: str = "1",
    since: str = "",
    death: str = "",
    active: bool = True,
    lunar: str = "",
    document: str = "",
) -> dict[str, Any]:
    """A Patient in the profile of the `person` kind."""
    identifiers = [{"system": vocabulary.record_system(source), "value": record}]
    if id_number:
        identifiers.append({"system": vocabulary.RESIDENT_ID, "value": id_number})
    if document:
        identifiers.append({"system": vocabulary.document_system("03"), "value": document})
    found: dict[str, Any] = {
        "resourceType": "Patient",
        "active": active,
        "identifier": identifiers,
        "name": [{"use": "official", "text": name}] if name else [],
        "address": [
            address("origin", origin, origin_division, ""),
            address("residence", residence, residence_division, since),
        ],
        "contact": [contact(code, *who) for code, who in (("SPS", spouse), ("FTH", father), ("MTH", mother)) if who[0]],
        "extension": [{"url": vocabulary.CHILD, "valueString": child} for child in children],
    }
    if sex:
        found["gender"] = sex
    if birth:
        found["birthDate"] = birth
    if lunar:
        found["_birthDate"] = {"extension": [{"url": vocabulary.LUNAR_DATE, "valueString": lunar}]}
    if phone:
        found["telecom"] = [{"system": "phone", "value": phone}]
    if death:
        found["deceasedDateTime"] = death
    return found


def address(role: str, text: str, division: str, since: str) -> dict[str, Any]:
    extensions = [{"url": vocabulary.ADDRESS_ROLE, "valueCode": role}]
    if division:
        extensions.append({"url": vocabulary.DIVISION, "valueCode": division})
    found: dict[str, Any] = {"use": "home", "extension": extensions}
    if text:
        found["text"] = text
    if since:
        found["period"] = {"start": since}
    return found


def contact(code: str, name: str, id_number: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "relationship": [{"coding": [{"system": vocabulary.V3_ROLE, "code": code}]}],
        "name": {"text": name},
    }
    if id_number:
        value = {"system": vocabulary.RESIDENT_ID, "value": id_number}
        found["extension"] = [{"url": vocabulary.CONTACT_IDENTIFIER, "valueIdentifier": value}]
    return found


def record(name: str = "王晓燕", **values: Any) -> Features:
    return extract(patient(name, **values))


_BIRTHS = ("1990-05-01", "1990-01-05", "1990-05", "1990", "1991-05-01", "1962-11-30", "")
_NAMES = (
    "王晓燕",
    "王小燕",
    "王曉燕",
    "汪晓艳",
    "欧阳文秀",
    "买买提·艾力",
    "买买提艾力",
    "李燕（曾用名：王晓燕）",
    "王燕",
    "ZHANG Wei",
    "Zhang, Wei",
    "Green, Mitchell",
    "mitchel green",
    "王□燕",
    "张伟",
    "张玮",
    "",
)
_IDS = (
    number(),
    number(sequence=141),
    number()[:17] + "0",
    number()[:6] + number()[8:17],
    number(born="19621130", sequence=88),
    "",
)
_PHONES = ("13812345670", "13812345607", "13912345670", "0371-6357 8899", "")
_ADDRESSES = (
    "河南省郑州市惠济区古荥镇岭军峪村3组15号",
    "郑州市邙山区古荥镇岭军峪村三组15号",
    "浙江省金华市永康市东城街道城北路8号",
    "古荥镇15号",
    "15 Wallaby Place, Delmar",
    "",
)
_PEOPLE = st.sampled_from(
    (("李刚", number(sequence=9)), ("李刚", ""), ("王福", number(born="19621130", sequence=88)), ("", ""))
)

patients = st.builds(
    patient,
    st.sampled_from(_NAMES),
    sex=st.sampled_from(("male", "female", "")),
    birth=st.sampled_from(_BIRTHS),
    id_number=st.sampled_from(_IDS),
    phone=st.sampled_from(_PHONES),
    origin=st.sampled_from(_ADDRESSES),
    origin_division=st.sampled_from((TOWN, "410108000000", "330784000000", "")),
    residence=st.sampled_from(_ADDRESSES),
    residence_division=st.sampled_from(("330784002000", "410108000000", "")),
    spouse=_PEOPLE,
    father=_PEOPLE,
    mother=_PEOPLE,
    children=st.sampled_from(((), ("李晨",), ("李晨", "李曦"))),
    source=st.sampled_from(("huiji", "yongkang")),
    record=st.sampled_from(("1", "2", "3")),
    since=st.sampled_from(("", "2021-03-01")),
    death=st.sampled_from(("", "2020-01-01")),
    document=st.sampled_from(("", "G1234567", "G1234576", "E7654321")),
)
records = patients.map(extract)
