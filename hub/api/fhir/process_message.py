"""POST /fhir/$process-message: a member feeds several of its records in one message (IHE PMIR ITI-93).

A message is taken whole or not at all. Sent again, with the same MessageHeader.id and the same bytes, it is answered
from what was stored. https://profiles.ihe.net/ITI/PMIR/ITI-93.html
"""

from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from starlette.responses import Response

from hub.api.fhir.feed_patient import issues_of, receipt_of
from hub.api.fhir.interactions import Call, Interaction, answer, by_member
from hub.fhir import fed, messages
from hub.fhir.capability import Ability
from hub.fhir.fed import Identifier
from hub.fhir.messages import Message
from hub.services import feeding
from hub.services.feeding import Entry, Feed
from mappings.vocabulary import record_system


async def process(call: Call) -> Response:
    """200 with the response message."""
    message = messages.read((await call.document()).exact())
    given = Feed(
        message_id=_message_id(call, message),
        body=await call.request.body(),
        entries=[Entry(entry.patient, entry.asked) for entry in message.entries],
        said_at=fed.moment(message.timestamp, call.hub.now()),
        others=_named(call, message),
    )
    found = await feeding.feed(call.hub, call.member, given)
    told = messages.response(
        message,
        base_url=call.hub.settings.base_url,
        id_=str(found.submission_id),
        at=found.received_at,
        issues=issues_of(found),
    )
    return answer(told, headers=receipt_of(found))


def _message_id(call: Call, message: Message) -> UUID:
    """The id that is the same over all retries: the header's own, or one that follows from it."""
    try:
        return UUID(message.id)
    except ValueError:
        return uuid5(NAMESPACE_URL, f"urn:lianqiao:message:{call.member.name}:{message.id}")


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


INTERACTIONS: Final = (
    Interaction(
        "POST",
        "/$process-message",
        process,
        Ability(
            "",
            operation=("process-message", "http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message"),
            said=f"The event {messages.FEED} (ITI-93).",
            follows=("https://profiles.ihe.net/ITI/PMIR/CapabilityStatement/IHE.PMIR.Registry",),
        ),
        by_member,
    ),
)
