"""What arrives is believed only when its seal, its sender, its certificate and its status are right; the sender hears why not."""

import json
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.errors import HubError, HubUnreachable, Retry, TransportError, TrustError
from adapters.gateway import mailbox
from adapters.gateway.assembly import Gateway
from adapters.gateway.client import digest_of
from adapters.gateway.clock import utc_now
from adapters.gateway.opening import BusinessError, Opener
from adapters.gateway.records import WriteBack
from adapters.gateway.testing.ledger import Letter, Submission
from certs import sdjwt
from certs.keys import SigningKey
from certs.kinds import marriage
from certs.status import Status, StatusRef
from mappings import vocabulary
from tests.adapters import kit

NOW = kit.NOW
MESSAGE = kit.MESSAGE
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


@pytest.fixture
def world(tmp_path: Path) -> Iterator[kit.Exchange]:
    with kit.exchange(tmp_path) as made:
        yield made


@pytest.fixture
def receiver(world: kit.Exchange) -> Path:
    world.enrol("yongkang")
    return kit.huiji_gateway(world)


def letter(
    world: kit.Exchange,
    body: bytes,
    *,
    kind: str = vocabulary.CONTRACEPTION_REPORT,
    message: str = MESSAGE,
    sender: str = "yongkang",
    content_type: str = vocabulary.SEALED_MEDIA_TYPE,
) -> Letter:
    submission = Submission("s", sender, message, kind, None, digest_of(body), body, b"", NOW, {}, 0)
    made: Letter = world.ledger.deliver("huiji", submission, content_type, NOW, ["here-1"])
    return made


REPORT = {
    "kind": vocabulary.CONTRACEPTION_REPORT,
    "resources": [{"resourceType": "Bundle"}],
    "routing": {"subject": "YK1"},
}


def written(tmp_path: Path) -> list[str]:
    return [path.stem for path in (tmp_path / "huiji" / "drop" / "inbox").glob("*.csv")]


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


def about(world: kit.Exchange, subject: str, number: int, **said: Any) -> Letter:
    """A report about a person whom the receiver does not know yet, as message `number`."""
    made = letter(world, kit.envelope(REPORT, subject=subject, id=uuid_of(number), **said), message=uuid_of(number))
    made.subjects = []
    return made


class County:
    """Stands between the gateway and its transport: what is in `down` cannot be published, the rest is noted in order."""

    def __init__(self, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
        self.down: set[str] = set()
        self.published: list[str] = []
        self._publish = gateway.transport.publish
        monkeypatch.setattr(gateway.transport, "publish", self.publish)

    async def publish(self, message: WriteBack) -> None:
        if message.message_id in self.down:
            raise TransportError("the county hiccups", code="county-down")
        await self._publish(message)
        self.published.append(message.message_id)


async def test_what_fails_holds_up_its_own_person_and_nobody_else(
    world: kit.Exchange, receiver: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, subject in ((1, "YK1"), (2, "YK1"), (3, "YK2"), (4, "YK1")):
        about(world, subject, number)
    async with kit.opened(receiver) as gateway:
        county = County(gateway, monkeypatch)
        county.down.add(uuid_of(1))
        await gateway.trust.refresh(gateway.client)
        await gateway.mailbox.fetch(wait_seconds=0)
        # The first waits for its next try meanwhile; those behind it are due by themselves.
        assert [await gateway.mailbox.work() for _ in range(3)] == [1, 0, 0]
        assert county.published == [uuid_of(3)]
        county.down.clear()
        gateway.spool.inbox.defer(uuid_of(1), text="", due=utc_now(), now=utc_now())
        assert await gateway.mailbox.work() == 3
    assert county.published == [uuid_of(number) for number in (3, 1, 2, 4)]


async def test_what_is_refused_for_good_holds_up_nobody(
    world: kit.Exchange, receiver: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = about(world, "YK1", 1, iat=NOW - timedelta(hours=3), exp=NOW - timedelta(hours=2))
    about(world, "YK1", 2)
    async with kit.opened(receiver) as gateway:
        county = County(gateway, monkeypatch)
        await gateway.trust.refresh(gateway.client)
        await gateway.mailbox.fetch(wait_seconds=0)
        assert await gateway.mailbox.work() == 2
    assert (bad.state, county.published) == ("BUSINESS_ERROR", [uuid_of(2)])


@pytest.mark.parametrize(("published", "taken"), [(True, False), (True, True), (False, False)])
async def test_what_ran_out_in_a_crash_counts_by_whether_the_county_has_it(
    published: bool,
    taken: bool,
    world: kit.Exchange,
    receiver: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    item = about(world, "YK1", 1)
    async with kit.opened(receiver) as gateway:
        await gateway.trust.refresh(gateway.client)
        await gateway.mailbox.fetch(wait_seconds=0)
        with monkeypatch.context() as patched:
            publish = gateway.transport.publish

            async def dies(message: WriteBack) -> None:
                if published:
                    await publish(message)
                raise HubUnreachable("as if the process ended here", sent=True)

            patched.setattr(gateway.transport, "publish", dies)
            with pytest.raises(HubUnreachable):
                await gateway.mailbox.work()
        for path in (tmp_path / "huiji" / "drop" / "inbox").glob("*.csv") if taken else ():
            path.unlink()
        monkeypatch.setattr(Opener, "open", _expired)
        await _dies_before_recording(gateway, monkeypatch)
        await gateway.mailbox.work()
    assert item.states == ["RECEIVED", "PROCESSED" if published else "BUSINESS_ERROR"]
    assert written(tmp_path) == ([uuid_of(1)] if published and not taken else [])
    assert not list((tmp_path / "huiji" / "drop").rglob("staging/*.csv"))


async def _expired(*_: Any) -> WriteBack:
    raise BusinessError("its time ran out", code="expired")


async def _dies_before_recording(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cycle that decided and did not get to write down what."""

    def dies(*_: Any, **__: Any) -> None:
        raise sqlite3.OperationalError("as if the process ended here")

    with monkeypatch.context() as patched:
        patched.setattr(gateway.spool.inbox, "move", dies)
        with pytest.raises(sqlite3.OperationalError):
            await gateway.mailbox.work()


def uuid_of(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


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
