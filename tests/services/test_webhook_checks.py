"""A webhook passes when its receiver takes the genuine notice and neither forged nor stale ones: real calls, real signatures."""

import asyncio
import base64
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI, Request
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError
from starlette.responses import Response

from hub.errors import Conflict, Invalid, NotFound, TooMany
from hub.runtime import Hub
from hub.services import rehearsals, webhook_checks
from tests.hubs import Clock, Enrolled, acts, enrol
from tests.sandboxes import open_sandbox

SECRET = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
Judge = Callable[[bytes, dict[str, str]], int | Awaitable[int]]


def careful(body: bytes, headers: dict[str, str]) -> int:
    """As it should be: https://github.com/standard-webhooks/standard-webhooks."""
    try:
        Webhook(SECRET).verify(body, headers)
    except WebhookVerificationError:
        return 401
    return 204


def trusting(body: bytes, headers: dict[str, str]) -> int:
    return 204


def deaf(body: bytes, headers: dict[str, str]) -> int:
    return 401


def broken(body: bytes, headers: dict[str, str]) -> int:
    return 204 if careful(body, headers) == 204 else 500


@asynccontextmanager
async def receiver(judge: Judge) -> AsyncIterator[str]:
    app = FastAPI()

    @app.post("/told")
    async def told(request: Request) -> Response:
        judged = judge(await request.body(), dict(request.headers))
        return Response(status_code=judged if isinstance(judged, int) else await judged)

    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event to wait for
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/told"
    server.should_exit = True
    await serving


@pytest.fixture
async def sandbox(tmp_path: Path, database_url: str) -> AsyncIterator[Hub]:
    async with open_sandbox(tmp_path / "sandbox", database_url, Clock()) as opened:
        yield opened


@pytest.fixture
async def rehearsing(sandbox: Hub) -> Enrolled:
    made = await enrol(sandbox, "qingshan", ["990001000000"])
    async with sandbox.database.begin() as connection:
        await rehearsals.begin(sandbox, connection, made.member)
    return made


async def is_seen(sandbox: Hub, who: Enrolled) -> bool:
    line = next(line for line in await rehearsals.lines(sandbox, who.member) if line.item == "webhook")
    assert line.needed
    return line.seen_at is not None


@pytest.mark.parametrize(
    ("judge", "faults"),
    [(careful, 0), (trusting, 2), (deaf, 1), (broken, 2)],
    ids=["careful", "trusting", "deaf", "broken"],
)
async def test_only_a_careful_receiver_passes(sandbox: Hub, rehearsing: Enrolled, judge: Judge, faults: int) -> None:
    async with receiver(judge) as address:
        await webhook_checks.set_webhook(sandbox, rehearsing.member, address, SECRET)
        assert len(await webhook_checks.check(sandbox, rehearsing.member)) == faults
        assert await is_seen(sandbox, rehearsing) is (faults == 0)
        with pytest.raises(TooMany):
            await webhook_checks.check(sandbox, rehearsing.member)
    assert [one["member"] for one in await acts(sandbox, "set-endpoint")] == ["qingshan"]


async def test_another_webhook_has_to_show_it_anew(sandbox: Hub, rehearsing: Enrolled) -> None:
    async with receiver(careful) as address:
        await webhook_checks.set_webhook(sandbox, rehearsing.member, address, SECRET)
        assert await webhook_checks.check(sandbox, rehearsing.member) == []
        await webhook_checks.set_webhook(sandbox, rehearsing.member, address + "/other", SECRET)
        assert not await is_seen(sandbox, rehearsing)


async def test_what_one_webhook_shows_counts_for_no_other_that_is_set_meanwhile(
    sandbox: Hub, rehearsing: Enrolled
) -> None:
    asked, changed = asyncio.Event(), asyncio.Event()

    async def slowly(body: bytes, headers: dict[str, str]) -> int:
        asked.set()
        await changed.wait()
        return careful(body, headers)

    async with receiver(slowly) as address:
        await webhook_checks.set_webhook(sandbox, rehearsing.member, address, SECRET)
        checking = asyncio.create_task(webhook_checks.check(sandbox, rehearsing.member))
        await asked.wait()
        await webhook_checks.set_webhook(sandbox, rehearsing.member, address + "/other", SECRET)
        changed.set()
        with pytest.raises(Conflict, match="changed"):
            await checking
        assert not await is_seen(sandbox, rehearsing)


async def test_a_receiver_that_answers_a_little_at_a_time_is_not_waited_for(
    sandbox: Hub, rehearsing: Enrolled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_checks, "_ANSWERED", 0.3)

    writers: list[asyncio.StreamWriter] = []

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(ConnectionError):
            writer.write(b"HTTP/1.1 204 No Content\r\n")
            for _ in range(200):
                writer.write(b"x: y\r\n")
                await writer.drain()
                await asyncio.sleep(0.05)
        writer.close()

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await webhook_checks.set_webhook(sandbox, rehearsing.member, f"http://127.0.0.1:{port}/", SECRET)
        async with asyncio.timeout(5):
            faults = await webhook_checks.check(sandbox, rehearsing.member)
            for writer in writers:
                with contextlib.suppress(ConnectionError):
                    await writer.wait_closed()
    assert set(faults) == {"the receiver did not answer within 0.3 seconds"}


async def test_nobody_there_is_said(sandbox: Hub, rehearsing: Enrolled) -> None:
    with pytest.raises(Conflict):
        await webhook_checks.check(sandbox, rehearsing.member)
    await webhook_checks.set_webhook(sandbox, rehearsing.member, "http://127.0.0.1:9/", SECRET)
    assert set(await webhook_checks.check(sandbox, rehearsing.member)) == {
        "ConnectError: the receiver cannot be reached"
    }
    for secret in ("", "secret", "whsec_", "whsec_***", "whsec_" + base64.b64encode(b"short").decode()):
        with pytest.raises(Invalid):
            await webhook_checks.set_webhook(sandbox, rehearsing.member, "https://x.example/", secret)


async def test_whoever_rehearses_nothing_is_not_called_for(sandbox: Hub) -> None:
    other = await enrol(sandbox, "other", ["990002000000"])
    for act in (webhook_checks.check, rehearsals.exercises, rehearsals.lines):
        with pytest.raises(NotFound):
            await act(sandbox, other.member)
