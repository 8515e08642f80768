"""Interactions that need a steward's or a supervisor's rights: like any other, behind a token of a person's own.

A member's token opens none of them: that a system holds records does not say that somebody may decide about them. Such an
attempt is noted.
"""

from dataclasses import dataclass

from starlette.requests import Request

from hub.api.context import access_of, hub_of
from hub.api.fhir.interactions import Asked
from hub.errors import NotAllowed
from hub.fhir.parameters import Parameters, of_query, of_resource
from hub.runtime import Hub
from hub.services import steward_tokens
from hub.services.identity import steward_acts
from hub.services.sessions import User


@dataclass(frozen=True, slots=True)
class StewardCall(Asked):
    """One request of a person who decides."""

    user: User

    async def parameters(self, *known: str) -> Parameters:
        """What the operation is called with, in the body or in the address. Raises Invalid, UnsupportedMediaType."""
        if self.request.method == "GET":
            return of_query(self.query, known)
        return of_resource(await self.resource(), known)


async def by_steward(request: Request, path: str) -> StewardCall:
    """The call of a person. Raises Unauthenticated; NotAllowed `role-missing` for a member's token."""
    hub = hub_of(request)
    return StewardCall(hub, request, await _user_of(hub, request, path))


async def _user_of(hub: Hub, request: Request, path: str) -> User:
    """Who calls. Raises Unauthenticated; NotAllowed `role-missing` for a member's token."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token if scheme.lower() == "bearer" else ""
    if steward_tokens.is_one(hub, token):
        return await steward_tokens.user_of(hub, token)
    access = await access_of(request, hub)
    await steward_acts.note_refusal(hub, access.member.name, path, "role-missing")
    raise NotAllowed("role-missing", "Only stewards and supervisors decide, each with a token of her own.")
