"""What is shown counts only if every part of it does; each cause of refusal has a code of its own."""

import asyncio
import base64
from datetime import timedelta

import pytest

from certs.errors import CertsError
from certs.keys import SigningKey
from hub.errors import Unavailable
from hub.runtime import Hub
from hub.services import certificates, enrolment, presentations
from hub.services.blinds import subject_of
from hub.storage import access, retention
from tests import papers
from tests.documents import number_of
from tests.hubs import Clock, Enrolled, acts


async def code_of(hub: Hub, presentation: str, nonce: str | None = None) -> str:
    with pytest.raises(CertsError) as caught:
        await presentations.verify(hub, presentation, nonce)
    return caught.value.code


async def test_two_claims_are_seen_and_no_other(hub: Hub, yongkang: Enrolled) -> None:
    paper = await papers.issue(hub, yongkang)
    found = await presentations.verify(hub, papers.show(hub, paper, "party_b_name", "registered_on"), None)
    assert found.claims == {
        "kind": "marriage",
        "authority_division": "330784000000",
        "party_b_name": "王小芳",
        "registered_on": "2024-05-20",
    }
    assert (found.issuer, found.issuer_display, found.holder_bound) == ("yongkang", "永康市 Yongkang", False)
    assert found.status_as_of == hub.now()


async def test_an_edited_certificate_is_refused(hub: Hub, yongkang: Enrolled) -> None:
    paper = await papers.issue(hub, yongkang)
    head, body, rest = paper.credential.split(".", 2)
    plain = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).replace(b'"marriage"', b'"divorce"')
    edited = base64.urlsafe_b64encode(plain).rstrip(b"=").decode()
    assert await code_of(hub, f"{head}.{edited}.{rest}") == "bad-signature"
    foreign = papers.sign(hub, yongkang, paper.status, party_b_name="李四").split("~")[1]
    assert await code_of(hub, f"{paper.credential}{foreign}~") == "unreferenced-disclosure"
    assert await code_of(hub, paper.credential[:200]) == "malformed-presentation"


async def test_an_expired_certificate_is_refused(hub: Hub, yongkang: Enrolled, clock: Clock) -> None:
    paper = await papers.issue(hub, yongkang, days=1)
    clock.advance(days=1)
    assert await code_of(hub, paper.credential) == "expired"


@pytest.mark.parametrize("status", ["revoked", "suspended", "superseded"])
async def test_a_change_of_status_counts_at_once(hub: Hub, yongkang: Enrolled, status: str) -> None:
    paper = await papers.issue(hub, yongkang)
    await presentations.verify(hub, paper.credential, None)
    await certificates.change_status(hub, yongkang.member, paper.id, status, "测试")
    assert await code_of(hub, paper.credential) == status


