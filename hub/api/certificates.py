"""Certificates over HTTP: issuers register, record and change the status of theirs; the lists that all verifiers fetch.

Verifying what a holder shows is in `hub.api.verify`.
"""

import hashlib
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Header, Path, Request
from pydantic import AwareDatetime, ConfigDict, Field
from starlette.responses import Response

from hub.api import verify
from hub.api.bodies import Body
from hub.api.context import TheHub, opened_by
from hub.services import certificates, status_lists, trust
from hub.services.certificates import Registration
from hub.storage.members import Member

router = APIRouter(tags=["certificates"])
router.include_router(verify.router)

STATUS_TYPE: Final = "application/statuslist+jwt"
TRUST_TYPE: Final = "application/jose+json"
DIGEST: Final = "sha-256:"
_UNCHANGED: Final[dict[int | str, dict[str, Any]]] = {304: {"description": "It is still what If-None-Match names."}}

Registrar = Annotated[Member, opened_by("lianqiao/certificates.c")]
Keeper = Annotated[Member, opened_by("lianqiao/certificates.u")]


class _StatusList(Response):
    media_type = STATUS_TYPE


class _TrustList(Response):
    media_type = TRUST_TYPE


class _Strict(Body):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Register(_Strict):
    """What is about to be signed; `subject` is the issuer's own record id of the person."""

    kind: str = Field(max_length=60, json_schema_extra={"enum": [*certificates.KINDS]})
    number: str = Field(min_length=1, max_length=60, examples=["J330784-2020-000123"])
    subject: str = Field(min_length=1, max_length=200, examples=["YK1"])


class Record(_Strict):
    """What was signed: SHA-256 of the part the issuer signed, and its times."""

    digest: str = Field(pattern=r"^sha-256:[0-9a-f]{64}$")
    issued_at: AwareDatetime
    expires_at: AwareDatetime


class Change(_Strict):
    """A new status and why."""

    status: str = Field(max_length=20, json_schema_extra={"enum": [*status_lists.STATUSES]})
    reason: str = Field(min_length=1, max_length=500)


@router.post("/certificates", status_code=201)
async def register(
    hub: TheHub, caller: Registrar, body: Register, message_id: Annotated[UUID, Header(alias="Message-Id")]
) -> dict[str, Any]:
    """Reserve the status of a certificate before it is signed; the same message again gives the same answer."""
    made = await certificates.register(hub, caller, Registration(message_id, body.kind, body.number, body.subject))
    return {
        "certificate_id": str(made.id),
        "status_uri": status_lists.uri_of(hub, made.list_id),
        "status_index": made.list_index,
    }


@router.put("/certificates/{certificate_id}")
async def record(hub: TheHub, caller: Keeper, certificate_id: UUID, body: Record) -> dict[str, str]:
    """Keep the digest of what was signed; the same digest again gives the same receipt."""
    receipt = await certificates.record(
        hub,
        caller,
        certificate_id,
        digest=bytes.fromhex(body.digest.removeprefix(DIGEST)),
        issued_at=body.issued_at,
        expires_at=body.expires_at,
    )
    return {"receipt": receipt}


@router.post("/certificates/{certificate_id}/status")
async def change_status(hub: TheHub, caller: Keeper, certificate_id: UUID, body: Change) -> dict[str, str]:
    """Revoke, suspend, supersede, or make valid again what was suspended; it counts at once."""
    changed = await certificates.change_status(hub, caller, certificate_id, body.status, body.reason)
    return {"certificate_id": str(changed.id), "status": changed.status}


@router.get("/status/{list_id}", response_class=_StatusList, responses=_UNCHANGED)
async def status_list(request: Request, hub: TheHub, list_id: Annotated[int, Path(ge=1, lt=2**63)]) -> Response:
    """A whole status list, signed by the hub."""
    return _document(request, (await status_lists.document(hub, list_id)).encode(), STATUS_TYPE)


@router.get("/.well-known/trust-list", response_class=_TrustList, responses=_UNCHANGED)
async def trust_list(request: Request, hub: TheHub) -> Response:
    """The trust list in force, signed by the roots."""
    return _document(request, await trust.document(hub), TRUST_TYPE)


def _document(request: Request, content: bytes, media_type: str) -> Response:
    """A public document that is asked for again and again: unchanged, it is not sent again."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "public, no-cache", "X-Content-Type-Options": "nosniff"}
    known = {part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")}
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=media_type)
