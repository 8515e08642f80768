"""The county's sheets of consents, contraception reports, marriage and birth certificates, as its clerks type them."""

from collections.abc import Iterable, Iterator

from hub.demo.population.dialects.huiji.rows import ETHNICITY, SEX, birth_text, day_text, number_text
from hub.demo.population.dialects.huiji.sheets import Table
from hub.demo.population.dialects.quirks import Dice
from hub.demo.population.divisions import COUNTIES, Address
from hub.demo.population.papers import BirthCertificate, Consent, Marriage, Report
from hub.demo.population.people import Person
from mappings import vocabulary

CONSENT = Table(
    "知情同意书登记表",
    (
        ("", ("同意书编号", "登记编号", "姓名", "身份证号码", "同意内容", "使用目的", "接收地区")),
        ("有效期", ("生效日期", "截止日期")),
        ("", ("状态", "撤回日期")),
    ),
)
REPORT = Table(
    "避孕节育情况报告单台账",
    (
        ("", ("报告单号", "登记编号", "姓名", "性别", "身份证号码", "出生年月", "户籍地", "现居住地")),
        ("节育情况", ("避孕措施", "措施日期")),
        ("康检情况", ("康检日期", "康检结果", "检查单位")),
        ("", ("报告日期", "经办人", "邮寄日期", "同意书编号")),
    ),
)
MARRIAGE = Table(
    "婚姻登记证件台账",
    (
        ("", ("证件编号", "登记编号", "证件类别", "登记机关", "登记机关区划", "登记员", "登记日期", "持证人")),
        ("男方", ("姓名", "国籍", "出生日期", "身份证件号")),
        ("女方", ("姓名", "国籍", "出生日期", "身份证件号")),
        ("", ("户籍地", "现居住地")),
    ),
)
BIRTH = Table(
    "出生医学证明签发台账",
    (
        ("", ("证明编号", "登记编号")),
        ("新生儿", ("姓名", "性别", "出生时间")),
        ("", ("出生地点", "地点分类", "出生孕周", "身长", "体重")),
        ("母亲", ("姓名", "国籍", "民族", "身份证件号")),
        ("父亲", ("姓名", "国籍", "民族", "身份证件号")),
        ("", ("接生人员", "接生机构", "签发日期", "签发机构", "签发机构区划", "户籍地", "现居住地")),
    ),
)
_KINDS = {
    vocabulary.CONTRACEPTION_REPORT: "报告单",
    vocabulary.MARRIAGE_CERTIFICATE: "结婚证",
    vocabulary.BIRTH_CERTIFICATE: "出生医学证明",
}
_PURPOSES = {"continuity-of-care": "服务衔接", "certificate-service": "证件办理", "entitlement": "待遇享受"}
_METHODS = {
    "100": ("口服药", "避孕药", "吃药"),
    "200": ("打针", "避孕针", "针剂"),
    "300": ("皮埋", "皮下埋植", "皮埋"),
    "600": ("避孕套", "用套", "套"),
    "700": ("上环", "放环", "宫内节育器"),
    "810": ("女扎", "女扎", "输卵管结扎"),
    "910": ("安全期", "自然避孕", "安全期"),
    "A95": ("外出躲藏", "外出躲藏", "外出躲藏"),
}
_CHINA = "中国"


def consent_rows(consents: Iterable[Consent]) -> Iterator[list[str]]:
    for consent in consents:
        dice = Dice(consent.record.dice)
        yield [
            consent.number,
            consent.record.record_id,
            consent.record.name,
            consent.record.id_number,
            "、".join(_KINDS[kind] for kind in consent.kinds),
            _PURPOSES[consent.purpose],
            _region(consent.recipient),
            day_text(consent.signed_on, dice),
            day_text(consent.ends_on, dice),
            "撤回" if consent.withdrawn_on else "有效",
            day_text(consent.withdrawn_on, dice) if consent.withdrawn_on else "",
        ]


def report_rows(reports: Iterable[Report]) -> Iterator[list[str]]:
    for report in reports:
        record, dice = report.record, Dice(report.record.dice)
        dated = report.case != "without-date"
        yield [
            report.number,
            record.record_id,
            record.name,
            SEX[record.sex][0],
            number_text(record.id_number, dice),
            birth_text(record.birth, dice),
            _address(report.origin, dice),
            _address(report.residence, dice),
            _METHODS[report.method][dice.below(3)],
            day_text(report.method_since, dice),
            day_text(report.checked_on, dice) if dated else "",
            report.finding,
            report.facility,
            day_text(report.reported_on, dice) if dated else "",
            report.officer,
            day_text(report.mailed_on, dice),
            report.consent_number,
        ]


def marriage_rows(marriages: Iterable[Marriage]) -> Iterator[list[str]]:
    for marriage in marriages:
        dice = Dice(marriage.record.dice)
        number = marriage.number
        if dice.one_in(2) and len(number) > 16:
            number = f"{number[:-10]}-{number[-10:-6]}-{number[-6:]}"
        yield [
            number,
            marriage.record.record_id,
            "补发结婚证" if marriage.kind == "BJ" else "结婚证",
            marriage.authority,
            marriage.authority_division,
            marriage.registrar,
            day_text(marriage.registered_on, dice),
            "男方" if marriage.holder == "a" else "女方",
            *_party(marriage.husband),
            *_party(marriage.wife),
            _address(marriage.holding.origin, dice),
            _address(marriage.holding.residence, dice),
        ]


def birth_rows(births: Iterable[BirthCertificate]) -> Iterator[list[str]]:
    for birth in births:
        dice = Dice(birth.record.dice)
        born = birth.born_at
        spoken = f"{born.year}年{born.month}月{born.day}日 {born.hour}时{born.minute}分"
        yield [
            birth.number,
            birth.record.record_id,
            birth.child.name.text,
            SEX[birth.child.sex][0],
            spoken if dice.one_in(2) else f"{born:%Y-%m-%d %H:%M}",
            birth.place,
            "医院",
            f"{birth.weeks}周" if dice.one_in(2) else str(birth.weeks),
            str(birth.length_cm),
            str(birth.weight_g),
            *_parent(birth.mother),
            *(_parent(birth.father) if birth.father else [""] * 4),
            birth.midwife,
            birth.place,
            day_text(birth.issued_on, dice),
            birth.authority,
            birth.authority_division,
            _address(birth.mother.origin, dice),
            _address(birth.mother.residence, dice),
        ]


def _address(address: Address, dice: Dice) -> str:
    return address.text(former=dice.one_in(6))


def _region(division: str) -> str:
    """A county in words, anything larger or elsewhere by its code."""
    county = COUNTIES.get(division[:6])
    return f"{county.province}{county.city}{county.name}" if county else division


def _party(person: Person) -> list[str]:
    return [person.name.text, _CHINA, person.birth.isoformat(), person.resident_id]


def _parent(person: Person) -> list[str]:
    return [person.name.text, _CHINA, f"{ETHNICITY.get(person.ethnicity, '其他')}族", person.resident_id]
