"""Callers that take their time, over real sockets: they hold up nobody else, whether they send or read."""

import asyncio
import time
from uuid import uuid4

import httpx2
import orjson
import pytest

from hub.api import admission, turns
from hub.api.fhir import export
from hub.api.turns import Turns
from hub.runtime import Hub
from hub.services import allowances, tokens
from hub.services.exchange import export_making
from tests.hubs import Enrolled, enrol
from tests.listening import Served

PATIENT = {"resourceType": "Patient", "name": [{"text": "王五"}], "gender": "male"}
BODY = orjson.dumps(PATIENT)


async def test_slow_bodies_of_one_member_hold_up_nobody_else(hub: Hub, served: Served, yongkang: Enrolled) -> None:
    await allowances.change(hub, "huiji", at_once=2)
    (client,) = await served()
    host, port = client.base_url.host, client.base_url.port or 0
    slow = []
    head = (
        f"POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nAuthorization: {client.headers['authorization']}\r\n"
        "Content-Type: application/fhir+json\r\nContent-Length: 1000\r\n\r\n{"
    )
    for _ in range(50):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(head.encode())
        slow.append((reader, writer))
    told = [asyncio.create_task(reader.readuntil(b"\r\n\r\n")) for reader, _ in slow]
    waiting = set(told)
    async with asyncio.timeout(30):
        while len(waiting) > 2 * turns.QUEUE:  # so many may be slow
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            assert {task.result()[:12] for task in done} == {b"HTTP/1.1 429"}
    token = await tokens.issue_token(hub, yongkang.member)
    other = await client.post("/fhir/Patient", json=PATIENT, headers={"Authorization": f"Bearer {token}"})
    assert other.status_code == 201
    assert not any(task.done() for task in waiting)
    for task in waiting:
        task.cancel()
    for _, writer in slow:
        writer.close()


async def test_slow_bodies_of_several_members_hold_up_nobody_else(
    hub: Hub, served: Served, huiji: Enrolled, yongkang: Enrolled
) -> None:
    (client,) = await served()
    slow = []
    for member in (huiji, yongkang):
        head = (
            f"POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {await tokens.issue_token(hub, member.member)}"
            f"\r\nContent-Type: application/fhir+json\r\nContent-Length: {len(BODY)}\r\n\r\n"
        )
        for _ in range(hub.settings.quota_at_once):
            reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port or 0)
            writer.write(head.encode() + BODY[:5])
            await writer.drain()
            slow.append((reader, writer))
    assert len(slow) == hub.settings.requests_at_once
    third = await tokens.issue_token(hub, (await enrol(hub, "third", ["410105000000"])).member)
    for _ in range(3):
        other = await client.post("/fhir/Patient", json=PATIENT, headers={"Authorization": f"Bearer {third}"})
        assert other.status_code == 201
    for reader, writer in slow:
        writer.write(BODY[5:])
        assert await reader.readuntil(b"\r\n") == b"HTTP/1.1 201 Created\r\n"
        writer.close()


async def _long_file(hub: Hub, client: httpx2.AsyncClient, token: str) -> str:
    """The address of a file of an export that is far more than what waits in buffers on its way."""
    headers = {"Authorization": f"Bearer {token}"}
    for _ in range(9):
        long = {"resourceType": "Organization", "name": "x" * 900_000}
        assert (await client.post("/fhir/Organization", json=long, headers=headers)).status_code == 201
    asked = await client.get("/fhir/$export", headers=headers | {"Prefer": "respond-async"})
    await export_making.make_one(hub)
    where = f"/fhir/{asked.headers['Content-Location'].partition('/fhir/')[2]}"
    assert len((await client.get(where, headers=headers)).json()["output"]) == 1
    return f"{where}/1"


async def _read_slowly(client: httpx2.AsyncClient, path: str, token: str, header: str = "X: y") -> asyncio.StreamWriter:
    """Ask for a file, and take nothing of it."""
    _, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port or 0, limit=1)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n{header}\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    return writer


async def test_slow_readers_of_several_members_hold_up_nobody_else(
    hub: Hub, served: Served, huiji: Enrolled, yongkang: Enrolled
) -> None:
    (client,) = await served()
    slow = []
    for member in (huiji, yongkang):
        token = await tokens.issue_token(hub, member.member)
        path = await _long_file(hub, client, token)
        slow += [await _read_slowly(client, path, token) for _ in range(hub.settings.quota_at_once)]
    assert len(slow) == hub.settings.requests_at_once
    await asyncio.sleep(1)
    third = await tokens.issue_token(hub, (await enrol(hub, "third", ["410105000000"])).member)
    begun = time.monotonic()
    other = await client.post("/fhir/Patient", json=PATIENT, headers={"Authorization": f"Bearer {third}"}, timeout=60)
    assert other.status_code == 201
    assert time.monotonic() - begun < 5
    for writer in slow:
        writer.close()


async def test_a_body_that_does_not_come_with_a_question_frees_no_turns(
    hub: Hub, served: Served, huiji: Enrolled, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Turns] = []

    def known(at_once: int) -> Turns:
        made.append(Turns(at_once))
        return made[-1]

    monkeypatch.setattr(admission, "Turns", known)
    (client,) = await served()
    token = await tokens.issue_token(hub, huiji.member)
    path = await _long_file(hub, client, token)
    (there,) = made
    slow = await _read_slowly(client, path, token, "Content-Length: 1")
    await asyncio.sleep(1)
    slow.close()
    async with asyncio.timeout(10):
        while there._aside:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.05)
    assert (there._free, there._taken, there._aside) == (hub.settings.requests_at_once, {}, {})


async def test_a_member_fetches_some_files_at_a_time(
    hub: Hub, served: Served, huiji: Enrolled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "FETCHED_AT_ONCE", 2)
    (client,) = await served()
    token = await tokens.issue_token(hub, huiji.member)
    path = await _long_file(hub, client, token)
    slow = [await _read_slowly(client, path, token) for _ in range(2)]
    await asyncio.sleep(1)
    refused = await client.get(path)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
    assert "fetches 2 files already" in refused.text
    for writer in slow:
        writer.close()
    found = await client.get(path)
    for _ in range(300):
        if found.status_code != 429:
            break
        await asyncio.sleep(0.1)
        found = await client.get(path)
    assert found.content.count(b"\n") == 9


async def test_large_bodies_that_do_not_end_are_refused_before_they_fill_the_memory(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allowances, "MOST_HELD", 12 * 2**20)
    (client,) = await served()
    host, port = client.base_url.host, client.base_url.port or 0
    head = (
        f"POST /fhir/$import HTTP/1.1\r\nHost: x\r\nAuthorization: {client.headers['authorization']}\r\n"
        "Content-Type: application/fhir+ndjson\r\nMessage-Id: {}\r\nContent-Length: 60000000\r\n\r\n"
    )
    opened = [await asyncio.open_connection(host, port) for _ in range(4)]
    for _, writer in opened:
        writer.write(head.format(uuid4()).encode() + b"x" * (5 * 2**20))
    told = [asyncio.create_task(reader.readuntil(b"\r\n\r\n")) for reader, _ in opened]
    async with asyncio.timeout(30):
        done, waiting = await asyncio.wait(told, return_when=asyncio.FIRST_COMPLETED)
    assert {task.result()[:12] for task in done} == {b"HTTP/1.1 429"}
    assert len(waiting) >= 2, "what is within the bound goes on"
    for task in waiting:
        task.cancel()
    for _, writer in opened:
        writer.close()
    assert (await client.post("/fhir/Patient", json=PATIENT)).status_code == 201
