"""Subscriptions for tests: as members write them, taken up by a real receiver, and what that was told."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import orjson
from fhir.resources.R4B.bundle import Bundle

from hub.fhir.subscriptions import OWN_RECORDS
from hub.runtime import Hub
from hub.services.notifying import numbering, pushing
from hub.storage import members
from tests.hubs import Enrolled
from tests.receiving import SECRET, Receiver

Caller = Callable[..., Awaitable[httpx2.Response]]
EXTENSION = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-"
RECORD = "urn:lianqiao:huiji:record"


def asked(
    url: str,
    *filters: str,
    topic: str = OWN_RECORDS,
    content: str = "id-only",
    status: str = "requested",
    **channel: Any,
) -> dict[str, Any]:
    """A Subscription as a member writes it; `channel` are numbers of its extensions by name."""
    extensions = [
        {
            "url": EXTENSION + name.replace("_", "-"),
            "valuePositiveInt" if name == "max_count" else "valueUnsignedInt": value,
        }
        for name, value in channel.items()
    ]
    made: dict[str, Any] = {
        "resourceType": "Subscription",
        "status": status,
        "reason": "A test",
        "criteria": topic,
        "channel": {
            "type": "rest-hook",
            "endpoint": url,
            "header": ["Authorization: Bearer of-the-receiver"],
            "payload": "application/fhir+json",
            "_payload": {"extension": [{"url": f"{EXTENSION}payload-content", "valueCode": content}]},
        },
    }
    if extensions:
        made["channel"]["extension"] = extensions
    if filters:
        made["_criteria"] = {
            "extension": [{"url": f"{EXTENSION}filter-criteria", "valueString": one} for one in filters]
        }
    return made


async def register(hub: Hub, owner: Enrolled, url: str) -> None:
    """An endpoint of the member, with a secret."""
    async with hub.database.begin() as connection:
        await members.put_endpoint(connection, hub.vault, owner.member.id, "webhook", url, SECRET)


async def subscribed(caller: Caller, hub: Hub, wanted: dict[str, Any]) -> str:
    """The id of a subscription that is active; the receiver has forgotten the handshake."""
    made = await caller("POST", "/fhir/Subscription", json=wanted)
    assert made.status_code == 201, made.text
    await pushing.push(hub)
    found = (await caller("GET", f"/fhir/Subscription/{made.json()['id']}")).json()
    assert found["status"] == "active", found
    id_: str = found["id"]
    return id_


async def tell(hub: Hub) -> None:
    """What a worker does until all is told that is due."""
    while await numbering.number(hub):
        pass
    await pushing.push(hub)


async def new_patient(caller: Caller, number: str = "1", name: str = "王五") -> str:
    """The id of a new Patient of huiji's."""
    body = {"resourceType": "Patient", "identifier": [{"system": RECORD, "value": number}], "name": [{"text": name}]}
    made = await caller("POST", "/fhir/Patient", json=body)
    assert made.status_code == 201, made.text
    id_: str = made.json()["id"]
    return id_


def status_of(body: bytes | dict[str, Any]) -> dict[str, Any]:
    """What the first entry of a notification says, by name; its events as (number, focus)."""
    bundle = orjson.loads(body) if isinstance(body, bytes) else body
    Bundle.model_validate(bundle)
    assert bundle["type"] == "history"
    (first, *_) = bundle["entry"]
    assert first["resource"]["resourceType"] == "Parameters"
    said: dict[str, Any] = {"events": []}
    for one in first["resource"]["parameter"]:
        if one["name"] == "notification-event":
            parts = {part["name"]: next(v for k, v in part.items() if k.startswith("value")) for part in one["part"]}
            said["events"].append((int(parts["event-number"]), parts.get("focus", {}).get("reference")))
        else:
            said[one["name"]] = next(value for name, value in one.items() if name.startswith("value"))
    return said


def told(receiver: Receiver) -> list[dict[str, Any]]:
    """The notifications that came, but handshakes."""
    return [said for _, body in receiver.got if (said := status_of(body))["type"] != "handshake"]
