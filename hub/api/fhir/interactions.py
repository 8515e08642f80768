"""What an interaction is: a method and a path, a handler, its line of the capability statement, and who may call it.

`route` puts in front of each handler what all have in common: the answer's format, and the caller.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.api.context import access_of, hub_of, opened
from hub.api.fhir import formats
from hub.api.scopes import needed
from hub.domain import scopes
from hub.domain.policy import PURPOSES
from hub.domain.scopes import EVERYTHING
from hub.errors import Invalid
from hub.fhir import requests, search
from hub.fhir.capability import JSON, Ability
from hub.fhir.search import Query
from hub.fhir.strict_json import Document
from hub.runtime import Hub
from hub.services.tokens import Access
from hub.storage.members import Member

PREFIX: Final = "/fhir"
PURPOSE_HEADER: Final = "purpose-of-use"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, whoever calls."""

    hub: Hub
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
        return requests.parameters(self.said)

    @property
    def said(self) -> str:
        """What stands behind the '?' of the address, as it stands there."""
        return said_in(self.request)


@dataclass(frozen=True, slots=True)
class Call(Asked):
    """One request of a member. `purpose` is one of `policy.PURPOSES`, or '' where the caller states none."""

    member: Member
    purpose: str
    access: Access

    def search(self, type_: str, text: str) -> Query:
        """The search of a type by parameters as an address writes them. Raises Invalid."""
        base = self.hub.settings.base_url + PREFIX
        return search.parse(type_, requests.parameters(text), now=self.hub.now(), base=base)


def said_in(request: Request) -> str:
    """What stands behind the '?' of the address; `request.url` would put all of the address together first."""
    stated: bytes = request.scope["query_string"]
    return stated.decode("utf-8", "surrogateescape")  # which is then refused as a text that cannot be kept


Called = TypeVar("Called", bound=Asked)


@dataclass(frozen=True, slots=True)
class Interaction(Generic[Called]):
    """`path` is below /fhir and may have parameters, `{id}`; the ability is what /fhir/metadata tells of it.

    `caller` finds out who calls by the path: a member (`by_member`), or a person who decides (`stewards.by_steward`).
    `wanted` is given Accept and the query, and refuses formats in which there is no answer. `query` names what it takes in
    the address, beside the parameters of its ability; /openapi.json tells it.
    """

    method: str
    path: str
    handler: Callable[[Called], Awaitable[Response]]
    ability: Ability
    caller: Callable[[Request, str], Awaitable[Called]]
    wanted: Callable[[str, str], None] = formats.check_wanted
    query: Collection[str] = ()


def route(interaction: Interaction[Called]) -> Route:
    """The interaction for a router."""

    async def endpoint(request: Request) -> Response:
        interaction.wanted(request.headers.get("accept", ""), said_in(request))
        return await interaction.handler(await interaction.caller(request, interaction.path))

    return Route(PREFIX + interaction.path, endpoint, methods=[interaction.method])


async def by_member(request: Request, path: str) -> Call:
    """The call of a member's system. Raises Unauthenticated, Invalid `unknown-purpose`, MissingScope."""
    hub = hub_of(request)
    access = await access_of(request, hub)
    purpose = _purpose(request)
    if EVERYTHING not in access.rights:
        await opened(hub, access, *needed(request, path), *([scopes.purpose(purpose)] if purpose else ()))
    return Call(hub, request, access.member, purpose, access)


def answer(resource: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A resource as an answer; what is about people stays in no cache."""
    return Response(orjson.dumps(resource), status, {"Cache-Control": "no-store", **(headers or {})}, JSON)


def _purpose(request: Request) -> str:
    stated = request.headers.get(PURPOSE_HEADER, "").strip()
    if stated and stated not in PURPOSES:
        raise Invalid("unknown-purpose", f"Purpose-Of-Use is one of {', '.join(sorted(PURPOSES))}.")
    return stated
