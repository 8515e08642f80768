"""A receipt counts for exactly the act, message and bytes it names, and only from the hub's own key for receipts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from adapters.client.receipts import TYPE, check_receipt, hub_key
from adapters.errors import ReceiptRefused, Retry, TrustError
from adapters.gateway.testing.world import World
from certs import tokens
from certs.keys import DecryptionKey, SigningKey
from certs.trust import CHECKPOINT, RECEIPT, STATUS, Member

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SAID = {"what": "mailbox", "id": "i1", "sub": "huiji", "message_id": "m1", "digest": "sha-256:" + "ab" * 32}


@pytest.fixture
def world() -> World:
    return World(NOW)


def receipt(key: SigningKey, typ: str = TYPE) -> str:
    return tokens.sign({**SAID, "leaf": "00"}, typ=typ, signer=key)


def check(world: World, given: str, now: datetime = NOW) -> dict[str, object]:
    return check_receipt(given, world.trust_list(NOW), SAID, hub="hub", now=now)


def test_a_good_receipt_tells_its_leaf(world: World) -> None:
    assert check(world, receipt(world.hub_key))["leaf"] == "00"


@pytest.mark.parametrize("name", [*SAID, "leaf"])
@pytest.mark.parametrize("value", ["", "other", None, 1, ["m1"]])
def test_a_receipt_counts_for_what_it_names_only(name: str, value: object, world: World) -> None:
    if name == "leaf" and isinstance(value, str):
        return
    with pytest.raises(ReceiptRefused, match="another") as caught:
        check(world, tokens.sign({**SAID, "leaf": "00", name: value}, typ=TYPE, signer=world.hub_key))
    assert (caught.value.code, caught.value.retry) == ("wrong-receipt", Retry.NORMAL)


def test_a_receipt_by_anybody_but_the_hub_is_refused(world: World) -> None:
    member = SigningKey.generate()
    jwk = {**member.public.to_jwk(), "purpose": "sig"}
    sealing = {**DecryptionKey.generate().public.to_jwk(), "purpose": "enc"}
    world.enrol("huiji", ["410108000000"], {"keys": [jwk, sealing]}, frozenset({RECEIPT}))
    for key, now in ((SigningKey.generate(), NOW), (member, NOW), (world.hub_key, NOW + timedelta(days=365))):
        with pytest.raises(ReceiptRefused) as caught:
            check(world, receipt(key), now)
        assert caught.value.retry is Retry.NORMAL


@pytest.mark.parametrize("broken", ["", "x", "a.b.c", "ü.b.c", "." * 70_000])
def test_what_is_no_receipt_is_refused(broken: str, world: World) -> None:
    with pytest.raises(ReceiptRefused):
        check(world, broken)


def test_a_tampered_or_borrowed_token_is_refused(world: World) -> None:
    head, body, signature = receipt(world.hub_key).split(".")
    for given in (f"{head}.{body[:-4]}AAAA.{signature}", receipt(world.hub_key, "statuslist+jwt")):
        with pytest.raises(ReceiptRefused, match="does not verify"):
            check(world, given)


def test_the_hubs_key_counts_for_what_it_is_listed_for(world: World) -> None:
    trust = world.trust_list(NOW)
    kid = world.hub_key.kid
    assert hub_key(trust, kid, "hub", NOW, typ=RECEIPT).kid == kid
    (hub,) = world.members
    (key,) = hub.keys
    for narrowed in (replace(key, types=frozenset({STATUS, CHECKPOINT})), replace(key, compromised_at=NOW)):
        world.members = [Member("hub", (), "Hub", (narrowed,))]
        with pytest.raises(TrustError):
            hub_key(world.trust_list(NOW), kid, "hub", NOW, typ=RECEIPT)
        with pytest.raises(ReceiptRefused):
            check(world, receipt(world.hub_key))
