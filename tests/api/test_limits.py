"""Limits on what arrives: too much is 413, too slow is 408, whatever the route makes of it; over real sockets too."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import httpx2
import pytest
import uvicorn
from fastapi import APIRouter, FastAPI, Request
from pydantic import BaseModel

from hub.api import limits, problems
from hub.api.connections import Connection
from hub.settings import Settings

SETTINGS = Settings.model_validate({"max_submission_bytes": 200_000, "max_json_bytes": 2_000})
DOCUMENTS = 200_000 + 64 * 1024


class Said(BaseModel):
    text: str


ROUTES = APIRouter()


@ROUTES.post("/submissions")
async def stream(request: Request) -> dict[str, int]:
    return {"size": sum([len(chunk) async for chunk in request.stream()])}


@ROUTES.post("/mailbox")
async def read(said: Said) -> dict[str, int]:
    return {"size": len(said.text)}


@ROUTES.post("/early")
async def early() -> dict[str, bool]:
    return {"read": False}


def _app() -> FastAPI:
    app = FastAPI()
    problems.install(app)
    limits.install(app, SETTINGS)
    app.include_router(ROUTES)
    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=_app(), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://hub.test") as made:
        yield made


async def _chunks(total: int, size: int = 500) -> AsyncIterator[bytes]:
    for _ in range(total // size):
        yield b"x" * size


@pytest.mark.parametrize(("path", "limit"), [("/submissions", DOCUMENTS), ("/mailbox", 2_000), ("/early", 2_000)])
async def test_a_stated_size_above_the_limit_is_refused_unread(
    client: httpx2.AsyncClient, path: str, limit: int
) -> None:
    taken = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal taken
        async for chunk in _chunks(limit + 1000):
            taken += len(chunk)
            yield chunk

    answer = await client.post(path, content=body(), headers={"Content-Length": str(limit + 1)})
    assert (answer.status_code, answer.json()["code"], answer.json()["retry"]) == (413, "too-large", "FIX_FIRST")
    assert answer.json()["trace_id"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert taken == 0


@pytest.mark.parametrize(("path", "limit"), [("/submissions", DOCUMENTS), ("/mailbox", 2_000)])
async def test_a_size_that_was_not_stated_is_counted(client: httpx2.AsyncClient, path: str, limit: int) -> None:
    answer = await client.post(path, content=_chunks(limit + 1000))
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


async def test_what_fits_passes(client: httpx2.AsyncClient) -> None:
    assert (await client.post("/submissions", content=_chunks(200_000))).json() == {"size": 200_000}
    assert (await client.post("/mailbox", json={"text": "x" * 1900})).json() == {"size": 1900}


@pytest.mark.parametrize("path", ["/submissions", "/mailbox"])
async def test_a_body_that_does_not_come_is_408(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.2)

    async def stalls() -> AsyncIterator[bytes]:
        yield b'{"te'
        await asyncio.sleep(5)
        yield b'xt": "x"}'

    begun = asyncio.get_running_loop().time()
    answer = await client.post(path, content=stalls())
    assert asyncio.get_running_loop().time() - begun < 4
    assert (answer.status_code, answer.json()["code"], answer.json()["retry"]) == (408, "timeout", "NORMAL")


async def test_a_body_that_drips_is_408_however_often_it_drips(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.3)

    async def drips() -> AsyncIterator[bytes]:
        for _ in range(100):
            await asyncio.sleep(0.05)
            yield b"x"

    answer = await client.post("/submissions", content=drips())
    assert (answer.status_code, answer.json()["code"]) == (408, "timeout")


async def test_a_large_body_on_a_slow_line_has_its_time(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.2)
    monkeypatch.setattr(limits, "SLOWEST", 10_000)

    async def steady() -> AsyncIterator[bytes]:
        for _ in range(10):
            await asyncio.sleep(0.05)
            yield b"x" * 2000

    assert (await client.post("/submissions", content=steady())).json() == {"size": 20_000}


@asynccontextmanager
async def _listening(app: FastAPI, http: type[asyncio.Protocol] | Literal["auto"]) -> AsyncIterator[int]:
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, http=http, log_config=None, lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event to wait for
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving


async def _raw(port: int, head: str, body: bytes = b"", *, wait: float = 10) -> bytes:
    """What a server says to these bytes, to the end of the connection or to the end of our patience."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode() + b"\r\n\r\n" + body)
    await writer.drain()
    try:
        return await asyncio.wait_for(reader.read(), wait)
    except TimeoutError:
        return b"(still open)"
    finally:
        writer.close()


