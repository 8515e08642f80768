"""FHIR R4 over HTTP: one interaction a file, each with what the capability statement says of it (WIRE.md).

`router` is what an application includes; a new interaction is a module with INTERACTIONS and a line in `_ALL`. Handlers
are Starlette's own: on these paths every request counts.
"""

from typing import Final

from fastapi import APIRouter

from hub.api.fhir import feed_patient, match, metadata, process_message
from hub.api.fhir.interactions import Interaction, route

_ALL: Final[tuple[Interaction, ...]] = (
    *feed_patient.INTERACTIONS,
    *match.INTERACTIONS,
    *process_message.INTERACTIONS,
)

router = APIRouter(routes=[*map(route, _ALL), metadata.route(_ALL)])
