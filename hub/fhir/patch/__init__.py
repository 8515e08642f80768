"""Changes to a resource said as a patch: JSON Patch (RFC 6902) and R4's FHIRPath Patch. Pure.

A patch is read before anything is changed, and is applied to bytes: what cannot be done leaves nothing behind. Numbers keep
their digits (`hub.fhir.exact`). What comes out is not checked here: it is as an update would have sent it.
"""

from typing import Any

from hub.fhir.patch import fhirpath_patch, json_patch
from hub.fhir.patch.fhirpath_patch import FHIRPathPatch
from hub.fhir.patch.json_patch import JSONPatch
from hub.fhir.patch.values import Effort

__all__ = ["JSON_PATCH", "Effort", "Patch", "read_fhirpath_patch", "read_json_patch"]

JSON_PATCH = "application/json-patch+json"
Patch = JSONPatch | FHIRPathPatch
"""`patched(body, effort)` are the bytes of the changed resource; raises Conflict `patch-conflict`, Invalid, TooLarge."""


def read_json_patch(value: Any) -> Patch:
    """The patch in a JSON value as `exact.read` gives it. Raises Invalid `bad-patch`."""
    return json_patch.read(value)


def read_fhirpath_patch(parameters: Any) -> Patch:
    """The patch in Parameters as `exact.read` gives them. Raises Invalid `bad-patch`."""
    return fhirpath_patch.read(parameters)
