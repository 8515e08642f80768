"""$export of the system and of Patients: asked for, made by a worker, fetched as NDJSON, a file a type and ten thousand.

https://hl7.org/fhir/uv/bulkdata/STU2/export.html. Of what narrows an export only `_since` and `_type` are taken: what is not
known is refused, since more would be handed over than was asked for.
"""

from collections import Counter
from collections.abc import AsyncIterator
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID
from weakref import WeakKeyDictionary

from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from hub.api.fhir import formats
from hub.api.fhir.interactions import PREFIX, Call, Interaction, answer, by_member
from hub.errors import Invalid, NotFound, TooMany
from hub.fhir import compartment, parameters
from hub.fhir.capability import Ability
from hub.fhir.fed import told
from hub.fhir.parameters import Parameters
from hub.services.exchange import checking, export_files, exports
from hub.services.exchange.exports import MOST, Manifest, Wanted
from hub.storage.database import Database
from hub.storage.exports import Export, File
from hub.storage.members import Member

NDJSON: Final = "application/fhir+ndjson"
_FORMATS: Final = frozenset({NDJSON, "application/ndjson", "ndjson"})
_PARAMETERS: Final = ("_outputFormat", "_since", "_type")
_RETRY_AFTER: Final = 5
FETCHED_AT_ONCE: Final = 16
"""Files that a process hands over to one member at the same time: a slow reader holds a part of its file in memory."""
_fetching: Final[WeakKeyDictionary[Database, Counter[int]]] = WeakKeyDictionary()
_DEFINITIONS: Final = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/"
_FOLLOWS: Final = ("http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data",)


async def of_system(call: Call) -> Response:
    """GET and POST /fhir/$export."""
    return await _ask(call, "$export", checking.TYPES)


async def of_patients(call: Call) -> Response:
    """GET and POST /fhir/Patient/$export: the types of the patient compartment."""
    return await _ask(call, "Patient/$export", frozenset(compartment.MEMBERS))


async def _ask(call: Call, where: str, known: frozenset[str]) -> Response:
    """202 with the address under which the export is found."""
    if "respond-async" not in call.request.headers.get("prefer", ""):
        raise Invalid("bad-request", "An export is made later: it needs the header Prefer: respond-async.")
    stated = parameters.of_query(call.query, _PARAMETERS)
    if call.request.method == "POST" and await call.request.body():
        stated = parameters.of_resource(await call.resource(), _PARAMETERS)
    if (stated.text("_outputFormat") or NDJSON).replace(" ", "+") not in _FORMATS:
        raise Invalid("not-supported", f"The files of an export are {NDJSON}.")
    base = call.hub.settings.base_url + PREFIX
    asked = [(name, value) for name in _PARAMETERS for value in stated.texts(name)]
    request = f"{base}/{where}" + (f"?{urlencode(asked)}" if asked else "")
    wanted = Wanted(request, sorted(_types(stated, known)), stated.instant("_since"))
    id_ = await exports.ask(call.hub, call.member, call.purpose, wanted)
    body = {"resourceType": "OperationOutcome", "issue": [told("accepted", "The export will be made.")]}
    return answer(body, 202, {"Content-Location": f"{base}/bulk/{id_}"})


def _types(stated: Parameters, known: frozenset[str]) -> frozenset[str]:
    named = frozenset(one for text in stated.texts("_type") for one in text.split(","))
    if not named <= known:
        raise Invalid("bad-request", f"_type names resource types that are kept here: {', '.join(sorted(known))}.")
    return named or known


async def state(call: Call) -> Response:
    """GET: 202 while it is made, then the manifest."""
    found = await exports.state(call.hub, call.member, _id(call))
    if isinstance(found, Manifest):
        return _manifest(call, found)
    progress = f"{found.done} of {len(found.types)} types"
    return Response(None, 202, {"X-Progress": progress, "Retry-After": str(_RETRY_AFTER), "Cache-Control": "no-store"})


def _manifest(call: Call, found: Manifest) -> Response:
    export = found.export
    base = f"{call.hub.settings.base_url}{PREFIX}/bulk/{export.id}"

    def listed(*, deleted: bool) -> list[dict[str, Any]]:
        return [_entry(base, export, one) for one in found.files if one.deleted is deleted]

    manifest = {
        "transactionTime": export.as_of.isoformat(timespec="milliseconds") if export.as_of else None,
        "request": export.request,
        "requiresAccessToken": True,
        "output": listed(deleted=False),
        "deleted": listed(deleted=True),
        "error": [],
    }
    until = format_datetime(export.expires_at, usegmt=True)
    return JSONResponse(manifest, headers={"Expires": until, "Cache-Control": "no-store"})


def _entry(base: str, export: Export, file: File) -> dict[str, Any]:
    said = {"type": "Bundle" if file.deleted else file.type, "url": f"{base}/{file.number}"}
    # Of another member's people those are left out that are gone when they are fetched.
    return said | ({"count": file.count} if file.owner_id == export.member_id else {})


async def cancel(call: Call) -> Response:
    """DELETE: 202; whatever of it was made is gone."""
    await exports.cancel(call.hub, call.member, _id(call))
    return Response(None, 202)


async def fetch(call: Call) -> Response:
    """GET one file: its lines, as they are read."""
    number = call.request.path_params["number"]
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise NotFound
    lines = await export_files.open_file(call.hub, call.access, _id(call), int(number))
    fetching = _fetching.setdefault(call.hub.database, Counter())
    if fetching[call.member.id] >= FETCHED_AT_ONCE:
        said = f"{call.member.name} fetches {FETCHED_AT_ONCE} files already; fetch this one when one of them is there."
        raise TooMany(said, retry_after=_RETRY_AFTER, policy="at-once")
    return _Counted(lines, fetching, call.member)


class _Counted(StreamingResponse):
    """One file on its way to a member, counted from now until it is answered, however that ends."""

    def __init__(self, lines: AsyncIterator[bytes], fetching: Counter[int], member: Member) -> None:
        super().__init__(lines, 200, {"Cache-Control": "no-store"}, NDJSON)
        self._fetching, self._member_id = fetching, member.id
        fetching[member.id] += 1

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._fetching[self._member_id] -= 1


def _id(call: Call) -> UUID:
    try:
        return UUID(call.request.path_params["id"])
    except ValueError:
        raise NotFound from None


_SAID: Final = (
    f"Asynchronous, NDJSON; _since and _type; {MOST} exports at a time. One's own resources; with a Purpose-Of-Use also the "
    "people of members whose agreement names exports, in the fewest fields."
)
_SYSTEM: Final = Ability("", operation=("export", f"{_DEFINITIONS}export"), said=_SAID, follows=_FOLLOWS)
_PATIENTS: Final = Ability("Patient", operation=("export", f"{_DEFINITIONS}patient-export"), said=_SAID)
INTERACTIONS: Final = (
    *(Interaction(method, "/$export", of_system, _SYSTEM, by_member, query=_PARAMETERS) for method in ("GET", "POST")),
    *(
        Interaction(method, "/Patient/$export", of_patients, _PATIENTS, by_member, query=_PARAMETERS)
        for method in ("GET", "POST")
    ),
    Interaction("GET", "/bulk/{id}", state, Ability(""), by_member),
    Interaction("DELETE", "/bulk/{id}", cancel, Ability(""), by_member),
    Interaction("GET", "/bulk/{id}/{number}", fetch, Ability(""), by_member, wanted=formats.any_format),
)
