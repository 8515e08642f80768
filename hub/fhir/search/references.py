"""What a Reference or canonical in a resource points at, as far as its own words tell. Pure; FHIR R4, references."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

LITERAL: Final = re.compile(
    r"(?:(?P<base>https?://.+)/)?(?P<type>[A-Z][A-Za-z]{2,63})/(?P<id>[A-Za-z0-9\-.]{1,64})(?:/_history/(?P<version>[^/]{1,64}))?"
)
"""A relative or absolute reference to a resource of a RESTful server."""


class Ref(NamedTuple):
    """A reference taken apart. `type` and `id` are '' where it is not of the form [base/]Type/id; `base` is '' for one
    to the same server; `url` is what was written, without a version; `identifier` is (system, value)."""

    type: str
    id: str
    base: str
    url: str
    version: str
    identifier: tuple[str, str] | None = None


def parsed(text: str) -> Ref:
    """The parts of a reference's text or of a canonical."""
    found = LITERAL.fullmatch(text)
    if found is not None:
        base, version = found["base"] or "", found["version"] or ""
        return Ref(found["type"], found["id"], base, text[: -len(version) - 10] if version else text, version)
    url, _, version = text.partition("|")
    inner = LITERAL.fullmatch(url) if version else None
    if inner is not None and not inner["version"]:
        return Ref(inner["type"], inner["id"], inner["base"] or "", url, version)
    return Ref("", "", "", url, version)


def type_of(reference: Any, resource: Mapping[str, Any]) -> str:
    """The type of resource that a Reference in `resource` is to; '' where it does not say."""
    if not isinstance(reference, dict):
        return ""
    text = reference.get("reference", "")
    if not isinstance(text, str):
        return ""
    if text[:1] == "#":
        inner: Mapping[str, Any] = next((one for one in resource.get("contained", ()) if one.get("id") == text[1:]), {})
        return str(inner.get("resourceType", ""))
    return parsed(text).type or str(reference.get("type", ""))
