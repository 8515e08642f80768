"""The audit log for everybody who holds a receipt or watches the log: its signed head and proofs. Hashes only, so public."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import PlainTextResponse, Response

from hub.api.context import TheHub
from hub.services import auditing

router = APIRouter(prefix="/log", tags=["log"])

Size = Annotated[int, Query(ge=0, lt=2**62)]


@router.get("/checkpoint", response_class=PlainTextResponse)
async def checkpoint(hub: TheHub) -> Response:
    """The newest signed head as a note (C2SP tlog-checkpoint)."""
    return PlainTextResponse((await auditing.head(hub)).note, headers={"Cache-Control": "no-cache"})


@router.get("/inclusion")
async def inclusion(hub: TheHub, leaf: Annotated[str, Query(pattern="^[0-9a-f]{64}$")]) -> dict[str, Any]:
    """Proof that a leaf (its hash, as receipts name it) is under the newest head. 503 while no head covers it yet."""
    found = await auditing.inclusion(hub, bytes.fromhex(leaf))
    return {
        "leaf": found.leaf.hex(),
        "index": found.index,
        "size": found.size,
        "root": found.root.hex(),
        "proof": [step.hex() for step in found.proof],
        "checkpoint": found.note,
    }


@router.get("/consistency")
async def consistency(
    hub: TheHub, first: Annotated[Size, Query(alias="from")], second: Annotated[Size, Query(alias="to")]
) -> dict[str, Any]:
    """Proof that the log of size `to` began as the log of size `from`."""
    found = await auditing.consistency(hub, first, second)
    return {"from": found.first, "to": found.second, "proof": [step.hex() for step in found.proof]}
