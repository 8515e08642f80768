"""The mailbox over HTTP: leased reading, long poll, receipts."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from hub.api import mailbox, submissions
from hub.runtime import Hub
from hub.services import tokens
from tests.hubs import Clock, Enrolled, serve
from tests.messages import REPORT, agree, allow, posted


@pytest.fixture
async def client(hub: Hub) -> AsyncIterator[httpx2.AsyncClient]:
    async with serve(hub, mailbox.router, submissions.router) as made:
        yield made


async def _as(hub: Hub, owner: Enrolled) -> dict[str, str]:
    return {"Authorization": f"Bearer {await tokens.issue_token(hub, owner.member)}"}


@pytest.fixture
async def waiting(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> Any:
    """A report that waits for Huiji."""
    await agree(hub, yongkang, huiji)
    await allow(hub, yongkang)
    return await posted(hub, yongkang, huiji)


async def test_a_message_is_read_and_answered(
    hub: Hub, client: httpx2.AsyncClient, huiji: Enrolled, yongkang: Enrolled, waiting: Any
) -> None:
    caller = await _as(hub, huiji)
    (item,) = (await client.post("/mailbox", json={}, headers=caller)).json()["items"]
    assert set(item) == {
        "id", "message_id", "kind", "from", "digest", "content_type", "body", "recipient_subjects", "queued_at",
        "expires_at", "lease_until", "attempt",
    }  # fmt: skip
    assert base64.b64decode(item["body"]) == waiting.body
    assert (item["kind"], item["from"], item["attempt"]) == (REPORT, "yongkang", 1)
    assert (await client.post("/mailbox", json={}, headers=caller)).json() == {"items": []}
    again = (await client.get(f"/mailbox/{item['id']}", headers=caller)).json()
    assert again == item
    path, answer = f"/mailbox/{item['id']}/receipt", {"state": "RECEIVED", "digest": item["digest"]}
    first = await client.post(path, json=answer, headers=caller)
    assert (first.status_code, first.json()["state"]) == (200, "RECEIVED")
    final = await client.post(path, json=answer | {"state": "PROCESSED"}, headers=caller)
    repeated = await client.post(path, json=answer | {"state": "PROCESSED"}, headers=caller)
    assert final.json() == repeated.json()
    sender = await _as(hub, yongkang)
    told = await client.get("/submissions", params={"message_id": item["message_id"]}, headers=sender)
    assert told.json()["application_ack"]["state"] == "PROCESSED"


async def test_a_business_error_is_told_to_the_sender(
    hub: Hub, client: httpx2.AsyncClient, huiji: Enrolled, yongkang: Enrolled, waiting: Any
) -> None:
    caller = await _as(hub, huiji)
    (item,) = (await client.post("/mailbox", json={}, headers=caller)).json()["items"]
    error = {"code": "unknown-person", "text": "查无此人", "path": "subject"}
    answer = {"state": "BUSINESS_ERROR", "digest": item["digest"], "errors": [error]}
    assert (await client.post(f"/mailbox/{item['id']}/receipt", json=answer, headers=caller)).status_code == 200
    told = await client.get("/submissions", params={"message_id": item["message_id"]}, headers=await _as(hub, yongkang))
    assert told.json()["application_ack"]["errors"] == [error]


@pytest.mark.parametrize(
    "body",
    [
        {"max": 0},
        {"max": 101},
        {"lease_seconds": 1},
        {"lease_seconds": 10**9},
        {"wait_seconds": 31},
        {"wait_seconds": -1},
        {"max": "many"},
        [],
        "x",
    ],
)
async def test_malformed_readings_are_400(hub: Hub, client: httpx2.AsyncClient, huiji: Enrolled, body: Any) -> None:
    answer = await client.post("/mailbox", json=body, headers=await _as(hub, huiji))
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-request")


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "VOIDED"},
        {"state": "AVAILABLE"},
        {"digest": "x"},
        {"digest": "sha-256:" + "G" * 64},
        {"state": "BUSINESS_ERROR"},
        {"errors": [{"code": "x", "text": "y"}]},
        {"errors": [{"code": "x" * 100, "text": "y"}], "state": "BUSINESS_ERROR"},
        {"errors": [{"code": "x", "text": "y"}] * 51, "state": "BUSINESS_ERROR"},
        {"errors": [{"code": "x", "text": "\ud800"}], "state": "BUSINESS_ERROR"},
    ],
)
async def test_malformed_receipts_are_400(
    hub: Hub, client: httpx2.AsyncClient, huiji: Enrolled, waiting: Any, changed: dict[str, Any]
) -> None:
    caller = await _as(hub, huiji)
    (item,) = (await client.post("/mailbox", json={}, headers=caller)).json()["items"]
    body = json.dumps({"state": "PROCESSED", "digest": item["digest"]} | changed)
    answer = await client.post(
        f"/mailbox/{item['id']}/receipt", content=body, headers=caller | {"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-request")


async def test_a_receipt_for_other_bytes_is_409(
    hub: Hub, client: httpx2.AsyncClient, huiji: Enrolled, waiting: Any
) -> None:
    caller = await _as(hub, huiji)
    (item,) = (await client.post("/mailbox", json={}, headers=caller)).json()["items"]
    answer = await client.post(
        f"/mailbox/{item['id']}/receipt", json={"state": "PROCESSED", "digest": "sha-256:" + "0" * 64}, headers=caller
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "digest-conflict")


async def test_what_is_anothers_is_404_like_what_is_not(
    hub: Hub, client: httpx2.AsyncClient, huiji: Enrolled, yongkang: Enrolled, waiting: Any
) -> None:
    (item,) = (await client.post("/mailbox", json={}, headers=await _as(hub, huiji))).json()["items"]
    stranger, problems = await _as(hub, yongkang), []
    for id_ in (item["id"], str(uuid4())):
        receipt = {"state": "PROCESSED", "digest": item["digest"]}
        for answer in (
            await client.get(f"/mailbox/{id_}", headers=stranger),
            await client.post(f"/mailbox/{id_}/receipt", json=receipt, headers=stranger),
        ):
            problem = answer.json()
            problem.pop("trace_id")
            problems.append((answer.status_code, problem))
    assert all(problem == problems[0] for problem in problems)
    assert problems[0][0] == 404
    assert (await client.post("/mailbox", json={}, headers=stranger)).json() == {"items": []}


async def test_a_long_poll_answers_when_something_comes(
    hub: Hub, client: httpx2.AsyncClient, huiji: Enrolled, yongkang: Enrolled, clock: Clock
) -> None:
    await agree(hub, yongkang, huiji)
    await allow(hub, yongkang)
    caller = await _as(hub, huiji)
    polling = asyncio.create_task(client.post("/mailbox", json={"wait_seconds": 20}, headers=caller))
    await asyncio.sleep(0.1)
    made = await posted(hub, yongkang, huiji)
    answer = await asyncio.wait_for(polling, 10)
    assert [item["message_id"] for item in answer.json()["items"]] == [str(made.message_id)]


async def test_a_poll_for_nothing_ends_in_time(hub: Hub, client: httpx2.AsyncClient, huiji: Enrolled) -> None:
    begun = asyncio.get_running_loop().time()
    answer = await client.post("/mailbox", json={"wait_seconds": 0.6}, headers=await _as(hub, huiji))
    assert answer.json() == {"items": []}
    assert asyncio.get_running_loop().time() - begun < 5
