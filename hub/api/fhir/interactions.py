"""What an interaction is: a method and a path, a handler, and its line of the capability statement.

`route` puts in front of each handler what all have in common: the answer's format, the caller, the purpose.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.api.context import caller_of, hub_of
from hub.api.fhir import formats
from hub.domain.policy import PURPOSES
from hub.errors import Invalid
from hub.fhir.capability import JSON, Ability
from hub.fhir.strict_json import Document
from hub.runtime import Hub
from hub.storage.members import Member

PREFIX: Final = "/fhir"
PURPOSE_HEADER: Final = "purpose-of-use"


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request. `purpose` is one of `policy.PURPOSES`, or '' where the caller states none."""

    hub: Hub
    member: Member
    purpose: str
    request: Request

    async def document(self) -> Document:
        """The resource in the body, and its canonical bytes. Raises Invalid, Refused `unsupported-media-type`."""
        return formats.document(self.request.headers.get("content-type", ""), await self.request.body())

    async def resource(self) -> dict[str, Any]:
        """The JSON object in the body. Raises Invalid, Refused `unsupported-media-type`."""
        return formats.parsed(self.request.headers.get("content-type", ""), await self.request.body())

    async def form(self) -> list[tuple[str, str]]:
        """The fields of the form in the body, in order. Raises Invalid, Refused `unsupported-media-type`."""
        return formats.fields(self.request.headers.get("content-type", ""), await self.request.body())

    @property
    def query(self) -> list[tuple[str, str]]:
        """The parameters in the address, in order; those about the format were taken care of. Raises Invalid."""
        return formats.parameters(self.request.url.query)


Handler = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Interaction:
    """`path` is below /fhir and may have parameters, `{id}`; the ability is what /fhir/metadata tells of it."""

    method: str
    path: str
    handler: Handler
    ability: Ability


def route(interaction: Interaction) -> Route:
    """The interaction for a router."""

    async def endpoint(request: Request) -> Response:
        formats.check_wanted(request.headers.get("accept", ""), request.url.query)
        hub = hub_of(request)
        member = await caller_of(request, hub)
        return await interaction.handler(Call(hub, member, _purpose(request), request))

    return Route(PREFIX + interaction.path, endpoint, methods=[interaction.method])


def answer(resource: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A resource as an answer; what is about people stays in no cache."""
    return Response(orjson.dumps(resource), status, {"Cache-Control": "no-store", **(headers or {})}, JSON)


def _purpose(request: Request) -> str:
    stated = request.headers.get(PURPOSE_HEADER, "").strip()
    if stated and stated not in PURPOSES:
        raise Invalid("unknown-purpose", f"Purpose-Of-Use is one of {', '.join(sorted(PURPOSES))}.")
    return stated
