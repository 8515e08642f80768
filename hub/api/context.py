"""What every handler is given: the hub, and the member who calls, once its token opens what is asked for."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Request

from hub.domain.scopes import EVERYTHING
from hub.errors import MissingScope, Unauthenticated
from hub.runtime import Hub
from hub.services import denials, tokens
from hub.services.tokens import Access
from hub.storage.members import Member

RIGHTS: dict[Callable[..., Any], str] = {}
"""The right that each declared caller has to have, for /openapi.json."""
CERTIFICATE = "certificate"
"""Where the state of a request keeps the thumbprint of the client certificate that it came with, if any did."""
CALLER = "caller"
"""Where the state of a request keeps what its token was found to be: an access, or why it counts for none."""


def hub_of(request: Request) -> Hub:
    """The hub of this process."""
    hub = request.app.state.hub
    if not isinstance(hub, Hub):
        raise TypeError("the application was started without a hub")
    return hub


async def access_of(request: Request, hub: Hub) -> Access:
    """Whose access token the request carries, and what it opens. Raises Unauthenticated."""
    known = request.scope.get("state", {}).get(CALLER)
    if isinstance(known, Unauthenticated):
        raise known
    if isinstance(known, Access):
        return known
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return await tokens.access_of(hub, token if scheme.lower() == "bearer" else "", certificate_of(request))


def certificate_of(request: Request) -> str:
    """The thumbprint of the client certificate that the request came with, '' where none did."""
    found: str = request.scope.get("state", {}).get(CERTIFICATE, "")
    return found


async def opened(hub: Hub, access: Access, *needed: str) -> None:
    """Raises MissingScope where the token does not open it, which leaves a leaf."""
    try:
        access.require(*needed)
    except MissingScope as denial:
        await denials.note_scope(hub, access.member.name, denial)
        raise


def opened_by(right: str) -> Any:
    """What a handler declares: the member that calls, with a token that opens this. Raises Unauthenticated, MissingScope."""

    async def caller_of(request: Request, hub: Annotated[Hub, Depends(hub_of)]) -> Member:
        access = await access_of(request, hub)
        await opened(hub, access, right)
        return access.member

    RIGHTS[caller_of] = right
    return Depends(caller_of)


TheHub = Annotated[Hub, Depends(hub_of)]
Caller = Annotated[Member, opened_by(EVERYTHING)]
"""A member whose token opens all that it may: for what has no scope of its own."""
