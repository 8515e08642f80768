"""Resident IDs, dates, telephones and divisions by column. Source: linkage.resident_id, dates, phones, divisions.

What most cells look like is worked out as arrays of numbers; every other cell goes through the parser that single
records go through, once for each distinct text.
"""

from datetime import date
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hub.linkage import dates, divisions, phones, resident_id
from hub.linkage.engines.distinct import distinct
from hub.linkage.engines.texts import Flags, Numbers, Places, Texts, decimal
from hub.linkage.resident_id import Form
from mappings.divisions import canonical
from mappings.engine.model import Noted, PartialDate
from mappings.engine.transforms.dates import birth_date
from mappings.engine.transforms.phones import phones as several

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = np.frombuffer(b"10X98765432", dtype=np.uint8)
_PARTS = (0, 6), (6, 12), (12, 17)
"""County, year and month of birth, day and sequence: what stands where in a number of eighteen characters."""
_ZERO = np.uint8(ord("0"))
_COUNTY = np.uint64(divisions.COUNTY)
_HALF_BYTES = np.array([int(str(number), 16) for number in range(10**4)], dtype=np.uint64)
"""Up to four digits, one in each half byte."""
_YEAR, _MONTH = np.uint64(0xFFFFFFFF), np.uint64(0xFFFF00000000)
Days = npt.NDArray[np.int32]
Parts = npt.NDArray[np.uint32]
_EPOCH = date(1970, 1, 1).toordinal()


class Ids(NamedTuple):
    """`body` is 0 where there is no usable number; `born` YYYYMMDD and `male` as the number says."""

    body: Numbers
    check: npt.NDArray[np.uint8]
    form: npt.NDArray[np.uint8]
    born: npt.NDArray[np.uint32]
    male: npt.NDArray[np.bool_]


def ids(texts: Texts) -> Ids:
    """Resident IDs, whatever stands in their place."""
    places = np.flatnonzero(texts.sizes)
    if 2 * len(places) > len(texts):
        return _ids(texts)
    columns: list[npt.NDArray[Any]] = []
    for stated in _ids(texts.at(places)):
        columns.append(np.zeros(len(texts), dtype=stated.dtype))
        columns[-1][places] = stated
    return Ids(*columns)


