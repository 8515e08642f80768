"""Invented people as two or three regions would have written them down: pairs that a person has to look at."""

from collections.abc import Sequence
from typing import Any

from hub.linkage.resident_id import check_digit
from mappings import vocabulary as v

YONGKANG, HUIJI, JINJIANG = "yongkang", "huiji", "jinjiang"
HOMES = {YONGKANG: "330784000000", HUIJI: "410108000000", JINJIANG: "350582000000"}


def resident_id(division: str, born: str, sequence: int) -> str:
    """A number with a right check digit; `born` is YYYYMMDD."""
    body = f"{division[:6]}{born}{sequence:03d}"
    return body + check_digit(body)


def patient(
    source: str,
    number: str,
    name: str,
    *,
    sex: str,
    born: str,
    id_number: str = "",
    phone: str = "",
    origin: tuple[str, str] | None = None,
    residence: tuple[str, str] | None = None,
    former: str = "",
    spouse: tuple[str, str] | None = None,
    parents: tuple[str, str] | None = None,
    children: Sequence[str] = (),
    ethnicity: tuple[str, str] = ("01", "汉族"),
    marital: tuple[str, str] | None = None,
) -> dict[str, Any]:
    """One Patient of the profile that every `person` mapping gives."""
    identifiers = [{"use": "usual", "system": v.record_system(source), "value": number}]
    if id_number:
        identifiers.append({"use": "official", "system": v.RESIDENT_ID, "value": id_number})
    made: dict[str, Any] = {
        "resourceType": "Patient",
        "identifier": identifiers,
        "name": [{"use": "official", "text": name, "family": name[:1], "given": [name[1:]]}],
        "gender": sex,
        "birthDate": born,
        "extension": [
            {
                "url": v.ETHNICITY,
                "valueCodeableConcept": {
                    "coding": [{"system": v.ETHNICITY_CODES, "code": ethnicity[0], "display": ethnicity[1]}]
                },
            },
            *({"url": v.CHILD, "valueString": child} for child in children),
        ],
    }
    if former:
        made["name"].append({"use": "old", "text": former})
    if phone:
        made["telecom"] = [{"system": "phone", "value": phone}]
    places = [("origin", origin), ("residence", residence)]
    made["address"] = [_address(role, *place) for role, place in places if place is not None]
    contacts = []
    if spouse is not None:
        contacts.append(_contact("SPS", *spouse))
    if parents is not None:
        contacts += [_contact("FTH", parents[0]), _contact("MTH", parents[1])]
    if contacts:
        made["contact"] = contacts
    if marital is not None:
        made["maritalStatus"] = {"coding": [{"system": v.MARITAL, "code": marital[0], "display": marital[1]}]}
    return made


def _address(role: str, division: str, text: str) -> dict[str, Any]:
    extension = [{"url": v.ADDRESS_ROLE, "valueCode": role}, {"url": v.DIVISION, "valueCode": division}]
    address: dict[str, Any] = {"use": "home", "text": text, "extension": extension}
    if role == "residence":
        address["period"] = {"start": "2023-03-06"}
    return address


def _contact(role: str, name: str, id_number: str = "") -> dict[str, Any]:
    contact: dict[str, Any] = {
        "relationship": [{"coding": [{"system": v.V3_ROLE, "code": role}]}],
        "name": {"text": name},
    }
    if id_number:
        value = {"system": v.RESIDENT_ID, "value": id_number}
        contact["extension"] = [{"url": v.CONTACT_IDENTIFIER, "valueIdentifier": value}]
    return contact


_HUIJI_HOME = ("410108003000", "河南省郑州市惠济区古荥镇纪公庙村7号")
_YONGKANG_ROOM = ("330784002000", "浙江省金华市永康市西城街道花川工业区26栋304室")


