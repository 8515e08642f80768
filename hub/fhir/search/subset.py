"""Parts of a resource, for `_summary` and `_elements`; what is left is tagged SUBSETTED. Pure; FHIR R4, search.

Required elements stay in every part, also in summaries, which R4 would let go without: clients refuse a resource that
lacks them.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from hub.fhir.patients import SUBSETTED
from hub.fhir.search.elements import Element, elements
from hub.fhir.search.query import Summary

ALWAYS: Final = frozenset(("resourceType", "id", "meta", "implicitRules", "modifierExtension"))
"""Without these it would not be known what it is, or be misread."""


def subset(resource: Mapping[str, Any], summary: Summary, names: Collection[str] = ()) -> dict[str, Any]:
    """What is shown of a resource: by `summary`, or the elements of these names and those that are required.

    With neither it is all there, and not tagged; with `count` no resource should be shown at all.
    """
    type_ = resource["resourceType"]
    match summary:
        case "true":
            kept = _in_summary(type_, resource)
        case "text":
            kept = _chosen(type_, resource, ("text",))
        case "data":
            kept = {key: value for key, value in resource.items() if key != "text"}
        case _ if not names:
            return dict(resource)
        case _:
            kept = _chosen(type_, resource, names)
    return _tagged(kept)


def _chosen(type_: str, resource: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    chosen = {
        element.key
        for name, choices in elements(type_).items()
        for element in choices
        if name in names or element.required
    }
    return {key: value for key, value in resource.items() if key.removeprefix("_") in chosen or key in ALWAYS}


def _in_summary(type_: str, node: Mapping[str, Any]) -> dict[str, Any]:
    known = {element.key: element for choices in elements(type_).values() for element in choices}
    kept = {}
    for key, value in node.items():
        element = known.get(key.removeprefix("_"))
        if key in ALWAYS:
            kept[key] = value
        elif element is not None and (element.in_summary or element.required):
            left = _summarised(element, value)
            if left or element.required or left is value:  # FHIR knows no empty objects and lists
                kept[key] = left or value
    return kept


def _summarised(element: Element, value: Any) -> Any:
    """Of a part of a resource what its own summary is; data types are kept whole."""
    if "." not in element.type:
        return value
    if isinstance(value, list):
        return [left for one in value if (left := _in_summary(element.type, one))]
    return _in_summary(element.type, value)


def _tagged(resource: dict[str, Any]) -> dict[str, Any]:
    meta = resource.get("meta", {})
    tags = meta.get("tag", [])
    if any(tag.get("code") == SUBSETTED["code"] and tag.get("system") == SUBSETTED["system"] for tag in tags):
        return resource
    found = {"resourceType": resource["resourceType"], **({"id": resource["id"]} if "id" in resource else {})}
    return {
        **found,
        "meta": {**meta, "tag": [*tags, dict(SUBSETTED)]},
        **{k: v for k, v in resource.items() if k != "meta"},
    }
