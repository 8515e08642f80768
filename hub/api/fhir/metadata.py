"""GET /fhir/metadata: the capability statement. It is public, and says exactly what is there.

https://hl7.org/fhir/R4/http.html#capabilities
"""

from collections.abc import Sequence
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.api.context import hub_of
from hub.api.fhir import formats
from hub.api.fhir.interactions import PREFIX, answer
from hub.fhir import capability
from hub.fhir.capability import Ability


class Described(Protocol):
    """Whatever has a line in the statement: an interaction of members, or one of stewards."""

    @property
    def ability(self) -> Ability: ...


def route(interactions: Sequence[Described]) -> Route:
    """The statement of these interactions, for a router."""

    async def metadata(request: Request) -> Response:
        formats.check_wanted(request.headers.get("accept", ""), request.url.query)
        found = capability.statement(
            [interaction.ability for interaction in interactions],
            base_url=hub_of(request).settings.base_url,
            version=request.app.version,
        )
        return answer(found, headers={"Cache-Control": "no-cache"})

    return Route(f"{PREFIX}/metadata", metadata, methods=["GET"])
