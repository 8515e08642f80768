"""How texts are compared in searches: case, width, spaces and accents do not count; Chinese stays as it is. Pure."""

import re
import unicodedata
from typing import Any, Final

_ACCENTS: Final = re.compile("[\u0300-\u036f]")
"""The accents of Latin, Greek and Cyrillic; the marks of other scripts are letters of theirs."""

OF_NAME: Final = frozenset(("text", "family", "given", "prefix", "suffix"))
OF_ADDRESS: Final = frozenset(("text", "line", "city", "district", "state", "postalCode", "country"))


def folded(text: str) -> str:
    """A text as it is compared."""
    if text.isascii():
        return "".join(text.lower().split())
    wide = "".join(unicodedata.normalize("NFKC", text).casefold().split())
    if wide.isascii():
        return wide
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", wide)))


def texts_of(type_: str, element: Any) -> list[str]:
    """The texts of an element: every part of a HumanName or Address, or a text itself."""
    if isinstance(element, str):
        return [element]
    parts = OF_NAME if type_ == "HumanName" else OF_ADDRESS
    found: list[str] = []
    for part, value in element.items():
        if part in parts:
            if isinstance(value, str):
                found.append(value)
            else:
                found += [one for one in value if one is not None]
    return found
