"""What subscribers ask beside the resource itself: $status and $events of their Subscriptions.

http://hl7.org/fhir/uv/subscriptions-backport/STU1.1, the R4 part. A Subscription is created, changed and deleted like any other
resource (`resources`); which topics there are is said in the capability statement.
"""

from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from starlette.responses import Response

from hub.api.fhir.interactions import PREFIX, Call, Interaction, answer, by_member
from hub.errors import Invalid
from hub.fhir import notifications, parameters
from hub.fhir.capability import JSON, Ability
from hub.fhir.notifications import State
from hub.fhir.parameters import Parameters
from hub.fhir.subscriptions import CONTENTS, GUIDE, PROFILE, TOPICS, TYPE, Content
from hub.services.exchange import stated
from hub.services.notifying import asking
from hub.storage.ids import new_id

_TOPIC: Final = f"{GUIDE}/StructureDefinition/capabilitystatement-subscriptiontopic-canonical"
_OF_STATUS: Final = ("id", "status")
_OF_EVENTS: Final = ("eventsSinceNumber", "eventsUntilNumber", "content")
_STATES: Final = frozenset({"requested", "active", "error", "off"})
_HIGHEST: Final = 2**53


async def status(call: Call) -> Response:
    """GET or POST /fhir/Subscription/{id}/$status."""
    id_ = stated.uuid(call.request.path_params["id"])
    return answer(_statuses(call, [await asking.status(call.hub, call.member, call.purpose, id_)]))


async def statuses(call: Call) -> Response:
    """GET or POST /fhir/Subscription/$status: of all, or of those with an `id` and a `status` that are asked for."""
    asked = await _asked(call, _OF_STATUS)
    named, states = asked.texts("id"), asked.texts("status")
    if not _STATES.issuperset(states):
        raise Invalid("bad-request", f"status is {', '.join(sorted(_STATES))}.")
    ids = [id_ for text in named if (id_ := _uuid(text)) is not None]
    found = await asking.statuses(
        call.hub, call.member, call.purpose, ids=ids if named else None, states=states or None
    )
    return answer(_statuses(call, found))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:  # an id that the hub never gave: nothing has it
        return None


async def events(call: Call) -> Response:
    """GET or POST /fhir/Subscription/{id}/$events: events by their numbers, in pages."""
    id_ = stated.uuid(call.request.path_params["id"])
    asked = await _asked(call, _OF_EVENTS)
    until = asked.number("eventsUntilNumber", 0, _HIGHEST) if asked.given("eventsUntilNumber") else None
    content = _content(asked.text("content"))
    page = await asking.events(
        call.hub,
        call.member,
        call.purpose,
        call.access.rights,
        id_,
        first=asked.number("eventsSinceNumber", 1, _HIGHEST),
        last=until,
        content=content,
    )
    base, next_ = call.hub.settings.base_url + PREFIX, ""
    if page.after is not None:
        again = {"eventsSinceNumber": page.after, "eventsUntilNumber": until, "content": content}
        said = {name: value for name, value in again.items() if value is not None}
        next_ = f"{base}/{TYPE}/{id_}/$events?{urlencode(said)}"
    found = notifications.notification(
        base, page.state, "query-event", id_=new_id(), at=call.hub.now(), events=page.events, next_=next_
    )
    return Response(found, 200, {"Cache-Control": "no-store"}, JSON)


def _content(text: str | None) -> Content | None:
    for one in CONTENTS:
        if text == one:
            return one
    if text is not None:
        raise Invalid("bad-request", f"content is {', '.join(CONTENTS)}.")
    return None


async def _asked(call: Call, names: tuple[str, ...]) -> Parameters:
    if call.request.method == "POST" and await call.request.body():
        return parameters.of_resource(await call.resource(), names)
    return parameters.of_query(call.query, names)


def _statuses(call: Call, found: list[State]) -> dict[str, Any]:
    base = call.hub.settings.base_url + PREFIX
    entries = [
        {
            "fullUrl": f"urn:uuid:{new_id()}",
            "resource": notifications.status(base, one, "query-status"),
            "search": {"mode": "match"},
        }
        for one in found
    ]
    bundle = {"resourceType": "Bundle", "type": "searchset", "timestamp": call.hub.now(), "total": len(entries)}
    return bundle | ({"entry": entries} if entries else {})


_STATUS: Final = Ability(
    TYPE,
    operation=("status", f"{GUIDE}/OperationDefinition/backport-subscription-status"),
    marks={
        "supportedProfile": [PROFILE],
        "extension": [{"url": _TOPIC, "valueCanonical": topic} for topic in TOPICS],
    },
    follows=(f"{GUIDE}/CapabilityStatement/backport-subscription-server-r4",),
)
_EVENTS: Final = Ability(
    TYPE,
    operation=("events", f"{GUIDE}/OperationDefinition/backport-subscription-events"),
    said=f"{asking.MOST} events a page; a link next leads on.",
)
INTERACTIONS: Final = tuple(
    Interaction(method, path, handler, ability, by_member)
    for path, handler, ability in (
        (f"/{TYPE}/$status", statuses, _STATUS),
        (f"/{TYPE}/{{id}}/$status", status, _STATUS),
        (f"/{TYPE}/{{id}}/$events", events, _EVENTS),
    )
    for method in ("GET", "POST")
)
