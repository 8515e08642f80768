"""POST /fhir/$import: resources one a line (NDJSON) as the body, stored by a worker; and how far that is.

With `Message-Id` the same lines may be sent again; with `Content-Digest` they are compared with what was meant. What is
wrong with a line is told by its number, and hinders no other line.
"""

from typing import Any, Final
from uuid import UUID

import orjson
from starlette.responses import JSONResponse, Response, StreamingResponse

from hub.api.bodies import read_on
from hub.api.digests import digest_of
from hub.api.fhir import formats
from hub.api.fhir.export import NDJSON
from hub.api.fhir.formats import UnsupportedMediaType
from hub.api.fhir.interactions import PREFIX, Call, Interaction, answer, by_member
from hub.api.fhir.message_ids import message_id_of
from hub.errors import NotFound
from hub.fhir.capability import Ability
from hub.fhir.fed import told
from hub.services.exchange import imports
from hub.services.exchange.imports import Imported

_TYPES: Final = frozenset({NDJSON, "application/ndjson", "application/x-ndjson"})
_DEFINITION: Final = "urn:lianqiao:operation:import"
_RETRY_AFTER: Final = "2"


async def take(call: Call) -> Response:
    """202 with the signed receipt, and the address under which the import is found."""
    type_ = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if type_ not in _TYPES:
        raise UnsupportedMediaType("unsupported-media-type", f"The body must be {NDJSON}: a resource a line.")
    stated = call.request.headers.get("content-digest")
    digest = b"" if stated is None else digest_of(stated)
    message_id = message_id_of(call.request)
    body = call.request.stream()
    done = await imports.take(call.hub, call.member, message_id, digest, body)
    if done.repeated:
        await read_on(call.request, body)
    said = orjson.loads(done.body)
    headers = {
        "Content-Location": f"{_address(call)}/{said['submission_id']}",
        "Submission-Id": said["submission_id"],
        "Receipt": said["receipt"],
    }
    text = "The lines are stored; what becomes of them says the address in Content-Location."
    return answer({"resourceType": "OperationOutcome", "issue": [told("accepted", text)]}, 202, headers)


async def state(call: Call) -> Response:
    """GET: 202 while lines are taken up, then what came of them."""
    found = await imports.state(call.hub, call.member, _id(call))
    if not found.is_over:
        progress = f"{found.lines} lines"
        headers = {"X-Progress": progress, "Retry-After": _RETRY_AFTER, "Cache-Control": "no-store"}
        return Response(None, 202, headers)
    return JSONResponse(_manifest(call, found), headers={"Cache-Control": "no-store"})


def _manifest(call: Call, found: Imported) -> dict[str, Any]:
    issues = f"{_address(call)}/{found.id}/issues"
    listed = [{"type": "OperationOutcome", "url": issues, "count": found.issues}] if found.issues else []
    return {
        "transactionTime": found.at.isoformat(timespec="milliseconds"),
        "request": f"{call.hub.settings.base_url}{PREFIX}/$import",
        "requiresAccessToken": True,
        "state": found.state,
        "lines": {"read": found.lines, "stored": found.stored, "setAside": found.set_aside},
        "output": [],
        "error": listed,
    }


async def issues(call: Call) -> Response:
    """GET: an OperationOutcome for each thing that is said of a line."""
    lines = await imports.issues(call.hub, call.member, _id(call))
    return StreamingResponse(lines, 200, {"Cache-Control": "no-store"}, NDJSON)


def _address(call: Call) -> str:
    return f"{call.hub.settings.base_url}{PREFIX}/bulk-import"


def _id(call: Call) -> UUID:
    try:
        return UUID(call.request.path_params["id"])
    except ValueError:
        raise NotFound from None


_SAID: Final = f"Asynchronous: {NDJSON} as the body. Safe to send again with Message-Id."
INTERACTIONS: Final = (
    Interaction("POST", "/$import", take, Ability("", operation=("import", _DEFINITION), said=_SAID), by_member),
    Interaction("GET", "/bulk-import/{id}", state, Ability(""), by_member),
    Interaction("GET", "/bulk-import/{id}/issues", issues, Ability(""), by_member, wanted=formats.any_format),
)
