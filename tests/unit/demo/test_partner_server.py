"""The partner's receiver: only signed notices count, every arrival is kept."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from standardwebhooks.webhooks import Webhook

from hub.demo.counties.partner.deliveries import Ledger, Summary
from hub.demo.counties.partner.server import Manners, create_app

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = '{"type":"delivery.available","mailbox_id":"1"}'


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "partner.sqlite")


async def _http(ledger: Ledger, failures: float) -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app(ledger, Manners(secret=SECRET, failures=failures))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://partner") as http:
        yield http
    ledger.close()


@pytest.fixture
async def http(ledger: Ledger) -> AsyncIterator[httpx2.AsyncClient]:
    async for found in _http(ledger, 0.0):
        yield found


def _headers(webhook_id: str, body: str = BODY, *, age: int = 0, secret: str = SECRET) -> dict[str, str]:
    at = datetime.now(UTC) - timedelta(seconds=age)
    signature = Webhook(secret).sign(webhook_id, at, body)
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
    }


async def test_signed_notices_are_kept_and_repetitions_counted(http: httpx2.AsyncClient, ledger: Ledger) -> None:
    for webhook_id in ("a", "b", "a"):
        answer = await http.post("/hook", content=BODY, headers=_headers(webhook_id))
        assert answer.status_code == 204
    assert ledger.summary() == Summary(notices=2, accepted=3, refused=0, failed=0, duplicates=1, conflicting=0)
    assert (await http.get("/deliveries")).json()["duplicates"] == 1
    assert ledger.bodies() == [BODY.encode()] * 2


@pytest.mark.parametrize(
    "headers",
    [
        {},
        _headers("a", BODY + " "),
        _headers("a", secret="whsec_AAAAr8GKYqrTwjUPD8ILPZIo2LaLaSw="),
        _headers("a") | {"webhook-id": "b"},
        _headers("a") | {"webhook-signature": "v1,%%%"},
        _headers("a") | {"webhook-signature": "nonsense"},
    ],
)
async def test_other_notices_are_refused_and_kept_too(
    http: httpx2.AsyncClient, ledger: Ledger, headers: dict[str, str]
) -> None:
    assert (await http.post("/hook", content=BODY, headers=headers)).status_code == 401
    assert ledger.summary() == Summary(notices=0, accepted=0, refused=1, failed=0, duplicates=0, conflicting=0)


async def test_an_old_signature_is_refused(http: httpx2.AsyncClient) -> None:
    assert (await http.post("/hook", content=BODY, headers=_headers("a", age=3600))).status_code == 401


async def test_a_failure_comes_once_and_is_no_delivery(ledger: Ledger) -> None:
    async for http in _http(ledger, 1.0):
        codes = [(await http.post("/hook", content=BODY, headers=_headers("a"))).status_code for _ in range(3)]
        assert codes == [500, 204, 204]
        assert ledger.summary() == Summary(notices=1, accepted=2, refused=0, failed=1, duplicates=1, conflicting=0)
