"""Is the process alive, can it serve, and its numbers for monitoring."""

import ipaddress
import re
import secrets
from typing import Final

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from hub.api.context import TheHub
from hub.runtime import Hub
from hub.services import overview

router = APIRouter(tags=["health"])

_PASSED_ON: Final = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
"""What proxies add: the caller is then whoever is behind the proxy, wherever the connection comes from."""
_HERE: Final = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?", re.ASCII | re.IGNORECASE)
"""What who calls on this machine calls it. A proxy that adds nothing still passes on the name its callers used."""


@router.get("/", include_in_schema=False)
@router.get("/console", include_in_schema=False)
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


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(request: Request, hub: TheHub) -> Response:
    """Prometheus text: the process's own numbers and the queues. To strangers there is no such page."""
    if not _may_read(request, hub):
        raise HTTPException(404)
    lines = [
        f"hub_{name}{{{','.join(f'{k}={chr(34)}{v}{chr(34)}' for k, v in labels.items())}}} {value}"
        for name, labels, value in await overview.gauges(hub)
    ]
    text = generate_latest(REGISTRY).decode() + "\n".join(lines) + "\n"
    return Response(text, media_type=CONTENT_TYPE_LATEST)


def _may_read(request: Request, hub: Hub) -> bool:
    """Does the caller have the token, or does it call from this machine and not through a proxy?"""
    wanted = hub.settings.metrics_token.get_secret_value()
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if wanted and scheme.lower() == "bearer" and secrets.compare_digest(given.encode(), wanted.encode()):
        return True
    if request.client is None or any(name in request.headers for name in _PASSED_ON):
        return False
    if not _HERE.fullmatch(request.headers.get("host", "")):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
