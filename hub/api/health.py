"""Is the process alive, can it serve, and its numbers for monitoring."""

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from starlette.responses import RedirectResponse, Response

from hub.api.context import TheHub
from hub.services import overview

router = APIRouter(tags=["health"])


@router.get("/", include_in_schema=False)
async def home() -> Response:
    """People who type the bare address come to the console."""
    return RedirectResponse("/console/", 303)


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@router.get("/readyz")
async def readyz(hub: TheHub) -> dict[str, str]:
    """The database answers and has this version's schema. 503 with the reason otherwise."""
    await overview.check_ready(hub)
    return {"status": "ready"}


@router.get("/metrics")
async def metrics(hub: TheHub) -> Response:
    """Prometheus text: the process's own numbers and the queues."""
    lines = [
        f"hub_{name}{{{','.join(f'{k}={chr(34)}{v}{chr(34)}' for k, v in labels.items())}}} {value}"
        for name, labels, value in await overview.gauges(hub)
    ]
    text = generate_latest(REGISTRY).decode() + "\n".join(lines) + "\n"
    return Response(text, media_type=CONTENT_TYPE_LATEST)
