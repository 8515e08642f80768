"""What a batch or a transaction asks for: its entries as requests, and references that it leads (FHIR R4, transactions).

Pure. Everything is read before anything is done: a Bundle that cannot be understood does nothing at all.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, unquote, unquote_plus
from uuid import UUID

import orjson

from hub.domain.texts import all_can_be_kept
from hub.errors import Invalid, TooLarge
from hub.fhir import exact, strict_json
from hub.fhir.patch import JSON_PATCH

MOST: Final = 500
_METHODS: Final = ("DELETE", "GET", "PATCH", "POST", "PUT")
_WITH_RESOURCE: Final = frozenset({"POST", "PUT", "PATCH"})
_ABOUT_FORMAT: Final = frozenset({"_format", "_pretty"})
_FIELDS: Final = 50
_NEW: Final = "urn:uuid:"
_AS_SEARCH: Final = re.compile(r"[A-Z][A-Za-z]{2,63}\?.+")
_ANY_AS_SEARCH: Final = re.compile(rb'"reference":"[A-Z][A-Za-z]{2,63}\?')
_ANY_NEW: Final = re.compile(rb'((?:[{,]"reference":)?)"(urn:uuid:[^"]*)"(?!:)')
"""The name in front of it, if it is a reference, and the text."""
Together = Literal["batch", "transaction"]


@dataclass(frozen=True, slots=True)
class Request:
    """One entry. `id` and `query` are what the address says behind the type; `body` is the resource, number for number.

    Of a PATCH it is the patch: a list of operations (JSON Patch), or Parameters.
    """

    at: int
    full_url: str
    method: str
    type: str
    id: str
    query: str
    body: bytes
    if_match: str
    if_none_exist: str


def read(bundle: Any) -> tuple[Together, list[Request]]:
    """The entries of a Bundle (as `exact.read` has it). Raises Invalid, TooLarge."""
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
        condition = unquote_plus((one.query or one.if_none_exist).removeprefix("?"))
        meant = (one.type, _same(one.id)) if one.id else (one.type, "", condition)
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
        raise _wrong(at, f"request has a method ({', '.join(_METHODS)}) and a url")
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
    if (resource is not None) != (asked["method"] in _WITH_RESOURCE):
        raise _wrong(at, "POST, PUT and PATCH have a resource, and no other has one")
    if resource is not None and not isinstance(resource, dict):
        raise _wrong(at, "the resource is an object")
    return Request(
        at=at,
        full_url=texts["fullUrl"],
        method=asked["method"],
        type=type_,
        id=unquote(id_),
        query=query,
        body=_body(at, asked["method"], resource),
        if_match=texts["ifMatch"],
        if_none_exist=texts["ifNoneExist"],
    )


def _body(at: int, method: str, resource: dict[str, Any] | None) -> bytes:
    if resource is None:
        return b""
    if method != "PATCH" or resource.get("resourceType") != "Binary":
        return exact.write(resource)
    data = resource.get("data")
    if resource.get("contentType") != JSON_PATCH or not isinstance(data, str):
        raise _wrong(at, f"a patch is a Binary of the contentType {JSON_PATCH} with data, or Parameters")
    try:
        patch = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _wrong(at, "the data of a Binary is base64") from error
    try:
        return strict_json.canonical(patch)
    except Invalid as refusal:
        refusal.detail = f"Bundle.entry[{at}]: {refusal.detail}"
        raise


def parameters(query: str) -> list[tuple[str, str]]:
    """The parameters of an address, a form or a condition, decoded, without those about the format. Raises Invalid."""
    return [pair for pair in pairs(query) if pair[0] not in _ABOUT_FORMAT]


def pairs(query: str) -> list[tuple[str, str]]:
    """All of them (name, value), in order. Raises Invalid."""
    try:
        found = parse_qsl(query.removeprefix("?"), keep_blank_values=True, max_num_fields=_FIELDS, errors="strict")
    except ValueError as error:
        raise Invalid("bad-request", "The parameters cannot be read, or are too many.") from error
    if not all_can_be_kept([text for pair in found for text in pair]):
        raise Invalid("invalid-content", "A parameter holds the character NUL.")
    return found


def _wrong(at: int, said: str) -> Invalid:
    return Invalid("bad-request", f"Bundle.entry[{at}]: {said}. Nothing was stored.")


def searches(body: bytes) -> set[str]:
    """The references in a resource that are said as searches: Type?parameters (FHIR R4, conditional references)."""
    return set(_said(exact.read(body))) if _ANY_AS_SEARCH.search(body) else set()


def _said(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            said = one.get("reference")
            if isinstance(said, str) and _AS_SEARCH.fullmatch(said):
                yield said
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def resolved(body: bytes, made: Mapping[str, str], meant: Mapping[str, str] | None = None) -> bytes:
    """The resource with its references led: to what the same transaction makes, {fullUrl: Type/id}, and to what those said
    as searches mean, {Type?parameters: Type/id}.

    Raises Invalid for a urn:uuid that no entry has.
    """
    if b'"' + _NEW.encode() not in body and not (meant and _ANY_AS_SEARCH.search(body)):
        return body
    if not meant and b"\\" not in body and all(one.startswith(_NEW) for one in made):
        return _replaced(body, made)
    return exact.write(_led(exact.read(body), made, meant or {}))


def _replaced(body: bytes, made: Mapping[str, str]) -> bytes:
    """The same in place: where nothing is escaped, each quotation mark begins or ends a text."""

    def lead(found: re.Match[bytes]) -> bytes:
        name, text = found.groups()
        if (led := made.get(text.decode())) is not None:
            return bytes(name + orjson.dumps(led))
        if name:
            raise _unresolved()
        return found[0]

    return _ANY_NEW.sub(lead, body)


def _unresolved() -> Invalid:
    return Invalid("unresolved-reference", "A reference names an entry that is not in the Bundle. Nothing was stored.")


def _led(value: Any, made: Mapping[str, str], meant: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            name: _reference(inner, made, meant) if name == "reference" else _led(inner, made, meant)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_led(inner, made, meant) for inner in value]
    return made.get(value, value) if isinstance(value, str) else value


def _reference(value: Any, made: Mapping[str, str], meant: Mapping[str, str]) -> Any:
    if isinstance(value, str) and value in meant:
        return meant[value]
    if not isinstance(value, str) or not value.startswith(_NEW):
        return _led(value, made, meant)
    if value not in made:
        raise _unresolved()
    return made[value]
