"""What is said of a fault: where, under which code, and in words that a vendor's engineer can act on.

Never with the value itself, which may be personal.
"""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

MOST: Final = 20
"""As many are told of one resource."""

_NAME: Final = re.compile("[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: a path in FHIRPath's form, a reason without the value, and a stable code.

    The code is the key of one of R4's invariants (`pat-1`), or of `CODES`.
    """

    path: str
    reason: str
    code: str


class Fault(NamedTuple):
    """What is wrong with something whose place is known to whoever asked."""

    code: str
    text: str


CODES: Final = {
    "unsupported-type": "a resource type that the hub does not handle here",
    "unknown-element": "an element that R4 does not know",
    "required": "an element that R4 needs is missing",
    "wrong-type": "the JSON type is not the one of the element",
    "form": "the text or number does not have the form of its type",
    "no-such-day": "no calendar has this day",
    "code": "not one of the codes of a required value set",
    "bound-code": "a concept without a code of its required value set",
    "one-choice": "more than one property of a choice, value[x]",
    "empty": "an empty object or list",
    "null": "a null where no extension stands in its place",
    "control-character": "a character below U+0020 other than tab, line feed and carriage return",
    "too-long": "a text above R4's limit",
    "too-deep": "too many layers of lists and objects",
    "invalid": "refused by the schema for a reason that has no words yet",
}
"""The codes beside those of R4's invariants, and what they mean."""


def shown(name: str) -> str:
    """A name as it may be repeated: one that could be an element's, in quotes; whatever else is not."""
    return f"'{name}'" if _NAME.fullmatch(name) else "with a name that no element has"
