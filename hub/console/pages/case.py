"""One conflict: the two records side by side, the score explained, the decision, its undoing, and numbers in full."""

from typing import cast
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from hub.console.pages import quick_reasons
from hub.console.pages.conflicts import finished
from hub.console.presentation import comparison, waterfall
from hub.console.rendering import BASE, page
from hub.console.visits import Form, SignedIn, Visit, field
from hub.errors import Invalid
from hub.services import assignments, cases, proposals, reveals, reviews, settling, verdicts
from hub.services.cases import Case
from hub.services.reveals import Sides
from hub.services.verdicts import Verdict

router = APIRouter()


def _address(task_id: UUID | None, *, reason: str = "", done: UUID | None = None) -> str:
    """Of a case, or of the queue, with the filter kept."""
    query = urlencode({name: str(value) for name, value in (("reason", reason), ("done", done)) if value})
    where = f"{BASE}/conflicts/{task_id}" if task_id else f"{BASE}/conflicts"
    return f"{where}?{query}" if query else where


@router.get("/conflicts/{task_id}")
async def show(visit: SignedIn, task_id: UUID, reason: str = "", done: UUID | None = None) -> Response:
    """The case with masked numbers; whoever opens it has it open, unless she has just dealt with it."""
    if done != task_id:
        await assignments.hold(visit.hub, visit.user, task_id)
    case = await cases.view(visit.hub, visit.user, task_id)
    return await _page(visit, case, reason=reason, done=done)


async def _page(
    visit: Visit,
    case: Case,
    *,
    template: str = "case.html",
    status: int = 200,
    reason: str = "",
    done: UUID | None = None,
    revealed: Sides = frozenset(),
    form: FormData | None = None,
    fault: str = "",
) -> Response:
    previous, following = await reviews.neighbours(visit.hub, visit.user, case.task, reason=reason or None)
    given = {name: field(form, name) for name in form} if form is not None else {}
    held = case.task.is_held(visit.hub.now(), against=visit.user.name)
    return page(
        visit,
        template,
        status=status,
        section="conflicts",
        case=case,
        fields=comparison.rows(case, visit.language, own=reveals.own_sides(visit.user, case), revealed=revealed),
        fall=waterfall.fall(case.evidence, case.weighed.model.review, case.weighed.model.auto),
        history=[(event, settling.note_of(visit.hub, event)) for event in case.history],
        summary=comparison.summary,
        choices=quick_reasons.CHOICES,
        defer_days=verdicts.DEFER_DAYS,
        purposes=reveals.PURPOSES,
        asked=await reveals.asked(visit.hub, visit.user, case),
        revealed=revealed,
        held=held,
        kept_out=held and not visit.user.may_overrule,
        able=await assignments.able(visit.hub, visit.user, case.task),
        proposal_note=settling.note_of(visit.hub, case.proposal) if case.proposal else "",
        given=given,
        fault=fault,
        reason=reason,
        previous=_address(previous, reason=reason) if previous else "",
        following=_address(following, reason=reason) if following else "",
        done=await finished(visit, done),
    )


@router.post("/conflicts/{task_id}/decide")
async def decide(visit: SignedIn, task_id: UUID, form: Form) -> Response:
    """Record the verdict and go on to the next case; what is missing is said beside the form."""
    verdict, filtered = field(form, "verdict"), field(form, "filter")
    chosen = field(form, f"reason_{verdict}")
    days = field(form, "days")
    try:
        quick_reasons.check(verdict, chosen, field(form, "note"))
        done = await verdicts.decide(
            visit.hub,
            visit.user,
            task_id,
            cast(Verdict, verdict),
            reason=chosen,
            note=field(form, "note"),
            seen=field(form, "seen"),
            defer_days=int(days) if days.isdecimal() and len(days) < 4 else 7,
        )
    except Invalid as error:
        case = await cases.view(visit.hub, visit.user, task_id)
        return await _page(visit, case, status=400, reason=filtered, form=form, fault=error.code)
    standing = await reviews.standing(visit.hub, visit.user, task_id)
    following = None
    if standing is not None:
        _, following = await reviews.neighbours(visit.hub, visit.user, standing.task, reason=filtered or None)
        if following is None:
            following = await reviews.first(visit.hub, visit.user, reason=filtered or None)
    return RedirectResponse(_address(following, reason=filtered, done=done.task_id), 303)


