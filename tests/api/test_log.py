"""The log over HTTP: whoever holds a receipt proves with it that the act is in the log, without any token."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from certs import checkpoint as notes
from certs import merkle, tokens
from certs.trust import verify
from hub.api import certificates, log
from hub.runtime import Hub
from hub.services import auditing, receipts, trust
from tests import papers
from tests.hubs import Clock, Enrolled, serve


@pytest.fixture
async def client(hub: Hub) -> AsyncIterator[httpx2.AsyncClient]:
    async with serve(hub, log.router, certificates.router) as made:
        yield made


async def test_a_receipt_is_proved_by_its_holder_alone(
    hub: Hub, client: httpx2.AsyncClient, yongkang: Enrolled, clock: Clock
) -> None:
    id_, status = await papers.register(hub, yongkang)
    receipt = await papers.record(hub, yongkang, id_, papers.sign(hub, yongkang, status))
    clock.advance(seconds=30)
    await auditing.sequence(hub)

    published = (await client.get("/.well-known/trust-list")).content
    listed = verify(published, trust.pinned_roots(hub.settings), now=clock())
    key = listed.verify_key(tokens.take_apart(receipt).kid or "", member="hub", typ="receipt", signed_at=clock())
    leaf = str(tokens.verify(receipt, key, typ=receipts.TYPE)["leaf"])
    proof = (await client.get("/log/inclusion", params={"leaf": leaf})).json()
    head = notes.verify(proof["checkpoint"].encode(), key, hub.settings.origin)
    steps = [bytes.fromhex(step) for step in proof["proof"]]
    merkle.verify_inclusion(bytes.fromhex(leaf), proof["index"], head.size, steps, head.root)


async def test_heads_and_their_consistency(hub: Hub, client: httpx2.AsyncClient, clock: Clock, huiji: Enrolled) -> None:
    assert (await client.get("/log/checkpoint")).status_code == 404
    heads: list[notes.Checkpoint] = []
    for _ in range(2):
        clock.advance(seconds=30)
        await papers.register(hub, huiji, f"J410108-2024-{len(heads):06d}")
        await auditing.sequence(hub)
        answer = await client.get("/log/checkpoint")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        heads.append(notes.verify(answer.content, hub.signer.public, hub.settings.origin))
    first, second = heads
    proof = (await client.get("/log/consistency", params={"from": first.size, "to": second.size})).json()["proof"]
    steps = [bytes.fromhex(step) for step in proof]
    merkle.verify_consistency(first.size, second.size, steps, first.root, second.root)


async def test_questions_that_have_no_answer(hub: Hub, client: httpx2.AsyncClient, clock: Clock) -> None:
    clock.advance(seconds=30)
    await auditing.sequence(hub)
    cases: list[tuple[str, dict[str, str | int], int]] = [
        ("/log/inclusion", {"leaf": "zz"}, 400),
        ("/log/inclusion", {"leaf": "00" * 32}, 404),
        ("/log/consistency", {"from": 0, "to": 999}, 400),
        ("/log/consistency", {"from": -1, "to": 1}, 400),
        ("/log/consistency", {"from": 2**70, "to": 2**71}, 400),
        ("/log/consistency", {}, 400),
    ]
    for path, params, status in cases:
        answer = await client.get(path, params=params)
        assert (path, params, answer.status_code) == (path, params, status)
        assert answer.headers["content-type"] == "application/problem+json"
