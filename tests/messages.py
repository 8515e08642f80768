"""Sealed messages for tests: what two regions agreed, what a person allowed, and envelopes as a gateway seals them."""

import hashlib
from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from certs.keys import SigningKey
from certs.seal import Header, seal
from hub.domain.messages import State
from hub.domain.policy import PURPOSES, Agreement
from hub.runtime import Hub
from hub.services import mailboxes, routing, terms
from hub.services.intake import Acknowledgement
from hub.services.mailboxes import Handed
from hub.services.routing import Envelope
from mappings import vocabulary
from tests.documents import CONSENT_PAGE, Beside, consent, page, taken_in
from tests.hubs import Clock, Enrolled

REPORT = vocabulary.CONTRACEPTION_REPORT
CARE = "continuity-of-care"
CONTENT = '{"report":"金丝雀字条"}'.encode()


async def agree(
    hub: Hub,
    sender: Enrolled,
    recipient: Enrolled,
    *,
    kinds: Collection[str] = vocabulary.SEALED_KINDS,
    purposes: Collection[str] = PURPOSES,
    days: float = 365,
    case_required: bool = False,
    answer_days: int = 15,
    bulk: bool = False,
) -> UUID:
    """An agreement in force from now on."""
    now = hub.now()
    made = Agreement(
        id=uuid4(),
        from_member=sender.member.id,
        to_member=recipient.member.id,
        kinds=frozenset(kinds),
        purposes=frozenset(purposes),
        case_required=case_required,
        answer_days=answer_days,
        valid_from=now,
        valid_to=now + timedelta(days=days),
        bulk=bulk,
    )
    await terms.enter(hub, "for a test", made)
    return made.id


async def allow(hub: Hub, owner: Enrolled, number: int = 1, **changed: Any) -> None:
    """Person `number` gives (or, by `changed`, withdraws) her consent, as the county submits it."""
    found = await taken_in(hub, owner, Beside(), page([consent(number, **changed)]), CONSENT_PAGE)
    assert (found["state"], found["counts"]["translated"]) == ("PROCESSED", 1), found


async def withdraw(hub: Hub, owner: Enrolled, number: int = 1) -> None:
    """Person `number` takes her consent back today."""
    await allow(hub, owner, number, zt="9", chrq=f"{hub.now():%Y-%m-%d}")


def header(hub: Hub, sender: Enrolled, recipient: Enrolled, number: int = 1, **changed: Any) -> Header:
    """What an envelope about person `number` says outside."""
    said: dict[str, Any] = {
        "id": str(uuid4()),
        "from_": sender.member.name,
        "to": recipient.member.name,
        "to_kid": recipient.enc.kid,
        "sig_kid": sender.sig.kid,
        "suite": "intl-1",
        "typ": REPORT,
        "subject": f"YK{number:07d}",
        "purpose": CARE,
        "consent_ref": f"C{number:07d}",
        "iat": hub.now(),
        "exp": hub.now() + timedelta(days=60),
    }
    return Header(**said | changed)


def letter(
    hub: Hub,
    sender: Enrolled,
    recipient: Enrolled,
    number: int = 1,
    *,
    content: bytes = CONTENT,
    signer: SigningKey | None = None,
    supersedes: UUID | None = None,
    **changed: Any,
) -> Envelope:
    """A sealed report about person `number`; `changed` is what its header says otherwise."""
    outside = header(hub, sender, recipient, number, **changed)
    body = seal(content, outside, signer or sender.sig, recipient.enc.public)
    return Envelope(UUID(outside.id), hashlib.sha256(body).digest(), body, supersedes=supersedes)


async def post(hub: Hub, sender: Enrolled, envelope: Envelope) -> Acknowledgement:
    """Hand the envelope in."""
    return await routing.receive(hub, sender.member, envelope)


async def posted(hub: Hub, sender: Enrolled, recipient: Enrolled, number: int = 1, **changed: Any) -> Envelope:
    """A report that waits in the recipient's mailbox."""
    made = letter(hub, sender, recipient, number, **changed)
    await post(hub, sender, made)
    return made


async def three_posted(hub: Hub, sender: Enrolled, recipient: Enrolled, clock: Clock) -> list[Envelope]:
    """Reports about the persons 1 to 3, one second after the other, under an agreement and with their consent."""
    await agree(hub, sender, recipient)
    made = []
    for number in (1, 2, 3):
        await allow(hub, sender, number)
        clock.advance(seconds=1)
        made.append(await posted(hub, sender, recipient, number))
    return made


async def lent(hub: Hub, owner: Enrolled, most: int = 10, seconds: int = 60) -> list[Handed]:
    """What the owner's mailbox gives."""
    return await mailboxes.lease(hub, owner.member, most=most, seconds=seconds)


async def answered(
    hub: Hub, owner: Enrolled, handed: Handed, state: State = State.PROCESSED, errors: Any = (), digest: bytes = b""
) -> tuple[str, State]:
    """The hub's receipt for the owner's."""
    digest = digest or handed.item.digest
    return await mailboxes.acknowledge(hub, owner.member, handed.item.id, state, digest, list(errors))