def slips() -> tuple[dict[str, Any], dict[str, Any]]:
    """王秀英: two digits of the number and the month are wrong, another character of the same sound, an old phone."""
    number = resident_id("410108", "19870314", 26)
    wrong = number[:9] + "1" + number[10:14] + "8" + number[15:]
    spouse = ("刘建国", resident_id("410108", "19850702", 113))
    a = patient(
        YONGKANG, "YK-0031877", "王秀英", sex="female", born="1987-03-14", id_number=number, phone="13858912046",
        origin=("410108000000", "河南省郑州市惠济区古荥镇纪公庙村"), residence=_YONGKANG_ROOM, spouse=spouse,
        children=("刘雨桐",), marital=("20", "已婚"),
    )  # fmt: skip
    b = patient(
        HUIJI, "HJ2104-0562", "王秀瑛", sex="female", born="1987-04-14", id_number=wrong, phone="13603719925",
        origin=_HUIJI_HOME, residence=("330784000000", "浙江省永康市西城花川工业区"), former="王小英",
        spouse=("刘建华", ""), marital=("20", "已婚"),
    )  # fmt: skip
    return a, b


def two_ids() -> tuple[dict[str, Any], dict[str, Any]]:
    """陈志强: everything agrees but the numbers, and both are valid."""
    a = patient(
        YONGKANG, "YK-0031902", "陈志强", sex="male", born="1990-05-21", phone="13758933310",
        id_number=resident_id("410108", "19900521", 317), origin=_HUIJI_HOME, residence=_YONGKANG_ROOM,
        parents=("陈大明", "周玉兰"),
    )  # fmt: skip
    b = patient(
        HUIJI, "HJ2104-0571", "陈志强", sex="male", born="1990-05-21", phone="13758933310",
        id_number=resident_id("410108", "19900521", 335), origin=_HUIJI_HOME, parents=("陈大明", "周玉兰"),
    )  # fmt: skip
    return a, b


def twins() -> tuple[dict[str, Any], dict[str, Any]]:
    """李思琪 and 李思琳: same day, same parents, other given names."""
    home = ("410108004000", "河南省郑州市惠济区花园口镇八堡村112号")
    a = patient(
        YONGKANG, "YK-0031944", "李思琪", sex="female", born="2001-11-02", phone="15868901122", origin=home,
        residence=_YONGKANG_ROOM, parents=("李卫东", "赵春梅"), id_number=resident_id("410108", "20011102", 42),
    )  # fmt: skip
    b = patient(
        HUIJI, "HJ2104-0588", "李思琳", sex="female", born="2001-11-02", phone="15868901122", origin=home,
        parents=("李卫东", "赵春梅"),
    )  # fmt: skip
    return a, b


def no_id() -> tuple[dict[str, Any], dict[str, Any]]:
    """张伟: a common name, no number on one side, the year agrees with another month."""
    a = patient(
        YONGKANG, "YK-0031980", "张伟", sex="male", born="1979-08-30", id_number=resident_id("410108", "19790830", 19),
        phone="13967955008", origin=("410108000000", "河南省郑州市惠济区大河路街道"), residence=_YONGKANG_ROOM,
    )  # fmt: skip
    b = patient(
        HUIJI, "HJ2104-0603", "张伟", sex="male", born="1979-08-30",
        origin=("410108005000", "河南省郑州市惠济区大河路街道申庄村"), phone="13837144120",
    )  # fmt: skip
    return a, b


def elsewhere() -> tuple[dict[str, Any], dict[str, Any]]:
    """林美凤: a matter between 晋江 and 惠济, which 永康 must not see."""
    a = patient(
        JINJIANG, "JJ-77120", "林美凤", sex="female", born="1993-01-17", phone="15059501234",
        id_number=resident_id("410108", "19930117", 64), origin=_HUIJI_HOME,
        residence=("350582001000", "福建省泉州市晋江市青阳街道曾井社区"),
    )  # fmt: skip
    b = patient(
        HUIJI, "HJ2104-0644", "林美风", sex="female", born="1993-01-17", phone="15059501235", origin=_HUIJI_HOME,
        id_number=resident_id("410108", "19930117", 82),
    )  # fmt: skip
    return a, b


def beside(source: str, number: str) -> dict[str, Any]:
    """陈志强 once more, plainly the person of the first record of `two_ids`."""
    known, _ = two_ids()
    identifiers = [{"use": "usual", "system": v.record_system(source), "value": number}, *known["identifier"][1:]]
    return {**known, "identifier": identifiers}


PAIRS = (slips, two_ids, twins, no_id, elsewhere)
