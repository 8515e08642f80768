"""Takes sealed messages in: policy is asked on the header alone, then the message waits for its recipient.

What is refused is refused before it is stored or opened (the hub cannot open it): an audit leaf and an entry in the
person's ledger remain, nothing else. What is permitted is received, routed and made available in one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from certs import seal
from certs.seal_header import write_header
from hub.domain import deadlines, policy
from hub.domain.messages import PART_BYTES, State
from hub.errors import Invalid, NotAllowed, Refused, TooLarge
from hub.runtime import Hub
from hub.services import crossref, notices
from hub.services.blinds import reference_of, subject_of
from hub.services.intake import Acknowledgement, Raced, acknowledge, again, check_digest, refusals_noted, repeated
from hub.services.voiding import supersede
from hub.storage import access, agreements, audit, deliveries, mailbox, members, submissions
from hub.storage.access import Access
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.ids import new_id
from hub.storage.mailbox import Item
from hub.storage.members import Member, MemberKey
from hub.storage.submissions import NewSubmission
from mappings import vocabulary

PERMIT = "permit"


@dataclass(frozen=True, slots=True)
class Envelope:
    """A sealed message on its way in."""

    message_id: UUID
    digest: bytes
    body: bytes
    in_response_to: UUID | None = None
    supersedes: UUID | None = None


@dataclass(frozen=True, slots=True)
class Considered:
    """What policy was asked about a message, and what it answered."""

    recipient: Member | None
    subject: bytes
    answer: policy.Permit | policy.Deny


async def receive(hub: Hub, member: Member, envelope: Envelope) -> Acknowledgement:
    """Receive and route a sealed message. Raises NotAllowed with the reason, Invalid, Conflict."""
    async with refusals_noted(hub, member, envelope.message_id):
        if len(envelope.body) > seal.MAX_ENVELOPE:
            raise TooLarge(f"A sealed message has at most {seal.MAX_ENVELOPE} bytes.")
        check_digest(envelope.digest, sha256(envelope.body).digest())
        header = seal.read_header(envelope.body)
        async with hub.database.read() as connection:
            known = await repeated(hub, connection, member, envelope.message_id, envelope.digest)
            if known is not None:
                return known
            keys = await members.keys(connection, member.id)
    try:
        _check_header(hub, member, keys, envelope, header)
    except Refused as refusal:
        async with hub.database.begin() as connection:
            # Whoever speaks for another writes nothing into the ledger of that other's person.
            own = subject_of(hub, member.name, header.subject) if header.from_ == member.name else None
            await _note(hub, connection, member, header, None, own, refusal.code)
        raise
    try:
        acknowledgement = await _store(hub, member, envelope, header)
    except Raced:
        return await again(hub, member, envelope.message_id, envelope.digest)
    if isinstance(acknowledgement, policy.Deny):
        raise NotAllowed(acknowledgement.reason, f"{acknowledgement.text} {acknowledgement.text_zh}")
    return acknowledgement


def _check_header(hub: Hub, member: Member, keys: Sequence[MemberKey], envelope: Envelope, header: seal.Header) -> None:
    """Does the header say what the caller may say? Raises Invalid or NotAllowed."""
    if header.from_ != member.name:
        raise NotAllowed("not-allowed", "The message says that it comes from another member.")
    if header.id != str(envelope.message_id):
        raise Invalid("bad-request", "The message id in the sealed header is not the one in Message-Id.")
    if header.typ not in vocabulary.SEALED_KINDS:
        raise Invalid("bad-request", f"Messages of kind {header.typ} are not sealed.")
    now = hub.now()
    if header.exp <= now:
        raise Invalid("expired", "The message's own time is over; seal it again.")
    if header.iat > now + timedelta(minutes=5):
        raise Invalid("bad-request", "The message is from the future; check the sender's clock.")
    signing = next((key for key in keys if key.kid == header.sig_kid and key.use == "sig"), None)
    if signing is None or signing.compromised_at is not None or not signing.not_before <= now < signing.not_after:
        raise NotAllowed("invalid-signature", "The signing key named in the message is not a key of this member now.")
    if header.typ not in signing.types:
        raise NotAllowed("invalid-signature", f"The signing key named in the message may not sign {header.typ}.")


async def consider(hub: Hub, connection: AsyncConnection, sender: Member, header: seal.Header) -> Considered:
    """Ask policy about a message by its header, at this moment."""
    moment = hub.now()
    recipient = await members.by_name(connection, header.to)
    subject = subject_of(hub, sender.name, header.subject)
    agreement = consent = case = None
    if recipient is not None:
        agreement = await agreements.between(connection, sender.id, recipient.id, header.typ, header.purpose, moment)
        case = await agreements.case_for(
            connection, from_member=sender.id, to_member=recipient.id, kind=header.typ, subject=subject, now=moment
        )
    if header.consent_ref:
        reference = reference_of(hub, sender.name, header.consent_ref)
        consent = await agreements.consent_by_reference(connection, sender.id, reference, subject)
    request = policy.Request(
        kind=header.typ,
        purpose=header.purpose,
        sender=sender.id,
        recipient=recipient.id if recipient else None,
        recipient_divisions=recipient.divisions if recipient else (),
    )
    return Considered(recipient, subject, policy.decide(request, agreement, consent, case, moment))


async def _store(hub: Hub, member: Member, envelope: Envelope, header: seal.Header) -> Acknowledgement | policy.Deny:
    """The one transaction: refused with its traces, or received, routed and available."""
    async with hub.database.begin() as connection:
        named = {envelope.message_id, envelope.supersedes} - {None}
        await submissions.lock_corrections(connection, member.id, [one for one in named if one is not None])
        considered = await consider(hub, connection, member, header)
        answer, recipient, now = considered.answer, considered.recipient, hub.now()
        outcome = answer.reason if isinstance(answer, policy.Deny) else PERMIT
        person = await crossref.person_of(hub, connection, member.name, header.subject)
        await _note(hub, connection, member, header, person, considered.subject, outcome)
        if isinstance(answer, policy.Deny):
            return answer
        if recipient is None:
            raise RuntimeError("policy permitted a message without a recipient")
        acknowledgement = await _receive(hub, connection, member, envelope, header, now)
        if envelope.supersedes is not None:
            await supersede(hub, connection, member, envelope.supersedes, envelope.message_id, now)
        await _make_available(hub, connection, member, recipient, envelope, header, considered, acknowledgement, now)
        correction = await submissions.correction_of(connection, member.id, envelope.message_id)
        if correction is not None:  # it overtook what it corrects
            await supersede(hub, connection, member, envelope.message_id, correction, now)
        return Acknowledgement(acknowledgement.body, repeated=False)


async def _note(
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    header: seal.Header,
    person: UUID | None,
    subject: bytes | None,
    outcome: str,
) -> None:
    """The look-up in the person's ledger; a refusal is a leaf of the log too."""
    now = hub.now()
    looked = Access(member.name, header.to, "send", purpose(header), person, subject, (header.typ,), outcome, now)
    await access.note(connection, [looked])
    if outcome != PERMIT:
        content = {"message": header.id, "kind": header.typ, "to": header.to, "reason": outcome}
        await audit.append(connection, hub.vault, [Act("refuse", member.name, content, now)])


