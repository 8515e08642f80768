"""Deliveries between regions: states and times, never content."""

from fastapi import APIRouter
from starlette.responses import Response

from hub.console.pages.paging import SIZE, Paging, number_in
from hub.console.rendering import page
from hub.console.visits import SignedIn
from hub.services import boards

router = APIRouter()


@router.get("/deliveries")
async def show(visit: SignedIn, show: str = "all", kind: str = "") -> Response:
    """A page of deliveries; for a script only the list."""
    wanted = show if show in boards.SHOWS else "all"
    number = number_in(visit.request)
    found = await boards.list_deliveries(
        visit.hub, visit.user, show=wanted, kind=kind or None, limit=SIZE, offset=(number - 1) * SIZE
    )
    kept = {"show": "" if wanted == "all" else wanted, "kind": kind}
    return page(
        visit,
        "deliveries_list.html" if visit.partial else "deliveries.html",
        section="deliveries",
        found=found,
        show=wanted,
        shows=tuple(boards.SHOWS),
        kind=kind,
        paging=Paging("deliveries", kept, number, found.total),
    )
