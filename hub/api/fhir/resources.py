"""A member's own resources, of every type that is kept: create, read, vread, update, patch and delete.

https://hl7.org/fhir/R4/http.html. Ids are the hub's to give; a version is named by its ETag, and a change with If-Match
changes no other. What is changed may also be named by a condition (parameters of a search). Deleting leaves the history.
"""

from typing import Any, Final

from starlette.responses import Response

from hub.api.context import opened
from hub.api.fhir import formats, reads
from hub.api.fhir.interactions import PREFIX, Call, Interaction, answer, by_member
from hub.api.fhir.message_ids import message_id_of
from hub.api.scopes import searched_by
from hub.errors import Invalid, NotFound
from hub.fhir import exact
from hub.fhir.capability import JSON, Ability
from hub.fhir.fed import told
from hub.fhir.patch import JSON_PATCH
from hub.fhir.requests import Request
from hub.services.exchange import checking, reading, stated, writing
from hub.services.exchange.carrying import carry_out
from hub.services.exchange.writing import Written
from hub.services.intake import refusals_noted
from hub.services.preparing import PERSON_TYPE

_MARKS: Final = {
    "versioning": "versioned-update",
    "readHistory": True,
    "updateCreate": False,
    "referencePolicy": ["literal", "logical"],
    "conditionalCreate": True,
    "conditionalRead": "full-support",
    "conditionalUpdate": True,
    "conditionalDelete": "single",
}
_PATCHES: Final = (JSON_PATCH, JSON)


async def create(call: Call) -> Response:
    """POST /fhir/{type}: 201 with the id that the hub gave; with If-None-Exist 200 and what is there already.

    Parameters of a search in the address count as If-None-Exist: some clients say it there (fhirpy).
    """
    return await _changed(call, "POST")


async def update(call: Call) -> Response:
    """PUT /fhir/{type}/{id}, or {type}?…: a version more, or the same where nothing changed."""
    return await _changed(call, "PUT")


async def patch(call: Call) -> Response:
    """PATCH /fhir/{type}/{id}, or {type}?…: what the patch makes of the newest version, as an update."""
    return await _changed(call, "PATCH")


async def delete(call: Call) -> Response:
    """DELETE /fhir/{type}/{id}, or {type}?…: 204, whether it was there still or not."""
    return await _changed(call, "DELETE")


async def _changed(call: Call, method: str) -> Response:
    done = await _write(call, method)
    if done is None or done.change == "deleted":
        version = {"ETag": f'W/"{done.version}"'} if done is not None else {}
        return Response(None, 204, {"Cache-Control": "no-store", **version})
    return _written(call, _type(call), done)


async def _write(call: Call, method: str) -> Written | None:
    """Carry out what is wanted; a refusal leaves its leaf."""
    async with refusals_noted(call.hub, call.member, message_id_of(call.request)):
        asked, resource = await _asked(call, method)
        await opened(call.hub, call.access, *searched_by(asked, call.search))
        wanted = stated.plain(call.hub, call.member, call.purpose, asked, resource)
        if wanted is not None:
            return await writing.write(call.hub, call.member, wanted)
        return await carry_out(call.hub, call.member, call.purpose, asked)


async def _asked(call: Call, method: str) -> tuple[Request, dict[str, Any] | None]:
    """The request as one of a Bundle would say it, and the resource in it, where it was read already."""
    headers, parameters = call.request.headers, call.request.path_params
    body, resource = b"", None
    if method == "PATCH":
        body = formats.patch(headers.get("content-type", ""), await call.request.body())
    elif method != "DELETE":
        document = await call.document()
        body, resource = document.canonical, document.value
    asked = Request(
        at=0,
        full_url="",
        method=method,
        type=_type(call),
        id=parameters.get("id", ""),
        query="" if "id" in parameters or method == "POST" else call.said,
        body=body,
        if_match=headers.get("if-match", ""),
        if_none_exist=_condition(call) if method == "POST" else "",
    )
    return asked, resource


def _condition(call: Call) -> str:
    """On which a create depends. Raises Invalid."""
    header, query = call.request.headers.get("if-none-exist", ""), call.said
    if query and call.query:
        if header:
            raise Invalid("bad-request", "A create has one condition: If-None-Exist, or parameters in the address.")
        return query
    # Headers come as Latin-1; what is not percent-encoded is UTF-8, as elsewhere.
    try:
        return header if header.isascii() else header.encode("latin-1").decode()
    except UnicodeDecodeError as error:
        raise Invalid("bad-request", "If-None-Exist cannot be read: what is not ASCII is percent-encoded.") from error


async def read(call: Call) -> Response:
    """GET /fhir/{type}/{id}: the newest version."""
    type_, id_ = _type(call), stated.uuid(call.request.path_params["id"])
    wanted = reads.wanted(call, type_)
    return wanted.answer(await reading.read(call.hub, call.member, call.purpose, type_, id_))


async def vread(call: Call) -> Response:
    """GET /fhir/{type}/{id}/_history/{version}."""
    number = call.request.path_params["version"]
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise NotFound
    type_, id_ = _type(call), stated.uuid(call.request.path_params["id"])
    wanted = reads.wanted(call, type_)
    return wanted.answer(await reading.version(call.hub, call.member, call.purpose, type_, id_, int(number)))


def _type(call: Call) -> str:
    """The type in the address; a path that says none is of people (ITI-104)."""
    return checking.known_type(call.request.path_params.get("type", PERSON_TYPE))


def _written(call: Call, type_: str, done: Written) -> Response:
    """201 with its address for what is new, 200 for what was there; as much of it as is wanted (Prefer: return)."""
    headers = dict(reads.headers(done.version, done.at))
    status = 201 if done.change == "new" else 200
    if status == 201:
        address = f"{call.hub.settings.base_url}{PREFIX}/{type_}/{done.id}/_history/{done.version}"
        headers |= {"Location": address, "Content-Location": address}
    wanted = call.request.headers.get("prefer", "")
    if "return=minimal" in wanted:
        return Response(None, status, headers)
    if "return=OperationOutcome" in wanted:
        issue = told("taken", "The resource was stored.")
        return answer({"resourceType": "OperationOutcome", "issue": [issue]}, status, headers)
    return Response(exact.shown(done.body, str(done.id), done.version, done.at), status, headers, JSON)


_ROUTES: Final = (
    ("POST", "/{type}", create, "create"),
    ("GET", "/{type}/{id}", read, "read"),
    ("PUT", "/{type}/{id}", update, "update"),
    ("PATCH", "/{type}/{id}", patch, "patch"),
    ("DELETE", "/{type}/{id}", delete, "delete"),
    ("PUT", "/{type}", update, "update"),
    ("PATCH", "/{type}", patch, "patch"),
    ("DELETE", "/{type}", delete, "delete"),
    ("GET", "/{type}/{id}/_history/{version}", vread, "vread"),
)
INTERACTIONS: Final = tuple(
    Interaction(method, path, handler, Ability("", code), by_member) for method, path, handler, code in _ROUTES
)
"""Of any type: one route each, behind all that know their type."""
ABILITIES: Final = tuple(
    Ability(type_, code, marks=_MARKS, patches=_PATCHES if code == "patch" else ())
    for type_ in sorted(checking.TYPES)
    for _, _, _, code in _ROUTES
)