@pytest.mark.parametrize("http", ["auto", Connection])
async def test_over_a_real_socket_too(
    monkeypatch: pytest.MonkeyPatch, http: type[asyncio.Protocol] | Literal["auto"]
) -> None:
    """Ours also says when a body is there as a whole, for which nobody waits."""
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.3)
    async with _listening(_app(), http) as port:
        begin = "POST /submissions HTTP/1.1\r\nHost: x"
        stated = await _raw(port, f"{begin}\r\nContent-Length: 99999999999")
        assert stated.startswith(b"HTTP/1.1 413 ")
        assert json.loads(stated.partition(b"\r\n\r\n")[2])["code"] == "too-large"
        chunk = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"
        chunked = await _raw(port, f"{begin}\r\nTransfer-Encoding: chunked", chunk * 80)
        assert chunked.startswith(b"HTTP/1.1 413 ")
        slow = await _raw(port, f"{begin}\r\nContent-Length: 100", b"x" * 10)
        assert slow.startswith(b"HTTP/1.1 408 ")
        lying = await _raw(port, f"{begin}\r\nContent-Length: -5")
        assert lying.startswith(b"HTTP/1.1 400 ")
        whole = await _raw(port, f"{begin.replace('submissions', 'mailbox')}\r\nContent-Length: 2001", b"x" * 2001)
        assert whole.startswith(b"HTTP/1.1 413 ")
        unstated = begin.replace("submissions", "mailbox") + "\r\nTransfer-Encoding: chunked"
        assert (await _raw(port, unstated, chunk + b"0\r\n\r\n")).startswith(b"HTTP/1.1 413 ")
        for behind in (" ", "\t", " \t "):  # which the parser leaves to us
            spaced = await _raw(port, f"{begin}\r\nContent-Length: 99999999999{behind}")
            assert spaced.startswith(b"HTTP/1.1 413 ")
            assert (await _raw(port, f"{begin}\r\nContent-Length: 100{behind}", b"x" * 10)).startswith(b"HTTP/1.1 408 ")
        padded = await _raw(port, f"{begin}\r\nContent-Length: {'0' * 4400}100", b"x" * 10)
        assert padded.startswith(b"HTTP/1.1 408 ")
        endless = await _raw(port, f"{begin}\r\nContent-Length: 18446744073709551615")
        assert endless.startswith(b"HTTP/1.1 413 ")
        assert b"\r\ntrace-id: " in endless
        good = await _raw(port, f"{begin}\r\nConnection: close\r\nContent-Length: 10", b"x" * 10)
        assert good.endswith(b'{"size":10}')


@pytest.mark.parametrize(
    "name",
    [
        *("Authorization", "Content-Digest", "Content-Type", "File-Name", "Host", "If-Match", "If-None-Exist"),
        *("In-Response-To", "Mapping", "Message-Id", "Purpose-Of-Use", "Supersedes"),
    ],
)
async def test_a_header_that_decides_something_is_there_once(name: str) -> None:
    head = "POST /mailbox HTTP/1.1\r\nConnection: close\r\nContent-Length: 12\r\nAccept: a/b\r\nAccept: c/d"
    async with _listening(_app(), Connection) as port:
        once = await _raw(port, f"{head}\r\n{name}: application/json", b'{"text":"x"}')
        assert b"more than once" not in once
        for second in (name, name.lower(), name.upper()):
            twice = f"{head}\r\n{name}: application/json\r\nX-Note: y\r\n{second}: application/json"
            refused = await _raw(port, twice, b'{"text":"x"}')
            assert refused.startswith(b"HTTP/1.1 400 ")
            assert f"Stated more than once: {name}. Nothing was stored.".encode() in refused


async def test_under_fhir_a_refusal_is_an_outcome() -> None:
    transport = httpx2.ASGITransport(app=_app())
    async with httpx2.AsyncClient(transport=transport, base_url="http://hub.test") as client:
        found = await client.post("/fhir/Patient", content=b"x" * 3_000)
    assert (found.status_code, found.headers["content-type"]) == (413, "application/fhir+json")
    (issue,) = found.json()["issue"]
    assert (issue["code"], issue["details"]["coding"][0]["code"]) == ("too-long", "too-large")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ([("Authorization", "Bearer a"), ("Authorization", "Bearer b")], 400, "bad-request"),
        ([("Content-Encoding", "gzip")], 415, "unsupported-media-type"),
        ([("Content-Encoding", "identity"), ("Content-Encoding", "gzip")], 415, "unsupported-media-type"),
        ([("Content-Encoding", "Identity, identity")], 200, None),
        ([("X-Note", "a\0b")], 400, "invalid-content"),
    ],
)
async def test_headers_that_can_be_read_in_two_ways_or_not_at_all_are_refused(
    client: httpx2.AsyncClient, headers: list[tuple[str, str]], status: int, code: str | None
) -> None:
    answer = await client.post("/mailbox", json={"text": "x"}, headers=headers)
    assert (answer.status_code, answer.json().get("code")) == (status, code)


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ([], (0, False)),
        ([(b"content-length", b"0")], (0, False)),
        ([(b"content-length", b"000 ")], (0, False)),
        ([(b"content-length", b"5 ")], (5, True)),
        ([(b"content-length", b"\t0005\t")], (5, True)),
        ([(b"content-length", b"x")], (0, True)),
        ([(b"content-length", b"9" * 5_000)], (sys.maxsize, True)),
        ([(b"transfer-encoding", b"gzip")], (0, True)),
    ],
)
def test_whatever_is_not_plainly_nothing_is_a_body(headers: list[tuple[bytes, bytes]], found: tuple[int, bool]) -> None:
    assert limits.stated_size({"headers": headers}) == found
