"""The wire contract, asked of the stand-in hub and of the real one with the same questions: both must answer alike."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.client.bodies import digest_of
from adapters.client.calls import HubClient, accepted_from
from adapters.client.connection import Connection
from adapters.client.receipts import check_receipt
from adapters.client.signing_in import assertion
from adapters.errors import HubError, Retry
from adapters.gateway.config import HubSettings
from certs.keys import VerifyKey
from certs.status import StatusList
from certs.trust import TrustList
from mappings import vocabulary
from tests.adapters import kit
from tests.adapters.real import real_hub

MAPPING = "yongkang/consent.v1"


@dataclass(frozen=True, slots=True)
class Side:
    """A hub to ask, the roots it is believed by, and how to let its worker catch up."""

    url: str
    roots: list[VerifyKey]

    @asynccontextmanager
    async def client(self, member: str) -> AsyncIterator[HubClient]:
        signer = assertion(kit.ring_of(member).auth[0])
        async with Connection(HubSettings(url=self.url), member, [signer]) as connection:
            yield HubClient(connection)


@pytest.fixture(scope="module", params=["stand-in", "real"])
def side(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    folder = tmp_path_factory.mktemp("contract")
    if request.param == "stand-in":
        with kit.exchange(folder) as world:
            for name in kit.DIVISIONS:
                world.enrol(name)
            yield Side(world.url, [root.public for root in world.hub.world.roots])
    else:
        with real_hub(folder, request.getfixturevalue("module_database_url")) as hub:
            for name in kit.DIVISIONS:
                hub.enrol(name)
            hub.agree("yongkang", "huiji")
            yield Side(hub.url, [VerifyKey.from_jwk(jwk) for jwk in hub.roots_jwks()["keys"]])


def page(*rows: dict[str, Any]) -> bytes:
    listed = [{**row, "rowver": number} for number, row in enumerate(rows, 1)]
    return json.dumps({"code": 200, "msg": "ok", "data": {"list": listed}}, ensure_ascii=False).encode()


async def send(client: HubClient, body: bytes, message: str | None = None, mapping: str = MAPPING) -> Any:
    return await client.submit(
        body,
        message_id=message or str(uuid.uuid4()),
        content_type="application/json",
        mapping=mapping,
        file_name="同意 1.json",
    )


async def refused(asked: Any) -> tuple[int, str, Retry]:
    with pytest.raises(HubError) as caught:
        await asked
    return caught.value.status, caught.value.code, caught.value.retry


async def settled(client: HubClient, message: str, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            found = await client.submission(message)
            if found is not None and until(found):
                return found
            await client.changed_submissions(None, 10)
            await asyncio.sleep(0.1)


async def check(side: Side, client: HubClient, receipt: str, said: dict[str, str]) -> None:
    """Whether a receipt is the hub's and says all this."""
    now = datetime.now(UTC)
    trust = TrustList.verify(await client.trust_list(), side.roots, now=now)
    claims = check_receipt(receipt, trust, said, hub="hub", now=now)
    assert len(str(claims["leaf"])) == 64


async def test_a_submission_is_acknowledged_once_and_for_all(side: Side) -> None:
    body, message = page(kit.consent(1)), str(uuid.uuid4())
    async with side.client("yongkang") as client:
        assert await client.submission(message) is None
        first = await send(client, body, message)
        assert await send(client, body, message) == first
        assert (first.message_id, first.digest, first.state) == (message, digest_of(body), "ACCEPTED")
        assert await refused(send(client, body + b" ", message)) == (409, "digest-conflict", Retry.FIX_FIRST)
        said = {"what": "submission", "id": first.submission_id, "sub": "yongkang", "message_id": message}
        await check(side, client, first.receipt, {**said, "digest": digest_of(body)})
        found = await settled(client, message, lambda found: found["application_ack"] is not None)
        assert accepted_from(found) == first
        assert found["application_ack"]["state"] == "PROCESSED"
    async with side.client("huiji") as other:
        assert await other.submission(message) is None


async def test_what_is_wrong_with_a_submission_has_a_code(side: Side) -> None:
    async with side.client("yongkang") as client:
        unknown = await refused(send(client, b"{}", mapping="nowhere/person.v1"))
        assert unknown == (400, "unknown-mapping", Retry.FIX_FIRST)
        sealed = await refused(send(client, b"{}", mapping="yongkang/marriage_certificate.v1"))
        assert sealed == (400, "must-be-sealed", Retry.FIX_FIRST)


async def test_changes_are_read_from_a_cursor_on(side: Side) -> None:
    async with side.client("yongkang") as client:
        before, cursor = await client.changed_submissions(None, 500)
        while before:
            before, cursor = await client.changed_submissions(cursor, 500)
        accepted = [await send(client, page(kit.consent(number))) for number in (1, 2)]
        for one in accepted:
            await settled(client, one.message_id, lambda found: found["application_ack"] is not None)
        items, cursor = await client.changed_submissions(cursor, 1)
        seen = [item["message_id"] for item in items]
        while items:
            items, cursor = await client.changed_submissions(cursor, 1)
            seen += [item["message_id"] for item in items]
        assert set(seen) == {one.message_id for one in accepted}
        assert await client.changed_submissions(cursor, 10) == ([], cursor)


