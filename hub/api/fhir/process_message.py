"""POST /fhir/$process-message: a message is taken by the event that its header names, and answered with a message.

https://hl7.org/fhir/R4/messageheader-operation-process-message.html, at once and never later (`async`). A message is taken whole or
not at all. Sent again, with the same MessageHeader.id and the same bytes, it is answered from what was stored.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from starlette.responses import Response

from hub import last_resort
from hub.api.context import opened
from hub.api.fhir.feed_patient import issues_of, receipt_of
from hub.api.fhir.interactions import Call, Interaction, answer, by_member
from hub.api.scopes import needed_by
from hub.domain.scopes import EVERYTHING
from hub.errors import HubError, Invalid, Unavailable
from hub.fhir import fed, message_headers, messages, record_messages
from hub.fhir.capability import Ability
from hub.fhir.fed import Identifier
from hub.fhir.message_headers import Header
from hub.fhir.messages import Message
from hub.fhir.outcome import outcome
from hub.services import feeding
from hub.services.exchange import bundles, conditions
from hub.services.feeding import Entry, Feed
from hub.services.intake import refusals_noted
from hub.storage.ids import new_id
from mappings.vocabulary import record_system

Handler = Callable[[Call, Mapping[str, Any], Header], Awaitable[Response]]
_ASYNC: Final = "async"


async def process(call: Call) -> Response:
    """200 with the response message. Raises Invalid, naming the events that are known where this is none of them."""
    _at_once(call)
    document = await call.document()
    header = message_headers.read(document.value)
    if (handler := EVENTS.get(header.event)) is None:
        raise Invalid("unsupported-event", f"The events taken here are {', '.join(EVENTS)}. Nothing was stored.")
    return await handler(call, document.exact(), header)


def _at_once(call: Call) -> None:
    """Raises Invalid `not-supported` for what is to be answered later, or elsewhere."""
    for name, value in call.query:
        if name != _ASYNC or value not in ("true", "false"):
            raise Invalid(
                "unknown-parameter", f"The parameter is {_ASYNC}, which is true or false. Nothing was stored."
            )
        if value == "true":
            raise Invalid("not-supported", "Messages are answered at once, never later. Nothing was stored.")


async def feed(call: Call, bundle: Mapping[str, Any], header: Header) -> Response:
    """Several of the member's Patients (IHE PMIR ITI-93). https://profiles.ihe.net/ITI/PMIR/ITI-93.html"""
    message = messages.read(bundle, header)
    given = Feed(
        message_id=_message_id(call, header),
        body=await call.request.body(),
        entries=[Entry(entry.patient, entry.asked) for entry in message.entries],
        said_at=fed.moment(message.timestamp, call.hub.now()),
        others=_named(call, message),
    )
    found = await feeding.feed(call.hub, call.member, given)
    told = message_headers.response(
        header,
        messages.RESPONSE,
        "ok",
        base_url=call.hub.settings.base_url,
        id_=str(found.submission_id),
        at=found.received_at,
        issues=issues_of(found),
    )
    return answer(told, headers=receipt_of(found))


async def records(call: Call, bundle: Mapping[str, Any], header: Header) -> Response:
    """A person and what is about her, as one transaction; what is refused is answered with a message that says why."""
    message_id = _message_id(call, header)
    try:
        async with refusals_noted(call.hub, call.member, message_id):
            asked = record_messages.read(bundle, header, record_system(call.member.name))
            conditions.check_all(asked, together=True)
    except HubError as error:
        return _refusal(call, header, error)
    if EVERYTHING not in call.access.rights:
        needed = [right for one in asked for right in needed_by(one, call.search, together=True)]
        await opened(call.hub, call.access, *needed)
    try:
        done = await bundles.transaction(
            call.hub, call.member, call.purpose, message_id, await call.request.body(), asked
        )
    except HubError as error:
        return _refusal(call, header, error)
    told = message_headers.response(
        header,
        record_messages.RESPONSE,
        "ok",
        base_url=call.hub.settings.base_url,
        id_=done.submission_id,
        at=done.received_at,
        issues=[fed.told("taken", f"{len(done.answers)} records were taken.")],
        focus=[one.location for one in done.answers],
    )
    return answer(told, headers={"Submission-Id": done.submission_id, "Receipt": done.receipt})


def _refusal(call: Call, header: Header, error: HubError) -> Response:
    """The message that says that nothing was taken: whether sending it again helps, and why."""
    trace = last_resort.trace_id(call.request.scope)
    again = isinstance(error, Unavailable) or error.retry == "NORMAL"
    told = message_headers.response(
        header,
        record_messages.RESPONSE,
        "transient-error" if again else "fatal-error",
        base_url=call.hub.settings.base_url,
        id_=str(new_id()),
        at=call.hub.now(),
        issues=outcome(error.status, error.code, error.detail, error.retry, trace)["issue"],
    )
    headers = {"Trace-Id": trace} | ({"Retry-After": str(error.retry_after)} if error.retry_after is not None else {})
    return answer(told, error.status, headers)


def _message_id(call: Call, header: Header) -> UUID:
    """The id that is the same over all retries: the header's own, or one that follows from it."""
    try:
        return UUID(header.id)
    except ValueError:
        return uuid5(NAMESPACE_URL, f"urn:lianqiao:message:{call.member.name}:{header.id}")


def _named(call: Call, message: Message) -> dict[str, Identifier]:
    """Full URL → the record's own identifier, for links within the message."""
    system = record_system(call.member.name)
    return {
        entry.full_url: one
        for entry in message.entries
        if entry.full_url
        for one in fed.identifiers(entry.patient)
        if one.system == system
    }


EVENTS: Final[Mapping[str, Handler]] = {messages.FEED: feed, record_messages.EVENT: records}
"""What a message may be about."""
INTERACTIONS: Final = (
    Interaction(
        "POST",
        "/$process-message",
        process,
        Ability(
            "",
            operation=("process-message", "http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message"),
            said=f"The events {', '.join(EVENTS)}; answered at once.",
            follows=("https://profiles.ihe.net/ITI/PMIR/CapabilityStatement/IHE.PMIR.Registry",),
        ),
        by_member,
    ),
)
