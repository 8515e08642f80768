"""Who works on which conflict: taken, given, let go; and who has it open just now.

Having a conflict open is a courtesy with an end: a second steward sees who has it and until when, and cannot decide it
meanwhile, unless she is a supervisor. Taking one says whose it is, and keeps nobody out.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from hub.errors import Invalid, NotAllowed
from hub.runtime import Hub
from hub.services import cases, settling
from hub.services.accounts import is_closed
from hub.services.sessions import DECIDING, User
from hub.storage import accounts, audit, review_holds, reviews
from hub.storage.accounts import Account
from hub.storage.audit import Act
from hub.storage.database import AsyncConnection
from hub.storage.reviews import Review

HELD_FOR: Final = timedelta(minutes=10)
_HOLDABLE: Final = (*reviews.OPEN_STATES, reviews.PROPOSED)


async def hold(hub: Hub, user: User, task_id: UUID) -> None:
    """Have the conflict open, if it is the user's turn and nobody else has it; lets go of any other she had open."""
    if not user.may_decide:
        return
    now = hub.now()
    async with hub.database.begin() as connection:
        task = await reviews.get(connection, task_id, user.visible)
        if task is None or task.state not in _HOLDABLE or (task.proposed and task.decided_by == user.name):
            return
        await review_holds.hold(connection, task_id, user.name, now=now, until=now + HELD_FOR)


@settling.refusals_noted("take")
async def take(hub: Hub, user: User, task_id: UUID) -> None:
    """Make it one's own. Raises NotFound, NotAllowed."""
    settling.check_role(user)
    await _give(hub, user, task_id, user.name, "take")


@settling.refusals_noted("release")
async def release(hub: Hub, user: User, task_id: UUID) -> None:
    """Let go of one's own; a supervisor or administrator of anybody's. Raises NotFound, NotAllowed `not-yours-to-give`."""
    await _give(hub, user, task_id, None, "release")


@settling.refusals_noted("assign")
async def assign(hub: Hub, user: User, task_id: UUID, name: str) -> None:
    """Give it to somebody who may decide it. Raises NotFound, NotAllowed, Invalid `no-such-steward`."""
    if not user.may_assign:
        raise NotAllowed("not-yours-to-give", "Only supervisors and administrators give conflicts to others.")
    await _give(hub, user, task_id, name.strip().lower(), "assign")


async def _give(hub: Hub, user: User, task_id: UUID, to: str | None, act: str) -> None:
    now = hub.now()
    async with hub.database.begin() as connection:
        task = await reviews.get(connection, task_id, user.visible, lock=True)
        if task is not None:
            if act == "release" and task.assignee != user.name and not user.may_assign:
                raise NotAllowed(
                    "not-yours-to-give", "Only whoever has it, a supervisor or an administrator lets it go."
                )
            if act == "assign":
                await _check_able(hub, connection, task, to or "")
            if task.assignee != to:
                await review_holds.assign(connection, task_id, to)
                content = {"task": str(task_id), "to": to, "from": task.assignee}
                await audit.append(connection, hub.vault, [Act(act, user.name, content, now)])
            return
    raise await cases.refused(hub, user, task_id, act)


async def able(hub: Hub, user: User, task: Review) -> list[str]:
    """Whom the user could give it to; empty when she may not give."""
    if not user.may_assign:
        return []
    async with hub.database.read() as connection:
        found = await accounts.all_accounts(connection, hub.vault)
    return [account.name for account in found if _may_have(hub, task, account)]


async def _check_able(hub: Hub, connection: AsyncConnection, task: Review, name: str) -> None:
    account = await accounts.by_name(connection, hub.vault, name)
    if account is None or not _may_have(hub, task, account):
        raise Invalid("no-such-steward", "There is no steward of that name who may decide this conflict.")


def _may_have(hub: Hub, task: Review, account: Account) -> bool:
    sees = account.member_id is None or account.member_id in task.member_ids
    return sees and bool(DECIDING & set(account.roles)) and not account.disabled and not is_closed(account, hub.now())
