"""The county's rows as its interface gives them: GB codes, ISO dates, `"null"` for nothing, epoch milliseconds once changed.

Pure functions from the population's records and papers; field names are those of the county's own system.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hub.demo.population import Birth, Record, Story
from hub.demo.population.dialects.quirks import Dice
from hub.demo.population.divisions import Address
from hub.demo.population.papers import BirthCertificate, Consent, Marriage, Report
from hub.demo.population.people import Person
from hub.demo.population.records import FORBIDDEN_CONTENT
from mappings import vocabulary

COUNTY = "yongkang"
TABLE_OF = {
    vocabulary.PERSON: "ldrk",
    vocabulary.CONSENT: "tysq",
    vocabulary.CONTRACEPTION_REPORT: "byjy",
    vocabulary.MARRIAGE_CERTIFICATE: "jhz",
    vocabulary.BIRTH_CERTIFICATE: "csyxzm",
}
_SHANGHAI = ZoneInfo("Asia/Shanghai")
_NOTHING: tuple[Any, ...] = ("", None, "null")

Row = dict[str, Any]


def epoch_milliseconds(day: date) -> int:
    """Midnight in Shanghai as this system's server computes it, with the summer time of 1986 to 1991."""
    return int(datetime(day.year, day.month, day.day, tzinfo=_SHANGHAI).timestamp()) * 1000


def person_row(record: Record, *, changed: bool = False) -> Row:
    """One row of `ldrk`; `changed` gives it as the system shows a row that was edited after it was first written."""
    dice = Dice(record.dice)
    spouse = record.spouse
    row: Row = {
        "rybh": record.record_id,
        "xm": _name(record, dice),
        "xbdm": record.sex,
        "csrq": _birth(record.birth, changed),
        "zjlx": "01" if record.id_number else "",
        "zjhm": _lower_x(record.id_number, dice),
        "mz": record.ethnicity,
        "whcd": record.education,
        "hkxz": record.household_kind,
        "hyzk": record.marital,
        "hjdxzqh": _division(record.origin, "division_under_former_name" in record.faults, dice),
        "hjdxz": record.origin_text,
        "xjzdxzqh": _division(record.residence, False, dice),
        "xjzdxz": record.residence_text,
        "lxdh": record.phone,
        "lrrq": _day(record.inflow, changed),
        "poxm": spouse.name if spouse else "",
        "pozjhm": spouse.id_number if spouse else "",
        "pocsrq": _day(spouse.birth, changed) if spouse else "",
        "fqxm": record.father.name if record.father else "",
        "fqzjhm": record.father.id_number if record.father else "",
        "mqxm": record.mother.name if record.mother else "",
        "mqzjhm": record.mother.id_number if record.mother else "",
        "znxm": "、".join(record.children),
        "gacj": "1" if record.collected_by_police else "0",
        "gxsj": _day(record.recorded_on, changed),
    }
    if record.defect == FORBIDDEN_CONTENT:
        row["shfyf"] = "3000"
    return _with_nothings(row, dice)


def consent_row(consent: Consent) -> Row:
    """One row of `tysq`."""
    return {
        "sqbh": consent.number,
        "rybh": consent.record.record_id,
        "xm": consent.record.name,
        "zjhm": consent.record.id_number,
        "sjlx": ",".join(consent.kinds),
        "sqmd": consent.purpose,
        "jsdq": consent.recipient,
        "sxrq": consent.signed_on.isoformat(),
        "jzrq": consent.ends_on.isoformat(),
        "zt": "9" if consent.withdrawn_on else "1",
        "chrq": consent.withdrawn_on.isoformat() if consent.withdrawn_on else "null",
    }


def report_row(report: Report) -> Row:
    """One row of `byjy`."""
    record = report.record
    return {
        "bgdbh": report.number,
        "rybh": record.record_id,
        "xm": record.name,
        "xbdm": record.sex,
        "csrq": _birth(record.birth, False),
        "zjlx": "01" if record.id_number else "",
        "zjhm": record.id_number,
        "hjdxzqh": report.origin.division,
        "xjzdxzqh": report.residence.division,
        "byff": report.method,
        "byffrq": report.method_since.isoformat(),
        "jcjg": report.finding,
        "jcrq": "" if report.case == "without-date" else report.checked_on.isoformat(),
        "jcdw": report.facility,
        "jbr": report.officer,
        "sqbh": report.consent_number,
        "bgrq": "" if report.case == "without-date" else report.reported_on.isoformat(),
    }


