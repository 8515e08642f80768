"""The registry of certificates: what an issuer is about to sign, what it signed, and whether that still counts.

The hub never sees a certificate's claims. Each step is audited; a number is in force once in the whole exchange, with the
region it names; one that is only reserved keeps nobody else from signing. Status lists are made from the registry
(`services.status_lists`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from certs import kinds
from certs.divisions import covers
from certs.errors import StatusFinal
from certs.instants import SKEW, utc
from certs.kinds.model import text
from certs.status import SIZE, check_change, draw_index
from hub.errors import Conflict, HubError, Invalid, NotAllowed, NotFound, Refused, Unavailable
from hub.runtime import Hub
from hub.services import receipts, status_lists
from hub.services.blinds import subject_of
from hub.storage import audit, certificates, members
from hub.storage.audit import Act
from hub.storage.certificates import REGISTERED, Certificate
from hub.storage.database import AsyncConnection
from hub.storage.ids import new_id
from hub.storage.members import Member
from mappings import vocabulary

KINDS: Final = (vocabulary.BIRTH_CERTIFICATE, vocabulary.MARRIAGE_CERTIFICATE)
LAPSE: Final = timedelta(days=1)
"""How long an issuer's own reservation of a number keeps it from reserving the number anew."""
_DRAWS: Final = 50
_SUBJECT: Final = text(200)
_REASON: Final = text(500)
_NUMBER: Final = "certificate-number"


@dataclass(frozen=True, slots=True)
class Registration:
    """What an issuer is about to sign. `subject` is its own record id of the person."""

    message_id: UUID
    kind: str
    number: str
    subject: str


async def register(hub: Hub, member: Member, asked: Registration) -> Certificate:
    """Reserve a certificate's status; the same message again is the same certificate.

    Raises Invalid, NotAllowed (`issuer-not-entitled`), Conflict (`already-issued`, `digest-conflict`).
    """
    _check_form(asked)
    now = hub.now()
    async with hub.database.begin() as connection:
        outcome = await _register(hub, connection, member, asked, now)
        if isinstance(outcome, HubError):
            content = {"kind": asked.kind, "message": str(asked.message_id), "code": outcome.code}
            await audit.append(connection, hub.vault, [Act("refuse-certificate", member.name, content, now)])
    if isinstance(outcome, HubError):
        raise outcome
    return outcome


def _check_form(asked: Registration) -> None:
    if asked.kind not in KINDS:
        raise Invalid("unknown-kind", f"Certificates are of the kinds {', '.join(KINDS)}.")
    if not kinds.named(asked.kind).claims["number"].rule(asked.number):
        raise Invalid("invalid-claims", f"This is not how the number of a {asked.kind} is written.")
    if not _SUBJECT(asked.subject):
        raise Invalid("bad-request", "subject is the issuer's own record id of the person, up to 200 characters.")


async def _register(
    hub: Hub, connection: AsyncConnection, member: Member, asked: Registration, now: datetime
) -> Certificate | Refused:
    number = hub.vault.blind(_NUMBER, asked.kind, asked.number.replace("-", ""))
    subject = subject_of(hub, member.name, asked.subject)
    for _ in range(_DRAWS):
        known = await certificates.by_message(connection, member.id, asked.message_id)
        if known is not None:
            if (known.kind, known.number, known.subject) != (asked.kind, number, subject):
                return Conflict("digest-conflict", "This message id was used for another certificate before.")
            return known
        refusal = await _refusal(hub, connection, member, asked, number, now)
        if refusal is not None:
            return refusal
        list_id = await certificates.current_list(connection, SIZE)
        made = Certificate(
            id=new_id(),
            issuer_id=member.id,
            message_id=asked.message_id,
            kind=asked.kind,
            number=number,
            subject=subject,
            list_id=list_id,
            list_index=draw_index(SIZE),
            digest=None,
            status=REGISTERED,
            receipt=None,
            registered_at=now,
            issued_at=None,
            recorded_at=None,
            expires_at=None,
        )
        if await certificates.register(connection, made):
            await certificates.count_allocated(connection, list_id)
            content = {"certificate": str(made.id), "kind": made.kind, "message": str(asked.message_id)}
            await audit.append(connection, hub.vault, [Act("register-certificate", member.name, content, now)])
            return made
    raise Unavailable("unavailable", "No status index was free; send it again.")


