"""Consents that come in transactions, and the letters that rest on them: given up only with the last word on a consent."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from sqlalchemy import text

from hub.domain.messages import State
from hub.runtime import Hub
from hub.services import consents
from hub.services.blinds import reference_of
from tests.api.fhir.conftest import Client
from tests.api.fhir.test_bundles import bundle, entry
from tests.api.fhir.test_own_consents import consent
from tests.documents import told
from tests.hubs import Clock, Enrolled
from tests.messages import answered, lent, three_posted

NUMBER = "C0000001"


async def _send(caller: Client, *entries: dict[str, Any]) -> httpx2.Response:
    return await caller("POST", "/fhir", json=bundle(*entries), headers={"Message-Id": str(uuid4())})


def _said(**more: Any) -> dict[str, Any]:
    return consent(NUMBER, patient={"identifier": {"value": "YK0000001"}}, **more)


async def test_a_consent_that_takes_anothers_place_keeps_its_letters(
    as_yongkang: Client, hub: Hub, yongkang: Enrolled, huiji: Enrolled, clock: Clock
) -> None:
    """A letter that is given up stays so, whatever is in force a moment later."""
    first, *_ = await three_posted(hub, yongkang, huiji, clock)
    async with hub.database.read() as connection:
        rows = await connection.execute(text("SELECT resource_id, reference FROM consent"))
        (there,) = [row.resource_id for row in rows if row.reference == reference_of(hub, "yongkang", NUMBER)]
    sent = await _send(as_yongkang, entry("DELETE", f"Consent/{there}"), entry("POST", "Consent", _said()))
    assert sent.status_code == 200, sent.text
    assert (await told(hub, yongkang, first.message_id))["state"] == State.AVAILABLE
    sent = await _send(as_yongkang, entry("POST", "Consent", _said(status="inactive")))
    assert sent.status_code == 200, sent.text
    assert (await told(hub, yongkang, first.message_id))["state"] == State.VOIDED


async def test_a_receipt_is_taken_while_its_consent_is_withdrawn(
    as_yongkang: Client,
    hub: Hub,
    yongkang: Enrolled,
    huiji: Enrolled,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both change the letter and its sender's turn, and take them in the same order: neither is given up for the other."""
    await three_posted(hub, yongkang, huiji, clock)
    handed, *_ = await lent(hub, huiji, most=1)
    receipts: list[asyncio.Task[Any]] = []
    keep = consents.keep

    async def meanwhile(*given: Any) -> Any:
        receipts.append(asyncio.create_task(answered(hub, huiji, handed, State.PROCESSED)))
        await asyncio.wait(receipts, timeout=0.3)
        return await keep(*given)

    monkeypatch.setattr(consents, "keep", meanwhile)
    sent = await _send(as_yongkang, entry("POST", "Consent", _said(status="inactive")))
    assert sent.status_code == 200, sent.text
    async with asyncio.timeout(10):
        await receipts[0]
    assert len(receipts) == 1
