"""Documents in, their state out: POST /submissions, GET /submissions… (WIRE.md, Acknowledgements)."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import unquote
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response

from certs.seal import MAX_ENVELOPE
from hub.api.bodies import read_on
from hub.api.context import TheHub, opened_by
from hub.api.digests import digest_of
from hub.errors import Invalid, TooLarge
from hub.services import intake, routing, submitted
from hub.storage.members import Member
from mappings.vocabulary import SEALED_MEDIA_TYPE

router = APIRouter(tags=["submissions"])

Sender = Annotated[Member, opened_by("lianqiao/submissions.c")]
Reader = Annotated[Member, opened_by("lianqiao/submissions.r")]

_DIGEST = Header(
    description="RFC 9530: sha-256=:<base64>:",
    examples=["sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:"],
    json_schema_extra={"pattern": "^sha-256=:[A-Za-z0-9+/]{43}=:$"},
)
_DOCUMENT = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_Answers = dict[int | str, dict[str, Any]]
_AGAIN: _Answers = {
    200: {
        "description": "The same message again: the answer that was stored.",
        "content": {"application/json": {"schema": {}}},
    }
}
_AS_CSV: _Answers = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}
MessageId = Annotated[UUID, Header(alias="Message-Id", description="The sender's id, the same over all retries.")]


@router.post("/submissions", status_code=202, openapi_extra=_DOCUMENT, responses=_AGAIN)
async def submit(
    request: Request,
    hub: TheHub,
    caller: Sender,
    message_id: MessageId,
    content_digest: Annotated[str, _DIGEST],
    content_type: Annotated[str, Header()] = "application/octet-stream",
    mapping: Annotated[
        str, Header(description="Name of the mapping; a raw document needs it.", examples=["huiji/person.v1"])
    ] = "",
    file_name: Annotated[str, Header(description="Percent-encoded UTF-8.")] = "",
    in_response_to: Annotated[UUID | None, Header()] = None,
    supersedes: Annotated[UUID | None, Header()] = None,
) -> Response:
    """Store a document (202 with a signed receipt); the same message again gives the very same answer (200)."""
    digest = digest_of(content_digest)
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == SEALED_MEDIA_TYPE:
        sealed = await _envelope(request)
        envelope = routing.Envelope(message_id, digest, sealed, in_response_to, supersedes)
        answer = await routing.receive(hub, caller, envelope)
    else:
        if not mapping:
            raise Invalid("bad-request", "A raw document needs the header Mapping, the name of its mapping.")
        document = intake.Document(
            message_id=message_id,
            mapping=mapping,
            media_type=media_type,
            file_name=unquote(file_name)[:200],
            digest=digest,
            in_response_to=in_response_to,
            supersedes=supersedes,
        )
        body = request.stream()
        answer = await intake.receive(hub, caller, document, body)
        if answer.repeated:
            await read_on(request, body)
    return Response(answer.body, 200 if answer.repeated else 202, media_type="application/json")


async def _envelope(request: Request) -> bytes:
    """The body of a sealed message, which is much smaller than a document may be. Raises TooLarge."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_ENVELOPE:
            raise TooLarge(f"A sealed message has at most {MAX_ENVELOPE} bytes.")
    return bytes(body)


@router.get("/submissions")
async def find(
    hub: TheHub,
    caller: Reader,
    message_id: UUID | None = None,
    changed_after: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """One by its message id, or those whose state changed after a cursor."""
    if message_id is not None:
        return await submitted.by_message(hub, caller, message_id)
    items, cursor = await submitted.changed(hub, caller, changed_after or 0, limit)
    return {"items": items, "cursor": cursor}


@router.get("/submissions/{submission_id}")
async def show(hub: TheHub, caller: Reader, submission_id: UUID) -> dict[str, Any]:
    """State, both acknowledgements, counts, the first issues and the timeline."""
    return await submitted.by_id(hub, caller, submission_id)


@router.get("/submissions/{submission_id}/issues", responses=_AS_CSV)
async def issues(
    request: Request,
    hub: TheHub,
    caller: Reader,
    submission_id: UUID,
    after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    limit: Annotated[int, Query(ge=1, le=5000)] = 500,
) -> Response:
    """Every issue, a page at a time; as JSON, or as CSV for a spreadsheet when asked with Accept: text/csv."""
    found = await submitted.issues(hub, caller, submission_id, after, limit)
    if "text/csv" in request.headers.get("accept", ""):
        name = f"issues-{submission_id}-{datetime.now().astimezone():%Y%m%d}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(submitted.as_csv(found), media_type="text/csv; charset=utf-8", headers=headers)
    return Response(submitted.as_json(found), media_type="application/json")
