"""How much a Patient may say of one thing. Pure.

What is compared takes time with its length, a look-up is worked out while others wait, and nobody's name or address
fills a page. Photos and other elements that nothing is compared by are bounded by the size of the body alone.
"""

from collections.abc import Mapping
from typing import Any, Final

from hub.errors import Invalid

MOST: Final = 50
"""Names, identifiers, addresses … of one Patient."""
LONGEST: Final = 1000
"""Characters of one text in them."""
_COMPARED: Final = ("identifier", "name", "telecom", "address", "contact", "link", "extension")


def check(patient: Mapping[str, Any], body: bytes | None = None) -> None:
    """Of a valid Patient, `body` being the same as JSON, where it is at hand. Raises Invalid `too-many`, `too-long`."""
    compared = {name: patient[name] for name in _COMPARED if name in patient}
    # Where nothing is escaped, each quotation mark begins or ends a text, and none has more characters than bytes.
    may_be_long = body is None or b"\\" in body or max(map(len, body.split(b'"'))) > LONGEST
    for name, listed in compared.items():
        if len(listed) > MOST:
            raise Invalid("too-many", f"Patient.{name} has at most {MOST} entries. Nothing was stored.")
        if may_be_long and _longest(listed) > LONGEST:
            raise Invalid("too-long", f"A text in Patient.{name} has at most {LONGEST} characters. Nothing was stored.")


def _longest(value: object) -> int:
    """Characters of the longest text in a JSON value."""
    longest, waiting = 0, [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            longest = max(longest, len(item))
        elif isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
    return longest
