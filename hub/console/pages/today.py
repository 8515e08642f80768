"""The first page: what waits for me."""

from fastapi import APIRouter
from starlette.responses import Response

from hub.console.rendering import page
from hub.console.visits import SignedIn
from hub.services import boards

router = APIRouter()


@router.get("/")
async def show(visit: SignedIn) -> Response:
    """What waits for the visitor's region."""
    return page(visit, "today.html", section="today", board=await boards.today(visit.hub, visit.user))
