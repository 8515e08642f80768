"""A certificate that arrives is written back when it counts, and waits while that cannot be known."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.gateway.testing.ledger import Letter
from certs import sdjwt
from certs.keys import SigningKey
from certs.kinds import marriage
from certs.status import Status, StatusRef
from mappings import vocabulary
from tests.adapters import kit
from tests.adapters.letters import MESSAGE, NOW, letter, receiver, world, written

__all__ = ["receiver", "world"]


CLAIMS = {
    "number": "J3307842020000123",
    "kind": "marriage",
    "authority": "永康市民政局",
    "authority_division": "330784000000",
    "registered_on": "2020-05-20",
    "party_a_name": "张伟",
    "party_a_id_number": "330784198901010010",
    "party_b_name": "王芳",
    "party_b_id_number": "410108199005010026",
}


def certificate(world: kit.Exchange, **changed: Any) -> str:
    values: dict[str, Any] = {
        "vct": marriage.VCT,
        "issuer": "yongkang",
        "signer": kit.ring_of("yongkang").sig[0],
        "iat": NOW,
        "exp": NOW + timedelta(days=365),
        "status": StatusRef(f"{world.url}/status/1", 7),
        **changed,
    }
    return sdjwt.issue({**CLAIMS, **values.pop("claims", {})}, **values)


def certificate_letter(world: kit.Exchange, credential: str) -> Letter:
    kind = vocabulary.MARRIAGE_CERTIFICATE
    payload = {"kind": kind, "credential": credential, "routing": {"subject": "YK1"}}
    return letter(world, kit.envelope(payload, typ=kind, purpose="certificate-service", consent_ref=None), kind=kind)


async def test_a_certificate_is_verified_before_it_is_written(
    world: kit.Exchange, receiver: Path, tmp_path: Path
) -> None:
    item = certificate_letter(world, certificate(world))
    assert (await kit.drain(receiver)).clean
    assert item.state == "PROCESSED", item.errors
    assert written(tmp_path) == [MESSAGE]


async def test_a_certificate_bound_to_its_holder_is_verified_too(
    world: kit.Exchange, receiver: Path, tmp_path: Path
) -> None:
    holder = SigningKey.generate().public.to_jwk()
    item = certificate_letter(world, certificate(world, holder=holder))
    assert (await kit.drain(receiver)).clean
    assert item.state == "PROCESSED", item.errors
    assert written(tmp_path) == [MESSAGE]


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({}, Status.REVOKED, "revoked"),
        ({}, Status.SUSPENDED, "suspended"),
        ({"holder": "key"}, Status.REVOKED, "revoked"),
        ({"exp": NOW - timedelta(days=1), "iat": NOW - timedelta(days=2)}, Status.VALID, "key-not-valid"),
        ({"exp": NOW - timedelta(hours=1), "iat": NOW - timedelta(hours=2)}, Status.VALID, "expired"),
        ({"signer": "stranger"}, Status.VALID, "unknown-issuer"),
        ({"issuer": "huiji"}, Status.VALID, "unknown-key"),
        ({"claims": {"authority_division": "410108000000"}}, Status.VALID, "issuer-not-entitled"),
    ],
)
async def test_a_certificate_that_does_not_count_is_refused(
    changed: dict[str, Any], status: Status, code: str, world: kit.Exchange, receiver: Path, tmp_path: Path
) -> None:
    made = {
        name: SigningKey.generate()
        if value == "stranger"
        else SigningKey.generate().public.to_jwk()
        if value == "key"
        else value
        for name, value in changed.items()
    }
    world.hub._statuses().set(7, status)
    item = certificate_letter(world, certificate(world, **made))
    assert (await kit.drain(receiver)).clean
    assert (item.state, [error["code"] for error in item.errors]) == ("BUSINESS_ERROR", [code])
    assert written(tmp_path) == []


async def test_without_a_status_list_a_certificate_waits(world: kit.Exchange, receiver: Path, tmp_path: Path) -> None:
    item = certificate_letter(world, certificate(world, status=StatusRef("https://elsewhere.example/list", 7)))
    async with kit.opened(receiver) as gateway:
        await gateway.trust.refresh(gateway.client)
        await gateway.mailbox.fetch(wait_seconds=0)
        await gateway.mailbox.work()
        (message_id, why) = gateway.spool.inbox.troubles()[0]
    assert message_id == MESSAGE
    assert "foreign-status-list" in why
    assert item.state == "RECEIVED"
    assert written(tmp_path) == []
