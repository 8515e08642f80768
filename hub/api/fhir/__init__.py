"""FHIR R4 over HTTP: one interaction a file, each with what the capability statement says of it (WIRE.md).

A new interaction is a module with INTERACTIONS and a line in `_ALL`. Handlers are Starlette's own, and an application
looks at them first (`install`): on these paths every request counts, and finding a route among all costs a third of one.
"""

from typing import Final

from fastapi import APIRouter, FastAPI

from hub.api.fhir import match, metadata
from hub.api.fhir.interactions import Interaction, route

_ALL: Final[tuple[Interaction, ...]] = (*match.INTERACTIONS,)

_routes: Final = [*map(route, _ALL), metadata.route(_ALL)]
router = APIRouter(routes=_routes)


def install(app: FastAPI) -> None:
    """Put the interactions in front of all other routes."""
    app.router.routes[:0] = _routes
