"""Which resources of this server a resource refers to: for chains, `_has`, `_include` and `_revinclude`. Pure."""

from collections.abc import Mapping
from typing import Any

from hub.fhir.search.parameters import Parameter, parameters
from hub.fhir.search.query import Include
from hub.fhir.search.references import Ref
from hub.fhir.search.values import values_of


def references(resource: Mapping[str, Any], parameter: Parameter | None = None, base: str = "") -> frozenset[str]:
    """What it refers to by a parameter, or by any of its type, as Type/id; `base` is the address of this server."""
    every = parameters(resource["resourceType"]).values()
    chosen = (parameter,) if parameter is not None else tuple(one for one in every if one.kind == "reference")
    return frozenset(
        f"{found.type}/{found.id}"
        for one in chosen
        for found in values_of(one, resource)
        if isinstance(found, Ref) and found.id and found.base in ("", base)
    )


def included(include: Include, resource: Mapping[str, Any], base: str = "") -> frozenset[str]:
    """What `_include` adds for one resource, as Type/id; nothing for a resource of another type than its source."""
    if resource["resourceType"] != include.source:
        return frozenset()
    found = references(resource, include.parameter, base)
    return frozenset(one for one in found if include.target in ("", one.partition("/")[0]))
