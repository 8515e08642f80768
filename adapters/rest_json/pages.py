"""One page of a county's table: its rows' versions, read without touching the bytes that become the evidence.

The table is read oldest version first; the greatest version seen is where reading goes on. That is safe while rows change under the
reader (a changed row moves to the end), which numbered pages are not. A page out of order is refused: going on would skip rows.
"""

import itertools
from dataclasses import dataclass
from typing import Any

from adapters.errors import Retry, TransportError


@dataclass(frozen=True, slots=True)
class Page:
    """`versions` in the order of the page; `last` is true if the county says that nothing follows."""

    versions: tuple[int, ...]
    last: bool

    def newest(self, since: int) -> int:
        return max((since, *self.versions))


def page_of(data: Any) -> Page:
    """Read a page's `data`: `{"list": [{…, "rowver": n}], "pages": n}`. Raises TransportError for any other form."""
    rows = data.get("list") if isinstance(data, dict) else None
    if not isinstance(rows, list):
        raise _strange("a page has no list of rows")
    versions = tuple(_version(row) for row in rows)
    if any(later < earlier for earlier, later in itertools.pairwise(versions)):
        raise _strange("the rows of a page are not in the order of their rowver")
    pages = data.get("pages")
    return Page(versions, last=not rows or (isinstance(pages, int) and pages <= 1))


def _version(row: Any) -> int:
    value = row.get("rowver") if isinstance(row, dict) else None
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if type(value) is not int or value < 0:
        raise _strange("a row has no usable rowver")
    return value


def _strange(what: str) -> TransportError:
    return TransportError(f"the county's answer is not as agreed: {what}", code="county-format", retry=Retry.CONTACT)
