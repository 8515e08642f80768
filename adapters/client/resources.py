"""FHIR resources as plain dictionaries, and what the hub says of them. Numbers with a fraction are Decimals, both ways.

A dose of 1.50 is not 1.5: what is read, changed and sent back keeps its digits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import orjson

from adapters.client.answers import Answer

JSON: Final = "application/fhir+json"
Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """A version of a resource, as the hub keeps it. `created` is whether this request made it."""

    type: str
    id: str
    version: str
    created: bool
    resource: Resource = field(repr=False)

    @property
    def reference(self) -> str:
        """How other resources name it."""
        return f"{self.type}/{self.id}"


@dataclass(frozen=True, slots=True)
class Found:
    """An entry of a search: `mode` is match or include; `score` from 0 to 1 and `grade` where records are compared."""

    mode: str
    score: float | None
    grade: str
    resource: Resource = field(repr=False)


@dataclass(frozen=True, slots=True)
class Change:
    """An entry of a history: the method that made the version, and the resource where it was not deleted by it."""

    method: str
    url: str
    version: str
    resource: Resource | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Issue:
    """What is said of a resource: `severity` of R4, the hub's stable `code`, a sentence, and the element where one is meant."""

    severity: str
    code: str
    text: str
    path: str


def read(answer: Answer) -> Resource:
    """The resource in an answer. Raises HubError `bad-answer`."""
    found = answer.object(Decimal)
    if not isinstance(found.get("resourceType"), str):
        raise answer.bad("the hub's answer is not a FHIR resource")
    return found


def write(resource: object) -> bytes:
    """As it is sent. Raises TypeError for what is not JSON."""
    return orjson.dumps(resource, default=_decimal)


def kept(answer: Answer) -> Kept:
    """The version that an answer shows. Raises HubError `bad-answer`."""
    resource = read(answer)
    meta = resource.get("meta")
    version = str(meta.get("versionId", "")) if isinstance(meta, dict) else ""
    tag = answer.headers.get("etag", "").removeprefix("W/").strip('"')
    return Kept(
        str(resource["resourceType"]), str(resource.get("id", "")), version or tag, answer.status == 201, resource
    )


def entries(bundle: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The entries of a Bundle."""
    listed = bundle.get("entry")
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def following(bundle: Mapping[str, Any]) -> str:
    """The address of the next page; '' behind the last one."""
    listed = bundle.get("link")
    links = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return next((str(one.get("url", "")) for one in links if one.get("relation") == "next"), "")


def _decimal(value: object) -> orjson.Fragment:
    if not isinstance(value, Decimal) or not value.is_finite():
        raise TypeError("not JSON")
    return orjson.Fragment(str(value))
