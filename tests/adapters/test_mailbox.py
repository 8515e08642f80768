"""What arrives is believed only when its seal and its sender are right; the sender hears why not."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.errors import HubError, Retry, TrustError
from adapters.gateway import mailbox
from adapters.gateway.records import WriteBack
from certs.keys import SigningKey
from mappings import vocabulary
from tests.adapters import kit
from tests.adapters.letters import MESSAGE, NOW, REPORT, letter, receiver, uuid_of, world, written

__all__ = ["receiver", "world"]


async def test_a_good_message_is_written_back(world: kit.Exchange, receiver: Path, tmp_path: Path) -> None:
    item = letter(world, kit.envelope(REPORT))
    assert (await kit.drain(receiver)).clean
    assert item.states == ["RECEIVED", "PROCESSED"]
    assert written(tmp_path) == [MESSAGE]
    async with kit.opened(receiver) as gateway:
        assert set(gateway.spool.inbox.receipts(MESSAGE)) == {"RECEIVED", "PROCESSED"}


def _bad() -> dict[str, tuple[bytes, str]]:
    good = kit.envelope(REPORT)
    outer = json.loads(good)
    stranger = SigningKey.generate()
    other = kit.ring_of("yongkang").enc[0].public
    return {
        "ciphertext changed": (
            json.dumps({**outer, "ciphertext": outer["ciphertext"][:-8] + "AAAAAAAA"}).encode(),
            "open-failed",
        ),
        "header of another message": (
            kit.envelope(REPORT, id="00000000-0000-4000-8000-000000000001"),
            "header-mismatch",
        ),
        "for another member": (kit.envelope(REPORT, to="jinjiang"), "header-mismatch"),
        "for another key": (kit.envelope(REPORT, recipient=other), "wrong-recipient"),
        "signed by a stranger": (kit.envelope(REPORT, signer=stranger), "unknown-issuer"),
        "in another's name": (kit.envelope(REPORT, from_="huiji"), "unknown-key"),
        "of another kind": (kit.envelope({**REPORT, "kind": "person"}), "header-mismatch"),
        "expired": (kit.envelope(REPORT, iat=NOW - timedelta(hours=3), exp=NOW - timedelta(hours=2)), "expired"),
        "not an envelope": (b"{}", "malformed-envelope"),
        "no resources": (kit.envelope({"kind": vocabulary.CONTRACEPTION_REPORT}), "malformed-payload"),
        "nested without end": (kit.envelope(b"[" * 100_000), "malformed-payload"),
        "nested deep": (
            kit.envelope(b'{"kind":"contraception-report","resources":' + b"[" * 900 + b"]" * 900 + b"}"),
            "malformed-payload",
        ),
        "half a character": (kit.envelope({**REPORT, "resources": ["\ud800"]}), "malformed-payload"),
        "no number": (kit.envelope(b'{"kind":"contraception-report","resources":[NaN]}'), "malformed-payload"),
        "no JSON": (kit.envelope(b"\x00\x01"), "malformed-payload"),
    }


@pytest.mark.parametrize("case", sorted(_bad()))
async def test_a_bad_message_is_answered_and_not_written(
    case: str, world: kit.Exchange, receiver: Path, tmp_path: Path
) -> None:
    body, code = _bad()[case]
    item = letter(world, body)
    assert (await kit.drain(receiver)).clean
    assert (item.states, [error["code"] for error in item.errors]) == (["RECEIVED", "BUSINESS_ERROR"], [code])
    assert written(tmp_path) == []


async def test_a_sealed_kind_in_the_open_is_refused(world: kit.Exchange, receiver: Path, tmp_path: Path) -> None:
    item = letter(world, b"{}", content_type="application/fhir+json")
    plain = letter(
        world, b'{"resourceType": "Patient"}', kind="person", content_type="application/json", message=uuid_of(2)
    )
    assert (await kit.drain(receiver)).clean
    assert [error["code"] for error in item.errors] == ["not-sealed"]
    assert plain.states == ["RECEIVED", "PROCESSED"]
    assert written(tmp_path) == [uuid_of(2)]


async def test_one_message_that_fails_unforeseen_does_not_stop_the_others(
    world: kit.Exchange, receiver: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        letter(
            world, b"{}", kind="person", content_type="application/json", message=uuid_of(number), sender=f"m{number}"
        )
    async with kit.opened(receiver) as gateway:
        publish = gateway.transport.publish

        async def failing(message: WriteBack) -> None:
            if message.message_id == uuid_of(1):
                raise RecursionError("王芳")
            await publish(message)

        monkeypatch.setattr(gateway.transport, "publish", failing)
        await gateway.trust.refresh(gateway.client)
        await gateway.mailbox.fetch(wait_seconds=0)
        await gateway.mailbox.work()
        ((message, why),) = gateway.spool.inbox.troubles()
    assert (message, "RecursionError" in why, "王芳" in why) == (uuid_of(1), True, False)
    assert written(tmp_path) == [uuid_of(2)]


async def test_an_id_used_twice_counts_once(world: kit.Exchange, receiver: Path, tmp_path: Path) -> None:
    first = letter(world, kit.envelope(REPORT))
    assert (await kit.drain(receiver)).clean
    second = letter(world, kit.envelope({**REPORT, "resources": []}))
    again = letter(world, first.body)
    assert (await kit.drain(receiver)).clean
    assert second.states == ["RECEIVED", "BUSINESS_ERROR"]
    assert second.errors[0]["code"] == "digest-conflict"
    assert written(tmp_path) == [MESSAGE]
    assert again.state == "PROCESSED", "told once more under its new place in the mailbox"


async def test_a_county_that_is_down_is_not_flooded(
    world: kit.Exchange, receiver: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "MOST_UNFINISHED", 2)
    for number in range(3):
        letter(world, b"{}", kind="person", content_type="application/json", message=uuid_of(number))
        async with kit.opened(receiver) as gateway:
            assert await gateway.mailbox.fetch(wait_seconds=0) == (1 if number < 2 else 0)


async def test_a_message_taken_back_is_not_written(world: kit.Exchange, receiver: Path, tmp_path: Path) -> None:
    item = letter(world, kit.envelope(REPORT))
    async with kit.opened(receiver) as gateway:
        await gateway.mailbox.fetch(wait_seconds=0)
        item.state = "VOIDED"
        await gateway.mailbox.work()
        assert gateway.spool.inbox.counts() == {"WITHDRAWN": 1}
    assert written(tmp_path) == []


@pytest.mark.parametrize(
    ("status", "code", "state"),
    [(404, "http-404", "STORED"), (410, "http-410", "STORED"), (404, "not-found", "WITHDRAWN")],
)
async def test_a_message_lent_again_after_it_seemed_gone_is_written_back(
    status: int,
    code: str,
    state: str,
    world: kit.Exchange,
    receiver: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A proxy's page is no word of the hub; and what the hub lends again is not withdrawn, whatever it said before."""
    item = letter(world, kit.envelope(REPORT))

    async def gone(*_: object, **__: object) -> str:
        raise HubError("gone", code=code, retry=Retry.FIX_FIRST, status=status)

    async with kit.opened(receiver) as gateway:
        await gateway.trust.refresh(gateway.client)
        await gateway.mailbox.fetch(wait_seconds=0)
        with monkeypatch.context() as patch:
            patch.setattr(gateway.client, "give_receipt", gone)
            await gateway.mailbox.work()
        assert gateway.spool.inbox.counts() == {state: 1}
        item.lease_until = None
        await gateway.mailbox.fetch(wait_seconds=0)
        await gateway.mailbox.work()
    assert (written(tmp_path), item.state) == ([MESSAGE], "PROCESSED")


async def test_a_senders_new_key_is_looked_up(world: kit.Exchange, receiver: Path, tmp_path: Path) -> None:
    fresh = SigningKey.generate()
    async with kit.opened(receiver) as gateway:
        await gateway.trust.refresh(gateway.client)
        jwks = kit.ring_of("yongkang").jwks()
        jwks["keys"].append({**fresh.public.to_jwk(), "purpose": "sig"})
        world.hub.world.enrol("yongkang", kit.DIVISIONS["yongkang"], jwks)
        item = letter(world, kit.envelope(REPORT, signer=fresh))
        await gateway.mailbox.fetch(wait_seconds=0)
        await gateway.mailbox.work()
    assert item.state == "PROCESSED", item.errors


async def test_nothing_is_opened_without_a_trust_list(world: kit.Exchange, receiver: Path, tmp_path: Path) -> None:
    item = letter(world, kit.envelope(REPORT))
    async with kit.opened(receiver) as gateway:
        await gateway.mailbox.fetch(wait_seconds=0)
        await gateway.mailbox.work()
        assert "no-trust-list" in gateway.spool.inbox.troubles()[0][1]
        with pytest.raises(TrustError):
            gateway.trust.current()
    assert item.state == "RECEIVED"
