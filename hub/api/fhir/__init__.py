"""FHIR R4 over HTTP: one interaction a file, each with what the capability statement says of it (WIRE.md).

`router` is what an application includes; a new interaction is a module with INTERACTIONS and a line in `_ALL`. Handlers
are Starlette's own: on these paths every request counts.
"""

from typing import Final

from fastapi import APIRouter

from hub.api.fhir import feed_patient, match, mdm, merge, metadata, process_message, stewards
from hub.api.fhir.interactions import Interaction, route
from hub.api.fhir.stewards import StewardInteraction

_ALL: Final[tuple[Interaction, ...]] = (
    *feed_patient.INTERACTIONS,
    *match.INTERACTIONS,
    *process_message.INTERACTIONS,
)

_BY_STEWARDS: Final[tuple[StewardInteraction, ...]] = (*mdm.INTERACTIONS, *merge.INTERACTIONS)

router = APIRouter(
    routes=[*map(route, _ALL), *map(stewards.route, _BY_STEWARDS), metadata.route((*_ALL, *_BY_STEWARDS))]
)
