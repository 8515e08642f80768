"""What every handler is given: the hub, and the member who calls."""

from typing import Annotated

from fastapi import Depends, Request

from hub.errors import Unauthenticated
from hub.runtime import Hub
from hub.services import tokens
from hub.storage.members import Member

CALLER = "caller"
"""Where the state of a request keeps what its token was found to be: a member, or why it counts for none."""


def hub_of(request: Request) -> Hub:
    """The hub of this process."""
    hub = request.app.state.hub
    if not isinstance(hub, Hub):
        raise TypeError("the application was started without a hub")
    return hub


async def caller_of(request: Request, hub: Annotated[Hub, Depends(hub_of)]) -> Member:
    """The member whose access token the request carries. Raises Unauthenticated."""
    known = request.scope.get("state", {}).get(CALLER)
    if isinstance(known, Unauthenticated):
        raise known
    if isinstance(known, Member):
        return known
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return await tokens.member_of(hub, token if scheme.lower() == "bearer" else "")


TheHub = Annotated[Hub, Depends(hub_of)]
Caller = Annotated[Member, Depends(caller_of)]
