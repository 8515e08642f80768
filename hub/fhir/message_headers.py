"""Messages of whatever event: what their headers say, and the messages that answer them. Pure. FHIR R4, messaging.

https://hl7.org/fhir/R4/messaging.html: a Bundle of type `message` with one MessageHeader, whose id is the same when the message is
sent again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from hub.errors import Invalid

Code = Literal["ok", "transient-error", "fatal-error"]
_LONGEST: Final = 200


class Header(NamedTuple):
    """A message's header. `event` is its URI, or system|code; `place` the entry it stands in; `endpoint` where its source is."""

    id: str
    event: str
    endpoint: str
    place: int
    resource: Mapping[str, Any]


def read(bundle: Mapping[str, Any]) -> Header:
    """The header of a message. Raises Invalid `bad-message`, `not-supported`."""
    if bundle.get("resourceType") != "Bundle" or bundle.get("type") != "message":
        raise bad("A Bundle of type message is needed.")
    found = [
        (place, entry, resource)
        for place, entry in enumerate(objects(bundle.get("entry")))
        if isinstance(resource := entry.get("resource"), dict) and resource.get("resourceType") == "MessageHeader"
    ]
    if len(found) != 1:
        raise bad("A message has exactly one MessageHeader.")
    ((place, entry, header),) = found
    if "response" in header:
        raise Invalid("not-supported", "This is an answer, and the hub has asked nothing. Nothing was stored.")
    id_ = header.get("id") or str(entry.get("fullUrl", "")).removeprefix("urn:uuid:")
    source = header.get("source")
    endpoint = source.get("endpoint") if isinstance(source, dict) else None
    if not (isinstance(id_, str) and 0 < len(id_) <= _LONGEST):
        raise bad("The MessageHeader has an id: the same when the message is sent again.")
    if not (isinstance(endpoint, str) and 0 < len(endpoint) <= _LONGEST):
        raise bad("The MessageHeader names the endpoint of its source.")
    return Header(id_, _event(header), endpoint, place, header)


def _event(header: Mapping[str, Any]) -> str:
    match header:
        case {"eventUri": str(uri)}:
            return uri
        case {"eventCoding": {"system": str(system), "code": str(code)}}:
            return f"{system}|{code}"
    raise bad("The MessageHeader says which event it is about.")


def bad(text: str) -> Invalid:
    """The refusal of what is no message as it should be."""
    return Invalid("bad-message", f"{text} Nothing was stored.")


def objects(value: Any) -> list[dict[str, Any]]:
    """A list of objects, empty where there is none. Raises Invalid `bad-message`."""
    if value is None:
        return []
    if not (isinstance(value, list) and all(isinstance(one, dict) for one in value)):
        raise bad("A list of objects is needed.")
    return value


def response(
    asked: Header,
    event: str,
    code: Code,
    *,
    base_url: str,
    id_: str,
    at: datetime,
    issues: Sequence[Mapping[str, Any]] = (),
    focus: Sequence[str] = (),
) -> dict[str, Any]:
    """The message that answers; `issues` (of an OperationOutcome) ride along, `focus` are references to what was made."""
    told: dict[str, Any] = {"identifier": asked.id, "code": code}
    details = {
        "fullUrl": f"urn:uuid:{id_}#issues",
        "resource": {"resourceType": "OperationOutcome", "issue": list(issues)},
    }
    if issues:
        told["details"] = {"reference": details["fullUrl"]}
    header = {
        "resourceType": "MessageHeader",
        "id": id_,
        "eventUri": event,
        "destination": [{"endpoint": asked.endpoint}],
        "source": {"endpoint": f"{base_url}/fhir/$process-message"},
        "response": told,
    }
    if focus:
        header["focus"] = [{"reference": one} for one in focus]
    entries = [{"fullUrl": f"urn:uuid:{id_}", "resource": header}, *([details] if issues else [])]
    moment = at.isoformat(timespec="milliseconds")
    return {"resourceType": "Bundle", "id": id_, "type": "message", "timestamp": moment, "entry": entries}
