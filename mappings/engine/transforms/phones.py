"""Telephone numbers: several in a cell, country prefix, full-width digits, numbers a spreadsheet ruined."""

import re

from mappings.engine.model import Note, Noted, note
from mappings.engine.transforms.text import fold

_BETWEEN = re.compile(r"[/、,，;；\n]|\s{2,}|\s(?=\+?\d{7,})")
_JUNK = re.compile(r"[\s()（）-]")
_MOBILE = re.compile(r"1[3-9]\d{9}")
_LANDLINE = re.compile(r"(?:0\d{2,3})?[2-9]\d{6,7}(?:[转x]\d{1,6})?")
_RUINED = re.compile(r"\d(?:\.\d+)?E\+?\d+", re.IGNORECASE)
_COUNTRY = re.compile(r"^(?:\+86|0086|86(?=1[3-9]\d{9}$))")


def phones(text: str) -> object:
    """The usable numbers of a cell as a tuple; what cannot be one is left out with a warning."""
    whole = fold(text)
    if len(whole) == 11 and _MOBILE.fullmatch(whole):
        return (whole,)
    found: list[str] = []
    notes: list[Note] = []
    for part in _BETWEEN.split(whole):
        number = _COUNTRY.sub("", _JUNK.sub("", part.removesuffix(".0")))
        if not number:
            continue
        if _MOBILE.fullmatch(number) or _LANDLINE.fullmatch(number):
            found.append(number)
        else:
            notes.append(note("phone-ruined" if _RUINED.fullmatch(number) else "phone-malformed"))
    numbers = tuple(dict.fromkeys(found)) or None
    return Noted(numbers, tuple(notes)) if notes else numbers
