"""The queue of conflicts: filter, pages, why each is here."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from hub.console.pages.paging import SIZE, Paging, number_in
from hub.console.presentation.bars import strength
from hub.console.rendering import page
from hub.console.visits import SignedIn, Visit
from hub.services import reviews
from hub.services.reviews import Standing

router = APIRouter()


@router.get("/conflicts")
async def show(
    visit: SignedIn,
    view: str = "open",
    reason: str = "",
    done: UUID | None = None,
) -> Response:
    """A page of the queue; for a script only the list."""
    wanted = view if view in reviews.VIEWS else "open"
    number = number_in(visit.request)
    queue = await reviews.queue(
        visit.hub, visit.user, view=wanted, reason=reason or None, limit=SIZE, offset=(number - 1) * SIZE
    )
    kept = {"view": "" if wanted == "open" else wanted, "reason": reason}
    return page(
        visit,
        "conflicts_list.html" if visit.partial else "conflicts.html",
        section="conflicts",
        queue=queue,
        view=wanted,
        views=reviews.VIEWS,
        reason=reason,
        now=visit.hub.now(),
        paging=Paging("conflicts", kept, number, queue.total),
        done=await finished(visit, done),
        bar=lambda weight: strength(weight, queue.review, queue.auto),
    )


async def finished(visit: Visit, task_id: UUID | None) -> Standing | None:
    """The decision just taken, for the notice that offers to undo it."""
    return await reviews.standing(visit.hub, visit.user, task_id) if task_id else None
