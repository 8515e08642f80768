"""Bundles that nobody means well: whatever is sent to POST /fhir, nothing breaks, nothing is kept in memory, others go on.

The real `hub serve`, its memory measured from outside.
"""

import asyncio
import json
import random
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
import psutil
import pytest

from hub.runtime import Hub
from hub.services import allowances, tokens
from hub.settings import Settings
from tests import documented
from tests.hubs import Enrolled
from tests.processes import started

ROUNDS: Final = 1000
GROWTH: Final = 48 * 2**20
"""Bytes that the process may be larger after thousands of requests; each round alone would bring more if it were kept."""
HUGE: Final = 100 * 2**20
JSON: Final = {"Content-Type": "application/fhir+json"}
PATIENT: Final = {"resourceType": "Patient", "name": [{"text": "王五"}], "gender": "male"}
ODD: Final[list[Any]] = [
    None, True, -1, 1e308, 10**400, "", "\u0000", "\ud800", "x" * 100_000, [], {}, [[]], [None], {"a": None}, "urn:uuid:x",
    "../..", "Patient/../../x", "Patient?identifier=%00", "http://[", "POST", "GET", "W/\"", 0.1, "9" * 5000,
]  # fmt: skip


def _bundle(entries: int = 2) -> dict[str, Any]:
    entry = {"fullUrl": "urn:uuid:0", "resource": PATIENT, "request": {"method": "POST", "url": "Patient"}}
    return {"resourceType": "Bundle", "type": "batch", "entry": [entry] * entries}


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from _places(one, (*path, key))


def _changed(rng: random.Random) -> bytes:
    """A good Bundle with a few of its parts exchanged for something odd, sometimes cut off."""
    made = json.loads(json.dumps(_bundle(rng.randint(0, 3))))
    made["type"] = rng.choice(["batch", "transaction"])
    for _ in range(rng.randint(1, 3)):
        path = rng.choice([one for one in _places(made) if one])
        where = made
        for step in path[:-1]:
            where = where[step]
        where[path[-1]] = rng.choice(ODD)
    text = json.dumps(made).encode()
    return text[: rng.randint(0, len(text))] if rng.random() < 0.1 else text


def _nested(rng: random.Random) -> bytes:
    depth = rng.choice([50, 500, 5_000, 200_000])
    open_, close = rng.choice([(b"[", b"]"), (b'{"a":', b"}"), (b'{"resource":{"contained":[', b"]}}")])
    inner = open_ * depth + b"1" + close * depth
    return b'{"resourceType":"Bundle","type":"batch","entry":' + inner[:900_000] + b"}"


def _twice(rng: random.Random) -> bytes:
    name = rng.choice(["resourceType", "type", "entry"])
    return (
        json.dumps(_bundle()).encode()[:-1] + f',"{name}":{json.dumps(rng.choice(["Bundle", "batch", []]))}}}'.encode()
    )


def _long(rng: random.Random) -> bytes:
    found = _bundle(1)
    found["entry"][0] = {
        **found["entry"][0],
        "resource": {**PATIENT, "name": [{"text": rng.choice("x王\t") * 300_000}]},
    }
    return json.dumps(found, ensure_ascii=rng.random() < 0.5).encode()


def _many(rng: random.Random) -> bytes:
    return b'{"resourceType":"Bundle","type":"batch","entry":[' + b"{}," * rng.choice([499, 501, 200_000]) + b"{}]}"


def _noise(rng: random.Random) -> bytes:
    return rng.choice(
        [rng.randbytes(rng.randint(0, 5000)), b"\xef\xbb\xbf{}", b"\xff\xfe{\x00}\x00", b"NaN", b"9" * 900_000]
    )


KINDS: Final[list[Callable[[random.Random], bytes]]] = [
    _changed,
    _changed,
    _changed,
    _nested,
    _twice,
    _long,
    _many,
    _noise,
]


