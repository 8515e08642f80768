"""What subscribers are sent and what they ask for: Bundles that begin with the status of their subscription. Pure.

Subscriptions R5 Backport 1.1 in R4: a notification is a `history`, its first entry Parameters (the profile
backport-subscription-status-r4).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import orjson

from hub.fhir.subscriptions import GUIDE

_STATUS: Final = f"{GUIDE}/StructureDefinition/backport-subscription-status-r4"
_NOTIFICATION: Final = f"{GUIDE}/StructureDefinition/backport-subscription-notification-r4"
_METHODS: Final = {"create": ("POST", "201"), "update": ("PUT", "200"), "delete": ("DELETE", "204")}

Kind = Literal["handshake", "heartbeat", "event-notification", "query-status", "query-event"]
Change = Literal["create", "update", "delete"]


@dataclass(frozen=True, slots=True)
class State:
    """How a subscription stands: `events` is the number of its newest event, `error` why it is in the state error."""

    id: UUID
    topic: str
    status: str
    events: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it may be shown: of what is empty or may not be shown there is neither `focus` nor `resource`.

    `focus` is a Reference; `whole` events are entries of their own, with their `resource` as long as there is one to give.
    """

    number: int
    at: datetime
    focus: dict[str, Any] | None = None
    change: Change = "update"
    version: int = 0
    whole: bool = False
    resource: bytes | None = None


def status(base: str, state: State, kind: Kind, events: Sequence[Event] = ()) -> dict[str, Any]:
    """The status of a subscription at the address `base`, as Parameters."""
    parameters: list[dict[str, Any]] = [
        {"name": "subscription", "valueReference": {"reference": f"{base}/Subscription/{state.id}"}},
        {"name": "topic", "valueCanonical": state.topic},
        {"name": "status", "valueCode": state.status},
        {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": str(state.events)},
        *({"name": "notification-event", "part": _parts(one)} for one in events),
    ]
    if state.error:
        parameters.append({"name": "error", "valueCodeableConcept": {"text": state.error}})
    return {"resourceType": "Parameters", "meta": {"profile": [_STATUS]}, "parameter": parameters}


def _parts(event: Event) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [
        {"name": "event-number", "valueString": str(event.number)},
        {"name": "timestamp", "valueInstant": event.at.isoformat(timespec="milliseconds")},
    ]
    return parts + ([{"name": "focus", "valueReference": event.focus}] if event.focus else [])


def notification(
    base: str, state: State, kind: Kind, *, id_: UUID, at: datetime, events: Sequence[Event] = (), next_: str = ""
) -> bytes:
    """The Bundle `id_`; `next_` is where the events behind these are asked for."""
    first = {
        "fullUrl": f"urn:uuid:{id_}",
        "resource": {"id": str(id_)} | status(base, state, kind, events),
        "request": {"method": "GET", "url": f"{base}/Subscription/{state.id}/$status"},
        "response": {"status": "200"},
    }
    bundle: dict[str, Any] = {
        "resourceType": "Bundle",
        "id": str(id_),
        "meta": {"profile": [_NOTIFICATION]},
        "type": "history",
        "timestamp": at.isoformat(timespec="milliseconds"),
    }
    if next_:
        bundle["link"] = [{"relation": "next", "url": next_}]
    return orjson.dumps(bundle | {"entry": [first, *(_entry(base, one) for one in events if one.whole and one.focus)]})


def _entry(base: str, event: Event) -> dict[str, Any]:
    reference = str(event.focus["reference"]) if event.focus else ""
    method, code = _METHODS[event.change]
    url = reference.removeprefix(f"{base}/")
    response = {
        "status": code,
        "etag": f'W/"{event.version}"',
        "lastModified": event.at.isoformat(timespec="milliseconds"),
    }
    entry: dict[str, Any] = {
        "fullUrl": reference,
        "request": {"method": method, "url": url.partition("/")[0] if method == "POST" else url},
        "response": response,
    }
    return entry | ({"resource": orjson.Fragment(event.resource)} if event.resource is not None else {})
