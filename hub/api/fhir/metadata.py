"""GET /fhir/metadata: the capability statement. It is public, and says exactly what is there.

https://hl7.org/fhir/R4/http.html#capabilities
"""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.api import scopes
from hub.api.context import hub_of
from hub.api.fhir import formats
from hub.api.fhir.interactions import PREFIX, answer, said_in
from hub.fhir import capability
from hub.fhir.capability import Ability


def route(abilities: Sequence[Ability]) -> Route:
    """The statement of these abilities, for a router."""

    async def metadata(request: Request) -> Response:
        formats.check_wanted(request.headers.get("accept", ""), said_in(request))
        found = capability.statement(
            abilities,
            base_url=hub_of(request).settings.base_url,
            version=request.app.version,
            scopes=scopes.said(),
        )
        return answer(found, headers={"Cache-Control": "no-cache"})

    return Route(f"{PREFIX}/metadata", metadata, methods=["GET"])
