"""Feeding records over HTTP in tests: a member's client, and messages as its system would send them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from hub.api import fhir
from hub.runtime import Hub
from hub.services import accounts, steward_tokens, tokens
from mappings.vocabulary import record_system
from tests.hubs import Enrolled, serve

FEED = "urn:ihe:iti:pmir:2019:patient-feed"


@asynccontextmanager
async def feeder(hub: Hub, member: Enrolled) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of /fhir in the name of `member`."""
    async with serve(hub, fhir.router) as client:
        client.headers["Authorization"] = f"Bearer {await tokens.issue_token(hub, member.member)}"
        yield client


async def put(
    client: httpx2.AsyncClient, patient: Mapping[str, Any], *, under: str = "", **headers: str
) -> httpx2.Response:
    """ITI-104: the Patient put under its own first identifier, or under `under` (system|value)."""
    first = patient["identifier"][0]
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    params = {"identifier": under or f"{first['system']}|{first['value']}"}
    return await client.put("/fhir/Patient", params=params, json=patient, headers=named)


def resolved(patient: Mapping[str, Any], survivor: str) -> dict[str, Any]:
    """The same record, resolved as a duplicate of the record `survivor` of the same source."""
    other = {"identifier": {"system": patient["identifier"][0]["system"], "value": survivor}}
    return {**patient, "active": False, "link": [{"other": other, "type": "replaced-by"}]}


def ours(source: str, example: Mapping[str, Any], system: str) -> dict[str, Any]:
    """A published example with its identifier domain `system` replaced by the one of `source`; all else as published."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: walk(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [walk(inner) for inner in value]
        return record_system(source) if value == system else value

    made: dict[str, Any] = walk(example)
    return made


def message(patients: Sequence[Mapping[str, Any]], *, id_: str = "1", **more: Any) -> dict[str, Any]:
    """ITI-93: the Patients as one feed, each with PUT."""
    history = {
        "resourceType": "Bundle",
        "id": "abc",
        "type": "history",
        "entry": [
            {
                "fullUrl": f"http://example.com/fhir/Patient/{at}",
                "resource": patient,
                "request": {"method": "PUT", "url": f"Patient/{at}"},
                "response": {"status": "200"},
            }
            for at, patient in enumerate(patients)
        ],
    }
    header = {
        "resourceType": "MessageHeader",
        "id": id_,
        "eventUri": FEED,
        "destination": [{"endpoint": "http://example.com/patientEndpoint"}],
        "source": {"endpoint": "http://example.com/patientSource"},
        "focus": [{"reference": "Bundle/abc"}],
    }
    entries = [
        {"fullUrl": "http://example.com/fhir/MessageHeader/1", "resource": header},
        {"fullUrl": "http://example.com/fhir/Bundle/abc", "resource": history},
    ]
    return {"resourceType": "Bundle", "type": "message", "entry": entries, **more}


@asynccontextmanager
async def steward(
    hub: Hub, name: str, region: str | None = None, roles: Sequence[str] = ("steward",)
) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of /fhir in the name of a person, whose account is made."""
    await accounts.create_user(hub, name=name, display=name.capitalize(), roles=roles, member=region)
    async with serve(hub, fhir.router) as client:
        client.headers["Authorization"] = f"Bearer {await steward_tokens.issue(hub, name)}"
        yield client


def parameters(**given: Any) -> dict[str, Any]:
    """A Parameters resource: texts, booleans, numbers, identifiers, references (`Patient/…`) and resources."""
    return {
        "resourceType": "Parameters",
        "parameter": [{"name": _name(name), **_value(name, value)} for name, value in given.items()],
    }


def _name(name: str) -> str:
    return name if name.startswith("_") else name.replace("_", "-")


def _value(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"valueBoolean": value}
    if isinstance(value, int):
        return {"valueInteger": value}
    if isinstance(value, dict):
        return {"resource": value} if "resourceType" in value else {"valueIdentifier": value}
    return {"valueReference": {"reference": value}} if name.endswith("_patient") else {"valueString": value}


def outs(found: httpx2.Response, name: str) -> list[Any]:
    """The values of an operation's out-parameters of that name."""
    return [
        next(value for key, value in item.items() if key != "name")
        for item in found.json().get("parameter", ())
        if item["name"] == name
    ]
