"""Many like conflicts at once: which, a sample of them, the verdict with its count, and the lots decided before."""

from uuid import UUID

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from hub.console.pages import quick_reasons
from hub.console.presentation.bars import strength
from hub.console.rendering import BASE, page
from hub.console.visits import Form, SignedIn, Visit, field
from hub.errors import Invalid
from hub.services import bulk, reviews
from hub.services.bulk import Wanted
from hub.services.verdicts import FINAL

router = APIRouter()
_ADDRESS = f"{BASE}/conflicts/lots"


@router.get("/conflicts/lots")
async def show(
    visit: SignedIn, reason: str = "", band: str = "", verdict: str = "", done: UUID | None = None
) -> Response:
    """What can be chosen, and once it is, the lot that there would be."""
    wanted = _wanted(reason, band, verdict)
    return await _page(visit, wanted, done=done)


def _wanted(reason: str, band: str, verdict: str) -> Wanted | None:
    if verdict not in FINAL or band not in bulk.BANDS or not reason:
        return None
    return Wanted(reason, band, "same" if verdict == "same" else "different")


async def _page(
    visit: Visit,
    wanted: Wanted | None,
    *,
    status: int = 200,
    done: UUID | None = None,
    form: FormData | None = None,
    fault: str = "",
) -> Response:
    preview = await bulk.preview(visit.hub, visit.user, wanted) if wanted and visit.user.may_decide else None
    counts = await reviews.counts(visit.hub, visit.user)
    return page(
        visit,
        "lots.html",
        status=status,
        section="conflicts",
        wanted=wanted,
        preview=preview,
        reasons=counts,
        bands=tuple(bulk.BANDS),
        verdicts=tuple(FINAL),
        choices=quick_reasons.CHOICES,
        lots=await bulk.lots(visit.hub, visit.user),
        done=done,
        given={name: field(form, name) for name in form} if form is not None else {},
        fault=fault,
        bar=lambda weight: strength(weight, preview.review, preview.auto) if preview else 0,
    )


@router.post("/conflicts/lots")
async def decide(visit: SignedIn, form: Form) -> Response:
    """Decide the lot that was shown."""
    wanted = _wanted(field(form, "reason"), field(form, "band"), field(form, "verdict"))
    if wanted is None:
        return RedirectResponse(_ADDRESS, 303)
    why, note, count = field(form, "why"), field(form, "note"), field(form, "count").strip()
    try:
        quick_reasons.check(wanted.verdict, why, note)
        number = int(count) if count.isdecimal() and len(count) < 5 else 0
        made = await bulk.apply(
            visit.hub, visit.user, wanted, token=field(form, "token"), count=number, reason=why, note=note
        )
    except Invalid as error:
        return await _page(visit, wanted, status=400, form=form, fault=error.code)
    return RedirectResponse(f"{_ADDRESS}?done={made.lot}", 303)


@router.post("/conflicts/lots/{lot_id}/undo")
async def undo(visit: SignedIn, lot_id: UUID, form: Form) -> Response:
    """Take a lot back."""
    _ = form
    made = await bulk.undo(visit.hub, visit.user, lot_id)
    return RedirectResponse(f"{_ADDRESS}?done={made.lot}", 303)
