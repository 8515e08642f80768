"""How good the links are: what the audit samples say, and judging a pair without seeing what the hub decided."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from hub.console.presentation import comparison
from hub.console.presentation.bars import histogram
from hub.console.rendering import BASE, page
from hub.console.visits import Form, SignedIn, field
from hub.linkage.drift import EDGES
from hub.services import drift, samples
from hub.services.reveals import Side
from hub.services.source_records import Record

router = APIRouter()
_ADDRESS = f"{BASE}/quality"


@router.get("/quality")
async def show(visit: SignedIn) -> Response:
    """The newest rounds and what follows from them."""
    found = await samples.quality(visit.hub, visit.user)
    shift = await drift.shift(visit.hub, visit.user)
    columns = histogram(shift.before.weights, shift.after.weights) if shift else ()
    return page(visit, "quality.html", section="quality", rounds=found, columns=columns, edges=EDGES)


@router.post("/quality/draw")
async def draw(visit: SignedIn, form: Form) -> Response:
    """Draw a round now."""
    _ = form
    await samples.ask(visit.hub, visit.user)
    return RedirectResponse(_ADDRESS, 303)


@router.get("/quality/{pair_id}")
async def judge(visit: SignedIn, pair_id: UUID) -> Response:
    """One pair of a sample, blind."""
    blind = await samples.view(visit.hub, visit.user, pair_id)
    both: tuple[tuple[Side, Record], ...] = (("a", blind.a), ("b", blind.b))
    own = frozenset(side for side, record in both if visit.user.member_id in (None, record.member.id))
    fields = comparison.rows(blind, visit.language, own=own, revealed=frozenset())
    return page(visit, "sample.html", section="quality", blind=blind, fields=fields, answers=samples.ANSWERS)


@router.post("/quality/{pair_id}")
async def answer(visit: SignedIn, pair_id: UUID, form: Form) -> Response:
    """Note the judgement and go on to the next pair."""
    following = await samples.answer(visit.hub, visit.user, pair_id, field(form, "answer"))
    return RedirectResponse(f"{_ADDRESS}/{following}" if following else _ADDRESS, 303)
