"""GET /fhir/{type}/{id}/_history, /fhir/{type}/_history and /fhir/_history: how a member's own resources came to be.

https://hl7.org/fhir/R4/http.html#history: the newest version first; `_count`, `_since` and `_at` choose. A page holds 100
versions or 8 MiB at most, and its link `next` leads on.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import orjson
from starlette.responses import Response

from hub.api.fhir.interactions import PREFIX, Call, Interaction, answer, by_member
from hub.errors import Invalid
from hub.fhir import exact
from hub.fhir.capability import Ability
from hub.fhir.search import spans
from hub.services.exchange import checking, histories, stated
from hub.services.exchange.histories import Behind, Times
from hub.storage.versions import Version

_CHOICES: Final = ("_count", "_since", "_at")
_BEHIND: Final = "_before"
_LONGEST: Final = 64


async def of_one(call: Call) -> Response:
    """The versions of one resource, with the number of all."""
    type_, id_ = checking.known_type(call.request.path_params["type"]), stated.uuid(call.request.path_params["id"])
    asked = dict(call.query)
    before = _number(asked, _BEHIND, 0)
    found = await histories.of_one(
        call.hub, call.member, call.purpose, type_, id_, _times(asked), before=before or None, limit=_count(asked)
    )
    last = str(found.page.versions[-1].version) if found.page.more else ""
    return _answer(call, f"{type_}/{id_}/_history", asked, found.page.versions, last, {"total": found.newest})


async def of_type(call: Call) -> Response:
    """The versions of all of the caller's resources of a type."""
    type_ = checking.known_type(call.request.path_params["type"])
    return await _of_types(call, f"{type_}/_history", [type_])


async def of_system(call: Call) -> Response:
    """The versions of all of the caller's resources."""
    return await _of_types(call, "_history", sorted(checking.TYPES))


async def _of_types(call: Call, where: str, types: Sequence[str]) -> Response:
    asked = dict(call.query)
    page = await histories.of_types(
        call.hub, call.member, call.purpose, types, _times(asked), _behind(asked), _count(asked)
    )
    last = _cursor(page.versions[-1]) if page.more else ""
    return _answer(call, where, asked, page.versions, last, {})


def _answer(
    call: Call, where: str, asked: Mapping[str, str], shown: Sequence[Version], last: str, more: Mapping[str, Any]
) -> Response:
    """A page; `last` names the version behind which the next one begins, '' where there is none."""
    base = call.hub.settings.base_url + PREFIX
    chosen = {name: asked[name] for name in _CHOICES if name in asked}
    here = chosen | ({_BEHIND: asked[_BEHIND]} if _BEHIND in asked else {})
    links = [{"relation": "self", "url": _address(f"{base}/{where}", here)}]
    if last:
        links.append({"relation": "next", "url": _address(f"{base}/{where}", chosen | {_BEHIND: last})})
    told = {"resourceType": "Bundle", "type": "history", "timestamp": call.hub.now(), **more, "link": links}
    if shown:
        told["entry"] = [_entry(base, one) for one in shown]
    return answer(told)


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


def _address(base: str, asked: Mapping[str, str]) -> str:
    return f"{base}?{urlencode(asked)}" if asked else base


def _count(asked: Mapping[str, str]) -> int:
    return max(_number(asked, "_count", histories.MOST), 1)


def _number(asked: Mapping[str, str], name: str, otherwise: int) -> int:
    said = asked.get(name, "")
    if not said:
        return otherwise
    if not (said.isascii() and said.isdigit() and len(said) < 10):
        raise Invalid("bad-request", f"{name} is a whole number.")
    return int(said)


def _times(asked: Mapping[str, str]) -> Times:
    """What `_since` and `_at` choose: versions stored since, and those current within a date or at a moment."""
    since = _instant(asked["_since"]) if "_since" in asked else histories.ALWAYS.since
    if "_at" not in asked:
        return Times(since)
    span = spans.span_of(_zoned(asked["_at"]))
    if span is None:
        raise Invalid(
            "bad-request", "_at is a date or a moment, such as 2026-03, 2026-03-01 or 2026-03-01T08:00:00+08:00."
        )
    always = histories.ALWAYS
    return Times(since, spans.moment_of(span.start) or always.since, spans.moment_of(span.end) or always.end)


def _zoned(text: str) -> str:
    """A moment as it was meant: a '+' that was not escaped in an address arrives as a space."""
    return text.replace(" ", "+")


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(_zoned(text))
        if found.tzinfo is None:
            raise ValueError("no zone")
        return found.astimezone(UTC)
    except (ValueError, OverflowError) as error:  # the latter at the ends of the calendar
        said = "_since is an instant with a time zone, such as 2026-03-01T08:00:00+08:00."
        raise Invalid("bad-request", said) from error


def _cursor(last: Version) -> str:
    """The version in a link: when it was stored (microseconds), its id and its number."""
    return f"{spans.of_moment(last.at)}-{last.id.hex}-{last.version}"


def _behind(asked: Mapping[str, str]) -> Behind | None:
    said = asked.get(_BEHIND, "")
    if not said:
        return None
    at, _, rest = said.partition("-")
    id_, _, version = rest.partition("-")
    numbers = all(one.isascii() and one.isdigit() for one in (at, version))
    try:
        moment = spans.moment_of(int(at)) if numbers and len(said) < _LONGEST else None
        if moment is None or len(version) > 9:
            raise ValueError("no place")
        return Behind(moment, UUID(id_), int(version))
    except ValueError as error:
        raise Invalid("bad-request", f"{_BEHIND} is what a link of an earlier page says.") from error


_ROUTES: Final = (
    ("/_history", of_system, Ability("", "history-system")),
    ("/{type}/_history", of_type, Ability("", "history-type")),
    ("/{type}/{id}/_history", of_one, Ability("", "history-instance")),
)
INTERACTIONS: Final = tuple(
    Interaction("GET", path, handler, ability, by_member, query=_CHOICES) for path, handler, ability in _ROUTES
)
"""That of the system, and of any type, in front of reading by id."""
ABILITIES: Final = (
    _ROUTES[0][2],
    *(Ability(type_, code) for type_ in sorted(checking.TYPES) for code in ("history-instance", "history-type")),
)
