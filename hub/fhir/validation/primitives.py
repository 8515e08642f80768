"""The primitive types of R4: the schema that each value has to pass, and what is allowed in words.

https://hl7.org/fhir/R4/datatypes.html#primitive. Stricter than HL7's JSON schema: days are days of the calendar, whole
numbers are whole and in range. Wider in one thing: a text may hold any space, U+3000 too, as R4 itself allows.
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple


class Primitive(NamedTuple):
    """`schema` is JSON schema (draft 4, in which 1.0 is no integer); `allowed` finishes the sentence "allowed is ..."."""

    schema: dict[str, Any]
    allowed: str


_YEAR: Final = "([0-9]([0-9]([0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)"
_LEAP: Final = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)"
_DAY: Final = (
    f"({_YEAR}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
    f"|{_LEAP}-02-29)"
)
_PARTIAL: Final = f"{_YEAR}(-(0[1-9]|1[0-2]))?"
_TIME: Final = "([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\\.[0-9]+)?"
_ZONE: Final = "(Z|[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_INT32: Final = 2**31


def _text(pattern: str | None, allowed: str) -> Primitive:
    schema = {"type": "string", "minLength": 1} if pattern is None else {"type": "string", "pattern": f"^{pattern}$"}
    return Primitive(schema, allowed)


def _whole(least: int, allowed: str) -> Primitive:
    return Primitive({"type": "integer", "minimum": least, "maximum": _INT32 - 1}, allowed)


_URI: Final = _text("\\S+", "a URI: one character or more, without spaces")

PRIMITIVES: Final = {
    "base64Binary": _text("([ \\t\\r\\n]*([0-9a-zA-Z+/=]){4}[ \\t\\r\\n]*)+", "base64, padded to a multiple of 4"),
    "boolean": Primitive({"type": "boolean"}, "true or false, without quotes"),
    "canonical": _URI,
    "code": _text("[^\\s]+(\\s[^\\s]+)*", "a code: no spaces before, behind, or two in a row"),
    "date": _text(f"({_PARTIAL}|{_DAY})", "YYYY, YYYY-MM or YYYY-MM-DD, a day of the calendar"),
    "dateTime": _text(
        f"({_PARTIAL}|{_DAY}(T{_TIME}{_ZONE})?)",
        "YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with a zone (Z or +hh:mm), a day of the calendar",
    ),
    "decimal": Primitive({"type": "number"}, "a JSON number"),
    "id": _text("[A-Za-z0-9\\-.]{1,64}", "1 to 64 letters, digits, '-' and '.'"),
    "instant": _text(f"{_DAY}T{_TIME}{_ZONE}", "YYYY-MM-DDThh:mm:ss with a zone (Z or +hh:mm), a day of the calendar"),
    "integer": _whole(-_INT32, "a whole number of 32 bits, written without a decimal point"),
    "markdown": _text(None, "a text of at least one character"),
    "oid": _text("urn:oid:[0-2](\\.(0|[1-9][0-9]*))+", "urn:oid: and an OID"),
    "positiveInt": _whole(1, "a whole number from 1 to 2147483647"),
    "string": _text(None, "a text of at least one character"),
    "time": _text(_TIME, "hh:mm:ss, without a zone"),
    "unsignedInt": _whole(0, "a whole number from 0 to 2147483647"),
    "uri": _URI,
    "url": _URI,
    "uuid": _text("urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "urn:uuid: and a UUID in small letters"),
    "xhtml": _text(None, "XHTML in one <div>"),
}


def reference(types: Iterable[str]) -> Primitive:
    """The form of Reference.reference, relative ones to the resource `types` only."""
    id_ = "[A-Za-z0-9\\-.]{1,64}"
    relative = f"({'|'.join(sorted(types))})(/{id_}(/_history/{id_})?|\\?\\S+)"
    uuid = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    urn = f"urn:(uuid:{uuid}|oid:[0-2](\\.(0|[1-9][0-9]*))+)"
    return _text(
        f"({relative}|https?://\\S+|{urn}|#({id_})?)",
        "Type/id, Type/id/_history/version, Type?search, an http or https address, urn:uuid:, urn:oid: or #id",
    )