@contextmanager
def _serving(settings: Settings, folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with started(settings, folder, "serve", HUB_PORT=str(port)) as running:
        address = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                if httpx2.get(f"{address}/readyz", trust_env=False).status_code == 200:
                    break
            except httpx2.TransportError:
                time.sleep(0.1)
        yield address, psutil.Process(running.process.pid)
        running.process.send_signal(signal.SIGINT)
        running.process.wait(30)


@pytest.fixture
async def token(hub: Hub, huiji: Enrolled) -> str:
    await allowances.change(hub, "huiji", per_second=1e5, burst=10**6, at_once=64, bytes_a_day=2**50)
    return await tokens.issue_token(hub, huiji.member, 7200)


@pytest.mark.proof
async def test_nothing_breaks_and_nothing_stays_in_memory(
    hub: Hub, hub_settings: Settings, token: str, tmp_path: Path
) -> None:
    rng = random.Random(28)
    with _serving(hub_settings, tmp_path) as (address, process):
        headers = {"Authorization": f"Bearer {token}", **JSON}
        async with httpx2.AsyncClient(
            base_url=address, headers=headers, trust_env=False, timeout=60, event_hooks=documented.HOOKS
        ) as client:
            before = 0
            broken: list[tuple[int, int, bytes]] = []
            for number in range(2 * ROUNDS):
                body = KINDS[number % len(KINDS)](rng)
                try:
                    answer = await client.post("/fhir", content=body)
                except httpx2.TransportError:
                    assert len(body) > hub_settings.max_json_bytes  # closed under what was still being sent
                    continue
                if answer.status_code >= 500:
                    broken.append((number, answer.status_code, body[:300]))
                if number == ROUNDS:
                    before = process.memory_info().rss
            assert broken == []
            assert process.memory_info().rss - before < GROWTH
            assert (await client.post("/fhir", json=_bundle(1))).status_code == 200
    assert b'"internal-error"' not in b"".join(log.read_bytes() for log in tmp_path.glob("serve-*.log"))


@pytest.mark.proof
async def test_a_hundred_megabytes_are_refused_unread(
    hub: Hub, hub_settings: Settings, token: str, tmp_path: Path
) -> None:
    with _serving(hub_settings, tmp_path) as (address, process):
        headers = {"Authorization": f"Bearer {token}", **JSON}
        async with httpx2.AsyncClient(
            base_url=address, headers=headers, trust_env=False, timeout=60, event_hooks=documented.HOOKS
        ) as client:
            await client.post("/fhir", json=_bundle(1))
            before, sent = process.memory_info().rss, 0

            async def body() -> AsyncIterator[bytes]:
                nonlocal sent
                for _ in range(HUGE // 2**16):
                    sent += 2**16
                    yield b" " * 2**16

            for stated in (True, False):
                for _ in range(5):
                    sent = 0
                    more = {"Content-Length": str(HUGE)} if stated else {}
                    try:
                        refused = await client.post("/fhir", content=body(), headers=more)
                        assert refused.status_code == 413
                    except httpx2.TransportError:
                        assert sent < HUGE  # closed under what was still being sent
                    assert sent <= HUGE / 4
            assert process.memory_info().rss - before < GROWTH / 2


@pytest.mark.proof
async def test_bodies_that_drip_keep_nobody_out(
    hub: Hub, hub_settings: Settings, token: str, yongkang: Enrolled, tmp_path: Path
) -> None:
    other = await tokens.issue_token(hub, yongkang.member, 7200)
    with _serving(hub_settings, tmp_path) as (address, process):
        before = process.memory_info().rss
        port = int(address.rpartition(":")[2])
        head = f"POST /fhir HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 1000000\r\n\r\n"
        slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(200)]
        for _, writer in slow:
            writer.write(head.encode())
        async with httpx2.AsyncClient(
            base_url=address, trust_env=False, timeout=60, event_hooks=documented.HOOKS
        ) as client:
            for _ in range(20):
                for _, writer in slow:
                    if not writer.is_closing():
                        writer.write(b" ")
                begun = time.monotonic()
                answer = await client.post("/fhir", json=_bundle(1), headers={"Authorization": f"Bearer {other}"})
                assert answer.status_code == 200
                assert time.monotonic() - begun < 10
                await asyncio.sleep(0.2)
        for _, writer in slow:
            writer.close()
        assert process.memory_info().rss - before < GROWTH
