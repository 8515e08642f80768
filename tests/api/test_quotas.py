"""Quotas over real sockets and PostgreSQL: visible in every answer, the same over all processes, and told how to go on."""

import asyncio
import signal
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from hub.errors import Invalid, NotFound, TooMany
from hub.runtime import Hub, open_hub
from hub.services import allowances, tokens
from hub.services.allowances import Allowance
from hub.settings import Settings
from tests import documented
from tests.api.test_auth import assertion, form
from tests.hubs import Clock, Enrolled, acts
from tests.listening import Served
from tests.processes import started

PATIENT = {"resourceType": "Patient", "name": [{"text": "王五"}], "gender": "male"}


def _left(answer: httpx2.Response) -> dict[str, dict[str, int]]:
    """The field RateLimit: {policy: {r, t}}."""
    found = {}
    for item in answer.headers["ratelimit"].split(", "):
        name, *parameters = item.split(";")
        found[name.strip('"')] = {key: int(value) for key, _, value in (one.partition("=") for one in parameters)}
    return found


async def test_every_answer_says_what_is_left(hub: Hub, served: Served, clock: Clock) -> None:
    await allowances.change(hub, "huiji", per_second=2, burst=10, at_once=3, bytes_a_day=2**20)
    (client,) = await served()
    asked: list[tuple[str, str, dict[str, Any], int]] = [
        ("POST", "/fhir/Patient", {"json": PATIENT}, 201),
        ("GET", "/fhir/Patient/none", {}, 404),
        ("GET", "/submissions/none", {}, 400),
        ("PATCH", "/mailbox", {}, 405),
        ("GET", "/nowhere", {}, 404),
        ("POST", "/fhir/Patient", {"content": b"x" * (hub.settings.max_json_bytes + 1)}, 429),
        ("POST", "/mailbox", {"json": {"max": 1}}, 200),
        ("GET", "/fhir/metadata", {}, 200),
    ]
    for number, (method, path, more, status) in enumerate(asked, 1):
        answer = await client.request(method, path, **more)
        assert answer.status_code == status, (path, answer.text)
        assert answer.headers["ratelimit-policy"] == (
            '"requests";q=10;w=5, "bytes";q=1048576;qu="content-bytes";w=86400, "at-once";q=3;qu="concurrent-requests"'
        )
        assert _left(answer)["requests"] == {"r": 10 - number, "t": -(-number // 2)}, path
    clock.advance(seconds=2)
    assert _left(await client.get("/fhir/metadata"))["requests"]["r"] == 10 - len(asked) + 4 - 1


async def test_who_is_no_member_is_told_of_no_quota(hub: Hub, served: Served) -> None:
    (client,) = await served()
    for headers in ({"Authorization": ""}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eDp5"}):
        answer = await client.get("/submissions", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert "ratelimit" not in answer.headers


@pytest.mark.parametrize("path", ["/fhir/Patient", "/submissions"])
async def test_too_many_are_told_when_to_come_again(hub: Hub, served: Served, clock: Clock, path: str) -> None:
    await allowances.change(hub, "huiji", per_second=0.5, burst=3)
    (client,) = await served()
    assert [(await client.get(path)).status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    refused = await client.get(path)
    assert refused.headers["retry-after"] == "2"
    assert _left(refused)["requests"] == {"r": 0, "t": 6}
    body = refused.json()
    if path == "/submissions":
        assert (body["code"], body["retry"], body["status"]) == ("too-many", "NORMAL", 429)
        assert body["violated-policies"] == ["requests"]
        said = body["detail"]
    else:
        (issue,) = body["issue"]
        assert (issue["code"], issue["details"]["coding"][0]["code"]) == ("throttled", "too-many")
        said = issue["details"]["text"]
    assert said == (
        "More than 0.5 requests a second came from huiji. Nothing was stored; send it again after the seconds of Retry-After."
    )
    clock.advance(seconds=2)
    assert [(await client.get(path)).status_code for _ in range(2)] == [200, 429]
    clock.advance(minutes=2)
    assert (await client.get(path)).status_code == 200
    assert (await client.get(path)).status_code == 200
    noted = await acts(hub, "throttle")
    assert [(one["actor"], one["requests"]) for one in noted] == [("huiji", 3), ("huiji", 1)]


async def test_a_refused_record_is_not_stored(hub: Hub, served: Served) -> None:
    await allowances.change(hub, "huiji", per_second=0.001, burst=3)
    (client,) = await served()
    sent = await asyncio.gather(*(client.post("/fhir/Patient", json=PATIENT) for _ in range(8)))
    assert Counter(one.status_code for one in sent) == {201: 3, 429: 5}
    async with hub.database.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM resource"))).scalar_one() == 3


async def test_tokens_count_as_requests(hub: Hub, served: Served, huiji: Enrolled, clock: Clock) -> None:
    await allowances.change(hub, "huiji", per_second=0.5, burst=2)
    (client,) = await served()
    signed = [assertion(huiji.auth, "huiji", clock) for _ in range(3)]
    told = [await client.post("/auth/token", data=form(one), headers={"Authorization": ""}) for one in signed]
    assert [one.status_code for one in told] == [200, 200, 429]
    assert (told[2].headers["retry-after"], told[2].json()["code"]) == ("2", "too-many")
    clock.advance(seconds=2)  # and the assertion was not used up
    assert (await client.post("/auth/token", data=form(signed[2]), headers={"Authorization": ""})).status_code == 200


async def test_bytes_of_a_day(hub: Hub, served: Served, clock: Clock) -> None:
    await allowances.change(hub, "huiji", bytes_a_day=2**20)
    (client,) = await served()
    large = b"x" * 600_000
    assert (await client.post("/fhir/Patient", content=large)).status_code == 400
    refused = await client.post("/fhir/Patient", content=large)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "12477")
    assert refused.headers["connection"] == "close"
    assert "bytes a day came from huiji. Nothing was stored" in refused.text
    assert (await client.get("/fhir/Patient")).status_code == 200  # it may ask, still

    async def unstated() -> AsyncIterator[bytes]:
        yield large

    assert (await client.post("/fhir/Patient", content=unstated())).status_code == 400
    assert _left(await client.get("/fhir/Patient"))["bytes"]["r"] == 0  # which is counted all the same
    refused = await client.post("/fhir/Patient", content=unstated())
    assert refused.status_code == 429, "nothing is left of the day's"
    clock.advance(hours=20)
    assert (await client.post("/fhir/Patient", content=large)).status_code == 400


async def test_the_quota_is_one_over_all_processes(hub: Hub, served: Served, clock: Clock) -> None:
    await allowances.change(hub, "huiji", per_second=20, burst=60)
    clients = await served(3)
    let = 0
    for _ in range(40):
        answers = await asyncio.gather(*(client.get("/nowhere") for client in clients for _ in range(4)))
        let += sum(answer.status_code == 404 for answer in answers)
        clock.advance(seconds=0.1)
    allowed = 60 + 20 * 4
    assert allowed * 0.9 <= let <= allowed + 2 * 20 * allowances.SETTLE + 1, let


async def test_a_process_that_died_leaves_nothing_behind(
    hub: Hub, hub_settings: Settings, clock: Clock, huiji: Enrolled
) -> None:
    await allowances.change(hub, "huiji", per_second=20, burst=60)
    async with open_hub(hub_settings, now=clock) as dies:
        for _ in range(4):  # of a credit of five: it goes without settling
            await allowances.of(dies, huiji.member).admit(dies, huiji.member, 0)
    mine = allowances.of(hub, huiji.member)
    told = [await _admitted(hub, mine, huiji) for _ in range(70)]
    assert sum(told) == 60
    await mine.end(hub, huiji.member)


async def _admitted(hub: Hub, allowance: Allowance, enrolled: Enrolled) -> bool:
    try:
        await allowance.admit(hub, enrolled.member, 0)
    except TooMany:
        return False
    return True


async def test_whoever_comes_with_the_time_of_before_is_not_too_fast(hub: Hub, clock: Clock, huiji: Enrolled) -> None:
    """As whoever waited for a settlement while others went ahead; or a clock was set back."""
    allowance = allowances.of(hub, huiji.member)
    assert await _admitted(hub, allowance, huiji)
    clock.advance(seconds=-0.2)
    assert await _admitted(hub, allowance, huiji)
    await allowance.end(hub, huiji.member)


async def test_a_process_that_ends_settles_first(
    hub: Hub, hub_settings: Settings, clock: Clock, huiji: Enrolled
) -> None:
    async with open_hub(hub_settings, now=clock) as ends:
        allowance = allowances.of(ends, huiji.member)
        for _ in range(5):
            await allowance.admit(ends, huiji.member, 0)
        allowance.receive(1000)
        await allowances.settle_all(ends)
    mine = allowances.of(hub, huiji.member)
    await mine.settle(hub, huiji.member)
    assert mine.left(hub.now())[0] == hub.settings.quota_burst - 5
    assert mine.left(hub.now())[2] == hub.settings.quota_bytes_a_day - 1000


async def test_a_quota_that_is_changed_counts_within_seconds(hub: Hub, served: Served, clock: Clock) -> None:
    (client,) = await served()
    assert _left(await client.get("/nowhere"))["requests"]["r"] == hub.settings.quota_burst - 1
    changed = await allowances.change(hub, "huiji", burst=7)
    assert (changed.burst, changed.per_second) == (7, hub.settings.quota_per_second)
    clock.advance(seconds=11)
    for _ in range(2):
        await client.get("/nowhere")
        await asyncio.sleep(0.05)
    assert _left(await client.get("/nowhere"))["requests"]["r"] <= 7
    assert [one["burst"] for one in await acts(hub, "set-quota")] == [7]
    assert await allowances.change(hub, "huiji", common=True) == await allowances.change(hub, "huiji")
    with pytest.raises(NotFound):
        await allowances.change(hub, "nobody", burst=7)
    with pytest.raises(Invalid):
        await allowances.change(hub, "huiji", burst=0)


async def test_a_quota_put_into_the_database_counts_for_nothing(hub: Hub, huiji: Enrolled) -> None:
    await allowances.change(hub, "huiji", burst=7)
    async with hub.database.begin() as connection:
        await connection.execute(text("UPDATE member_quota SET burst = 1000000"))
    assert (await allowances.listed(hub))[huiji.member.id].burst == hub.settings.quota_burst


@asynccontextmanager
async def _serving(settings: Settings, folder: Path) -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with started(settings, folder, "serve", "--workers", "2", HUB_PORT=str(port)) as running:
        address = f"http://127.0.0.1:{port}"
        async with httpx2.AsyncClient(base_url=address, trust_env=False, event_hooks=documented.HOOKS) as client:
            for _ in range(600):
                try:
                    if (await client.get("/readyz")).status_code == 200:
                        break
                except httpx2.TransportError:
                    await asyncio.sleep(0.1)
        yield address
        running.process.send_signal(signal.SIGINT)
        running.process.wait(30)


@pytest.mark.proof
async def test_the_processes_of_hub_serve_share_it(
    hub: Hub, hub_settings: Settings, huiji: Enrolled, tmp_path: Path
) -> None:
    await allowances.change(hub, "huiji", per_second=0.01, burst=30)
    token = await tokens.issue_token(hub, huiji.member, 86_400)
    headers = {"Authorization": f"Bearer {token}", "Connection": "close"}
    async with (
        _serving(hub_settings, tmp_path) as address,
        httpx2.AsyncClient(base_url=address, headers=headers, trust_env=False, event_hooks=documented.HOOKS) as client,
    ):
        answers = [await client.get("/nowhere") for _ in range(60)]
    assert 30 <= Counter(one.status_code for one in answers)[404] <= 32


async def test_what_comes_in_while_a_member_is_over_its_rate_is_let_through_evenly(
    hub: Hub, clock: Clock, huiji: Enrolled
) -> None:
    await allowances.change(hub, "huiji", per_second=100, burst=200)
    mine = allowances.of(hub, huiji.member)
    assert sum([await _admitted(hub, mine, huiji) for _ in range(300)]) == 200  # what it may at one go
    let = []
    for _ in range(2000):  # two seconds, a request a millisecond
        clock.advance(seconds=0.001)
        let.append(await _admitted(hub, mine, huiji))
    assert 160 <= sum(let) <= 201
    assert max(sum(let[at : at + 10]) for at in range(0, 2000, 10)) <= 3
    clock.advance(seconds=3)
    assert sum([await _admitted(hub, mine, huiji) for _ in range(300)]) >= 199  # it has been quiet meanwhile
    await mine.end(hub, huiji.member)
