"""PMIR's feed as a message: which Patients it brings. Pure. IHE PMIR ITI-93.

A Bundle of type `message` holds a MessageHeader and, as its focus, a Bundle of type `history` with the Patients.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from hub.errors import Invalid
from hub.fhir import fed
from hub.fhir.fed import Identifier
from hub.fhir.message_headers import Header, bad, objects

FEED: Final = "urn:ihe:iti:pmir:2019:patient-feed"
RESPONSE: Final = "urn:ihe:iti:pmir:2019:patient-feed-response"
_SEARCH: Final = "Patient?identifier="


class Entry(NamedTuple):
    """One Patient of the feed, its full URL, and the identifier it is put under where its request says so."""

    full_url: str
    patient: dict[str, Any]
    asked: Identifier | None


class Message(NamedTuple):
    """A feed; `timestamp` as written."""

    timestamp: str
    entries: tuple[Entry, ...]


def read(bundle: Mapping[str, Any], header: Header) -> Message:
    """The feed in a message. Raises Invalid `bad-message`, `not-supported`."""
    entry, history = _history(bundle)
    if history.get("type") != "history":
        raise bad("The focus of the message is a Bundle of type history.")
    focus = [str(one.get("reference", "")) for one in objects(header.resource.get("focus"))]
    if not {str(entry.get("fullUrl", "")), f"Bundle/{history.get('id')}"} & set(filter(None, focus)):
        raise bad("The header's focus does not name the history Bundle.")
    stamp = bundle.get("timestamp", "")
    found = tuple(_entry(one) for one in objects(history.get("entry")))
    if not found or not isinstance(stamp, str):
        raise bad("The history Bundle brings at least one Patient.")
    return Message(stamp, found)


def _history(bundle: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The one entry with a Bundle, wherever it stands."""
    found = [
        (entry, resource)
        for entry in objects(bundle.get("entry"))
        if isinstance(resource := entry.get("resource"), dict) and resource.get("resourceType") == "Bundle"
    ]
    if len(found) != 1:
        raise bad("A feed has exactly one Bundle.")
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
