"""The style sheet of the pages at /portal, a sandbox's and a live hub's."""

from fastapi import APIRouter
from starlette.responses import Response

from hub.api.public_pages import style_sheet

router = APIRouter(include_in_schema=False)


@router.get("/portal/style.css")
async def style() -> Response:
    """The pages' style sheet: that of /verify, and what is more."""
    return style_sheet("verify.css", "portal.css")