def _ids(texts: Texts) -> Ids:
    starts = texts.starts
    last = texts.buffer[starts + 17]
    crossed = last == ord("X")
    usual = (texts.sizes == 18) & (crossed | (last - _ZERO <= 9))
    head, middle, end = (
        Texts(texts.buffer, starts + start, starts + stop).numbers().astype(np.uint32) for start, stop in _PARTS
    )
    sound, right = _judge(head, middle, end, last)
    usual &= sound
    body = head * np.uint64(10**11) + middle * np.uint64(10**5) + end
    cut = (end % 100 == 0) & (last == _ZERO)
    form = np.where(cut, Form.CUT, np.where(right, Form.CHECKED, Form.UNCHECKED)) * usual
    found = Ids(
        body * usual,
        np.where(crossed, 10, last - _ZERO).astype(np.uint8) * usual,
        form.astype(np.uint8),
        (middle * 100 + end // 1000) * usual,
        usual & (end % 2 == 1),
    )
    _odd_ids(found, texts, np.flatnonzero((texts.sizes > 0) & ~usual))
    return found


@cache
def _sums(weights: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Of every number of as many digits: the sum of its digits times `weights`, mod 11."""
    found = np.zeros(1, dtype=np.uint8)
    for weight in weights:
        found = ((found[:, None] + np.arange(10, dtype=np.uint8) * np.uint8(weight)) % np.uint8(11)).ravel()
    return found


@cache
def _seen(size: int) -> npt.NDArray[np.uint16]:
    """Of every number of `size` digits: a bit for each digit in it."""
    found = np.zeros(1, dtype=np.uint16)
    for _ in range(size):
        found = (found[:, None] | np.uint16(1) << np.arange(10, dtype=np.uint16)).ravel()
    return found


def _judge(head: Parts, middle: Parts, end: Parts, last: npt.NDArray[np.uint8]) -> tuple[Flags, Flags]:
    """Whether `resident_id.parse` would take the number, and whether its check character is right."""
    sums = _sums(_WEIGHTS[:6])[head] + _sums(_WEIGHTS[6:12])[middle] + _sums(_WEIGHTS[12:])[end]
    province = np.isin(np.arange(100), sorted(resident_id.PROVINCES))[head // 10**4]
    every = _seen(6)[head] | _seen(6)[middle] | _seen(5)[end]
    filled = (head % 10**4 == 0) | _few(_seen(6)[head], 1) | _few(every, 2)
    tails = np.array([int(t[:3]) * 256 + ord(t[3]) for t in resident_id.TAILS], dtype=np.uint32)
    filled |= np.isin(end % 1000 * 256 + last, tails)
    return province & ~filled & _real(middle * 100 + end // 1000), _CHECK[sums % 11] == last


def _few(bits: npt.NDArray[np.uint16], most: int) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = np.bitwise_count(bits) <= most
    return found


def _real(number: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
    """Whether YYYYMMDD is a day of the calendar between 1850 and 2100."""
    year, month, day = number // 10000, number // 100 % 100, number % 100
    lengths = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.uint32)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    longest = lengths[np.where(month <= 12, month, 0)] + (leap & (month == 2))
    found: npt.NDArray[np.bool_] = (year >= 1850) & (year <= 2100) & (day >= 1) & (day <= longest)
    return found


def _odd_ids(found: Ids, texts: Texts, where: Places) -> None:
    written = texts.at(where).strings()
    known = {text: _odd_id(text) for text in set(written)}
    columns: tuple[npt.NDArray[Any], ...] = found
    for column, numbers in zip(columns, zip(*(known[text] for text in written), strict=True), strict=False):
        column[where] = numbers


def _odd_id(text: str) -> tuple[int, ...]:
    """What `Ids` holds of a number that is written in some other way."""
    number = resident_id.parse(text.strip())
    if number is None:
        return (0,) * 5
    check = 10 if number.text[17] == "X" else int(number.text[17])
    return number.body, check, number.form, int(number.text[6:14]), bool(number.male)


def births(texts: Texts) -> npt.NDArray[np.uint32]:
    """YYYYMMDD with 00 for unknown parts."""
    number = _digits(texts)
    usual = (number >= 10**7) & (number < 10**8)
    year, month, day = number // 10000, number // 100 % 100, number % 100
    longest = np.array(dates.DAYS, dtype=np.uint32)[np.minimum(month, 12)]
    day = np.where((month == 0) | (day > longest), 0, day)
    found = np.where(usual & (year >= 1850) & (year <= 2100) & (month <= 12), year * 10000 + month * 100 + day, 0)
    found[np.isin(found, np.array(sorted(dates.PLACEHOLDERS), dtype=np.uint32))] = 0
    found = found.astype(np.uint32)
    odd = np.flatnonzero((texts.sizes > 0) & ~usual)
    known: dict[str, int] = {}
    read = birth_date()
    for place, text in zip(odd.tolist(), texts.at(odd).strings(), strict=True):
        if text not in known:
            known[text] = dates.parse(text) or _written(read(text))
        found[place] = known[text]
    return found


def _digits(texts: Texts) -> npt.NDArray[np.uint32]:
    """The eight digits of each YYYY-MM-DD and YYYYMMDD; 0 for another text."""
    rows, sizes = texts.left(16), texts.sizes
    first, second = rows.view(np.uint64).T  # eight bytes each, the first of them in the lowest place
    dashed = (sizes == len("YYYY-MM-DD")) & (rows[:, 4] == ord("-")) & (rows[:, 7] == ord("-"))
    bare = (first & _YEAR) | (first >> np.uint64(8) & _MONTH) | second << np.uint64(48)
    digits = np.where(dashed, bare, first)[:, None].view(np.uint8) ^ np.uint8(ord("0"))
    found = decimal(digits).astype(np.uint32)
    found *= dashed | (sizes == len("YYYYMMDD"))
    return found


def _written(value: object) -> int:
    """A date in any of the ways that county systems write one."""
    if isinstance(value, Noted):
        value = value.value
    return dates.parse(value.text) if isinstance(value, PartialDate) else 0


def lunar(born: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """For each date the solar date when its figures are read as lunar ones (`dates.from_lunar`); 0 for none."""
    first, length, solar = _months()
    month, day = np.minimum(born // 100, len(first) - 1), (born % 100).astype(np.int32)
    known = (day >= 1) & (day <= length[month])
    found: npt.NDArray[np.uint32] = solar.take((first[month] + day - 1) * known) * known
    return found


@cache
def _months() -> tuple[Days, Days, npt.NDArray[np.uint32]]:
    """By lunar month YYYYMM its first day, counted from the first of all, and its days; and all days as YYYYMMDD."""
    months = dates.lunar_months()
    first, length = np.zeros((2, max(months) + 2), dtype=np.int32)  # the last place stands for any later month
    first[list(months)], length[list(months)] = np.array(list(months.values())).T
    begin, end = first[first > 0].min(), first.max() + length.max()
    return first - begin, length, _written_out(np.arange(begin, end)).astype(np.uint32)


def _written_out(ordinal: Days) -> Days:
    """YYYYMMDD of days that are counted as `date.toordinal` does."""
    day = (ordinal - _EPOCH).astype("M8[D]")
    month, year = day.astype("M8[M]"), day.astype("M8[Y]")
    in_month, in_year = (day - month).astype(np.int32), (month - year).astype(np.int32)
    found: Days = (year.astype(np.int32) + 1970) * 10000 + (in_year + 1) * 100 + in_month + 1
    return found


def telephones(texts: Texts) -> tuple[Numbers, Numbers]:
    """Up to two telephones a record, as `phones.packed` gives them."""
    number, length = texts.numbers(), texts.sizes
    usual = (length == 11) & (number >= np.uint64(13 * 10**9)) & (number < np.uint64(2 * 10**10))
    tail = number % np.uint64(10**8)
    filler = (tail % np.uint64(11111111) == 0) | (tail == 12345678) | (tail == 87654321)
    first, second = _packed(number) * (usual & ~filler), np.zeros(len(number), dtype=np.uint64)
    odd = np.flatnonzero((length > 0) & ~usual)
    known: dict[str, list[int]] = {}
    for place, text in zip(odd.tolist(), texts.at(odd).strings(), strict=True):
        if text not in known:
            known[text] = [phones.packed(one) for one in _listed(text)]
        for column, packed in zip((first, second), known[text], strict=False):
            column[place] = packed
    return first, second


def _listed(text: str) -> list[str]:
    value: Any = several(text)
    if isinstance(value, Noted):
        value = value.value
    found = [phones.parse(one) for one in value or (text,)]
    return list(dict.fromkeys(one for one in found if one))[:2]


def _packed(number: Numbers) -> Numbers:
    """Eleven digits, one in each half byte, behind a half byte of ones; any number for one of more digits."""
    upper, middle = number // np.uint64(10**8), number // np.uint64(10**4)
    parts = (number - middle * np.uint64(10**4), middle - upper * np.uint64(10**4), upper % np.uint64(10**4))
    found = np.full(len(number), 0xF << 44, dtype=np.uint64)
    for place, part in enumerate(parts):
        found |= _HALF_BYTES[part] << np.uint64(16 * place)
    return found


def places(texts: Texts) -> Numbers:
    """Today's twelve-digit division code."""
    number, length = texts.numbers(), np.minimum(texts.sizes, 255)
    scale, beyond = np.zeros((2, 256), dtype=np.uint64)
    for size in divisions.LENGTHS:
        scale[size], beyond[size] = 10 ** (12 - size), 10**size
    code = np.where(number < beyond[length], number, np.uint64(0)) * scale[length]
    odd = np.flatnonzero((length > 0) & (code == 0))
    for place, text in zip(odd.tolist(), texts.at(odd).strings(), strict=True):
        code[place] = divisions.parse(text, canonical)
    return _today(code)


def _today(code: Numbers) -> Numbers:
    """`canonical` of each code. What becomes of the digits below the county's depends on the county alone."""
    county = code // _COUNTY
    below = code - county * _COUNTY
    counties, _, of = distinct(county)
    known = np.array(list(map(_county, counties.tolist())), dtype=np.uint64).reshape(len(counties), 2)[of]
    known[:, 0] *= _COUNTY
    known[:, 1] *= below
    return known[:, 0] + known[:, 1]


@cache
def _county(code: int) -> tuple[int, int]:
    """Today's code of a county, and 1 where the digits below it stay as they are."""
    return divmod(int(canonical(f"{code:06d}000001")), divisions.COUNTY)
