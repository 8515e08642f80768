"""A message that brings records: the resources behind its header, as the requests of a transaction. Pure.

The hub's own event, for whoever exchanges messages: a person and what is about her, of whatever types are kept one by one. A
resource with the sender's own number is the record of that number; any other is a new one.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from hub.errors import TooLarge
from hub.fhir import exact, fed, requests
from hub.fhir.message_headers import Header, bad, objects
from hub.fhir.requests import Request

EVENT: Final = "urn:lianqiao:event:records"
RESPONSE: Final = f"{EVENT}-response"
_ESCAPED: Final = str.maketrans({mark: f"\\{mark}" for mark in "\\,|$"})


def read(bundle: Mapping[str, Any], header: Header, system: str) -> list[Request]:
    """What the entries of a message (as `exact.read` has it) ask for; `system` is the sender's own domain.

    Raises Invalid `bad-message`, TooLarge.
    """
    entries = objects(bundle.get("entry"))
    if header.place:
        raise bad("The MessageHeader is the first entry.")
    if len(entries) - 1 > requests.MOST:
        raise TooLarge(
            f"A message has at most {requests.MOST} records; send the rest in another one. Nothing was stored."
        )
    found = [_request(at, entry, system) for at, entry in enumerate(entries) if at]
    if not found:
        raise bad("There are no records behind the MessageHeader.")
    urls = [one.full_url for one in found if one.full_url]
    if len(set(urls)) < len(urls):
        raise bad("Two entries have the same fullUrl.")
    return found


def _request(at: int, entry: Mapping[str, Any], system: str) -> Request:
    resource, full_url = entry.get("resource"), entry.get("fullUrl", "")
    if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
        raise bad(f"Bundle.entry[{at}] has a resource.")
    if not isinstance(full_url, str) or (full_url and ":" not in full_url):
        raise bad(f"Bundle.entry[{at}].fullUrl is an absolute address, such as urn:uuid:….")
    if "request" in entry or "response" in entry:
        raise bad(f"Bundle.entry[{at}] has no request: a message says what is, and not what is to be done.")
    number = next((one for one in fed.identifiers(resource) if one.system == system), None)
    if number is None:
        method, query = "POST", ""
    else:
        method, query = "PUT", "identifier=" + quote(f"{number.system}|{number.value.translate(_ESCAPED)}", safe="")
    # Its id is its sender's, under which nothing is known here.
    body = exact.write({name: value for name, value in resource.items() if name != "id"})
    return Request(
        at=at,
        full_url=full_url,
        method=method,
        type=resource["resourceType"],
        id="",
        query=query,
        body=body,
        if_match="",
        if_none_exist="",
    )