def purpose(header: seal.Header) -> str:
    """The purpose as the ledger keeps it in the open; free text might name the person."""
    return header.purpose if header.purpose in policy.PURPOSES else "unknown"


@dataclass(frozen=True, slots=True)
class _Received:
    submission_id: UUID
    body: bytes


async def _receive(
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    envelope: Envelope,
    header: seal.Header,
    now: datetime,
) -> _Received:
    """Store the envelope as a submission. Raises Raced when another request did so first."""
    id_ = new_id()
    acknowledgement, leaf = await acknowledge(
        hub, connection, member, id_, envelope.message_id, envelope.digest, header.typ, State.ACCEPTED, now
    )
    new = NewSubmission(
        id=id_,
        member_id=member.id,
        message_id=envelope.message_id,
        kind=header.typ,
        mapping=None,
        media_type=vocabulary.SEALED_MEDIA_TYPE,
        file_name="",
        digest=envelope.digest,
        size=len(envelope.body),
        state=State.ACCEPTED,
        acknowledgement=acknowledgement,
        leaf=leaf,
        in_response_to=envelope.in_response_to,
        supersedes=envelope.supersedes,
        received_at=now,
    )
    parts = [envelope.body[at : at + PART_BYTES] for at in range(0, len(envelope.body), PART_BYTES)]
    if not await submissions.add(connection, hub.vault, new, [hub.vault.seal(part) for part in parts]):
        raise Raced
    return _Received(id_, acknowledgement)


async def _make_available(
    hub: Hub,
    connection: AsyncConnection,
    member: Member,
    recipient: Member,
    envelope: Envelope,
    header: seal.Header,
    considered: Considered,
    received: _Received,
    now: datetime,
) -> None:
    """Put the message into the recipient's mailbox, with the answer it owes and the notice that it waits."""
    permit = considered.answer
    if isinstance(permit, policy.Deny):
        raise TypeError("only a permitted message is made available")
    id_ = received.submission_id
    steps = [(State.VALIDATED, ""), (State.QUEUED, f"to {recipient.name}"), (State.AVAILABLE, "")]
    await submissions.move_through(connection, id_, steps, now)
    item = Item(
        id=new_id(),
        submission_id=id_,
        sender_id=member.id,
        recipient_id=recipient.id,
        message_id=envelope.message_id,
        kind=header.typ,
        header=write_header(header),
        subject=considered.subject,
        consent_id=permit.consent.id if permit.consent else None,
        digest=envelope.digest,
        state=State.AVAILABLE,
        attempt=0,
        receipt=None,
        queued_at=now,
        expires_at=min(now + timedelta(days=hub.settings.mailbox_days), header.exp),
        lease_until=None,
    )
    await mailbox.put(connection, hub.vault, item)
    due = deadlines.due(now, permit.agreement.answer_days)
    await deliveries.open_notice(
        connection, item.id, member_id=recipient.id, to_member=member.id, kind=header.typ, now=now, due=due
    )
    told = {"kind": header.typ, "mailbox_id": str(item.id), "message_id": header.id}
    await notices.tell(hub, connection, recipient.id, "mailbox", str(item.id), told)
    content = {
        "message": header.id,
        "kind": header.typ,
        "to": recipient.name,
        "agreement": str(permit.agreement.id),
        "consent": str(permit.consent.id) if permit.consent else None,
    }
    await audit.append(connection, hub.vault, [Act("route", member.name, content, now)])
