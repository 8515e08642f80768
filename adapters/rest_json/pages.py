"""One page of a county's table: its rows' versions, and the page without the rows that an earlier page gave already.

The table is read oldest version first; the greatest version seen is where reading goes on. That is safe while rows change under the
reader (a changed row moves to the end), which numbered pages are not. A page out of order is refused: going on would skip rows.
"""

import itertools
import json
import re
from dataclasses import dataclass
from typing import Any

from adapters.errors import Retry, TransportError

_BLANK = re.compile(r"[ \t\r\n]*")
_DIGITS = re.compile(r"[0-9]{1,19}")
_DECODER = json.JSONDecoder()
MOST_VERSION = 2**63


@dataclass(frozen=True, slots=True)
class Page:
    """`versions` in the order of the page; `last` is true if the county says that nothing follows."""

    versions: tuple[int, ...]
    last: bool

    def newest(self, since: int) -> int:
        return max((since, *self.versions))

    def repeated(self, since: int) -> int:
        """How many rows at the beginning are known."""
        return sum(version <= since for version in self.versions)


def page_of(data: Any, number: int = 1) -> Page:
    """Read a page's `data`: `{"list": [{…, "rowver": n}], "pages": n}`. Raises TransportError for any other form."""
    rows = data.get("list") if isinstance(data, dict) else None
    if not isinstance(rows, list):
        raise _strange("a page has no list of rows")
    versions = tuple(_version(row) for row in rows)
    if any(later < earlier for earlier, later in itertools.pairwise(versions)):
        raise _strange("the rows of a page are not in the order of their rowver")
    pages = data.get("pages")
    return Page(versions, last=not rows or (isinstance(pages, int) and pages <= number))


def without_first(content: bytes, count: int) -> bytes:
    """The page without its first `count` rows; everything else stays as the county wrote it, byte for byte."""
    if not count:
        return content
    text = content.decode("utf-8")
    begin = _value_of(text, _value_of(text, 0, "data"), "list")
    place = first = _skip(text, begin + 1)
    for _ in range(count):
        _, place = _DECODER.raw_decode(text, place)
        place = _skip(text, place)
        if text[place] == ",":
            place = _skip(text, place + 1)
    return (text[:first] + text[place:]).encode("utf-8")


def _value_of(text: str, place: int, wanted: str) -> int:
    """Where the value of a member begins in the object that begins at `place`; of several of one name the last, as parsers do."""
    place = _skip(text, _skip(text, place) + 1)
    found = -1
    while text[place] != "}":
        name, place = _DECODER.raw_decode(text, place)
        place = _skip(text, _skip(text, place) + 1)
        if name == wanted:
            found = place
        _, place = _DECODER.raw_decode(text, place)
        place = _skip(text, place)
        if text[place] == ",":
            place = _skip(text, place + 1)
    if found < 0:
        raise _strange(f"an answer has no {wanted}")
    return found


def _skip(text: str, place: int) -> int:
    blank = _BLANK.match(text, place)
    return blank.end() if blank else place


def _version(row: Any) -> int:
    value = row.get("rowver") if isinstance(row, dict) else None
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if type(value) is not int or not 0 <= value < MOST_VERSION:
        raise _strange("a row has no usable rowver")
    return value


def _strange(what: str) -> TransportError:
    return TransportError(f"the county's answer is not as agreed: {what}", code="county-format", retry=Retry.CONTACT)
