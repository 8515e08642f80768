"""FHIR R4 over HTTP: one interaction a file, each with what the capability statement says of it (WIRE.md).

A new interaction is a module with INTERACTIONS and a line in `_ALL`. Handlers are Starlette's own, and an application
looks them up first (`DIRECTORY`): on these paths every request counts, and asking all routes costs a third of one.
"""

from typing import Any, Final

from fastapi import APIRouter, FastAPI
from starlette.routing import Route

from hub.api.fhir import (
    bundle,
    everything,
    export,
    feed_patient,
    histories,
    import_lines,
    match,
    mdm,
    merge,
    metadata,
    pix,
    process_message,
    resources,
    search,
    searching,
    subscriptions,
    terminology,
    validate,
)
from hub.api.fhir.directory import Directory
from hub.api.fhir.interactions import Interaction, route

_ALL: Final[tuple[Interaction[Any], ...]] = (
    *match.INTERACTIONS,
    *pix.INTERACTIONS,
    *search.INTERACTIONS,
    *feed_patient.INTERACTIONS,
    *process_message.INTERACTIONS,
    *bundle.INTERACTIONS,
    *mdm.INTERACTIONS,
    *merge.INTERACTIONS,
    *terminology.INTERACTIONS,
    *everything.INTERACTIONS,
    *subscriptions.INTERACTIONS,
    *export.INTERACTIONS,
    *import_lines.INTERACTIONS,
)

# An operation's name, and _history, goes before an id, which would take it for one of its kind.
_named: Final = sorted((*_ALL, *histories.INTERACTIONS), key=lambda one: "{" in one.path and "_history" not in one.path)
_of_any_type: Final = (*validate.INTERACTIONS, *resources.INTERACTIONS, *searching.INTERACTIONS)
INTERACTIONS: Final[tuple[Interaction[Any], ...]] = (*_named, *_of_any_type)
"""All of them, in the order in which a request finds its own."""

_routes: Final[list[Route]] = [
    *map(route, _named),
    metadata.route(
        [
            *(one.ability for one in _ALL),
            *(one for part in (resources, histories, searching, validate) for one in part.ABILITIES),
        ]
    ),
    *map(route, _of_any_type),
]
DIRECTORY: Final = Directory(_routes)
"""Where an application finds the endpoints, in front of all that it does for others (`hub.api.application`)."""


router = APIRouter(routes=[*_routes])


def install(app: FastAPI) -> None:
    """Put the interactions in front of all other routes, which answer what the directory does not know."""
    app.router.routes[:0] = router.routes
