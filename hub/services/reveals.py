"""Numbers in full: one's own region's for a purpose that is noted, another region's only once that region said yes.

Whoever invents a record that resembles somebody opens a conflict with it; what another region holds is therefore never
shown on the word of who asks. A request is of one user about one record; its end is set when it is made or answered.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from hub.errors import Conflict, Invalid, NotAllowed, TooMany
from hub.runtime import Hub
from hub.services import cases
from hub.services.cases import Case
from hub.services.sessions import User
from hub.services.source_records import Record
from hub.storage import audit, reveals
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.ids import new_id
from hub.storage.reveals import APPROVED, ASKED, DENIED, Request

PURPOSES: Final = ("ask-person", "ask-region", "check-document", "correct-record")
FIELDS: Final = ("identifier", "phone", "family identifier", "address")
OPEN_FOR: Final = timedelta(days=7)
"""How long a request waits, and how long what came of it holds."""

Side = Literal["a", "b"]
Sides = frozenset[Side]


@dataclass(frozen=True, slots=True)
class Revealed:
    """A conflict of which these sides are shown in full."""

    case: Case
    sides: Sides


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked about a conflict: the user's own request, of whom it is or could be asked, and what she may answer."""

    own: Request | None
    of: Record | None
    to_answer: tuple[Request, ...]


def _sides(case: Case) -> tuple[tuple[Side, Record], ...]:
    return ("a", case.a), ("b", case.b)


def own_sides(user: User, case: Case) -> Sides:
    """The records of the user's own region; the hub's staff keeps them all."""
    return frozenset(side for side, record in _sides(case) if user.member_id in (None, record.member.id))


async def reveal(hub: Hub, user: User, task_id: UUID, purpose: str) -> Revealed:
    """The conflict once more, to be shown with numbers in full: the user's own region's, and what was approved.

    Raises NotFound, NotAllowed, Invalid `purpose-missing`, TooMany `reveals-used-up`.
    """
    _check_purpose(purpose)
    now = hub.now()
    async with hub.database.begin() as connection:
        case = await cases.find(hub, connection, user, task_id)
        if case is not None:
            await _check_may(hub, connection, user, now)
            found = await reveals.of_task(connection, task_id, now)
            approved = {one.record_id: one.purpose for one in found if _is(one, user, APPROVED)}
            own = own_sides(user, case)
            shown = {side: record for side, record in _sides(case) if side in own or record.id in approved}
            for side, record in shown.items():
                why = purpose if side in own else approved[record.id]
                await cases.note(hub, connection, user, [record], act="reveal", fields=FIELDS, now=now, purpose=why)
            content = {"task": str(task_id), "purpose": purpose, "records": [record.id for record in shown.values()]}
            await audit.append(connection, hub.vault, [Act("reveal", user.name, content, now)])
            return Revealed(case, frozenset(shown))
    raise await cases.refused(hub, user, task_id, "reveal")


def _check_purpose(purpose: str) -> None:
    if purpose not in PURPOSES:
        raise Invalid("purpose-missing", "Say what you need the full numbers for.")


async def _check_may(hub: Hub, connection: AsyncConnection, user: User, now: datetime) -> None:
    """Raises NotAllowed `role-missing`, TooMany `reveals-used-up`; holds the user's count until the transaction ends."""
    if not user.may_decide:
        raise NotAllowed("role-missing", "Only stewards and supervisors may see full numbers.")
    await reveals.lock_user(connection, user.name)
    here = now.astimezone(ZoneInfo(hub.settings.timezone))
    today = here.replace(hour=0, minute=0, second=0, microsecond=0)
    if await reveals.count_since(connection, user.name, today) >= hub.settings.reveals_per_day:
        wait = int((today + timedelta(days=1) - here).total_seconds()) + 1
        raise TooMany("No more numbers in full today; try again tomorrow.", retry_after=wait, code="reveals-used-up")


def _is(request: Request, user: User, *states: str) -> bool:
    return (request.asked_by, request.region) == (user.name, user.region) and request.state in states


async def ask(hub: Hub, user: User, task_id: UUID, purpose: str) -> None:
    """Ask the other region to let the user see its record in full; asking again while that is open changes nothing.

    Raises NotFound, NotAllowed, Invalid `purpose-missing`, TooMany `reveals-used-up`.
    """
    _check_purpose(purpose)
    now = hub.now()
    async with hub.database.begin() as connection:
        case = await cases.find(hub, connection, user, task_id)
        if case is not None:
            await _check_may(hub, connection, user, now)
            open_ = await reveals.of_task(connection, task_id, now)
            known = {one.record_id for one in open_ if _is(one, user, ASKED, APPROVED, DENIED)}
            own = own_sides(user, case)
            for record in [r for side, r in _sides(case) if side not in own and r.id not in known]:
                made = Request(
                    new_id(), task_id, record.id, record.member.id, user.name, user.region, purpose, ASKED,
                    None, now, None, now + OPEN_FOR,
                )  # fmt: skip
                await reveals.add(connection, made)
                await _note(hub, connection, user, record, made, act="ask-reveal", outcome="permit", now=now)
            return
    raise await cases.refused(hub, user, task_id, "ask-reveal")


async def answer(hub: Hub, user: User, task_id: UUID, request_id: UUID, *, approve: bool) -> None:
    """Say yes or no for the region whose record it is. Raises NotFound, NotAllowed, Conflict `stale`."""
    now = hub.now()
    async with hub.database.begin() as connection:
        case = await cases.find(hub, connection, user, task_id)
        if case is not None:
            if not user.may_decide:
                raise NotAllowed("role-missing", "Only stewards and supervisors answer for their region.")
            found = {one.id: one for one in await reveals.of_task(connection, task_id, now)}
            request = found.get(request_id)
            if request is None or request.member_id != user.member_id:
                raise NotAllowed(
                    "not-yours-to-answer", "Only the region whose record it is answers, while it is asked."
                )
            state = APPROVED if approve else DENIED
            until = now + OPEN_FOR
            if not await reveals.answer(connection, request_id, state=state, by=user.name, now=now, until=until):
                raise Conflict("stale", "This request was answered meanwhile.")
            record = next(record for _, record in _sides(case) if record.id == request.record_id)
            await _note(hub, connection, user, record, request, act="answer-reveal", outcome=state.lower(), now=now)
            return
    raise await cases.refused(hub, user, task_id, "answer-reveal")


async def _note(
    hub: Hub,
    connection: AsyncConnection,
    user: User,
    record: Record,
    request: Request,
    *,
    act: str,
    outcome: str,
    now: datetime,
) -> None:
    why = request.purpose
    await cases.note(hub, connection, user, [record], act=act, fields=(), now=now, purpose=why, outcome=outcome)
    content = {"request": str(request.id), "task": str(request.task_id), "record": record.id, "outcome": outcome}
    await audit.append(connection, hub.vault, [Act(act, user.name, {**content, "purpose": why}, now)])


async def asked(hub: Hub, user: User, case: Case) -> Asked:
    """What the page of a conflict says about requests; shows no record."""
    async with hub.database.read() as connection:
        found = await reveals.of_task(connection, case.task.id, hub.now())
    own = own_sides(user, case)
    mine = [one for one in found if _is(one, user, ASKED, APPROVED, DENIED)]
    other = next((record for side, record in _sides(case) if side not in own), None)
    may_answer = [one for one in found if one.state == ASKED and one.member_id == user.member_id and user.may_decide]
    return Asked(mine[-1] if mine else None, other, tuple(may_answer))
