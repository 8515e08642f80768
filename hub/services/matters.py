"""Cases: the need that ties an exchange to one person, where an agreement asks for one. Opened, closed and listed.

A case is of one person, one record kind and one direction between two regions; it always has an end. Doing the same
again changes nothing and leaves no second leaf. Why it was opened is in the audit log only, sealed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from hub.domain.policy import Agreement
from hub.errors import Invalid, NotFound
from hub.runtime import Hub
from hub.services import crossref
from hub.services.blinds import subject_of
from hub.storage import agreements, audit, members
from hub.storage.agreements import ExchangeCase
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.members import Member

DEFAULT: Final = timedelta(days=90)
LONGEST: Final = timedelta(days=366)
LONGEST_REASON: Final = 300

_OPERATOR: Final = "operator"


@dataclass(frozen=True, slots=True)
class Listed:
    """A case, the names of both regions, and whether it stands now."""

    case: ExchangeCase
    sender: str
    recipient: str
    open: bool


async def begin(
    hub: Hub, agreement_id: UUID, *, region: str, record_id: str, reason: str, until: datetime | None = None
) -> list[ExchangeCase]:
    """Open a case for each kind of the agreement, about the person whom `region` knows as `record_id`.

    Without `until`, cases that are open stay as they are, others are open for `DEFAULT`; none outlasts its agreement.
    Raises NotFound, Invalid.
    """
    now, reason = hub.now(), reason.strip()
    if not 0 < len(reason) <= LONGEST_REASON:
        raise Invalid("reason-missing", f"A case needs a reason of at most {LONGEST_REASON} characters.")
    if until is not None and not now < until <= now + LONGEST:
        raise Invalid("bad-time", f"A case ends in the future, at most {LONGEST.days} days from now.")
    async with hub.database.begin() as connection:
        agreement = await _agreement(connection, agreement_id, now)
        sender = await members.by_id(connection, agreement.from_member)
        recipient = await members.by_id(connection, agreement.to_member)
        numbers = await _numbers(hub, connection, sender, recipient, region, record_id)
        end = min(until or now + DEFAULT, agreement.valid_to)
        opened = []
        for subject in [subject_of(hub, sender.name, number) for number in numbers]:
            for kind in sorted(agreement.kinds):
                case, changed = await _open(connection, agreement, kind, subject, now, end, move=until is not None)
                if changed:
                    await _note(hub, connection, case, agreement, (sender.name, recipient.name), reason)
                opened.append(case)
    return opened


async def _open(
    connection: AsyncConnection,
    agreement: Agreement,
    kind: str,
    subject: bytes,
    now: datetime,
    until: datetime,
    *,
    move: bool,
) -> tuple[ExchangeCase, bool]:
    """The case as it stands then, and whether anything changed."""
    sender, recipient = agreement.from_member, agreement.to_member
    changed = await agreements.open_case(
        connection,
        from_member=sender,
        to_member=recipient,
        kind=kind,
        subject=subject,
        now=now,
        until=until,
        move=move,
    )
    found = await agreements.case_for(
        connection, from_member=sender, to_member=recipient, kind=kind, subject=subject, now=now
    )
    case = await agreements.case_by_id(connection, found.id) if found else None
    if case is None:
        raise LookupError("a case that was opened is gone")
    return case, changed


async def _note(
    hub: Hub,
    connection: AsyncConnection,
    case: ExchangeCase,
    agreement: Agreement,
    parties: tuple[str, str],
    reason: str,
) -> None:
    content = {
        "case": str(case.id),
        "agreement": str(agreement.id),
        "kind": case.kind,
        "from": parties[0],
        "to": parties[1],
        "until": case.ends_at,
        "reason": reason,
    }
    await audit.append(connection, hub.vault, [Act("open-case", _OPERATOR, content, hub.now())])


async def _agreement(connection: AsyncConnection, agreement_id: UUID, now: datetime) -> Agreement:
    found = await agreements.by_id(connection, agreement_id)
    if found is None or not found.valid_from <= now < found.valid_to:
        raise NotFound("There is no agreement in force with that id.")
    if not found.case_required:
        raise Invalid("no-case-needed", "Nothing under this agreement waits for a case.")
    return found


async def _numbers(
    hub: Hub, connection: AsyncConnection, sender: Member, recipient: Member, region: str, record_id: str
) -> list[str]:
    """Under which record ids the sender, whose messages they are, knows the person. Raises Invalid, NotFound."""
    if region not in (sender.name, recipient.name):
        raise Invalid("bad-region", f"The agreement is between {sender.name} and {recipient.name}.")
    person = await crossref.person_of(hub, connection, region, record_id)
    if person is None:
        raise NotFound(f"The hub knows no record of {region} with that number.")
    if region == sender.name:
        return [record_id]
    numbers = await crossref.record_ids_at(hub, connection, person, sender.id, sender.name)
    if not numbers:
        raise NotFound(f"{sender.name} has no record of that person.")
    return numbers


async def close(hub: Hub, case_id: UUID) -> bool:
    """Close a case now; False when it was closed before. Raises NotFound."""
    now = hub.now()
    async with hub.database.begin() as connection:
        if await agreements.case_by_id(connection, case_id) is None:
            raise NotFound("There is no case with that id.")
        closed = await agreements.close_case(connection, case_id, now)
        if closed:
            await audit.append(connection, hub.vault, [Act("close-case", _OPERATOR, {"case": str(case_id)}, now)])
    return closed


async def listed(hub: Hub) -> list[Listed]:
    """All cases, the newest first."""
    now = hub.now()
    async with hub.database.read() as connection:
        names = {member.id: member.name for member in await members.all_members(connection)}
        return [
            Listed(case, names[case.from_member], names[case.to_member], case.is_open(now))
            for case in await agreements.cases(connection)
        ]