async def test_an_issuer_that_may_not_is_refused(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> None:
    id_, status = await papers.register(hub, yongkang)
    stranger = papers.sign(hub, yongkang, status, signer=SigningKey.generate())
    borrowed = papers.sign(hub, yongkang, status, name="huiji")
    elsewhere = papers.sign(hub, yongkang, status, authority_division="410108000000")
    sign_in_key = papers.sign(hub, yongkang, status, signer=yongkang.auth)
    await papers.record(hub, yongkang, id_, elsewhere)
    assert await code_of(hub, stranger) == "unknown-issuer"
    assert await code_of(hub, borrowed) == "unknown-key"
    assert await code_of(hub, elsewhere) == "issuer-not-entitled"
    assert await code_of(hub, sign_in_key) == "unknown-issuer"


async def test_what_was_never_recorded_is_refused(hub: Hub, yongkang: Enrolled, huiji: Enrolled) -> None:
    id_, status = await papers.register(hub, yongkang)
    credential = papers.sign(hub, yongkang, status)
    assert await code_of(hub, credential) == "not-registered"
    await papers.record(hub, yongkang, id_, credential)
    await presentations.verify(hub, credential, None)
    twin = papers.sign(hub, yongkang, status)
    assert await code_of(hub, twin) == "not-registered"
    for uri in ("http://hub.test/status/x", "http://hub.test/status/99", "http://elsewhere.test/status/1"):
        assert await code_of(hub, papers.sign(hub, yongkang, type(status)(uri, status.index))) == "not-registered"
    beyond = papers.sign(hub, yongkang, type(status)(status.uri, 2**40))
    assert await code_of(hub, beyond) == "not-registered"


async def test_a_stolen_key_counts_for_what_the_log_held_before(hub: Hub, yongkang: Enrolled, clock: Clock) -> None:
    honest = await papers.issue(hub, yongkang)
    stolen_at = clock.advance(hours=1)
    clock.advance(hours=1)
    id_, status = await papers.register(hub, yongkang, "J330784-2024-000777")
    back_dated = papers.sign(hub, yongkang, status, number="J330784-2024-000777", since=timedelta(hours=2))
    await papers.record(hub, yongkang, id_, back_dated)
    await presentations.verify(hub, back_dated, None)

    await enrolment.report_stolen(hub, yongkang.sig.kid, stolen_at)
    assert (await presentations.verify(hub, honest.credential, None)).issuer == "yongkang"
    assert await code_of(hub, back_dated) == "key-compromised"


async def test_a_bound_certificate_is_shown_once_for_each_check(hub: Hub, yongkang: Enrolled) -> None:
    paper = await papers.issue(hub, yongkang, bound=True)
    begun = await presentations.challenge(hub)
    shown = papers.show(hub, paper, "registered_on", nonce=begun.nonce, audience=begun.audience)
    outcomes = await asyncio.gather(
        *(presentations.verify(hub, shown, begun.nonce) for _ in range(6)), return_exceptions=True
    )
    refused = [outcome.code for outcome in outcomes if isinstance(outcome, CertsError)]
    assert refused == ["replayed"] * 5
    other = await presentations.challenge(hub)
    assert await code_of(hub, shown, other.nonce) == "replayed"


async def test_a_bound_certificate_needs_its_holder_here_and_now(hub: Hub, yongkang: Enrolled, clock: Clock) -> None:
    paper = await papers.issue(hub, yongkang, bound=True)

    async def shown(audience: str | None = None) -> tuple[str, str]:
        begun = await presentations.challenge(hub)
        made = papers.show(hub, paper, nonce=begun.nonce, audience=audience or begun.audience)
        return made, begun.nonce

    presentation, nonce = await shown()
    assert await code_of(hub, presentation) == "nonce-required"
    assert await code_of(hub, presentation, "of nobody") == "nonce-required"
    assert await code_of(hub, presentation, "x" * 300) == "nonce-required"
    clock.advance(minutes=5)
    assert await code_of(hub, presentation, nonce) == "nonce-required"
    presentation, nonce = await shown("http://elsewhere.test/verify")
    assert await code_of(hub, presentation, nonce) == "wrong-audience"
    presentation, nonce = await shown()
    assert await code_of(hub, presentation.rpartition("~")[0] + "~", nonce) == "holder-binding-missing"
    presentation, nonce = await shown()
    stripped = presentation.replace(
        presentation.split("~")[-1],
        papers.show(hub, paper, "holder", nonce=nonce, audience=presentations.audience(hub)).split("~")[-1],
    )
    assert await code_of(hub, stripped, nonce) == "holder-binding-invalid"


async def test_a_nonce_costs_nothing_until_something_verifies_with_it(
    hub: Hub, yongkang: Enrolled, clock: Clock
) -> None:
    paper = await papers.issue(hub, yongkang, bound=True)
    begun = [await presentations.challenge(hub) for _ in range(3)]
    assert await number_of(hub, "presentation_challenge") == 0
    first = begun[0]
    assert await code_of(hub, paper.credential, first.nonce) == "holder-binding-missing"
    assert await number_of(hub, "presentation_challenge") == 0
    shown = papers.show(hub, paper, nonce=first.nonce, audience=first.audience)
    await presentations.verify(hub, shown, first.nonce)
    assert await number_of(hub, "presentation_challenge") == 1
    assert await code_of(hub, shown, first.nonce) == "replayed"
    forged = first.nonce[:-2] + ("AA" if first.nonce[-2:] != "AA" else "BA")
    assert await code_of(hub, shown, forged) == "nonce-required"
    clock.advance(minutes=5, seconds=1)
    async with hub.database.begin() as connection:
        await retention.forget(connection, now=clock(), before=clock())
    assert await number_of(hub, "presentation_challenge") == 0
    assert await code_of(hub, shown, first.nonce) == "nonce-required"


async def test_a_trust_list_out_of_date_is_our_fault_not_hers(hub: Hub, yongkang: Enrolled, clock: Clock) -> None:
    paper = await papers.issue(hub, yongkang)
    clock.advance(days=7)
    with pytest.raises(Unavailable) as caught:
        await presentations.verify(hub, paper.credential, None)
    assert (caught.value.code, caught.value.retry) == ("trust-list-stale", "NORMAL")


async def test_the_person_sees_every_check_of_her_certificate(hub: Hub, yongkang: Enrolled) -> None:
    paper = await papers.issue(hub, yongkang)
    await presentations.verify(hub, papers.show(hub, paper, "party_b_name"), None)
    await certificates.change_status(hub, yongkang.member, paper.id, "revoked", "测试")
    await code_of(hub, papers.show(hub, paper, "party_b_name"))
    async with hub.database.read() as connection:
        seen = await access.about(connection, [], [subject_of(hub, "yongkang", "R-1")])
    assert [(event.outcome, event.fields) for event in seen] == [
        ("revoked", ()),
        ("permit", ("authority_division", "kind", "party_b_name")),
    ]
    assert [act["outcome"] for act in await acts(hub, "verify")] == ["permit", "revoked"]
