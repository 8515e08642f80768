"""Other members' people in an export: where an agreement names exports, in the fewest fields, as they are when they are fetched.

Asked when the files are made and again for each part that leaves: when the agreement ends, the rest stays (decision 0013).
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from hub.domain import policy
from hub.domain.policy import Permit
from hub.errors import NotAllowed
from hub.runtime import Hub
from hub.services.identity import ledger, portraits
from hub.services.identity.ledger import LookedUp
from hub.storage import agreements, patients
from hub.storage.database import AsyncConnection
from hub.storage.members import Member
from mappings.vocabulary import PERSON


async def owners(connection: AsyncConnection, caller: Member, purpose: str, now: datetime) -> Sequence[int]:
    """The members whose people the caller may export for this purpose now; without one nobody's."""
    entered = (await agreements.toward(connection, [caller.id]))[caller.id] if purpose else []
    return sorted({one.from_member for one in entered if _permits(one, caller, purpose, now)})


def _permits(entered: policy.Agreement, caller: Member, purpose: str, now: datetime) -> bool:
    asked = policy.Request(PERSON, purpose, entered.from_member, caller.id, caller.divisions)
    return isinstance(policy.decide_export(asked, entered, now), Permit)


async def check(connection: AsyncConnection, caller: Member, purpose: str, owner_id: int, now: datetime) -> None:
    """Raises NotAllowed where the agreement that let these records go along is in force no more."""
    if owner_id not in await owners(connection, caller, purpose, now):
        said = "The agreement that named exports is not in force any more; what is left of the file stays."
        raise NotAllowed("no-agreement", said)


async def read(hub: Hub, trace: LookedUp, owner_id: int, ids: Sequence[UUID]) -> list[dict[str, object]]:
    """Those of the Patients that are still there, as the caller is shown them; each is in the person's ledger."""
    found: list[dict[str, object]] = []
    async with hub.database.begin() as connection:
        await check(connection, trace.caller, trace.purpose, owner_id, trace.at)
        shown = await patients.shown(connection, hub.vault, await patients.by_resources(connection, ids))
        for one in (await portraits.portraits(hub, connection, dict(sorted(shown.items())))).values():
            if one.shown.member_id != owner_id:
                continue
            patient, fields = one.seen_by(trace.caller)
            trace.saw(one.shown.person_id, one.subject, fields)
            found.append(patient)
        await ledger.note(hub, connection, [trace])
    return found