async def test_a_sealed_record_is_decided_on_by_its_header(side: Side) -> None:
    report = {"kind": vocabulary.CONTRACEPTION_REPORT, "resources": [], "routing": {}}

    async def submit(client: HubClient, consent: str) -> Any:
        message = str(uuid.uuid4())
        body = kit.envelope(report, id=message, consent_ref=consent)
        return await client.submit(body, message_id=message, content_type=vocabulary.SEALED_MEDIA_TYPE)

    async with side.client("yongkang") as client:
        assert (await refused(submit(client, "C77")))[:2] == (403, "no-consent")
        consent = await send(client, page({**kit.consent(77), "rybh": "YK1"}))
        await settled(client, consent.message_id, lambda found: found["application_ack"] is not None)
        accepted = await submit(client, "C77")
        found = await client.submission(accepted.message_id)
        assert found is not None
        assert found["kind"] == vocabulary.CONTRACEPTION_REPORT

    async with side.client("huiji") as reader:
        (item,), unreadable = await reader.lease(most=5, lease_seconds=60, wait_seconds=0)
        assert (item.message_id, item.sender, unreadable) == (accepted.message_id, "yongkang", 0)
        assert digest_of(item.body) == item.digest == accepted.digest
        assert await reader.lease(most=5, lease_seconds=60, wait_seconds=0) == ([], 0)
        assert (await refused(reader.give_receipt(item.id, "RECEIVED", digest_of(b"other"))))[0] == 409
        assert (await refused(reader.give_receipt(item.id, "BUSINESS_ERROR", item.digest)))[0] == 400
        first = await reader.give_receipt(item.id, "RECEIVED", item.digest)
        assert await reader.give_receipt(item.id, "RECEIVED", item.digest)
        said = {"what": "mailbox", "id": item.id, "sub": "huiji", "message_id": item.message_id, "digest": item.digest}
        await check(side, reader, first, said)
        last = await reader.give_receipt(item.id, "PROCESSED", item.digest)
        await check(side, reader, last, said)
        assert await reader.give_receipt(item.id, "PROCESSED", item.digest)
        errors = [{"code": "x", "text": "y", "path": ""}]
        late = await refused(reader.give_receipt(item.id, "BUSINESS_ERROR", item.digest, errors))
        assert late[:2] == (409, "state-conflict")


async def test_a_certificate_is_registered_and_recorded_once(side: Side) -> None:
    number, message = "J3307842020000123", str(uuid.uuid4())

    def register(client: HubClient, message: str) -> Any:
        return client.register_certificate(
            kind=vocabulary.MARRIAGE_CERTIFICATE, number=number, subject="YK1", message_id=message
        )

    now = datetime.now(UTC)
    times = {"issued_at": now.isoformat(), "expires_at": (now + timedelta(days=9)).isoformat()}
    async with side.client("yongkang") as client:
        made = await register(client, message)
        assert await register(client, message) == made
        assert (await refused(register(client, str(uuid.uuid4()))))[:2] == (409, "already-issued")
        said = {"what": "certificate", "id": made.certificate_id, "sub": "yongkang", "message_id": message}
        for _ in range(2):
            receipt = await client.record_certificate(made.certificate_id, digest=digest_of(b"signed"), **times)
            await check(side, client, receipt, {**said, "digest": digest_of(b"signed")})
        again = client.record_certificate(made.certificate_id, digest=digest_of(b"another"), **times)
        assert (await refused(again))[:2] == (409, "digest-conflict")
        trust = TrustList.verify(await client.trust_list(), side.roots, now=now)
        token = (await client.status_list("/status/" + made.status_uri.rsplit("/", 1)[1])).decode()
        (hub,) = [member for member in trust.members if member.name == "hub"]
        key = VerifyKey.from_jwk(dict(hub.keys[0].jwk))
        listed = StatusList.verify(token, key, now, uri=made.status_uri)
        assert listed.get(made.status_index) == 0


async def test_who_is_not_known_is_not_let_in(side: Side) -> None:
    signer = assertion(kit.ring_of("huiji").auth[0])
    async with Connection(HubSettings(url=side.url), "yongkang", [signer]) as connection:
        assert (await refused(HubClient(connection).submission(str(uuid.uuid4()))))[0] == 401


async def test_the_hub_tells_its_time_and_its_health(side: Side) -> None:
    async with Connection(
        HubSettings(url=side.url), "yongkang", [assertion(kit.ring_of("yongkang").auth[0])]
    ) as connection:
        await HubClient(connection).health()
        assert connection.skew is not None
        assert abs(connection.skew) < timedelta(seconds=30)
