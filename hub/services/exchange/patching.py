"""From a patch and the version it is applied to, to what is stored: checked as an update would be (FHIR R4, patch)."""

from typing import Any, Final

import orjson

from hub.errors import Invalid, Refused, TooLarge
from hub.fhir import exact
from hub.fhir.patch import Effort, Patch, read_fhirpath_patch, read_json_patch
from hub.services.exchange import checking
from hub.storage.members import Member
from hub.storage.versions import Version

_BROKEN: Final = frozenset({"bad-request", "invalid-resource"})


class Unprocessable(Refused):
    """The patch can be applied, and what it makes cannot be stored (RFC 5789, 2.2)."""

    status = 422


def read(body: bytes) -> Patch:
    """The patch in canonical JSON: a list is a JSON Patch, anything else has to be Parameters. Raises Invalid."""
    value = exact.read(body)
    return read_json_patch(value) if isinstance(value, list) else read_fhirpath_patch(value)


def patched(member: Member, found: Version, patch: Patch, most: int, effort: Effort) -> tuple[dict[str, Any], bytes]:
    """What becomes of a version, and what is kept of it: `most` bytes, as of an update.

    Raises Conflict `patch-conflict`, Invalid, TooLarge, Unprocessable; and NotAllowed as an update does.
    """
    before = exact.shown(found.body, str(found.id), found.newest, found.at)
    canonical = patch.patched(before, effort)
    if len(canonical) > most:
        raise TooLarge(f"With the patch the resource would have more than {most} bytes; nothing was changed.")
    resource = orjson.loads(canonical)
    if not isinstance(resource, dict) or (resource.get("resourceType"), resource.get("id")) != (
        found.type,
        str(found.id),
    ):
        raise Unprocessable("bad-patch", "A patch leaves the resource its type and its id; nothing was changed.")
    try:
        return resource, checking.check(member, found.type, resource, canonical)
    except Invalid as refusal:
        if refusal.code not in _BROKEN:
            raise
        raise Unprocessable(refusal.code, f"With the patch: {refusal.detail}") from refusal
