"""Certificates over HTTP: what the gateway asks, and the public lists that every verifier fetches."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from certs import sdjwt, tokens
from certs.errors import RollbackRefused, TrustListStale
from certs.sdjwt import StatusRef
from certs.status import Status, StatusList
from certs.trust import TrustList, verify
from hub.api import certificates
from hub.runtime import Hub
from hub.services import receipts, trust
from hub.services.tokens import issue_token
from tests import papers
from tests.hubs import Clock, Enrolled, serve


@pytest.fixture
async def client(hub: Hub) -> AsyncIterator[httpx2.AsyncClient]:
    async with serve(hub, certificates.router) as made:
        yield made


async def bearer(hub: Hub, member: Enrolled) -> dict[str, str]:
    return {"Authorization": f"Bearer {await issue_token(hub, member.member)}"}


def asked(**changes: Any) -> dict[str, Any]:
    return {"kind": papers.MARRIAGE, "number": "J330784-2024-000123", "subject": "R-1"} | changes


async def test_a_certificate_from_intent_to_revocation(
    hub: Hub, client: httpx2.AsyncClient, yongkang: Enrolled, clock: Clock
) -> None:
    headers = await bearer(hub, yongkang) | {"Message-Id": str(uuid4())}
    first = await client.post("/certificates", json=asked(), headers=headers)
    again = await client.post("/certificates", json=asked(), headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    made = first.json()

    credential = papers.sign(hub, yongkang, StatusRef(made["status_uri"], made["status_index"]))
    body = {
        "digest": f"sha-256:{sdjwt.parse(credential).digest}",
        "issued_at": clock().isoformat(),
        "expires_at": clock().replace(year=clock().year + 10, day=1).isoformat(),
    }
    path = f"/certificates/{made['certificate_id']}"
    recorded = await client.put(path, json=body, headers=headers)
    claims = tokens.verify(recorded.json()["receipt"], hub.signer.public, typ=receipts.TYPE)
    assert claims["digest"] == body["digest"]
    assert (await client.put(path, json=body, headers=headers)).content == recorded.content
    assert (await client.post("/verify", json={"presentation": credential})).json()["valid"] is True

    changed = await client.post(f"{path}/status", json={"status": "revoked", "reason": "错误登记"}, headers=headers)
    assert changed.json() == {"certificate_id": made["certificate_id"], "status": "revoked"}
    refused = await client.post("/verify", json={"presentation": credential})
    assert (refused.status_code, refused.json()["code"]) == (400, "revoked")
    published = await client.get(made["status_uri"])
    assert published.headers["content-type"] == "application/statuslist+jwt"
    listed = StatusList.verify(published.text, hub.signer.public, clock(), uri=made["status_uri"])
    assert listed.get(made["status_index"]) is Status.REVOKED


async def test_refusals_carry_their_codes(
    hub: Hub, client: httpx2.AsyncClient, yongkang: Enrolled, huiji: Enrolled
) -> None:
    ours, theirs = await bearer(hub, yongkang), await bearer(hub, huiji)
    await client.post("/certificates", json=asked(), headers=ours | {"Message-Id": str(uuid4())})

    async def code(body: dict[str, Any], headers: dict[str, str]) -> tuple[int, str]:
        answer = await client.post("/certificates", json=body, headers=headers)
        return answer.status_code, answer.json()["code"]

    fresh = {"Message-Id": str(uuid4())}
    assert await code(asked(), ours | fresh) == (409, "already-issued")
    assert await code(asked(), theirs | fresh) == (403, "issuer-not-entitled")
    assert await code(asked(number="J1"), ours | fresh) == (400, "invalid-claims")
    assert await code(asked(kind="passport"), ours | fresh) == (400, "unknown-kind")
    assert await code(asked(extra=1), ours | fresh) == (400, "bad-request")
    assert await code(asked(), ours) == (400, "bad-request")
    assert await code(asked(), fresh) == (401, "unauthenticated")
    nobody = f"/certificates/{uuid4()}/status"
    answer = await client.post(nobody, json={"status": "revoked", "reason": "x"}, headers=ours)
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_public_lists_are_sent_again_only_when_they_changed(
    hub: Hub, client: httpx2.AsyncClient, yongkang: Enrolled
) -> None:
    paper = await papers.issue(hub, yongkang)
    for path in ("/.well-known/trust-list", paper.status.uri):
        first = await client.get(path)
        assert first.headers["cache-control"] == "public, no-cache"
        same = await client.get(path, headers={"If-None-Match": f'"other", {first.headers["etag"]}'})
        assert (same.status_code, same.content) == (304, b"")
    before = (await client.get("/.well-known/trust-list")).headers["etag"]
    await trust.publish(hub)
    assert (await client.get("/.well-known/trust-list", headers={"If-None-Match": before})).status_code == 200
    assert (await client.get("/status/77")).status_code == 404
    assert (await client.get(f"/status/{2**70}")).status_code == 400


async def fetch(hub: Hub, client: httpx2.AsyncClient, clock: Clock, last: TrustList | None = None) -> TrustList:
    """What a gateway does that has seen `last`."""
    return verify(
        (await client.get("/.well-known/trust-list")).content,
        trust.pinned_roots(hub.settings),
        now=clock(),
        last_version=last.version if last else 0,
        last_digest=last.digest if last else None,
    )


async def test_a_trust_list_rolled_back_or_frozen_is_refused(
    hub: Hub, client: httpx2.AsyncClient, yongkang: Enrolled, clock: Clock
) -> None:
    seen = await fetch(hub, client, clock)
    await trust.current(hub)
    old = await trust.document(hub)
    newer = await trust.publish(hub)
    await trust.current(hub)
    assert (await fetch(hub, client, clock, seen)).version == newer.version == seen.version + 1
    await papers.replace_trust_list(hub, newer.version, old)
    with pytest.raises(RollbackRefused):
        await fetch(hub, client, clock, newer)
    with pytest.raises(RollbackRefused):
        await trust.current(hub)
    clock.advance(days=7)
    with pytest.raises(TrustListStale):
        await fetch(hub, client, clock, seen)
