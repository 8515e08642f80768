"""The webhook endpoint: 204 for a notice whose signature holds, 401 for any other, 500 now and then to see it come again.

Every arrival is in the ledger before it is answered. https://www.standardwebhooks.com
"""

import hashlib
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.demo.counties.partner.deliveries import ACCEPTED, FAILED, REFUSED, Ledger

MAX_BODY = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """`failures` is the share of notices whose first delivery is answered with 500, picked out by the seed."""

    secret: str
    seed: int = 0
    failures: float = 0.0


def create_app(ledger: Ledger, manners: Manners) -> Starlette:
    """The receiver over one ledger; `secret` is a Standard Webhooks secret (`whsec_…`)."""
    webhook = Webhook(manners.secret)

    async def receive(request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return JSONResponse({"error": "too large"}, status_code=413)
        headers = {name: request.headers.get(name, "") for name in _HEADERS}
        webhook_id, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
        verdict, status = ACCEPTED, 204
        try:
            webhook.verify(body, headers)
        except (WebhookVerificationError, ValueError) as error:
            verdict, status = REFUSED, 401
            reason = str(error)
        else:
            reason = ""
            if _is_unlucky(webhook_id, manners) and not ledger.seen(webhook_id):
                verdict, status = FAILED, 500
        ledger.record(webhook_id, timestamp, body, verdict, datetime.now(UTC).isoformat())
        return (
            Response(status_code=204)
            if status == 204
            else JSONResponse({"error": reason or verdict}, status_code=status)
        )

    async def counts(_: Request) -> Response:
        return JSONResponse(asdict(ledger.summary()))

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return Starlette(
        routes=[
            Route("/hook", receive, methods=["POST"]),
            Route("/deliveries", counts),
            Route("/healthz", health),
        ]
    )


_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


async def _body(request: Request) -> bytes | None:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            return None
    return bytes(body)


def _is_unlucky(webhook_id: str, manners: Manners) -> bool:
    digest = hashlib.sha256(f"{manners.seed} {webhook_id}".encode()).hexdigest()
    return int(digest[:8], 16) / 0x1_0000_0000 < manners.failures
