"""What a batch or a transaction asks for: its entries as requests, and references to what they create (FHIR R4, transactions).

Pure. Everything is read before anything is done: a Bundle that cannot be understood does nothing at all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import unquote
from uuid import UUID

from hub.errors import Invalid, TooLarge
from hub.fhir import exact

MOST: Final = 500
_METHODS: Final = ("GET", "POST", "PUT", "DELETE")
_NEW: Final = "urn:uuid:"
Together = Literal["batch", "transaction"]


@dataclass(frozen=True, slots=True)
class Request:
    """One entry. `id` and `query` are what the address says behind the type; `body` is the resource, number for number."""

    at: int
    full_url: str
    method: str
    type: str
    id: str
    query: str
    body: bytes
    if_match: str
    if_none_exist: str


def read(body: bytes) -> tuple[Together, list[Request]]:
    """The entries of a Bundle that is JSON. Raises Invalid, TooLarge."""
    bundle = exact.read(body)
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise Invalid("bad-request", "A Bundle is needed: a batch or a transaction.")
    together = bundle.get("type")
    if together not in ("batch", "transaction"):
        raise Invalid("bad-request", "The type of the Bundle is batch or transaction.")
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise Invalid("bad-request", "Bundle.entry is a list.")
    if len(entries) > MOST:
        raise TooLarge(f"A Bundle has at most {MOST} entries; send the rest in another one. Nothing was stored.")
    requests = [_request(at, entry) for at, entry in enumerate(entries)]
    new = [one.full_url for one in requests if one.full_url.startswith(_NEW)]
    if len(set(new)) < len(new):
        raise Invalid("bad-request", "Two entries have the same fullUrl. Nothing was stored.")
    if together == "transaction":
        _once(requests)
    return together, requests


def _once(requests: Iterable[Request]) -> None:
    """Raises Invalid for a second entry that changes the same resource: which of them holds would be left to chance."""
    seen: set[tuple[str, ...]] = set()
    for one in requests:
        meant = (one.type, _same(one.id)) if one.id else (one.type, "", unquote(one.if_none_exist.removeprefix("?")))
        if one.method == "GET" or not any(meant[1:]):
            continue
        if meant in seen:
            raise _wrong(one.at, "an earlier entry changes the same resource, and a transaction changes each once")
        seen.add(meant)


def _same(id_: str) -> str:
    """An id as it is compared: a UUID has several forms."""
    try:
        return str(UUID(id_))
    except ValueError:
        return id_


def _request(at: int, entry: Any) -> Request:
    asked = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(asked, dict) or asked.get("method") not in _METHODS or not isinstance(asked.get("url"), str):
        raise _wrong(at, f"request has a method ({', '.join(sorted(_METHODS))}) and a url")
    texts = {name: asked.get(name, "") for name in ("ifMatch", "ifNoneExist")} | {"fullUrl": entry.get("fullUrl", "")}
    if not all(isinstance(text, str) for text in texts.values()):
        raise _wrong(at, f"{', '.join(texts)} are texts")
    if texts["fullUrl"] and ":" not in texts["fullUrl"]:
        # It is looked for in every resource of the Bundle: a word of theirs would be taken for a reference.
        raise _wrong(at, "fullUrl is an absolute address, such as urn:uuid:…")
    path, _, query = asked["url"].partition("?")
    type_, _, id_ = path.partition("/")
    if "/" in id_ or not type_:
        raise _wrong(at, "the url is a type, or a type and an id")
    resource = entry.get("resource")
    if (resource is not None) != (asked["method"] in ("POST", "PUT")):
        raise _wrong(at, "POST and PUT have a resource, and no other has one")
    if resource is not None and not isinstance(resource, dict):
        raise _wrong(at, "the resource is an object")
    return Request(
        at=at,
        full_url=texts["fullUrl"],
        method=asked["method"],
        type=type_,
        id=unquote(id_),
        query=query,
        body=exact.write(resource) if resource is not None else b"",
        if_match=texts["ifMatch"],
        if_none_exist=texts["ifNoneExist"],
    )


def _wrong(at: int, said: str) -> Invalid:
    return Invalid("bad-request", f"Bundle.entry[{at}]: {said}. Nothing was stored.")


def resolved(body: bytes, made: Mapping[str, str]) -> bytes:
    """The resource with each reference to something that the same transaction makes, {fullUrl: Type/id}, led there.

    Raises Invalid for a urn:uuid that no entry has.
    """
    if b'"' + _NEW.encode() not in body:
        return body
    return exact.write(_led(exact.read(body), made))


def _led(value: Any, made: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            name: _reference(inner, made) if name == "reference" else _led(inner, made) for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_led(inner, made) for inner in value]
    return made.get(value, value) if isinstance(value, str) else value


def _reference(value: Any, made: Mapping[str, str]) -> Any:
    if not isinstance(value, str) or not value.startswith(_NEW):
        return _led(value, made)
    if value not in made:
        raise Invalid(
            "unresolved-reference", "A reference names an entry that is not in the Bundle. Nothing was stored."
        )
    return made[value]
