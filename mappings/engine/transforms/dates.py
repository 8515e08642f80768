"""Dates as counties write them: ISO, 2014年3月5日, 1990.5, 20170601, epoch milliseconds, day serials, lunar.

A text that can be read in two ways is never guessed: it comes back with its certain part only, and with the other
readings beside it. Excel's day numbers count from 1899-12-30 (the 1900 system).
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from borax.calendars.lunardate import LunarDate

from mappings.engine.model import Noted, PartialDate, note
from mappings.engine.transforms.text import squeeze

SHANGHAI = ZoneInfo("Asia/Shanghai")  # with the summer time of 1986 to 1991, which county servers apply too
_FULL = re.compile(
    r"((?:18|19|20)\d{2})(?:-|/|\.|年)(\d{1,2})(?:-|/|\.|月)(\d{1,2})日?(?:T?\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?(?:Z|\+08:?00)?"
)
_USUAL = re.compile(  # what needs no further look: a day that every month has, in a year that a record can be of
    r"((?:19|20)[0-9]{2})[-/.年](0?[1-9]|1[0-2])[-/.月](0?[1-9]|1[0-9]|2[0-8])日?"
)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_MONTH = re.compile(r"((?:18|19|20)\d{2})(-|/|\.|年)(\d{1,2})月?")
_MONTH_COMPACT = re.compile(r"((?:19|20)\d{2})(\d{2})")
_YEAR = re.compile(r"((?:19|20)\d{2})年?")
_EPOCH_MS = re.compile(r"-?[1-9]\d{7,12}")
_CENTURIES = ("18", "19", "20")  # eight digits of any other century can only be milliseconds
_SERIAL = re.compile(r"(\d{4,5})(?:\.\d+)?")
_TWO_DIGITS = re.compile(r"\d{2}[-/.年]\d{1,2}(?:[-/.月]\d{1,2}日?)?")
_LUNAR = re.compile(r"农历|阴历|旧历|\(农\)|（农）|\(阴\)|（阴）")
_CHINESE_DIGITS = {c: i for i, c in enumerate("〇一二三四五六七八九")} | {"零": 0, "正": 1, "元": 1, "冬": 11, "腊": 12}
_LUNAR_FULL = re.compile(
    r"(\d{4}|[〇零一二三四五六七八九]{4})[年./-]?(闰?)(\d{1,2}|[正一二三四五六七八九十冬腊]{1,2})[月./-](?:初)?(\d{1,2}|[一二三四五六七八九十廿卅]{1,3})(?:日|号)?"
)
_EXCEL_EPOCH = date(1899, 12, 30)
_SERIAL_RANGE = range(3654, 73416)  # 1910 to 2100
_YEARS = range(1850, 2101)  # any other is a slip or stands for something else
_ENDLESS = re.compile(r"9999[-/.年]?12[-/.月]?31日?(?:T?\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?|长期(?:有效)?")


def _calendar(year: str, month: str, day: str) -> object:
    if day in ("0", "00"):
        return _partial(year, month)
    try:
        return PartialDate(date(int(year), int(month), int(day)).isoformat())
    except ValueError:
        return Noted(None, (note("date-impossible"),))


def _partial(year: str, month: str) -> object:
    if month in ("0", "00"):
        return Noted(PartialDate(year), (note("date-day-missing"),))
    if not 1 <= int(month) <= 12:
        return Noted(None, (note("date-impossible"),))
    return Noted(PartialDate(f"{year}-{int(month):02d}"), (note("date-day-missing"),))


def _month(found: re.Match[str]) -> object:
    year, mark, month = found.groups()
    if mark == "." and month == "1":
        value = PartialDate(year, alternatives=(f"{year}-01", f"{year}-10"))
        return Noted(value, (note("date-month-ambiguous", found=found[0]),))
    answer = _partial(year, month)
    return answer.value if isinstance(answer, Noted) and answer.value is not None and month.strip("0") else answer


def _epoch(text: str) -> PartialDate:
    moment = datetime.fromtimestamp(int(text) / 1000, UTC).astimezone(SHANGHAI)
    return PartialDate(moment.date().isoformat())


def _serial(text: str) -> object:
    number = int(text)
    if number not in _SERIAL_RANGE:
        return Noted(None, (note("date-unreadable"),))
    found = (_EXCEL_EPOCH + timedelta(days=number)).isoformat()
    return Noted(PartialDate(found), (note("date-from-serial", date=found),))


def _chinese_number(text: str) -> int:
    if text.isdecimal():
        return int(text)
    if text[0] in "廿卅":
        return {"廿": 20, "卅": 30}[text[0]] + (_CHINESE_DIGITS[text[1]] if len(text) > 1 else 0)
    tens, ten, ones = text.partition("十")
    if not ten:
        return _CHINESE_DIGITS[text]
    return (_CHINESE_DIGITS[tens] if tens else 1) * 10 + (_CHINESE_DIGITS[ones] if ones else 0)


def _lunar(text: str) -> object:
    bare = _LUNAR.sub("", text)
    found = _LUNAR_FULL.search(bare)
    if found is not None:
        year_text, leap, month_text, day_text = found.groups()
        year = int(year_text) if year_text.isdecimal() else int("".join(str(_CHINESE_DIGITS[c]) for c in year_text))
        try:
            solar = LunarDate(year, _chinese_number(month_text), _chinese_number(day_text), bool(leap)).to_solar_date()
        except (ValueError, KeyError, OverflowError):
            return Noted(PartialDate(str(year), lunar=text), (note("date-lunar-unreadable"),))
        return Noted(PartialDate(solar.isoformat(), lunar=text), (note("date-lunar", date=solar.isoformat()),))
    year_only = re.search(r"(?:19|20)\d{2}", bare)
    if year_only is None:
        return Noted(None, (note("date-unreadable"),))
    return Noted(PartialDate(year_only[0], lunar=text), (note("date-lunar-unreadable"),))


def endless(text: str) -> bool:
    """Whether the text is one of those that stand for "without an end" where a last day is asked for."""
    return _ENDLESS.fullmatch(squeeze(text)) is not None


def read(text: str, shapes: frozenset[str]) -> object:
    """A PartialDate from any of `shapes`: epoch-ms, serial, compact, month; the written-out forms are always read.

    A date of a year in which no record can lie is not read.
    """
    if (usual := _USUAL.fullmatch(text)) is not None:
        year, month, day = usual.groups()
        return PartialDate(f"{year}-{month:0>2}-{day:0>2}")
    word = squeeze(text)
    answer = Noted(None, (note("date-unreadable"),)) if _ENDLESS.fullmatch(word) else _any(word, shapes)
    value = answer.value if isinstance(answer, Noted) else answer
    if isinstance(value, PartialDate) and int(value.text[:4]) not in _YEARS:
        return Noted(None, (note("date-unreadable"),))
    return answer


def _any(word: str, shapes: frozenset[str]) -> object:
    if (found := _FULL.fullmatch(word)) is not None:
        return _calendar(found[1], found[2], found[3])
    if (found := _COMPACT.fullmatch(word)) is not None and ("epoch-ms" not in shapes or found[1][:2] in _CENTURIES):
        return _calendar(found[1], found[2], found[3])
    if (found := _MONTH.fullmatch(word)) is not None:
        return _month(found)
    if (found := _YEAR.fullmatch(word)) is not None:
        return PartialDate(found[1])
    if (found := _MONTH_COMPACT.fullmatch(word)) is not None:
        return _partial(found[1], found[2])
    if "epoch-ms" in shapes and _EPOCH_MS.fullmatch(word):
        return _epoch(word)
    if "serial" in shapes and (found := _SERIAL.fullmatch(word)) is not None:
        return _serial(found[1])
    if _LUNAR.search(word):
        return _lunar(word)
    if _TWO_DIGITS.fullmatch(word):
        return Noted(None, (note("date-two-digit-year"),))
    return Noted(None, (note("date-unreadable"),))


def birth_date(shapes: Sequence[str] = ()) -> Callable[[str], object]:
    """A birth date of any precision, as PartialDate."""
    known = frozenset(shapes)
    return lambda text: read(text, known)


def day(shapes: Sequence[str] = (), precise: bool = False) -> Callable[[str], object]:
    """A date as ISO text; with `precise` a date without its day cannot be used."""
    known = frozenset(shapes)

    def transform(text: str) -> object:
        answer = read(text, known)
        value, notes = (answer.value, answer.notes) if isinstance(answer, Noted) else (answer, ())
        if not isinstance(value, PartialDate):
            return answer
        if precise and len(value.text) < 10:
            return Noted(None, (note("date-unreadable"),))
        return Noted(value.text, notes) if notes else value.text

    return transform


_TIME = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?T?(\d{1,2})[:时](\d{1,2})(?:[:分](\d{1,2})秒?)?分?(?:\.\d+)?(Z|[+-]\d{2}:?\d{2})?"
)


def instant(shapes: Sequence[str] = ()) -> Callable[[str], object]:
    """A moment as ISO text with zone; without a zone Shanghai time is meant."""
    known = frozenset(shapes)

    def transform(text: str) -> object:
        word = squeeze(text)
        if "epoch-ms" in known and _EPOCH_MS.fullmatch(word):
            return datetime.fromtimestamp(int(word) / 1000, UTC).astimezone(SHANGHAI).isoformat(timespec="seconds")
        found = _TIME.fullmatch(word)
        if found is None:
            return Noted(None, (note("time-unreadable"),))
        try:
            moment = datetime(*(int(part or 0) for part in found.groups()[:6]), tzinfo=SHANGHAI)  # type: ignore[arg-type, misc]
            zone = found[7]
            if zone and zone not in ("+08:00", "+0800"):
                moment = datetime.fromisoformat(moment.replace(tzinfo=None).isoformat() + zone).astimezone(SHANGHAI)
        except (ValueError, OverflowError):
            return Noted(None, (note("time-unreadable"),))
        return moment.isoformat(timespec="seconds")

    return transform
