"""PMIR's feed as a message: which Patients it brings, and the message that answers it. Pure. IHE PMIR ITI-93.

A Bundle of type `message` holds a MessageHeader and, as its focus, a Bundle of type `history` with the Patients.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from hub.errors import Invalid
from hub.fhir import fed
from hub.fhir.fed import Identifier

FEED: Final = "urn:ihe:iti:pmir:2019:patient-feed"
RESPONSE: Final = "urn:ihe:iti:pmir:2019:patient-feed-response"
_SEARCH: Final = "Patient?identifier="
_LONGEST_ID: Final = 200


class Entry(NamedTuple):
    """One Patient of the feed, its full URL, and the identifier it is put under where its request says so."""

    full_url: str
    patient: dict[str, Any]
    asked: Identifier | None


class Message(NamedTuple):
    """A feed. `id` is the header's own; `endpoint` where its source is; `timestamp` as written."""

    id: str
    endpoint: str
    timestamp: str
    entries: tuple[Entry, ...]


def read(bundle: Mapping[str, Any]) -> Message:
    """The feed in a message. Raises Invalid `bad-message`, `unsupported-event`, `not-supported`."""
    if bundle.get("resourceType") != "Bundle" or bundle.get("type") != "message":
        raise _bad("A Bundle of type message is needed.")
    header_entry, header = _only(bundle, "MessageHeader")
    if header.get("eventUri") != FEED:
        raise Invalid("unsupported-event", f"The event taken here is {FEED}.")
    entry, history = _only(bundle, "Bundle")
    if history.get("type") != "history":
        raise _bad("The focus of the message is a Bundle of type history.")
    focus = [str(one.get("reference", "")) for one in _objects(header.get("focus"))]
    if not {str(entry.get("fullUrl", "")), f"Bundle/{history.get('id')}"} & set(filter(None, focus)):
        raise _bad("The header's focus does not name the history Bundle.")
    id_ = header.get("id") or str(header_entry.get("fullUrl", "")).removeprefix("urn:uuid:")
    source = header.get("source")
    endpoint = source.get("endpoint") if isinstance(source, dict) else None
    if not (isinstance(id_, str) and 0 < len(id_) <= _LONGEST_ID):
        raise _bad("The MessageHeader has an id: the same when the message is sent again.")
    if not (isinstance(endpoint, str) and 0 < len(endpoint) <= _LONGEST_ID):
        raise _bad("The MessageHeader names the endpoint of its source.")
    stamp = bundle.get("timestamp", "")
    found = tuple(_entry(one) for one in _objects(history.get("entry")))
    if not found or not isinstance(stamp, str):
        raise _bad("The history Bundle brings at least one Patient.")
    return Message(id_, endpoint, stamp, found)


def _bad(text: str) -> Invalid:
    return Invalid("bad-message", f"{text} Nothing was stored.")


def _objects(value: Any) -> list[dict[str, Any]]:
    if value is None:
        return []
    if not (isinstance(value, list) and all(isinstance(one, dict) for one in value)):
        raise _bad("A list of objects is needed.")
    return value


def _only(bundle: Mapping[str, Any], type_: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The one entry of the type `type_` (wherever it stands: IHE's own examples have the header behind)."""
    found = [
        (entry, resource)
        for entry in _objects(bundle.get("entry"))
        if isinstance(resource := entry.get("resource"), dict) and resource.get("resourceType") == type_
    ]
    if len(found) != 1:
        raise _bad(f"A feed has exactly one {type_}.")
    return found[0]


def _entry(entry: Mapping[str, Any]) -> Entry:
    request, patient = entry.get("request"), entry.get("resource")
    if not isinstance(request, dict) or request.get("method") not in ("PUT", "POST"):
        raise Invalid("not-supported", "Patients are fed with PUT or POST; removing one is not supported.")
    if not isinstance(patient, dict) or patient.get("resourceType") != "Patient":
        raise Invalid("not-supported", "Only Patients are fed.")
    url = request.get("url")
    asked = fed.token(url.removeprefix(_SEARCH)) if isinstance(url, str) and url.startswith(_SEARCH) else None
    return Entry(str(entry.get("fullUrl", "")), patient, asked)


def response(
    asked: Message, *, base_url: str, id_: str, at: datetime, issues: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The message that says that the feed was taken; `issues` (of an OperationOutcome) ride along."""
    moment = at.isoformat(timespec="milliseconds")
    told: dict[str, Any] = {"identifier": asked.id, "code": "ok"}
    details = {
        "fullUrl": f"urn:uuid:{id_}#issues",
        "resource": {"resourceType": "OperationOutcome", "issue": list(issues)},
    }
    if issues:
        told["details"] = {"reference": details["fullUrl"]}
    header = {
        "resourceType": "MessageHeader",
        "id": id_,
        "eventUri": RESPONSE,
        "destination": [{"endpoint": asked.endpoint}],
        "source": {"endpoint": f"{base_url}/fhir/$process-message"},
        "response": told,
    }
    entries = [{"fullUrl": f"urn:uuid:{id_}", "resource": header}, *([details] if issues else [])]
    return {"resourceType": "Bundle", "id": id_, "type": "message", "timestamp": moment, "entry": entries}
