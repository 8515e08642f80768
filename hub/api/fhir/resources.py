"""A member's own resources, of every type that is kept: create, read, vread, update, delete and history of one.

https://hl7.org/fhir/R4/http.html. Ids are the hub's to give; a version is named by its ETag, and an update with If-Match
changes no other. Deleting leaves the history.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import orjson
from starlette.responses import Response

from hub.api.fhir.feed_patient import message_id_of
from hub.api.fhir.interactions import PREFIX, Call, Interaction, answer, by_member
from hub.errors import Invalid, NotFound
from hub.fhir import exact, fed
from hub.fhir.capability import JSON, Ability
from hub.fhir.fed import told
from hub.services.exchange import bundles, checking, reading, writing
from hub.services.exchange.writing import Write, Written
from hub.services.intake import refusals_noted
from hub.storage.versions import Version

_MARKS: Final = {
    "versioning": "versioned-update",
    "readHistory": True,
    "updateCreate": False,
    "referencePolicy": ["literal", "logical"],
    "conditionalCreate": True,
}


async def create(call: Call) -> Response:
    """POST /fhir/{type}: 201 with the id that the hub gave."""
    type_ = _type(call)

    async def wanted() -> Write:
        kept, resource = await _checked(call, type_)
        return writing.creating(type_, resource, kept, fed.condition(call.request.headers.get("if-none-exist", "")))

    return _written(call, type_, await _write(call, wanted))


async def update(call: Call) -> Response:
    """PUT /fhir/{type}/{id}: a version more, or the same where nothing changed."""
    type_, id_ = _type(call), _id(call)

    async def wanted() -> Write:
        kept, resource = await _checked(call, type_)
        if resource.get("id") != call.request.path_params["id"]:
            raise Invalid("bad-request", "The id in the body is not the id in the address.")
        return Write("update", type_, id_, resource, kept, _expected(call))

    return _written(call, type_, await _write(call, wanted))


async def delete(call: Call) -> Response:
    """DELETE /fhir/{type}/{id}: 204, whether it was there still or deleted before."""
    type_, id_ = _type(call), _id(call)

    async def wanted() -> Write:
        return Write("delete", type_, id_, expected=_expected(call))

    done = await _write(call, wanted)
    return Response(None, 204, {"ETag": f'W/"{done.version}"'})


async def _write(call: Call, wanted: Callable[[], Awaitable[Write]]) -> Written:
    """Carry out what is wanted; a refusal leaves its leaf."""
    async with refusals_noted(call.hub, call.member, message_id_of(call.request)):
        return await writing.write(call.hub, call.member, await wanted())


async def read(call: Call) -> Response:
    """GET /fhir/{type}/{id}: the newest version."""
    found = await reading.read(call.hub, call.member, call.purpose, _type(call), _id(call))
    return shown(found)


async def vread(call: Call) -> Response:
    """GET /fhir/{type}/{id}/_history/{version}."""
    stated = call.request.path_params["version"]
    if not (stated.isascii() and stated.isdigit() and len(stated) < 10):
        raise NotFound
    return shown(await reading.version(call.hub, call.member, call.purpose, _type(call), _id(call), int(stated)))


async def history(call: Call) -> Response:
    """GET /fhir/{type}/{id}/_history: every version, the newest first, in pages."""
    type_, id_ = _type(call), _id(call)
    asked = dict(call.query)
    limit, before = _number(asked, "_count", reading.MOST), _number(asked, "_before", 0)
    since = _instant(asked["_since"]) if "_since" in asked else reading.ALWAYS
    found = await reading.history(
        call.hub, call.member, call.purpose, type_, id_, before=before or None, since=since, limit=max(limit, 1)
    )
    base = call.hub.settings.base_url + PREFIX
    address = f"{base}/{type_}/{id_}/_history"
    kept = {name: value for name, value in asked.items() if name in ("_count", "_since")}
    links = [{"relation": "self", "url": _address(address, asked)}]
    if found.older is not None:
        links.append({"relation": "next", "url": _address(address, kept | {"_before": str(found.older)})})
    return answer(
        {
            "resourceType": "Bundle",
            "type": "history",
            "timestamp": call.hub.now(),
            "total": found.newest,
            "link": links,
            "entry": [_entry(base, one) for one in found.versions],
        }
    )


def _entry(base: str, one: Version) -> dict[str, Any]:
    """A version as an entry of a history."""
    where = f"{one.type}/{one.id}"
    method = "DELETE" if one.deleted else "POST" if one.version == 1 else "PUT"
    status = {"DELETE": "204", "POST": "201"}.get(method, "200")
    entry: dict[str, Any] = {
        "fullUrl": f"{base}/{where}",
        "request": {"method": method, "url": one.type if method == "POST" else where},
        "response": {"status": status, "etag": f'W/"{one.version}"', "lastModified": one.at},
    }
    if not one.deleted:
        entry["resource"] = orjson.Fragment(exact.shown(one.body, str(one.id), one.version, one.at))
    return entry


def _type(call: Call) -> str:
    return checking.known_type(call.request.path_params["type"])


def _id(call: Call) -> UUID:
    """The id in the address. Raises NotFound for one that the hub never gave."""
    try:
        return UUID(call.request.path_params["id"])
    except ValueError:
        raise NotFound from None


async def _checked(call: Call, type_: str) -> tuple[bytes, dict[str, Any]]:
    found = await call.document()
    return checking.check(call.member, type_, found.value, found.canonical), found.value


def _expected(call: Call) -> int | None:
    return bundles.expected(call.request.headers.get("if-match", ""))


def _number(asked: Mapping[str, str], name: str, otherwise: int) -> int:
    stated = asked.get(name, "")
    if not stated:
        return otherwise
    if not (stated.isascii() and stated.isdigit() and len(stated) < 10):
        raise Invalid("bad-request", f"{name} is a whole number.")
    return int(stated)


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))
        if found.tzinfo is None:
            raise ValueError("no zone")
        return found.astimezone(UTC)
    except (ValueError, OverflowError) as error:  # the latter at the ends of the calendar
        said = "_since is an instant with a time zone, such as 2026-03-01T08:00:00+08:00."
        raise Invalid("bad-request", said) from error


def _address(base: str, asked: Mapping[str, str]) -> str:
    return f"{base}?{urlencode(asked)}" if asked else base


def _headers(version: int, at: datetime) -> dict[str, str]:
    return {
        "ETag": f'W/"{version}"',
        "Last-Modified": format_datetime(at, usegmt=True),
        "Cache-Control": "no-store",
    }


def shown(found: Version) -> Response:
    """A version as the answer."""
    body = exact.shown(found.body, str(found.id), found.version, found.at)
    return Response(body, 200, _headers(found.version, found.at), JSON)


def _written(call: Call, type_: str, done: Written) -> Response:
    """201 with its address for what is new, 200 for what was there; as much of it as is wanted (Prefer: return)."""
    headers = _headers(done.version, done.at)
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
    ("DELETE", "/{type}/{id}", delete, "delete"),
    ("GET", "/{type}/{id}/_history", history, "history-instance"),
    ("GET", "/{type}/{id}/_history/{version}", vread, "vread"),
)
INTERACTIONS: Final = tuple(
    Interaction(method, path, handler, Ability("", code), by_member) for method, path, handler, code in _ROUTES
)
"""Of any type: one route each, behind all that know their type."""
ABILITIES: Final = tuple(
    Ability(type_, code, marks=_MARKS) for type_ in sorted(checking.TYPES) for _, _, _, code in _ROUTES
)
