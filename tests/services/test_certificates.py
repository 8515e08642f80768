"""The registry of certificates: each step once, numbers in force once, only by whoever may, and final when it is final."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from certs import tokens
from certs.sdjwt import StatusRef
from certs.status import Status, StatusList
from hub.errors import Conflict, HubError, Invalid, NotAllowed, NotFound
from hub.runtime import Hub
from hub.services import certificates, enrolment, receipts, status_lists
from hub.services.certificates import Registration
from hub.storage.certificates import Certificate
from tests import papers
from tests.hubs import Clock, Enrolled, acts, enrol


def asked(number: str = "J330784-2024-000123", **changes: object) -> Registration:
    fields: dict[str, object] = {"message_id": uuid4(), "kind": papers.MARRIAGE, "number": number, "subject": "R-1"}
    return Registration(**(fields | changes))  # type: ignore[arg-type]


async def code_of(hub: Hub, issuer: Enrolled, registration: Registration) -> str:
    with pytest.raises(HubError) as caught:
        await certificates.register(hub, issuer.member, registration)
    return caught.value.code


async def test_the_same_message_is_the_same_registration(hub: Hub, yongkang: Enrolled) -> None:
    same = asked()
    made = await asyncio.gather(*(certificates.register(hub, yongkang.member, same) for _ in range(6)))
    assert len({(one.id, one.list_index) for one in made}) == 1
    assert await code_of(hub, yongkang, asked("J330784-2024-000999", message_id=same.message_id)) == "digest-conflict"


async def test_a_number_is_in_force_once_however_it_is_written(hub: Hub, yongkang: Enrolled) -> None:
    outcomes = await asyncio.gather(
        *(certificates.register(hub, yongkang.member, asked()) for _ in range(4)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes].count(Conflict) == 3
    assert await code_of(hub, yongkang, asked("J3307842024000123")) == "already-issued"


async def test_a_number_of_another_region_is_refused(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> None:
    assert await code_of(hub, huiji, asked()) == "issuer-not-entitled"
    for number, issuer in (("V330712345", huiji), ("Q410000001", yongkang)):
        assert await code_of(hub, issuer, asked(number, kind=BIRTH)) == "issuer-not-entitled"


BIRTH = "birth-certificate"


async def sign(hub: Hub, issuer: Enrolled, made: Certificate, digest: bytes = b"d" * 32) -> str:
    now = hub.now()
    return await certificates.record(
        hub, issuer.member, made.id, digest=digest, issued_at=now, expires_at=now + timedelta(days=9)
    )


async def test_a_number_that_is_only_reserved_blocks_nobody_else_and_what_is_signed_displaces_it(
    hub: Hub, yongkang: Enrolled
) -> None:
    beside = await enrol(hub, "jinhua", ["330702000000"])
    squatted = await certificates.register(hub, yongkang.member, asked("V330712345", kind=BIRTH))
    made = await certificates.register(hub, beside.member, asked("V330712345", kind=BIRTH))
    await sign(hub, beside, made)
    with pytest.raises(Conflict, match="status-final"):
        await sign(hub, yongkang, squatted)
    answers = []
    for issuer in (yongkang, beside):
        with pytest.raises(Conflict) as caught:
            await certificates.register(hub, issuer.member, asked("V330712345", kind=BIRTH))
        answers.append((caught.value.code, caught.value.detail, caught.value.retry))
    assert len(set(answers)) == 1
    assert answers[0][0] == "already-issued"


async def test_of_two_who_sign_at_once_one_does(hub: Hub, yongkang: Enrolled) -> None:
    beside = await enrol(hub, "jinhua", ["330702000000"])
    both = [
        (one, await certificates.register(hub, one.member, asked("V330712345", kind=BIRTH)))
        for one in (yongkang, beside)
    ]
    outcomes = await asyncio.gather(*(sign(hub, one, made) for one, made in both), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes].count(Conflict) == 1


async def test_an_own_reservation_lapses_after_a_day(hub: Hub, yongkang: Enrolled, clock: Clock) -> None:
    forgotten = await certificates.register(hub, yongkang.member, asked())
    assert await code_of(hub, yongkang, asked()) == "already-issued"
    clock.advance(days=1)
    made = await certificates.register(hub, yongkang.member, asked())
    await sign(hub, yongkang, made)
    with pytest.raises(Conflict, match="status-final"):
        await sign(hub, yongkang, forgotten)


async def test_only_who_has_a_key_for_the_kind_may_issue(hub: Hub, yongkang: Enrolled) -> None:
    partner = await enrol(hub, "jinjiang", ["350582000000"], kind="partner")
    assert await code_of(hub, partner, asked("J350582-2024-000001")) == "issuer-not-entitled"
    await enrolment.report_stolen(hub, yongkang.sig.kid, hub.now())
    assert await code_of(hub, yongkang, asked()) == "issuer-not-entitled"


WRITTEN_WRONGLY = [
    asked("330784"),
    asked("J330784-2024-00012"),
    asked(kind="contraception-report"),
    asked(kind="passport"),
    asked(subject=" "),
    asked(subject="x" * 201),
]


async def test_what_is_written_wrongly_is_refused(hub: Hub, yongkang: Enrolled) -> None:
    for registration in WRITTEN_WRONGLY:
        with pytest.raises(Invalid):
            await certificates.register(hub, yongkang.member, registration)


async def test_the_receipt_speaks_of_the_digest_and_stays_the_same(hub: Hub, yongkang: Enrolled) -> None:
    id_, status = await papers.register(hub, yongkang)
    credential = papers.sign(hub, yongkang, status)
    receipt = await papers.record(hub, yongkang, id_, credential)
    claims = tokens.verify(receipt, hub.signer.public, typ=receipts.TYPE)
    assert (claims["what"], claims["id"], claims["sub"]) == ("certificate", str(id_), "yongkang")
    assert await papers.record(hub, yongkang, id_, credential) == receipt
    with pytest.raises(Conflict) as caught:
        await papers.record(hub, yongkang, id_, papers.sign(hub, yongkang, status))
    assert caught.value.code == "digest-conflict"


async def test_a_certificate_is_its_issuers_alone(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> None:
    paper = await papers.issue(hub, yongkang)
    for act in (
        papers.record(hub, huiji, paper.id, paper.credential),
        certificates.change_status(hub, huiji.member, paper.id, "revoked", "not mine"),
        certificates.change_status(hub, yongkang.member, uuid4(), "revoked", "nobody's"),
    ):
        with pytest.raises(NotFound):
            await act


async def test_times_must_make_sense(hub: Hub, yongkang: Enrolled, clock: Clock) -> None:
    id_, _ = await papers.register(hub, yongkang)
    now = clock()
    for issued, expires in ((now, now), (now + timedelta(hours=1), now + timedelta(days=1))):
        with pytest.raises(Invalid):
            await certificates.record(
                hub, yongkang.member, id_, digest=b"\1" * 32, issued_at=issued, expires_at=expires
            )


async def test_what_is_final_stays_final_and_frees_the_number(hub: Hub, yongkang: Enrolled) -> None:
    paper = await papers.issue(hub, yongkang)

    async def change(status: str) -> str:
        return (await certificates.change_status(hub, yongkang.member, paper.id, status, "测试")).status

    assert [await change(s) for s in ("suspended", "suspended", "valid", "revoked", "revoked")][-1] == "revoked"
    for status in ("valid", "suspended", "superseded"):
        with pytest.raises(Conflict) as caught:
            await change(status)
        assert caught.value.code == "status-final"
    again = await papers.issue(hub, yongkang)
    assert again.id != paper.id


async def test_a_registration_without_a_signature_can_only_be_revoked(hub: Hub, yongkang: Enrolled) -> None:
    id_, status = await papers.register(hub, yongkang)
    with pytest.raises(Conflict, match="only be revoked"):
        await certificates.change_status(hub, yongkang.member, id_, "suspended", "early")
    await certificates.change_status(hub, yongkang.member, id_, "revoked", "mistake")
    with pytest.raises(Conflict, match="before anything was signed"):
        await papers.record(hub, yongkang, id_, papers.sign(hub, yongkang, status))


NO_CHANGES = [("gone", "why"), ("revoked", ""), ("revoked", "a\nb")]


async def test_a_change_of_status_is_well_formed(hub: Hub, yongkang: Enrolled) -> None:
    paper = await papers.issue(hub, yongkang)
    for status, reason in NO_CHANGES:
        with pytest.raises(Invalid):
            await certificates.change_status(hub, yongkang.member, paper.id, status, reason)


def list_id(status: StatusRef) -> int:
    return int(status.uri.rpartition("/")[2])


async def test_the_published_list_says_what_the_registry_says(hub: Hub, yongkang: Enrolled, clock: Clock) -> None:
    first = await papers.issue(hub, yongkang)
    second = await papers.issue(hub, yongkang, number="J330784-2024-000124")
    number = list_id(first.status)
    kept = await status_lists.document(hub, number)
    assert await status_lists.document(hub, number) == kept
    await certificates.change_status(hub, yongkang.member, first.id, "suspended", "check")
    made = await status_lists.document(hub, number)
    found = StatusList.verify(made, hub.signer.public, clock(), uri=first.status.uri)
    assert (found.get(first.status.index), found.get(second.status.index)) == (Status.SUSPENDED, Status.VALID)
    await certificates.change_status(hub, yongkang.member, first.id, "valid", "checked")
    found = StatusList.verify(await status_lists.document(hub, number), hub.signer.public, clock())
    assert found.get(first.status.index) is Status.VALID


async def test_a_list_is_signed_anew_before_it_is_half_old(hub: Hub, yongkang: Enrolled, clock: Clock) -> None:
    paper = await papers.issue(hub, yongkang)
    kept = await status_lists.document(hub, list_id(paper.status))
    clock.advance(hours=5, minutes=59)
    assert await status_lists.document(hub, list_id(paper.status)) == kept
    clock.advance(minutes=1)
    assert await status_lists.document(hub, list_id(paper.status)) != kept
    with pytest.raises(NotFound):
        await status_lists.document(hub, 999)


async def test_no_list_is_kept_that_misses_a_change_made_meanwhile(hub: Hub, yongkang: Enrolled) -> None:
    made = [await papers.issue(hub, yongkang, number=f"J330784-2024-{n:06d}") for n in range(8)]
    number = list_id(made[0].status)
    await asyncio.gather(
        *(certificates.change_status(hub, yongkang.member, paper.id, "revoked", "race") for paper in made),
        *(status_lists.document(hub, number) for _ in range(8)),
    )
    found = StatusList.verify(await status_lists.document(hub, number), hub.signer.public, hub.now())
    assert [found.get(paper.status.index) for paper in made] == [Status.REVOKED] * 8


async def test_a_refused_registration_is_audited(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> None:
    with pytest.raises(NotAllowed):
        await certificates.register(hub, huiji.member, asked())
    refused = await acts(hub, "refuse-certificate")
    assert [(act["actor"], act["code"]) for act in refused] == [("huiji", "issuer-not-entitled")]