def marriage_row(marriage: Marriage) -> Row:
    """One row of `jhz`."""
    row: Row = {
        "zsbh": marriage.number,
        "rybh": marriage.record.record_id,
        "zslx": marriage.kind,
        "fzjg": marriage.authority,
        "fzjgxzqh": marriage.authority_division,
        "djy": marriage.registrar,
        "djrq": marriage.registered_on.isoformat(),
        "czr": "1" if marriage.holder == "a" else "2",
        "hjdxzqh": marriage.holding.origin.division,
        "xjzdxzqh": marriage.holding.residence.division,
    }
    return row | _party("nf", marriage.husband) | _party("vf", marriage.wife)


def birth_row(birth: BirthCertificate) -> Row:
    """One row of `csyxzm`."""
    row: Row = {
        "zsbh": birth.number,
        "rybh": birth.record.record_id,
        "xsexm": birth.child.name.text,
        "xbdm": birth.child.sex,
        "cssj": birth.born_at.strftime("%Y-%m-%d %H:%M:%S"),
        "csdd": birth.place,
        "csddlx": birth.place_kind,
        "csdxzqh": birth.authority_division,
        "cszj": str(birth.weeks),
        "cssc": str(birth.length_cm),
        "cstz": str(birth.weight_g),
        "jsry": birth.midwife,
        "jgmc": birth.place,
        "qfrq": birth.issued_on.isoformat(),
        "qfjg": birth.authority,
        "qfjgxzqh": birth.authority_division,
        "hjdxzqh": birth.mother.origin.division,
        "xjzdxzqh": birth.mother.residence.division,
    }
    return row | _parent("mq", birth.mother) | (_parent("fq", birth.father) if birth.father else {})


def tables(story: Story, kinds: Collection[str], *, updates: bool = False) -> dict[str, list[Row]]:
    """The county's rows of a story by table; with `updates` only the people whose rows changed later."""
    if updates:
        return {"ldrk": [person_row(record, changed=True) for record in story.updates[COUNTY]]}
    makers: dict[str, Callable[[], Iterable[Row]]] = {
        vocabulary.PERSON: lambda: map(person_row, story.records[COUNTY]),
        vocabulary.CONSENT: lambda: (consent_row(c) for c in story.consents if c.county == COUNTY),
        vocabulary.CONTRACEPTION_REPORT: lambda: (report_row(r) for r in story.reports if r.county == COUNTY),
        vocabulary.MARRIAGE_CERTIFICATE: lambda: (marriage_row(m) for m in story.marriages if m.county == COUNTY),
        vocabulary.BIRTH_CERTIFICATE: lambda: (birth_row(b) for b in story.births if b.county == COUNTY),
    }
    return {TABLE_OF[kind]: list(makers[kind]()) for kind in kinds}


def _name(record: Record, dice: Dice) -> str:
    if not record.former_name:
        return record.name
    before, after = (("（", "）"), ("(", ")"), ("（曾用名：", "）"))[dice.below(3)]
    return f"{record.name}{before}{record.former_name}{after}"


def _birth(birth: Birth, changed: bool) -> str | int:
    if birth.lunar:
        return f"农历{birth.year}年{birth.month}月{birth.day}日"
    if changed and birth.is_complete and not birth.is_impossible:
        return epoch_milliseconds(date(birth.year, birth.month, birth.day))
    return birth.iso()


def _day(day: date, changed: bool) -> str | int:
    return epoch_milliseconds(day) if changed else day.isoformat()


def _lower_x(number: str, dice: Dice) -> str:
    return number.lower() if number.endswith("X") and dice.one_in(4) else number


def _division(address: Address, former: bool, dice: Dice) -> str:
    """Six digits or twelve, and for a division that was given a new code sometimes the old one."""
    code = address.division
    if former and address.county.former_code:
        code = address.county.former_code + code[6:]
    return code[:6] if dice.one_in(3) else code


def _with_nothings(row: Row, dice: Dice) -> Row:
    """Empty fields in the three ways in which this system says nothing."""
    for name, value in row.items():
        if value == "":
            row[name] = _NOTHING[dice.below(3)]
    return row


def _party(prefix: str, person: Person) -> Row:
    return {
        f"{prefix}xm": person.name.text,
        f"{prefix}xbdm": person.sex,
        f"{prefix}gj": "CHN",
        f"{prefix}csrq": person.birth.isoformat(),
        f"{prefix}zjlx": "01",
        f"{prefix}zjhm": person.resident_id,
    }


def _parent(prefix: str, person: Person) -> Row:
    return {
        f"{prefix}xm": person.name.text,
        f"{prefix}gj": "CHN",
        f"{prefix}mz": person.ethnicity,
        f"{prefix}zjlx": "01",
        f"{prefix}zjhm": person.resident_id,
    }
