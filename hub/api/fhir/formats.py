"""In which formats bodies come and answers go: FHIR JSON, and forms for searches; nothing of another kind is guessed.

A missing content type counts as FHIR JSON (WIRE.md). Bodies are refused before they are used for anything: not JSON, too
deep, or with texts that cannot be kept. FHIR R4, http.html#mime-type and #parameters.
"""

from typing import Any, Final

from hub.domain.texts import all_can_be_kept
from hub.errors import Invalid, Refused
from hub.fhir import requests, strict_json
from hub.fhir.capability import FHIR_VERSION, JSON
from hub.fhir.patch import JSON_PATCH
from hub.fhir.strict_json import Document

FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = frozenset({JSON, "application/json", "text/json"})
_ANY: Final = frozenset({"*/*", "application/*", "json", *_JSON})


class NotAcceptable(Refused):
    """The answer is wanted in a format in which there is none."""

    status = 406


class UnsupportedMediaType(Refused):
    """The body is in a format that is not read."""

    status = 415


def check_wanted(accept: str, query: str) -> None:
    """Is the answer wanted in JSON, or in whatever there is? Raises NotAcceptable, Invalid."""
    wanted = [value for name, value in requests.pairs(query) if name == "_format"] if "_format" in query else []
    for one in wanted or ([accept] if accept else []):
        if not any(_is_ours(part) for part in one.split(",")):
            raise NotAcceptable("not-acceptable", f"Answers are {JSON}, FHIR {FHIR_VERSION}.")


def any_format(accept: str, query: str) -> None:
    """Of what has one format of its own, which is given whatever is wanted."""


def _is_ours(part: str) -> bool:
    type_, *parameters = (piece.strip().lower() for piece in part.split(";"))
    # A '+' that was not escaped in an address arrives as a space.
    return type_.replace(" ", "+") in _ANY and all(_fits(parameter) for parameter in parameters)


def _fits(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    return name.strip() != "fhirversion" or FHIR_VERSION.startswith(value.strip(' "'))


def document(content_type: str, body: bytes) -> Document:
    """The resource in a JSON body, and its canonical bytes. Raises Invalid, UnsupportedMediaType."""
    if content_type and not (content_type.partition(";")[0].strip().lower() in _JSON and _is_ours(content_type)):
        raise UnsupportedMediaType("unsupported-media-type", f"The body must be {JSON}, FHIR {FHIR_VERSION}.")
    found = strict_json.read(body)
    if not isinstance(found.value, dict) or not isinstance(found.value.get("resourceType"), str):
        raise Invalid("bad-request", "The body is not a FHIR resource.")
    # Half a surrogate pair is no JSON; only what is escaped as NUL is left.
    if b"\\u0000" in body and not all_can_be_kept(found.value):
        raise Invalid("invalid-content", "A text holds the character NUL.")
    return found


def parsed(content_type: str, body: bytes) -> dict[str, Any]:
    """The object in a JSON body. Raises Invalid, UnsupportedMediaType."""
    value: dict[str, Any] = document(content_type, body).value
    return value


def patch(content_type: str, body: bytes) -> bytes:
    """The canonical bytes of a patch: a JSON Patch, or Parameters in FHIR JSON. Raises Invalid, UnsupportedMediaType."""
    if content_type.partition(";")[0].strip().lower() == JSON_PATCH:
        return strict_json.canonical(body)
    try:
        return document(content_type, body).canonical
    except UnsupportedMediaType:
        said = f"A patch is {JSON_PATCH}, or Parameters in {JSON} (FHIRPath Patch)."
        raise UnsupportedMediaType("unsupported-media-type", said) from None


def fields(content_type: str, body: bytes) -> list[tuple[str, str]]:
    """The fields of a form, without those about the format. Raises Invalid, UnsupportedMediaType."""
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise UnsupportedMediaType("unsupported-media-type", f"The body must be {FORM}.")
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError as error:
        raise Invalid("bad-request", "The form cannot be read: what is not ASCII is percent-encoded.") from error
    return requests.parameters(text)
