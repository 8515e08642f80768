"""What goes wrong with a cell: at the keyboard, at the scanner, in a spreadsheet, in the head of a clerk."""

from collections import defaultdict
from dataclasses import dataclass, fields, replace
from functools import cache
from random import Random

from pypinyin import lazy_pinyin

from tests.bench.linkage.independent import words


@dataclass(frozen=True)
class Rates:
    """How often each thing happens to a record, where it can happen."""

    other_candidate: float = 0.012  # the input method's next candidate of the same sound
    misread: float = 0.005  # a look-alike, by scanner or by eye
    lost_character: float = 0.004  # ?, □ or * for what a system could not write
    dropped_character: float = 0.002
    old_fashioned: float = 0.004  # traditional characters
    in_letters: float = 0.001
    old_name: float = 0.25  # of people with a new name: the old one is still written
    both_names: float = 0.3  # of people with a new name: the old one stands in brackets
    husbands_name: float = 0.004
    dots: float = 0.4  # of names with a dot: another dot or none
    cut_short: float = 0.04  # of long names
    no_number: float = 0.05
    old_number: float = 0.5  # of people born before 1985, in records before 2010
    wrong_digit: float = 0.008
    swapped_digits: float = 0.004
    lost_x: float = 0.1  # of numbers that end in X
    filler_number: float = 0.003
    spreadsheet_number: float = 0.002
    number_of_other: float = 0.001
    no_birth: float = 0.02
    day_zero: float = 0.008
    month_only: float = 0.008
    new_year: float = 0.004
    lunar: float = 0.012
    swapped_birth: float = 0.003
    wrong_year: float = 0.004
    wrong_sex: float = 0.003
    no_phone: float = 0.12
    phone_of_other: float = 0.15
    phone_of_firm: float = 0.01
    wrong_phone: float = 0.01
    set_phone: float = 0.05
    old_division: float = 0.3  # of counties that have an older code
    short_division: float = 0.1
    no_division: float = 0.02
    short_address: float = 0.3
    other_words: float = 0.12
    no_address: float = 0.03
    wrong_house: float = 0.005

    def times(self, factor: float) -> "Rates":
        """Everything that is a fault so many times as often, at most six in ten; habits stay what they are."""
        habits = {
            "old_number",
            "old_name",
            "both_names",
            "lost_x",
            "dots",
            "short_address",
            "set_phone",
            "old_division",
        }
        changed = {
            one.name: min(0.6, getattr(self, one.name) * factor) for one in fields(self) if one.name not in habits
        }
        return replace(self, **changed)


@cache
def _candidates() -> dict[str, str]:
    """For each character the others of the lists that sound like it."""
    chars = dict.fromkeys(words.MALE + words.FEMALE + words.SURNAMES)
    by_sound: defaultdict[str, list[str]] = defaultdict(list)
    for char in chars:
        by_sound[lazy_pinyin(char)[0]].append(char)
    return {char: "".join(other for other in by_sound[lazy_pinyin(char)[0]] if other != char) for char in chars}


@cache
def _look_alikes() -> dict[str, str]:
    return {char: group.replace(char, "") for group in words.LOOK_ALIKE for char in group}


def name(choose: Random, rates: Rates, text: str) -> str:
    """A name as it comes to stand in a register."""
    if "·" in text:
        return _dotted(choose, rates, text)
    if text.isascii():
        return text if choose.random() < 0.7 else _given_first(text)
    if len(text) > 3 and choose.random() < rates.cut_short:
        return text[: choose.randint(2, len(text) - 1)]
    if choose.random() < rates.in_letters:
        spelt = lazy_pinyin(text)
        return f"{spelt[0].upper()} {''.join(spelt[1:]).capitalize()}"
    changes = (
        (rates.other_candidate, _candidates()), (rates.misread, _look_alikes()), (rates.old_fashioned, words.TRADITIONAL),
    )  # fmt: skip
    for rate, others in changes:
        if choose.random() < rate:
            text = _changed(choose, text, others)
    if choose.random() < rates.lost_character:
        at = choose.randrange(1, len(text))
        text = text[:at] + choose.choice("?□*？") + text[at + 1 :]
    elif len(text) > 2 and choose.random() < rates.dropped_character:
        at = choose.randrange(1, len(text))
        text = text[:at] + text[at + 1 :]
    return text


def _given_first(text: str) -> str:
    family, _, given = text.partition(" ")
    return f"{given} {family}"


def _changed(choose: Random, text: str, others: dict[str, str]) -> str:
    at = [place for place, char in enumerate(text) if others.get(char)]
    if not at:
        return text
    place = choose.choice(at[1:] or at)
    return text[:place] + choose.choice(others[text[place]]) + text[place + 1 :]


def _dotted(choose: Random, rates: Rates, text: str) -> str:
    if choose.random() < rates.cut_short:
        return text.split("·", maxsplit=1)[0]
    return text.replace("·", choose.choice("•．.  ・")).strip() if choose.random() < rates.dots else text


def number(choose: Random, rates: Rates, text: str, *, born: int, year: int) -> str:
    """A resident ID as it comes to stand in a register."""
    if choose.random() < rates.no_number:
        return ""
    if choose.random() < rates.filler_number:
        return choose.choice(("000000000000000000", "111111111111111111", text[:6] + "000000000000", "无"))
    if choose.random() < rates.spreadsheet_number:
        return text[:15] + "000"
    if born < 1985 and year < 2010 and choose.random() < rates.old_number:
        text = text[:6] + text[8:17]
    if choose.random() < rates.wrong_digit:
        at = choose.randrange(len(text) - 1)
        text = text[:at] + choose.choice("0123456789".replace(text[at], "")) + text[at + 1 :]
    elif choose.random() < rates.swapped_digits:
        at = choose.randrange(len(text) - 2)
        text = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    if text.endswith("X") and choose.random() < rates.lost_x:
        return text[:-1] + choose.choice(("x", "", "*"))
    return text


def phone(choose: Random, rates: Rates, text: str) -> str:
    if choose.random() < rates.wrong_phone:
        at = choose.randrange(3, 11)
        text = text[:at] + choose.choice("0123456789") + text[at + 1 :]
    if choose.random() < rates.set_phone:
        return choose.choice((f"+86{text}", f"{text[:3]}-{text[3:7]}-{text[7:]}", f"{text[:3]} {text[3:7]} {text[7:]}"))
    return text


_OTHER_WORDS = (("幢", "栋"), ("单元", "-"), ("室", ""), ("号", ""), ("村", "村委会"), ("组", "社"))


def below(choose: Random, rates: Rates, text: str) -> str:
    """The part of an address below the town, in this clerk's words."""
    if choose.random() < rates.wrong_house:
        digits = [at for at, char in enumerate(text) if char.isdigit()]
        at = choose.choice(digits)
        text = text[:at] + choose.choice("123456789") + text[at + 1 :]
    if choose.random() < rates.other_words:
        old, new = choose.choice(_OTHER_WORDS)
        text = text.replace(old, new)
    return text