async def _refusal(
    hub: Hub, connection: AsyncConnection, member: Member, asked: Registration, number: bytes, now: datetime
) -> Refused | None:
    """Why this member may not issue this certificate, if so; the same message stored a moment ago is no reason."""
    keys = await members.keys(connection, member.id)
    entitled = any(
        key.use == "sig"
        and asked.kind in key.types
        and key.not_before <= now < key.not_after
        and key.compromised_at is None
        for key in keys
    )
    if not entitled:
        return NotAllowed("issuer-not-entitled", f"{member.name} has no key that may sign a {asked.kind} today.")
    if not any(_is_placed(asked, own) for own in member.divisions):
        return NotAllowed("issuer-not-entitled", f"The number names a division that {member.name} does not answer for.")
    for known in await certificates.of_number(connection, asked.kind, number, member.id, lock=True):
        if (known.issuer_id, known.message_id) == (member.id, asked.message_id):
            continue
        if known.status != REGISTERED or now < known.registered_at + LAPSE:
            return _taken()
        await certificates.set_status(connection, hub.vault, known.id, "revoked", "lapsed unsigned", now)
        content = {"certificate": str(known.id), "from": REGISTERED, "to": "revoked"}
        await audit.append(connection, hub.vault, [Act("change-status", member.name, content, now)])
    return None


def _taken() -> Conflict:
    """The same whoever has it: a number is no way to ask what others issued."""
    text = "This number cannot be issued now; where it is your own certificate's, revoke or supersede that first."
    return Conflict("already-issued", text)


def _is_placed(asked: Registration, own: str) -> bool:
    """Does the number name the division `own`, or one within it?

    A marriage number says J or L, six digits of division, year, serial; a birth number, behind its letter, the province.
    """
    if asked.kind == vocabulary.MARRIAGE_CERTIFICATE:
        return covers(own, asked.number.lstrip("BJL")[:6] + "000000")
    return asked.number[1:3] == own[:2]


async def record(
    hub: Hub, member: Member, id_: UUID, *, digest: bytes, issued_at: datetime, expires_at: datetime
) -> str:
    """Keep the digest of what the issuer signed; answers the signed receipt. The same digest again: the same receipt.

    Raises NotFound, Invalid, Conflict (`digest-conflict`, `status-final`, `already-issued`).
    """
    now = hub.now()
    if not issued_at < expires_at or issued_at > now + SKEW:
        raise Invalid("bad-time", "A certificate is issued by now and expires after it is issued.")
    async with hub.database.begin() as connection:
        known = await _own(connection, member, id_)
        if known.digest is not None and known.receipt is not None:
            if known.digest != digest:
                raise Conflict("digest-conflict", "Another signed certificate was recorded here before.")
            return known.receipt
        await _take_number(connection, known, now)
        content = {"certificate": str(id_), "kind": known.kind, "digest": digest.hex()}
        leaf = (await audit.append(connection, hub.vault, [Act("issue", member.name, content, now)]))[0]
        receipt = receipts.sign(
            hub,
            what="certificate",
            id_=id_,
            message_id=known.message_id,
            member=member.name,
            digest=digest,
            leaf=leaf,
            at=now,
        )
        await certificates.confirm(
            connection,
            id_,
            digest=digest,
            issued_at=utc(issued_at),
            expires_at=utc(expires_at),
            receipt=receipt,
            now=now,
        )
    return receipt


async def _take_number(connection: AsyncConnection, known: Certificate, now: datetime) -> None:
    """Who signs first has the number; what others reserved under it counts no more.

    Raises Conflict `status-final`, `already-issued`.
    """
    if known.status != REGISTERED:
        raise Conflict("status-final", f"The registration was {known.status} before anything was signed.")
    held = await certificates.of_number(connection, known.kind, known.number, known.issuer_id)
    if any(other.id != known.id for other in held):
        raise _taken()
    await certificates.displace(connection, known.kind, known.number, now, but=known.id)


async def change_status(hub: Hub, member: Member, id_: UUID, status: str, reason: str) -> Certificate:
    """Revoke, suspend, supersede, or make valid again what was suspended; the same status again changes nothing.

    Raises NotFound, Invalid, Conflict (`status-final`, `not-issued`).
    """
    if status not in status_lists.STATUSES:
        raise Invalid("bad-request", f"status is one of: {', '.join(status_lists.STATUSES)}.")
    if not _REASON(reason):
        raise Invalid("bad-request", "A change of status has a reason of 1 to 500 characters on one line.")
    now = hub.now()
    async with hub.database.begin() as connection:
        known = await _own(connection, member, id_)
        if known.status == status:
            return known
        if known.status == REGISTERED:
            if status != "revoked":
                raise Conflict("not-issued", "Nothing was signed under this registration yet; it can only be revoked.")
        else:
            _check_change(known.status, status)
        await certificates.set_status(connection, hub.vault, id_, status, reason, now)
        content = {"certificate": str(id_), "from": known.status, "to": status}
        await audit.append(connection, hub.vault, [Act("change-status", member.name, content, now)])
        return await _own(connection, member, id_)


def _check_change(old: str, new: str) -> None:
    try:
        check_change(status_lists.STATUSES[old], status_lists.STATUSES[new])
    except StatusFinal as error:
        raise Conflict(error.code, error.message.en) from error


async def _own(connection: AsyncConnection, member: Member, id_: UUID) -> Certificate:
    found = await certificates.get(connection, id_, member.id, lock=True)
    if found is None:
        raise NotFound
    return found
