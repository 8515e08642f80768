"""Identity documents: the resident ID number of 15 or 18 digits (GB 11643), and the numbers of other documents.

A wrong check digit is a warning (old issuing systems skipped it); placeholders and numbers ruined by a spreadsheet
are dropped, since a number that is not the person's would link strangers.
"""

import re
from datetime import date
from operator import mul

from mappings.engine.model import DocumentNumber, Noted, note
from mappings.engine.transforms.text import squeeze

_WEIGHTS = tuple(2 ** (17 - i) % 11 for i in range(17))
_ZEROS = ord("0") * sum(_WEIGHTS)
_CHECK = "10X98765432"
_PROVINCES = frozenset(re.findall("..", "11121314152122233132333435363741424344454650515253546162636465718182" + "83"))
_SHAPE = re.compile(r"\d{15}|\d{17}[\dX]")
_USUAL = re.compile(  # what needs no further look: a day that every month has, a province that exists
    r"(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])[0-9]{4}"
    r"((?:19|20)[0-9]{2})(0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-8])[0-9]{3}[0-9X]"
)
_RUINED = re.compile(r"\d(?:\.\d+)?E\+?\d{1,2}")
_PLACEHOLDER = re.compile(
    r"(\d)\1{14,16}(?:\1|X|\1\1)?|0{6}\d{8}0{4}|\d{6}0{9,}X?|123456789012345(?:678|67X)?|(?:12345678){1,2}\d{0,2}"
)
_OTHER = re.compile(r"[0-9A-Z一-鿿()-]{4,30}")


def check_digit(first17: str) -> str:
    """The 18th character of a resident ID by mod 11-2."""
    return _CHECK[(sum(map(mul, first17.encode(), _WEIGHTS)) - _ZEROS) % 11]


def _born(digits: str) -> str | None:
    if not "1850" <= digits[:4] <= "2150":
        return None
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8])).isoformat()
    except ValueError:
        return None


def _malformed(reason: str, reason_zh: str) -> Noted:
    return Noted(None, (note("id-malformed", reason=reason, reason_zh=reason_zh),))


def resident_id(text: str) -> object:
    """A DocumentNumber with birth date and sex read from it, or None with the reason why it cannot be used."""
    if (usual := _USUAL.fullmatch(text)) is not None and check_digit(text[:17]) == text[17]:
        year, month, day = usual.groups()
        return DocumentNumber(text, f"{year}-{month}-{day}", "male" if text[16] in "13579" else "female", True)
    number = squeeze(text).strip("'’`\"").replace("-", "").upper()
    if _SHAPE.fullmatch(number) is None:
        if _RUINED.fullmatch(number):
            return Noted(None, (note("id-ruined"),))
        return _malformed(f"it has {len(number)} characters", f"现为{len(number)}个字符")
    if _PLACEHOLDER.fullmatch(number):
        return Noted(None, (note("id-placeholder"),))
    if number[:2] not in _PROVINCES:
        return _malformed("no province has these first digits", "前两位不是省级代码")
    long = len(number) == 18
    born = _born(number[6:14] if long else "19" + number[6:12])
    if born is None:
        return _malformed("the birth date in it does not exist", "其中的出生日期不存在")
    sex = "male" if int(number[16 if long else 14]) % 2 else "female"
    if not long:
        return DocumentNumber(number, born, sex)
    expected = check_digit(number[:17])
    if number[17] != expected:
        return Noted(DocumentNumber(number, born, sex), (note("id-check-digit", expected=expected),))
    return DocumentNumber(number, born, sex, checked=True)


def document_number(text: str) -> object:
    """The number of any other document: capitals, digits and Chinese (军字第…号), 4 to 30 characters."""
    number = squeeze(text).strip("'’`\"").upper()
    if _RUINED.fullmatch(number):
        return Noted(None, (note("id-ruined"),))
    if _OTHER.fullmatch(number) is None or len(set(number)) == 1:
        return Noted(None, (note("document-malformed"),))
    return DocumentNumber(number)


def to_18(number: str) -> str:
    """The 18-digit form of a 15-digit number (born in the 20th century); longer numbers come back unchanged."""
    if len(number) != 15:
        return number
    first17 = number[:6] + "19" + number[6:]
    return first17 + check_digit(first17)
