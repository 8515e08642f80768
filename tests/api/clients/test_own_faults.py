"""The client when the network or the hub fails: it sends again where that is right, and what it must not it tells."""

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from adapters import client
from adapters.client import Address, Patience
from adapters.errors import (
    ConfigError,
    Conflict,
    HubError,
    HubUnreachable,
    Invalid,
    NotAllowed,
    NotFound,
    Retry,
    SignInRefused,
    TooMany,
    TrustError,
    Unavailable,
)
from certs.keys import SigningKey
from hub.runtime import Hub
from hub.services import enrolment, trust
from tests.api.clients.between import Between, CutAnswer, CutRequest, Refuse, between
from tests.documents import COLUMNS
from tests.hubs import Clock, Enrolled
from tests.listening import listening

QUICK = Patience(attempts=4, first=0.01, cap=0.05, total=5)
PATIENT = {"resourceType": "Patient", "name": [{"text": "王五"}], "gender": "male"}
SHEET = (",".join(COLUMNS) + "\n").encode()


@pytest.fixture
async def way(hub: Hub) -> AsyncIterator[Between]:
    async with listening(hub) as url, between(url) as made:
        yield made


def opened(
    hub: Hub,
    way: Between,
    member: Enrolled,
    *,
    keys: Sequence[SigningKey] = (),
    scopes: Sequence[str] = (),
    patience: Patience = QUICK,
    clock: Clock | None = None,
) -> AbstractAsyncContextManager[client.Hub]:
    """The client of a member, reaching the hub through what may fail."""
    return client.connect(
        Address(way.url, own=hub.settings.base_url),
        member.member.name,
        keys or [member.auth],
        roots=trust.pinned_roots(hub.settings),
        scopes=scopes,
        patience=patience,
        clock=clock or hub.now,
    )


async def stored(hub: Hub, table: str = "submission") -> int:
    async with hub.database.read() as connection:
        found = await connection.scalar(text(f"SELECT count(*) FROM {table}"))  # noqa: S608 - a name of this file
        return int(found or 0)


async def send(asked: client.Hub, message: str, document: bytes | Path = SHEET) -> client.Accepted:
    return await asked.submit(document, message_id=message, content_type="text/csv", mapping="huiji/person.v1")


@pytest.mark.parametrize(
    "trouble",
    [
        Refuse("429 Too Many Requests", "Retry-After: 0\r\n"),
        Refuse("503 Service Unavailable"),
        Refuse("502 Bad Gateway"),
        CutRequest(900),
        CutAnswer(),
        CutAnswer(300),
    ],
    ids=repr,
)
async def test_a_document_arrives_once_whatever_breaks(
    hub: Hub, way: Between, huiji: Enrolled, trouble: Refuse | CutRequest | CutAnswer
) -> None:
    message = str(uuid.uuid4())
    async with opened(hub, way, huiji) as asked:
        assert await asked.submission(message) is None  # signed in before anything breaks
        await way.expect(trouble)
        accepted = await send(asked, message, SHEET + b" " * 5000)
        assert not way.troubles
        found = await asked.submission(message)
    assert (accepted.message_id, await stored(hub)) == (message, 1)
    assert found is not None
    assert (found.submission_id, found.acknowledged, found.is_settled) == (accepted.submission_id, True, False)
    assert [moment.state for moment in found.timeline] == ["ACCEPTED"]


async def test_a_large_file_is_streamed_and_sent_again_from_its_beginning(
    hub: Hub, way: Between, huiji: Enrolled, tmp_path: Path
) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(SHEET + b"," * 3_000_000)
    async with opened(hub, way, huiji) as asked:
        await asked.submission(str(uuid.uuid4()))
        await way.expect(CutRequest(1_500_000), CutAnswer())
        accepted = await send(asked, str(uuid.uuid4()), path)
    assert not way.troubles
    assert await stored(hub) == 1
    assert accepted.state == "ACCEPTED"


async def test_a_create_is_not_sent_twice_and_a_conditional_one_is(hub: Hub, way: Between, huiji: Enrolled) -> None:
    number = {"system": "urn:lianqiao:huiji:record", "value": "H1"}
    async with opened(hub, way, huiji) as asked:
        await asked.submission(str(uuid.uuid4()))
        await way.expect(CutAnswer())
        with pytest.raises(HubUnreachable) as lost:
            await asked.fhir.create(PATIENT)
        assert (lost.value.sent, lost.value.retry, lost.value.asked) == (True, Retry.CHECK_STATUS, "POST /fhir/Patient")
        assert await asked.fhir.count("Patient") == 1
        await way.expect(CutAnswer(), Refuse("503 Service Unavailable"))
        condition = "identifier=urn:lianqiao:huiji:record|H1"
        made = await asked.fhir.create(PATIENT | {"identifier": [number]}, if_none_exist=condition)
        assert not made.created  # the answer to the first attempt was lost
        assert await asked.fhir.count("Patient") == 2


async def test_a_transaction_is_done_once_and_its_receipt_verified(hub: Hub, way: Between, huiji: Enrolled) -> None:
    entries = [{"resource": PATIENT, "request": {"method": "POST", "url": "Patient"}}]
    async with opened(hub, way, huiji) as asked:
        await asked.submission(str(uuid.uuid4()))
        await way.expect(CutAnswer())
        answer, receipt = await asked.transaction(entries, message_id=str(uuid.uuid4()))
        assert answer["entry"][0]["response"]["status"] == "201"
        assert receipt.count(".") == 2
        assert await asked.fhir.count("Patient") == 1


