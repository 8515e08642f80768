"""The county's register of people as its clerks type it: words instead of codes, dates in every fashion, 同上, full-width digits.

Pure functions from the population's records. Cells are text; a workbook may turn some into numbers and dates.
"""

from collections.abc import Iterable, Iterator
from datetime import date

from hub.demo.population import Birth, Record
from hub.demo.population.dialects.huiji.sheets import Table
from hub.demo.population.dialects.huiji.workbooks import serial
from hub.demo.population.dialects.quirks import Dice
from hub.demo.population.records import FORBIDDEN_CONTENT

COUNTY = "huiji"
PERSON = Table(
    "惠济区流动人口信息登记表",
    (
        ("", ("登记编号",)),
        ("基本情况", ("姓名", "性别", "身份证号码", "出生年月")),
        ("", ("民族", "户口性质", "文化程度", "婚姻状况", "户籍地", "现居住地", "联系电话", "流入日期")),
        ("配偶情况", ("姓名", "身份证号码", "出生年月")),
        ("", ("父亲姓名", "母亲姓名", "子女姓名", "备注")),
    ),
)
SEX = {"1": ("男", "男", "男", "男性"), "2": ("女", "女", "女", "女性"), "": ("", "", "", "")}
_MARITAL = {
    "10": ("未婚", "未婚", "未"),
    "21": ("初婚", "已婚", "初婚"),
    "22": ("再婚", "再婚", "再"),
    "30": ("丧偶", "丧偶", "丧"),
    "40": ("离婚", "离异", "离"),
}
_EDUCATION = {
    "10": "研究生",
    "20": "本科",
    "30": "大专",
    "40": "中专",
    "60": "高中",
    "70": "初中",
    "80": "小学",
    "90": "文盲",
}
_HOUSEHOLD = {"1": ("农业", "农村", "农业户口"), "2": ("非农业", "城镇", "居民户口")}
ETHNICITY = {
    "01": "汉",
    "02": "蒙古",
    "03": "回",
    "04": "藏",
    "05": "维吾尔",
    "06": "苗",
    "07": "彝",
    "08": "壮",
    "09": "布依",
    "15": "土家",
    "17": "哈萨克",
}
_WIDE = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")
DITTO = "同上"


def person_rows(records: Iterable[Record]) -> Iterator[list[str]]:
    """Rows in the order given; an address that repeats the row above may be 同上."""
    above_origin = above_residence = ""
    for record in records:
        dice = Dice(record.dice)
        origin = _address(record.origin_text, above_origin, dice)
        residence = _address(record.residence_text, above_residence, dice)
        above_origin, above_residence = record.origin_text, record.residence_text
        yield _person(record, origin, residence, dice)


def _person(record: Record, origin: str, residence: str, dice: Dice) -> list[str]:
    spouse = record.spouse
    return [
        record.record_id,
        name_text(record, dice),
        SEX[record.sex][dice.below(4)],
        number_text(record.id_number, dice),
        birth_text(record.birth, dice),
        ETHNICITY.get(record.ethnicity, "其他") + ("族" if dice.one_in(2) else ""),
        _HOUSEHOLD[record.household_kind][dice.below(3)],
        _EDUCATION[record.education],
        _MARITAL[record.marital][dice.below(3)],
        origin,
        residence,
        _phone(record.phone, dice),
        day_text(record.inflow, dice),
        spouse.name if spouse else "",
        spouse.id_number if spouse else "",
        day_text(spouse.birth, dice) if spouse else "",
        record.father.name if record.father else "",
        record.mother.name if record.mother else "",
        "、".join(record.children),
        "计划外生育" if record.defect == FORBIDDEN_CONTENT else "",
    ]


def _address(text: str, above: str, dice: Dice) -> str:
    return DITTO if text and text == above and dice.one_in(2) else text


def name_text(record: Record, dice: Dice) -> str:
    name = record.name
    if len(name) == 2 and dice.one_in(12):
        name = f"{name[0]}\u3000{name[1]}"
    if not record.former_name:
        return name
    before, after = (("（", "）"), ("(", ")"), ("(原名", ")"))[dice.below(3)]
    return f"{name}{before}{record.former_name}{after}"


def number_text(number: str, dice: Dice) -> str:
    if dice.one_in(60):
        return number.translate(_WIDE)
    if dice.one_in(40):
        return number.lower()
    return f"'{number}" if number and dice.one_in(50) else number


def birth_text(birth: Birth, dice: Dice) -> str:
    if birth.lunar:
        return f"{birth.year}年{birth.month}月{birth.day}日(农历)"
    if not birth.month:
        return f"{birth.year}年"
    if not birth.day or dice.one_in(5):
        return f"{birth.year}.{birth.month}"
    if birth.is_impossible:
        return f"{birth.year}.{birth.month}.{birth.day}"
    return day_text(date(birth.year, birth.month, birth.day), dice)


def day_text(day: date, dice: Dice) -> str:
    match dice.below(8):
        case 0 | 1:
            return f"{day.year}年{day.month}月{day.day}日"
        case 2 | 3:
            return f"{day.year}.{day.month}.{day.day}"
        case 4:
            return f"{day:%Y%m%d}"
        case 5:
            return str(serial(day))
        case 6:
            return f"{day.year}/{day.month}/{day.day}"
        case _:
            return day.isoformat()


def _phone(phone: str, dice: Dice) -> str:
    if not phone:
        return ""
    match dice.below(12):
        case 0:
            return f"{phone[:3]} {phone[3:7]} {phone[7:]}"
        case 1:
            return phone.translate(_WIDE)
        case 2:
            return f"+86{phone}"
        case _:
            return phone
