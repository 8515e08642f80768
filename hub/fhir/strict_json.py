"""JSON as evidence: read strictly, written canonically, with every number exactly as it was sent.

A FHIR decimal is its digits: 1.00 says more than 1.0 (R4, datatypes.html#decimal). Canonical bytes are UTF-8 without
spaces, names sorted, numbers untouched. Refused: names that come twice, numbers without bounds, too many layers.
"""

import json
import re
from typing import Any, Final, NamedTuple, NoReturn

import jsonschema_rs
import orjson

from hub.domain.texts import MOST_LAYERS, is_too_deep
from hub.errors import Invalid
from hub.fhir import exact

_FRACTION: Final = re.compile(rb'"[ \t\r\n]*:[ \t\r\n]*(-?(?:[0-9]+[.eE]|[0-9]{19})[^,}\]\s]*)')


def _of(types: list[str], in_lists: list[str]) -> jsonschema_rs.Draft4Validator:
    """Passed by what has no other JSON types and no layer too many; in draft 4 a number with a fraction is no integer."""
    definitions: dict[str, Any] = {"any0": {"type": _LEAVES + types}, "listed0": {"type": _LEAVES + in_lists}}
    for layer in range(1, MOST_LAYERS + 1):
        inner = {
            "additionalProperties": {"$ref": f"#/definitions/any{layer - 1}"},
            "items": {"$ref": f"#/definitions/listed{layer - 1}"},
        }
        definitions[f"any{layer}"] = {"type": ["array", "object", *_LEAVES, *types], **inner}
        definitions[f"listed{layer}"] = {"type": ["array", "object", *_LEAVES, *in_lists], **inner}
    return jsonschema_rs.Draft4Validator({"$ref": f"#/definitions/listed{MOST_LAYERS}", "definitions": definitions})


_LEAVES: Final = ["string", "boolean", "null"]
_IS_WHOLE: Final = _of(["integer"], ["integer"])
_LISTS_ARE_WHOLE: Final = _of(["number"], ["integer"])
_NAME: Final = re.compile("[A-Za-z_][A-Za-z0-9_]{0,63}")


class Document(NamedTuple):
    """A JSON value: `value` with numbers as Python has them, `canonical` with all of their digits."""

    value: Any
    canonical: bytes

    def exact(self) -> Any:
        """The value as `hub.fhir.exact` reads it: to be changed and written again, its numbers not to be calculated with."""
        return self.value if exact.write(self.value) == self.canonical else exact.read(self.canonical)


def read(body: bytes) -> Document:
    """The value in a body. Raises Invalid: `bad-request` (not JSON, too deep), `duplicate-key`, `bad-number`."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _not_json(body, error) from error
    written = exact.write(value if _is_same(value, body) else exact.read(body))
    # Spaces, escapes and the sign of -0 make a body longer than what is written of it, and so does a name that was dropped.
    return Document(value, written if len(body) == len(written) else _compared(body, written))


def canonical(body: bytes) -> bytes:
    """The canonical bytes of a body. Raises Invalid as `read` does."""
    return read(body).canonical


def _compared(body: bytes, written: bytes) -> bytes:
    """The canonical bytes of a body, of which `written` is right but for signs of zero. Raises Invalid."""
    is_escaped = b"\\u00" in body  # behind which a character may hide from the counts below
    if is_escaped or body.count(b"-") != written.count(b"-"):
        written = exact.write(exact.read(body))
    # Every name is followed by a colon: when one was dropped for another of the same name there are fewer of them.
    if is_escaped or body.count(b":") != written.count(b":"):
        json.loads(body, object_pairs_hook=_once)
    return written


def _is_same(value: Any, body: bytes) -> bool:
    """Does orjson write all numbers as they were sent, but for the sign of -0? Raises Invalid for too many layers."""
    if _IS_WHOLE.is_valid(value):
        return True
    if not _LISTS_ARE_WHOLE.is_valid(value):
        if is_too_deep(value):
            raise _too_deep()
        return False
    return all(orjson.dumps(float(text)) == text for text in _FRACTION.findall(body))


def _not_json(body: bytes, error: orjson.JSONDecodeError) -> Invalid:
    if "infinity" in error.msg:
        return Invalid("bad-number", f"A number is too large, at line {error.lineno}, column {error.colno}.")
    if "depth" in error.msg:
        return _too_deep()
    if re.search(rb"[:\[,]\s*-?(NaN|Infinity)", body):
        return Invalid("bad-number", f"NaN and Infinity are no numbers of JSON, at line {error.lineno}.")
    return Invalid("bad-request", f"The body is not JSON: see line {error.lineno}, column {error.colno}.")


def _too_deep() -> Invalid:
    return Invalid("bad-request", f"There are more than {MOST_LAYERS} layers of lists and objects.")


def _once(pairs: list[tuple[str, Any]]) -> None:
    """Raises Invalid for the first name that comes twice in one object."""
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            _twice(name)
        seen.add(name)


def _twice(name: str) -> NoReturn:
    said = f"The name '{name}'" if _NAME.fullmatch(name) else "A name"
    raise Invalid("duplicate-key", f"{said} comes twice in one object; only one can be meant.")