async def test_retry_after_is_honoured_and_told_where_it_is_too_long(hub: Hub, way: Between, huiji: Enrolled) -> None:
    async with opened(hub, way, huiji) as asked:
        await asked.submission(str(uuid.uuid4()))
        await way.expect(Refuse("429 Too Many Requests", "Retry-After: 60\r\n"))
        with pytest.raises(TooMany) as later:
            await asked.fhir.count("Patient")
        assert (later.value.retry_after, later.value.retry) == (60, Retry.NORMAL)
        await way.expect(*[Refuse("503 Service Unavailable")] * QUICK.attempts)
        with pytest.raises(Unavailable):
            await asked.fhir.count("Patient")
        assert not way.troubles


async def test_what_is_refused_is_told_once_with_code_class_place_and_trace(
    hub: Hub, way: Between, huiji: Enrolled
) -> None:
    async with opened(hub, way, huiji) as asked:
        with pytest.raises(Invalid) as wrong:
            await asked.fhir.create(PATIENT | {"gender": "unheard-of"})
        assert (wrong.value.code, wrong.value.retry, wrong.value.status) == ("invalid-resource", Retry.FIX_FIRST, 400)
        assert wrong.value.trace_id
        assert wrong.value.told
        assert [issue.path for issue in await asked.fhir.validate(PATIENT | {"gender": "x"})] == ["Patient.gender"]
        with pytest.raises(NotFound) as nothing:
            await asked.fhir.read("Patient", str(uuid.uuid4()))
        assert nothing.value.code == "not-found"
        made = await asked.fhir.create(PATIENT)
        changed = await asked.fhir.update(made.resource | {"gender": "female"}, version=made.version)
        assert changed.version == "2"
        with pytest.raises(Conflict) as late:
            await asked.fhir.update(made.resource, version="1")
        assert (late.value.status, late.value.code) == (412, "version-conflict")
        first = await send(asked, message := str(uuid.uuid4()))
        with pytest.raises(Conflict, match="digest-conflict"):
            await send(asked, message, SHEET + b"\n")
        assert await send(asked, message) == first
    async with opened(hub, way, huiji, scopes=["system/Observation.rs"]) as asked:
        with pytest.raises(NotAllowed) as closed:
            await asked.fhir.count("Patient")
        assert (closed.value.code, closed.value.retry) == ("missing-scope", Retry.FIX_FIRST)
        assert asked.connection.sign_in.scopes == "system/Observation.rs"


async def test_a_token_is_kept_until_shortly_before_its_end_and_renewed_where_it_is_refused(
    hub: Hub, way: Between, huiji: Enrolled, clock: Clock
) -> None:
    behind = Clock()
    behind.moment = clock.moment
    async with opened(hub, way, huiji, clock=clock) as asked, opened(hub, way, huiji, clock=behind) as late:
        for _ in range(3):
            await asked.fhir.count("Patient")
        await late.fhir.count("Patient")
        assert await stored(hub, "assertion_seen") == 2
        clock.advance(seconds=hub.settings.token_seconds - 10)
        await asked.fhir.count("Patient")  # before its end
        assert await stored(hub, "assertion_seen") == 3
        clock.advance(seconds=20)
        behind.moment = clock.moment - timedelta(seconds=50)
        await late.fhir.count("Patient")
        assert await stored(hub, "assertion_seen") == 4


async def test_keys_change_without_a_pause(hub: Hub, way: Between, huiji: Enrolled, clock: Clock) -> None:
    new = SigningKey.generate()
    async with opened(hub, way, huiji, keys=[new, huiji.auth]) as asked:
        await asked.fhir.count("Patient")  # the hub does not know the new one yet
        await enrolment.add_keys(hub, "huiji", {"keys": [new.public.to_jwk() | {"purpose": "auth"}]})
        await enrolment.retire_key(hub, huiji.auth.kid)
        clock.advance(seconds=hub.settings.token_seconds)
        await asked.fhir.count("Patient")
    async with opened(hub, way, huiji, keys=[huiji.auth]) as asked:
        with pytest.raises(SignInRefused) as refused:
            await asked.fhir.count("Patient")
        assert (refused.value.code, refused.value.status) == ("invalid-client", 401)


async def test_nothing_is_believed_that_the_roots_did_not_sign(hub: Hub, way: Between, huiji: Enrolled) -> None:
    others = [SigningKey.generate().public, SigningKey.generate().public]
    address = Address(way.url, own=hub.settings.base_url)
    async with client.connect(address, "huiji", [huiji.auth], roots=others, clock=hub.now) as asked:
        with pytest.raises(TrustError):
            await send(asked, str(uuid.uuid4()))
    async with client.connect(address, "huiji", [huiji.auth], clock=hub.now) as asked:
        with pytest.raises(TrustError, match="no-roots"):
            await send(asked, str(uuid.uuid4()))
    assert await stored(hub) == 1  # without roots nothing was sent


def test_a_token_is_shown_to_nobody_on_the_way() -> None:
    for near in ("http://127.0.0.1:8080", "http://[::1]:8080", "https://hub.example"):
        assert Address(near).url == near
    with pytest.raises(ConfigError, match="https"):
        Address("http://hub.example")


async def test_a_hub_that_is_not_there_is_told(hub: Hub, huiji: Enrolled) -> None:
    nowhere = Between(hub.settings.base_url, url="http://127.0.0.1:9")
    async with opened(hub, nowhere, huiji) as asked:
        with pytest.raises(HubUnreachable) as gone:
            await asked.fhir.count("Patient")
    assert (gone.value.sent, gone.value.retry) == (False, Retry.NORMAL)
    assert isinstance(gone.value, HubError)
