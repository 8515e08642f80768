"""The mailbox: leased reading with long poll, and the recipient's receipt (WIRE.md)."""

import asyncio
import base64
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import Field

from hub.api.bodies import Body
from hub.api.context import TheHub, opened_by
from hub.api.turns import aside
from hub.domain.messages import State
from hub.errors import Invalid
from hub.services import mailboxes
from hub.services.mailboxes import Handed
from hub.storage.members import Member

router = APIRouter(tags=["mailbox"])

Reader = Annotated[Member, opened_by("lianqiao/mailbox.r")]
Receiver = Annotated[Member, opened_by("lianqiao/mailbox.u")]

_POLL = 0.5


class Lease(Body):
    """How much to read, for how long to hold it, and how long to wait for something to come."""

    max: Annotated[int, Field(ge=1, le=100)] = 20
    lease_seconds: Annotated[int, Field(ge=5, le=3600)] = 60
    wait_seconds: Annotated[float, Field(ge=0, le=30)] = 0


class BusinessError(Body):
    """Why the recipient could not use it; no personal data."""

    code: Annotated[str, Field(max_length=80)]
    text: Annotated[str, Field(max_length=500)]
    path: Annotated[str | None, Field(max_length=300)] = None


class Receipt(Body):
    """What became of a message at its recipient."""

    state: Literal["RECEIVED", "PROCESSED", "BUSINESS_ERROR"]
    digest: Annotated[str, Field(pattern=r"^sha-256:[0-9a-f]{64}$")]
    errors: Annotated[list[BusinessError], Field(max_length=50, default_factory=list)]


@router.post("/mailbox")
async def lease(request: Request, hub: TheHub, caller: Reader, wanted: Lease) -> dict[str, Any]:
    """Lend waiting messages; without a receipt in time they are lent again."""
    waited = 0.0
    while True:
        handed = await mailboxes.lease(hub, caller, most=wanted.max, seconds=wanted.lease_seconds)
        if handed or waited >= wanted.wait_seconds:
            return {"items": [_item(some) for some in handed]}
        async with aside(request):
            await asyncio.sleep(_POLL)
        waited += _POLL


@router.get("/mailbox/{item_id}")
async def read(hub: TheHub, caller: Reader, item_id: UUID) -> dict[str, Any]:
    """The same message again."""
    return _item(await mailboxes.read(hub, caller, item_id))


@router.post("/mailbox/{item_id}/receipt")
async def receipt(hub: TheHub, caller: Receiver, item_id: UUID, given: Receipt) -> dict[str, Any]:
    """Say what became of it; the same answer may be given again."""
    digest = bytes.fromhex(given.digest.removeprefix("sha-256:"))
    if len(digest) != 32:
        raise Invalid("bad-request", "The digest is a SHA-256.")
    errors = [error.model_dump() for error in given.errors]
    signed, state = await mailboxes.acknowledge(hub, caller, item_id, State(given.state), digest, errors)
    return {"receipt": signed, "state": state}


def _item(handed: Handed) -> dict[str, Any]:
    item = handed.item
    return {
        "id": str(item.id),
        "message_id": str(item.message_id),
        "kind": item.kind,
        "from": handed.sender,
        "digest": f"sha-256:{item.digest.hex()}",
        "content_type": handed.media_type,
        "body": base64.b64encode(handed.body).decode(),
        "recipient_subjects": handed.subjects,
        "queued_at": item.queued_at,
        "expires_at": item.expires_at,
        "lease_until": item.lease_until,
        "attempt": item.attempt,
    }
