"""Searchset bundles, and the parts of `Parameters` by name. Plain values in and out; FHIR R4."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

MATCH_GRADE: Final = "http://hl7.org/fhir/StructureDefinition/match-grade"


def searchset(
    base: str,
    links: Mapping[str, str],
    total: int,
    found: Iterable[tuple[dict[str, Any], dict[str, Any]]],
    at: datetime,
) -> dict[str, Any]:
    """The bundle of (resource, what `search` says beside its mode); `base` is the address of the FHIR interface."""
    entries = [
        {
            "fullUrl": f"{base}/{resource['resourceType']}/{resource['id']}",
            "resource": resource,
            "search": {"mode": "match", **said},
        }
        for resource, said in found
    ]
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "timestamp": at.isoformat(timespec="milliseconds"),
        "total": total,
        "link": [{"relation": relation, "url": url} for relation, url in links.items()],
        **({"entry": entries} if entries else {}),
    }


def graded(grade: str, score: float) -> dict[str, Any]:
    """What an entry of `$match` says of its match."""
    return {"extension": [{"url": MATCH_GRADE, "valueCode": grade}], "score": round(score, 6)}


def part(value: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    """The parameters of that name, in order."""
    return [one for one in value.get("parameter", ()) if one.get("name") == name]
