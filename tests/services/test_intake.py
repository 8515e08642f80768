"""Receiving: what is acknowledged is stored once and provably; what is refused leaves nothing behind."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import orjson
import pytest
from sqlalchemy import text

from certs import merkle, tokens
from hub.domain.messages import PART_BYTES
from hub.errors import Conflict, Invalid, NotAllowed, TooLarge, TooMany, Unavailable
from hub.runtime import HUB_NAME, Hub, open_hub
from hub.services import auditing, intake, receipts, trust
from hub.settings import Settings
from hub.storage import submissions
from tests.documents import number_of, receive, rows, sent, sheet, told
from tests.hubs import Clock, Enrolled, acts, enrol


async def _stored_bytes(hub: Hub, submission_id: str) -> bytes:
    body, seq = b"", 0
    async with hub.database.read() as connection:
        while (part := await submissions.part(connection, hub.vault, UUID(submission_id), seq)) is not None:
            body, seq = body + part, seq + 1
    return body


async def test_the_receipt_verifies_against_the_hubs_key_in_the_trust_list(hub: Hub, huiji: Enrolled) -> None:
    what = sent(sheet(rows(3)))
    answer = await receive(hub, huiji, what)
    told_ = orjson.loads(answer.body)
    assert not answer.repeated
    assert (told_["state"], told_["message_id"]) == ("ACCEPTED", str(what.document.message_id))
    assert told_["digest"] == f"sha-256:{hashlib.sha256(what.body).hexdigest()}"
    kid = tokens.take_apart(told_["receipt"]).kid
    assert kid is not None
    key = (await trust.current(hub)).verify_key(kid, member=HUB_NAME, typ="receipt", signed_at=hub.now())
    claims = tokens.verify(told_["receipt"], key, typ=receipts.TYPE)
    assert claims == {
        "iss": hub.settings.base_url,
        "sub": "huiji",
        "iat": int(hub.now().timestamp()),
        "what": "submission",
        "id": told_["submission_id"],
        "message_id": str(what.document.message_id),
        "digest": told_["digest"],
        "leaf": told_["leaf"],
    }


async def test_the_leaf_of_the_receipt_is_in_the_log(hub: Hub, huiji: Enrolled) -> None:
    told_ = orjson.loads((await receive(hub, huiji, sent(sheet(rows(1))))).body)
    await auditing.sequence(hub)
    proof = await auditing.inclusion(hub, bytes.fromhex(told_["leaf"]))
    merkle.verify_inclusion(proof.leaf, proof.index, proof.size, proof.proof, proof.root)
    (content,) = await acts(hub, "receive")
    assert content["submission"] == told_["submission_id"]
    assert content["actor"] == "huiji"


async def test_the_bytes_are_kept_exactly_and_sealed(hub: Hub, huiji: Enrolled) -> None:
    body = sheet(rows(20_000))  # several parts
    assert len(body) > 2 * PART_BYTES
    told_ = orjson.loads((await receive(hub, huiji, sent(body, file_name="五月.csv"))).body)
    assert await _stored_bytes(hub, told_["submission_id"]) == body
    async with hub.database.read() as connection:
        raw = (await connection.execute(text("SELECT string_agg(body, '') FROM submission_part"))).scalar_one()
        name = (await connection.execute(text("SELECT file_name FROM submission"))).scalar_one()
    assert "河南省郑州市惠济区".encode("gb18030") not in raw
    assert "五月".encode() not in name


async def test_the_same_message_again_is_answered_byte_for_byte(hub: Hub, huiji: Enrolled, clock: Clock) -> None:
    what = sent(sheet(rows(2)))
    first = await receive(hub, huiji, what)
    clock.advance(days=3)
    second = await receive(hub, huiji, what)
    assert second.repeated
    assert second.body == first.body
    assert await number_of(hub, "submission") == 1
    assert len(await acts(hub, "receive")) == 1


async def test_a_repeat_is_answered_by_another_process_too(
    hub: Hub, huiji: Enrolled, clock: Clock, hub_settings: Settings
) -> None:
    what = sent(sheet(rows(2)))
    first = await receive(hub, huiji, what)
    async with open_hub(hub_settings, now=clock) as restarted:
        assert (await receive(restarted, huiji, what)).body == first.body


async def test_ten_at_once_are_one_submission_with_one_answer(hub: Hub, huiji: Enrolled) -> None:
    what = sent(sheet(rows(5)))
    answers = await asyncio.gather(*(receive(hub, huiji, what) for _ in range(10)))
    assert len({answer.body for answer in answers}) == 1
    assert [answer.repeated for answer in answers].count(False) == 1
    for table in ("submission", "submission_part", "work_item"):
        assert await number_of(hub, table) == 1
    assert len(await acts(hub, "receive")) == 1


async def test_the_same_id_with_other_bytes_is_a_conflict_and_changes_nothing(hub: Hub, huiji: Enrolled) -> None:
    what = sent(sheet(rows(2)))
    first = await receive(hub, huiji, what)
    other = sent(sheet(rows(3)), message_id=what.document.message_id)
    with pytest.raises(Conflict) as refused:
        await receive(hub, huiji, other)
    assert refused.value.code == "digest-conflict"
    assert await number_of(hub, "submission") == 1
    assert (await receive(hub, huiji, what)).body == first.body
    assert await acts(hub, "refuse") == [
        {"actor": "huiji", "message": str(what.document.message_id), "reason": "digest-conflict"}
    ]


async def test_two_with_one_id_at_once_never_share_an_answer(hub: Hub, huiji: Enrolled) -> None:
    id_ = uuid4()
    bodies = [sheet(rows(2)), sheet(rows(3))]
    results = await asyncio.gather(
        *(receive(hub, huiji, sent(body, message_id=id_)) for body in bodies), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["Acknowledgement", "Conflict"]
    assert await number_of(hub, "submission") == 1


async def test_members_do_not_share_message_ids(hub: Hub, huiji: Enrolled, yongkang: Enrolled) -> None:
    what = sent(sheet(rows(2)))
    await receive(hub, huiji, what)
    second = await receive(hub, yongkang, what)
    assert not second.repeated
    assert await number_of(hub, "submission") == 2


async def _nothing_stored(hub: Hub) -> bool:
    return [await number_of(hub, name) for name in ("submission", "submission_part", "work_item")] == [0, 0, 0]


async def test_damaged_on_the_way_is_refused_and_may_be_sent_again(hub: Hub, huiji: Enrolled) -> None:
    what = sent(sheet(rows(2)))
    damaged = sent(what.body + b"x", message_id=what.document.message_id, digest=what.document.digest)
    with pytest.raises(Invalid) as refused:
        await receive(hub, huiji, damaged)
    assert (refused.value.code, refused.value.retry) == ("digest-mismatch", "NORMAL")
    assert await _nothing_stored(hub)
    assert [leaf["reason"] for leaf in await acts(hub, "refuse")] == ["digest-mismatch"]
    assert not (await receive(hub, huiji, what)).repeated


@pytest.mark.parametrize(
    ("mapping", "code"),
    [
        ("huiji/person.v99", "unknown-mapping"),
        ("nowhere/person.v1", "unknown-mapping"),
        ("../../etc/passwd", "unknown-mapping"),
        ("huiji/contraception_report.v1", "must-be-sealed"),
        ("yongkang/marriage_certificate.v1", "must-be-sealed"),
        ("yongkang/birth_certificate.v1", "must-be-sealed"),
    ],
)
async def test_what_cannot_be_read_here_is_refused_before_its_bytes(
    hub: Hub, huiji: Enrolled, mapping: str, code: str
) -> None:
    async def never() -> AsyncIterator[bytes]:
        read.append(True)
        yield b""

    read: list[bool] = []
    with pytest.raises(Invalid) as refused:
        await intake.receive(hub, huiji.member, sent(b"a", mapping).document, never())
    assert refused.value.code == code
    assert not read
    assert await _nothing_stored(hub)
    assert [leaf["reason"] for leaf in await acts(hub, "refuse")] == [code]


async def test_a_partner_has_no_records_to_submit(hub: Hub) -> None:
    partner = await enrol(hub, "jinjiang", ["350582000000"], kind="partner")
    with pytest.raises(NotAllowed) as refused:
        await receive(hub, partner, sent(sheet(rows(1))))
    assert refused.value.code == "not-allowed"
    assert await _nothing_stored(hub)
    (leaf,) = await acts(hub, "refuse")
    assert (leaf["actor"], leaf["reason"]) == ("jinjiang", "not-allowed")


async def test_a_refused_file_of_the_operator_is_in_the_log_too(hub: Hub, huiji: Enrolled, tmp_path: Path) -> None:
    document = sent(b"a", "huiji/birth_certificate.v1").document
    with pytest.raises(Invalid, match="must-be-sealed"):
        await intake.receive_file(hub, huiji.member, document, tmp_path / "never-opened.csv", lambda _: None)
    assert [leaf["reason"] for leaf in await acts(hub, "refuse")] == ["must-be-sealed"]


async def test_too_large_is_refused_while_it_arrives(hub: Hub, huiji: Enrolled, hub_settings: Settings) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 65_536
            yield bytes(65_536)

    small = hub_settings.model_copy(update={"max_submission_bytes": 1_000_000})
    async with open_hub(small, now=hub.now) as limited:
        with pytest.raises(TooLarge):
            await intake.receive(limited, huiji.member, sent(b"a").document, endless())
    assert taken < 2_000_000
    assert await _nothing_stored(hub)


async def test_a_full_queue_asks_to_come_back_but_repeats_are_answered(
    hub: Hub, huiji: Enrolled, hub_settings: Settings
) -> None:
    what = sent(sheet(rows(1)))
    narrow = hub_settings.model_copy(update={"queue_limit": 2})
    async with open_hub(narrow, now=hub.now) as busy:
        first = await receive(busy, huiji, what)
        await receive(busy, huiji, sent(sheet(rows(1, 2))))
        with pytest.raises(Unavailable) as refused:
            await receive(busy, huiji, sent(sheet(rows(1, 3))))
        assert (refused.value.code, refused.value.retry, refused.value.retry_after) == ("too-many", "NORMAL", 10)
        assert (await receive(busy, huiji, what)).body == first.body
    assert await number_of(hub, "submission") == 2


async def test_one_members_documents_leave_the_others_their_part_of_the_queue(
    hub: Hub, huiji: Enrolled, yongkang: Enrolled, hub_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "_FEW", 1)
    async with open_hub(hub_settings.model_copy(update={"queue_limit": 8}), now=hub.now) as busy:
        for number in range(2):
            await receive(busy, huiji, sent(sheet(rows(1, number))))
        with pytest.raises(TooMany, match="2 documents of huiji wait already"):
            await receive(busy, huiji, sent(sheet(rows(1, 3))))
        await receive(
            busy, yongkang, sent(orjson.dumps([]), mapping="yongkang/person.v1", media_type="application/json")
        )


async def test_a_sender_that_hangs_up_leaves_nothing(hub: Hub, huiji: Enrolled) -> None:
    what = sent(sheet(rows(50)))

    async def cut() -> AsyncIterator[bytes]:
        yield what.body[:1000]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await intake.receive(hub, huiji.member, what.document, cut())
    assert await _nothing_stored(hub)


async def test_what_was_received_is_told_at_once(hub: Hub, huiji: Enrolled) -> None:
    what = sent(sheet(rows(2)), file_name="五月.csv")
    answer = await receive(hub, huiji, what)
    found = await told(hub, huiji, what.document.message_id)
    assert (found["state"], found["kind"], found["mapping"]) == ("ACCEPTED", "person", "huiji/person.v1")
    assert found["commit_ack"] == orjson.loads(answer.body)
    assert found["application_ack"] is None
    assert [step["state"] for step in found["timeline"]] == ["ACCEPTED"]
