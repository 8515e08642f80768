"""JSON in which every number stays as it was written: 1.50 was measured to two places, and what is hashed must not change.

https://hl7.org/fhir/R4/json.html#decimal: servers keep the precision of decimals. What only the server says of a resource,
its id and its version, is not part of what is kept; `shown` puts it in front.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import orjson

from hub.errors import Invalid

LONGEST_NUMBER: Final = 64
"""Characters of a number."""

_MOST_DIGITS: Final = 18
_SERVERS_OWN: Final = frozenset({"versionId", "lastUpdated"})
_META: Final = b'"meta":'


def read(body: bytes) -> Any:
    """The values in JSON that is known to be JSON; numbers with a point or an exponent stay text that `write` repeats.

    Raises Invalid `bad-number` for one that is too long.
    """
    return json.loads(body, parse_float=_as_written, parse_int=_whole)


def _as_written(text: str) -> orjson.Fragment:
    if len(text) > LONGEST_NUMBER:
        raise Invalid("bad-number", f"A number has more than {LONGEST_NUMBER} characters.")
    return orjson.Fragment(text)


def _whole(text: str) -> int | orjson.Fragment:
    return int(text) if len(text) <= _MOST_DIGITS and text != "-0" else _as_written(text)


def write(value: Any) -> bytes:
    """JSON without spaces, names in order."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def kept(resource: Mapping[str, Any], canonical: bytes) -> bytes:
    """The bytes that are kept of a resource with these canonical bytes: without what only the server says of it."""
    meta = resource.get("meta")
    if "id" not in resource and (meta is None or not meta.keys() & _SERVERS_OWN):
        return canonical
    found = dict(resource) if write(resource) == canonical else read(canonical)
    found.pop("id", None)
    left = {name: value for name, value in found.pop("meta", {}).items() if name not in _SERVERS_OWN}
    if left:
        found["meta"] = left
    return write(found)


def shown(body: bytes, id_: str, version: int, updated_at: datetime) -> bytes:
    """A resource that is kept, with its id and version."""
    said = {"versionId": str(version), "lastUpdated": updated_at.isoformat(timespec="milliseconds")}
    if _META in body:
        resource = read(body)
        resource["id"] = id_
        resource["meta"] = resource.get("meta", {}) | said
        return write(resource)
    return b'{"id":"%b","meta":%b,%b' % (id_.encode(), orjson.dumps(said), body[1:])
