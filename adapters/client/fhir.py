"""FHIR R4 at the hub: one method for each interaction (https://hl7.org/fhir/R4/http.html), on plain dictionaries.

What is safe to send twice is sent again by the connection's patience; a create or a patch whose answer was lost is told
(HubUnreachable, `sent`), since only the caller can find out what became of it. Look-ups of others' people need `for_purpose`.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from adapters.client import paging, resources
from adapters.client.connection import Connection, Pairs, pairs_of
from adapters.client.problems import said_of
from adapters.client.resources import JSON, Change, Found, Issue, Kept, Resource

_PATCH: Final = "application/json-patch+json"
MOST: Final = 10_000
"""Entries that an iterator gives where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Fhir:
    """The interactions of one member, for one purpose of use where `purpose` is given. All raise HubError."""

    connection: Connection
    purpose: str = ""

    def for_purpose(self, purpose: str) -> "Fhir":
        """The same, stating what look-ups are for (`continuity-of-care`, …)."""
        return replace(self, purpose=purpose)

    async def create(self, resource: Resource, *, if_none_exist: str = "") -> Kept:
        """POST. With a condition (`identifier=system|value`) what is there already is given back, and sending again is safe."""
        headers = self._headers(**{"If-None-Exist": if_none_exist})
        answer = await self.connection.call(
            "POST",
            _of(resource),
            headers=headers,
            content=resources.write(resource),
            repeatable=bool(if_none_exist),
        )
        return resources.kept(answer)

    async def read(self, type_: str, id_: str) -> Kept:
        """The newest version. Raises NotFound, also for what was deleted (`status` 410)."""
        return resources.kept(await self.connection.call("GET", _at(type_, id_), headers=self._headers()))

    async def vread(self, type_: str, id_: str, version: str) -> Kept:
        """One version."""
        path = f"{_at(type_, id_)}/_history/{paging.segment(version)}"
        return resources.kept(await self.connection.call("GET", path, headers=self._headers()))

    async def update(self, resource: Resource, *, version: str = "") -> Kept:
        """PUT under the id in it. With `version` only if that is the newest one still; raises Conflict (412) otherwise."""
        answer = await self.connection.call(
            "PUT",
            _at(resource["resourceType"], resource["id"]),
            headers=self._headers(**_if_match(version)),
            content=resources.write(resource),
            repeatable=not version,
        )
        return resources.kept(answer)

    async def update_where(self, resource: Resource, condition: Pairs) -> Kept:
        """PUT of the one resource that the condition means, or a new one; under one identifier of one's own, a feed (ITI-104).

        Of a feed that is older than what is known an OperationOutcome comes back, which says so.
        """
        answer = await self.connection.call(
            "PUT",
            _of(resource),
            params=condition,
            headers=self._headers(),
            content=resources.write(resource),
            repeatable=True,
        )
        return resources.kept(answer)

    async def patch(
        self, type_: str, id_: str, patch: Sequence[Mapping[str, Any]] | Resource, *, version: str = ""
    ) -> Kept:
        """PATCH by the operations of a JSON Patch, or by Parameters as a FHIRPath Patch."""
        media_type = JSON if isinstance(patch, dict) else _PATCH
        headers = self._headers(**{"Content-Type": media_type}, **_if_match(version))
        answer = await self.connection.call("PATCH", _at(type_, id_), headers=headers, content=resources.write(patch))
        return resources.kept(answer)

    async def delete(self, type_: str, id_: str, *, version: str = "") -> None:
        """DELETE; well, too, where it is gone already. Its history stays."""
        headers = self._headers(**_if_match(version))
        await self.connection.call("DELETE", _at(type_, id_), headers=headers, repeatable=not version)

    async def delete_where(self, type_: str, condition: Pairs) -> None:
        """DELETE of the one resource that the condition means, if there is one."""
        path = f"/fhir/{paging.segment(type_)}"
        await self.connection.call("DELETE", path, params=condition, headers=self._headers(), repeatable=True)

    async def search(self, type_: str, params: Pairs = (), *, most: int = MOST) -> AsyncIterator[Found]:
        """What is found and what comes along, page after page, `most` entries at most. Asked as a form: no address names people."""
        path = f"/fhir/{paging.segment(type_)}/_search"
        async for entry in paging.entries(self.connection, path, params, self._headers(), most=most, form=True):
            yield paging.found(entry)

    async def count(self, type_: str, params: Pairs = ()) -> int:
        """How many there are."""
        pairs = [*pairs_of(params), ("_summary", "count")]
        path = f"/fhir/{paging.segment(type_)}/_search"
        answer = await self.connection.call("POST", path, form=pairs, headers=self._form_headers(), repeatable=True)
        return int(resources.read(answer)["total"])

    async def history(
        self, type_: str = "", id_: str = "", params: Pairs = (), *, most: int = MOST
    ) -> AsyncIterator[Change]:
        """The newest version first: of one resource, of a type, or of all one has."""
        parts = [paging.segment(part) for part in (type_, id_) if part]
        path = "/".join(["/fhir", *parts, "_history"])
        async for entry in paging.entries(self.connection, path, params, self._headers(), most=most):
            yield paging.change(entry)

    async def everything(self, patient: str, params: Pairs = (), *, most: int = MOST) -> AsyncIterator[Found]:
        """A Patient of one's own, and all that is about it."""
        path = f"{_at('Patient', patient)}/$everything"
        async for entry in paging.entries(self.connection, path, params, self._headers(), most=most):
            yield paging.found(entry)

    async def batch(self, entries: Sequence[Mapping[str, Any]]) -> Resource:
        """Each entry for itself; what is refused says so in its own `response`."""
        return (await self.bundle("batch", entries))[0]

    async def bundle(
        self, type_: str, entries: Sequence[Mapping[str, Any]], message_id: str = ""
    ) -> tuple[Resource, bytes, Mapping[str, str]]:
        """The answer to a Bundle, the bytes that were sent, and the answer's headers; see `Hub.transaction` for receipts."""
        content = resources.write({"resourceType": "Bundle", "type": type_, "entry": list(entries)})
        headers = self._headers(**{"Message-Id": message_id})
        only_reads = all((entry.get("request") or {}).get("method") == "GET" for entry in entries)
        answer = await self.connection.call(
            "POST", "/fhir", headers=headers, content=content, repeatable=bool(message_id) or only_reads
        )
        return resources.read(answer), content, answer.headers

    async def match(self, patient: Resource, *, only_certain: bool = False, count: int = 20) -> list[Found]:
        """$match (ITI-119): who this could be, the likeliest first. Three identifying elements at least."""
        asked = _parameters(
            {"name": "resource", "resource": patient},
            {"name": "onlyCertainMatches", "valueBoolean": only_certain},
            {"name": "count", "valueInteger": count},
        )
        answer = await self._operation("/fhir/Patient/$match", asked)
        return [paging.found(entry) for entry in resources.entries(answer)]

    async def identifiers(self, source: str, targets: Sequence[str] = ()) -> tuple[list[dict[str, Any]], list[str]]:
        """$ihe-pix (ITI-83) of `system|value`: the identifiers of the same person elsewhere, and the ids of Patients here."""
        params = [("sourceIdentifier", source), *(("targetSystem", one) for one in targets)]
        answer = await self.connection.call("GET", "/fhir/Patient/$ihe-pix", params=params, headers=self._headers())
        listed = resources.read(answer).get("parameter", [])
        return (
            [one["valueIdentifier"] for one in listed if one.get("name") == "targetIdentifier"],
            [one["valueReference"]["reference"] for one in listed if one.get("name") == "targetId"],
        )

    async def validate(self, resource: Resource, *, mode: str = "", id_: str = "") -> list[Issue]:
        """$validate: every fault; none where it would be taken. `mode` create, or with an id update."""
        where = _at(resource["resourceType"], id_) if id_ else _of(resource)
        asked: list[dict[str, Any]] = [{"name": "resource", "resource": resource}]
        asked += [{"name": "mode", "valueCode": mode}] if mode else []
        outcome = await self._operation(f"{where}/$validate", _parameters(*asked))
        listed = [issue for issue in outcome.get("issue", []) if issue.get("severity") != "information"]
        return [_issue(issue) for issue in listed]

    async def _operation(self, path: str, body: Resource) -> Resource:
        """An operation that changes nothing."""
        answer = await self.connection.call(
            "POST", path, headers=self._headers(), content=resources.write(body), repeatable=True
        )
        return resources.read(answer)

    def _headers(self, **more: str) -> dict[str, str]:
        stated = {"Content-Type": JSON, "Accept": JSON, "Purpose-Of-Use": self.purpose} | more
        return {name: value for name, value in stated.items() if value}

    def _form_headers(self) -> dict[str, str]:
        return {name: value for name, value in self._headers().items() if name != "Content-Type"}


def _at(type_: str, id_: str) -> str:
    return f"/fhir/{paging.segment(type_)}/{paging.segment(id_)}"


def _of(resource: Resource) -> str:
    return f"/fhir/{paging.segment(str(resource['resourceType']))}"


def _if_match(version: str) -> dict[str, str]:
    return {"If-Match": f'W/"{version}"'} if version else {}


def _parameters(*given: dict[str, Any]) -> Resource:
    return {"resourceType": "Parameters", "parameter": list(given)}


def _issue(issue: Mapping[str, Any]) -> Issue:
    said = said_of({"issue": [issue]})
    return Issue(str(issue.get("severity", "")), said.code, said.text, said.path)