@router.post("/conflicts/{task_id}/undo")
async def undo(visit: SignedIn, task_id: UUID, form: Form) -> Response:
    """Take the decision back and show the case again."""
    await verdicts.undo(visit.hub, visit.user, task_id, seen=field(form, "seen"))
    return RedirectResponse(_address(task_id, reason=field(form, "filter")), 303)


@router.post("/conflicts/{task_id}/answer")
async def answer(visit: SignedIn, task_id: UUID, form: Form) -> Response:
    """Approve what another proposed, or send it back, and show the case again."""
    act = proposals.approve if field(form, "answer") == "approve" else proposals.send_back
    try:
        done = await act(visit.hub, visit.user, task_id, seen=field(form, "seen"), note=field(form, "note"))
    except Invalid as error:
        case = await cases.view(visit.hub, visit.user, task_id)
        return await _page(visit, case, status=400, reason=field(form, "filter"), form=form, fault=error.code)
    return RedirectResponse(_address(task_id, reason=field(form, "filter"), done=done.task_id), 303)


@router.post("/conflicts/{task_id}/assign")
async def assign(visit: SignedIn, task_id: UUID, form: Form) -> Response:
    """Take it, let it go or give it to somebody, and show the case again."""
    to = field(form, "to")
    if field(form, "act") == "take":
        await assignments.take(visit.hub, visit.user, task_id)
    elif field(form, "act") == "release" or not to:
        await assignments.release(visit.hub, visit.user, task_id)
    else:
        await assignments.assign(visit.hub, visit.user, task_id, to)
    return RedirectResponse(_address(task_id, reason=field(form, "filter")), 303)


@router.post("/conflicts/{task_id}/reveal")
async def reveal(visit: SignedIn, task_id: UUID, form: Form) -> Response:
    """The case with its numbers in full, for a purpose that is noted; for a script only the two records."""
    try:
        found = await reveals.reveal(visit.hub, visit.user, task_id, field(form, "purpose"))
    except Invalid as error:
        return await _again(visit, task_id, form, error.code)
    template = "case_comparison.html" if visit.partial else "case.html"
    return await _page(visit, found.case, template=template, revealed=found.sides, reason=field(form, "filter"))


async def _again(visit: Visit, task_id: UUID, form: FormData, fault: str) -> Response:
    """The case with what is missing said beside the form; for a script only the two records."""
    case = await cases.view(visit.hub, visit.user, task_id)
    template = "case_comparison.html" if visit.partial else "case.html"
    return await _page(visit, case, template=template, status=200 if visit.partial else 400, form=form, fault=fault)


@router.post("/conflicts/{task_id}/ask-reveal")
async def ask_reveal(visit: SignedIn, task_id: UUID, form: Form) -> Response:
    """Ask the other region to let its record be seen in full, and show the case again."""
    try:
        await reveals.ask(visit.hub, visit.user, task_id, field(form, "purpose"))
    except Invalid as error:
        return await _again(visit, task_id, form, error.code)
    return RedirectResponse(_address(task_id, reason=field(form, "filter")), 303)


@router.post("/conflicts/{task_id}/answer-reveal/{request_id}")
async def answer_reveal(visit: SignedIn, task_id: UUID, request_id: UUID, form: Form) -> Response:
    """Answer another region's request, and show the case again."""
    approve = field(form, "answer") == "approve"
    await reveals.answer(visit.hub, visit.user, task_id, request_id, approve=approve)
    return RedirectResponse(_address(task_id, reason=field(form, "filter")), 303)


@router.get("/conflicts/{task_id}/decide")
@router.get("/conflicts/{task_id}/answer")
@router.get("/conflicts/{task_id}/assign")
@router.get("/conflicts/{task_id}/undo")
@router.get("/conflicts/{task_id}/reveal")
@router.get("/conflicts/{task_id}/ask-reveal")
async def back(visit: SignedIn, task_id: UUID) -> Response:
    """A form's address that was loaded again: the case itself."""
    _ = visit
    return RedirectResponse(_address(task_id), 303)
